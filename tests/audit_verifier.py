"""A second verifier of exported audit trails, which shares nothing with the program: Python's standard library only.

    python3 audit_verifier.py TRAIL.ndjson CHECKPOINT_FOLDER PUBLIC_KEYS

Ends with 0 when the trail is whole, 1 when it was tampered with, 2 when something is missing to tell.
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
    if len(signature) != 64 or s >= L:
        return False
    try:
        a, r = decode_point(key), decode_point(signature[:32])
    except ValueError:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little") % L
    left, right = times(s, BASE), add(r, times(h, a))
    return all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


faults, missing = [], []


def open_note(note, keys):
    """The log, size and head a note is about; None when no key signed it."""
    text, _, signatures = note.partition("\n\n")
    text += "\n"
    for line in signatures.splitlines():
        dash, name, signature = (line.split(" ") + ["", ""])[:3]
        raw = base64.b64decode(signature)
        for key_name, key_id, public in keys:
            if dash == "—" and name == key_name and raw[:4] == key_id and signed_by(public, text.encode(), raw[4:]):
                origin, size, head, _at = text.splitlines()[:4]
                return origin.removeprefix("lodestone/audit/"), int(size), base64.b64decode(head)
    faults.append(f"a note that no key signed: {text!r}")
    return None


def main(trail, folder, public_keys):
    keys = []
    for line in pathlib.Path(public_keys).read_text().split():
        name, key_id, key = line.split("+", 2)
        keys.append((name, bytes.fromhex(key_id), base64.b64decode(key)[1:]))
    lines = pathlib.Path(trail).read_bytes().splitlines(keepends=True)
    rows, notes, heads, logs, ended = [], [], [], {}, False
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            if "trailer" in row and number == len(lines):
                trailer, ended = row["trailer"], True
                notes += trailer["notes"]
                if trailer["whole"] not in (True, False) or trailer["rows"] != number - 1 or trailer["sha256"] != sha256(*lines[:-1]).hex() or not line.startswith(b'{"trailer"'):
                    faults.append("the last line does not fit")
            else:
                rows.append((number, line, row, row["public"]["log_id"], row["public"]["seq"]))
        except (ValueError, KeyError, TypeError) as error:
            faults.append(f"line {number} is no entry: {error}")
    if not ended:
        missing.append("the last line is missing")
    for number, line, row, log_id, seq in rows:
        size, chain = logs.get(log_id, [0, bytes(32), {}])[:2]
        try:
            public, stored = canonical(row["public"]), bytes.fromhex(row["chain"])
            payload_hash = bytes.fromhex(row["payload_hash"])
            if row["salt"] is not None and sha256(bytes.fromhex(row["salt"]), canonical(row["payload"])) != payload_hash:
                faults.append(f"line {number}: the payload was changed")
            if seq != size or (seq == 0) != (row["public"]["kind"] == "opened") or b'{"public":' + public not in line:
                faults.append(f"line {number}: entry {seq} stands where {size} should")
            if sha256(chain, sha256(payload_hash, public)) != stored:
                faults.append(f"line {number}: the chain is broken")
            for head in row["public"].get("heads", []):
                heads.append((head["log_id"], head["size"], bytes.fromhex(head["chain"])))
        except (ValueError, KeyError, TypeError) as error:
            faults.append(f"line {number} is no entry: {error}")
            continue
        log = logs.setdefault(log_id, [0, b"", {}])
        log[0], log[1] = seq + 1, stored
        log[2][seq + 1] = stored
    for path in sorted(pathlib.Path(folder).glob("*.notes")):
        notes += [note for note in path.read_text().split("\n\nlodestone/audit/") if note]
    notes = [note if note.startswith("lodestone/audit/") else "lodestone/audit/" + note for note in notes]
    signed = [opened for opened in (open_note(note, keys) for note in dict.fromkeys(n.rstrip("\n") for n in notes)) if opened]
    for log_id, size, head in signed + heads:
        if logs.get(log_id, [0, b"", {}])[2].get(size) != head:
            faults.append(f"log {log_id} is not what is said of its first {size} entries")
    for log_id in logs.keys() - {log_id for log_id, _, _ in signed}:
        missing.append(f"log {log_id} is under no checkpoint")
    print("\n".join(faults + missing) or f"whole: {len(rows)} entries in {len(logs)} logs, {len(signed)} checkpoints")
    return 1 if faults else 2 if missing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
