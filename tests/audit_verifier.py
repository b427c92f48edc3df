"""A second verifier of exported audit trails, sharing nothing with the program: Python's standard library only.

    python3 audit_verifier.py TRAIL.ndjson CHECKPOINT_FOLDER PUBLIC_KEYS

Ends with 0: whole, 1: tampered with, 2: something is missing to tell.
"""
import base64
import hashlib
import json
import pathlib
import sys

# Ed25519 by RFC 8032, section 6, for verifying only: slow and simple.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P

def add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    e, f = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2)
    g, h = 2 * t1 * t2 * D, 2 * z1 * z2
    e, f, g, h = (f - e) % P, (h - g) % P, (h + g) % P, (f + e) % P
    return e * f % P, g * h % P, f * g % P, e * h % P

def times(n, point):
    result = (0, 1, 1, 0)
    while n:
        if n & 1:
            result = add(result, point)
        point, n = add(point, point), n >> 1
    return result

def decode_point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - xx) % P or (x == 0 and sign):
        raise ValueError("not a point")
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P

BASE = decode_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))

def signed_by(key, text, signature):
    s = int.from_bytes(signature[32:], "little")
    try:
        a, r = decode_point(key), decode_point(signature[:32])
    except ValueError:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little") % L
    left, right = times(s, BASE), add(r, times(h, a))
    return len(signature) == 64 and s < L and all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))

def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

faults, missing = [], []

def open_note(note, keys):
    """The log, size and head a note is about; None when no key signed it."""
    text, _, signatures = note.partition("\n\n")
    for line in signatures.splitlines():
        dash, name, raw = *(line.split(" ") + ["", ""])[:2], base64.b64decode(line.split(" ")[-1])
        for key_name, key_id, public in keys:
            if dash == "—" and name == key_name and raw[:4] == key_id and signed_by(public, text.encode() + b"\n", raw[4:]):
                origin, size, head, _at = text.splitlines()[:4]
                return origin.removeprefix("lodestone/audit/"), int(size), base64.b64decode(head)
    faults.append(f"a note that no key signed: {text!r}")

def removals(rows):
    """How much of which log was removed, entries whose payload was erased with the day before which, and who says so."""
    pruned, erased, said_by = {}, {}, []
    for number, _, row, log_id, seq in rows:
        if said := row["public"].get("removal"):
            before, years, said_at = said["before"], said["retention_years"], row["public"]["recorded_at"]
            too_few = said.get("erased") and len(said.get("decided_by", [])) < 2
            if years < 1 or f"{int(before[:4]) + years}{before[4:]}" > said_at[:10] or too_few:
                faults.append(f"line {number}: this removal was not lawful")
                continue
            said_by.append((log_id, seq))
            for head in said.get("pruned", []):
                pruned[head["log_id"]] = max(pruned.get(head["log_id"], (0, b"")), (head["size"], bytes.fromhex(head["chain"])))
            for span in said.get("erased", []):
                erased.update({(span["log_id"], at): before for at in range(span["from"], span["to"])})
    return pruned, erased, said_by

def main(trail, folder, public_keys):
    parts = [line.split("+", 2) for line in pathlib.Path(public_keys).read_text().split()]
    keys = [(name, bytes.fromhex(key_id), base64.b64decode(key)[1:]) for name, key_id, key in parts]
    lines = pathlib.Path(trail).read_bytes().splitlines(keepends=True)
    rows, notes, heads, ended = [], [], [], False
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            if "trailer" in row and number == len(lines):
                trailer, ended, notes = row["trailer"], True, row["trailer"]["notes"]
                if trailer["whole"] not in (True, False) or trailer["rows"] != number - 1 or trailer["sha256"] != sha256(*lines[:-1]).hex() or not line.startswith(b'{"trailer"'):
                    faults.append("the last line does not fit")
            else:
                rows.append((number, line, row, row["public"]["log_id"], row["public"]["seq"]))
        except (ValueError, KeyError, TypeError) as error:
            faults.append(f"line {number} is no entry: {error}")
    missing.extend([] if ended else ["the last line is missing"])
    pruned, erased, said_by = removals(rows)
    logs = {log_id: [size, chain, {size: chain}] for log_id, (size, chain) in pruned.items()}
    for number, line, row, log_id, seq in rows:
        log = logs.setdefault(log_id, [0, bytes(32), {}])
        if seq < pruned.get(log_id, (0,))[0]:
            missing.append(f"line {number}: a removed entry is still there")
            continue
        try:
            public, stored = canonical(row["public"]), bytes.fromhex(row["chain"])
            payload_hash = bytes.fromhex(row["payload_hash"])
            kept = row["salt"] is not None and sha256(bytes.fromhex(row["salt"]), canonical(row["payload"])) == payload_hash
            if not kept and (row["salt"] is not None or row["public"]["recorded_at"] >= erased.get((log_id, seq), "")):
                faults.append(f"line {number}: the payload was changed, or is gone")
            if seq != log[0] or (seq == 0) != (row["public"]["kind"] == "opened") or b'{"public":' + public not in line:
                faults.append(f"line {number}: entry {seq} stands where {log[0]} should")
            if sha256(log[1], sha256(payload_hash, public)) != stored:
                faults.append(f"line {number}: the chain is broken")
            heads += [(head["log_id"], head["size"], bytes.fromhex(head["chain"])) for head in row["public"].get("heads", [])]
        except (ValueError, KeyError, TypeError) as error:
            faults.append(f"line {number} is no entry: {error}")
            continue
        log[0], log[1], log[2][seq + 1] = seq + 1, stored, stored
    for path in sorted(pathlib.Path(folder).glob("*.notes")):
        notes += [note for note in path.read_text().split("\n\nlodestone/audit/") if note]
    notes = [note if note.startswith("lodestone/audit/") else "lodestone/audit/" + note for note in notes]
    signed = [opened for opened in (open_note(note, keys) for note in dict.fromkeys(n.rstrip("\n") for n in notes)) if opened]
    for log_id, size, head in signed + heads:
        if size >= pruned.get(log_id, (0,))[0] and logs.get(log_id, [0, b"", {}])[2].get(size) != head:
            faults.append(f"log {log_id} is not what is said of its first {size} entries")
    for log_id, seq in said_by:
        if not any(log == log_id and size > seq for log, size, _ in signed + heads):
            faults.append(f"log {log_id} speaks of a removal under no checkpoint")
    for log_id in logs.keys() - pruned.keys() - {log_id for log_id, _, _ in signed}:
        missing.append(f"log {log_id} is under no checkpoint")
    print("\n".join(faults + missing) or f"whole: {len(rows)} entries in {len(logs)} logs, {len(signed)} checkpoints")
    return 1 if faults else 2 if missing else 0

if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
