#!/usr/bin/env python3
"""Changes the code that decides who may do what, one place at a time, and says which changes no test notices.

cargo-mutants lists the changes; conditions of `if` are added. All of them are built into one program, as functions with
several bodies of which LODESTONE_MUTANT chooses one, because a build for each would take hours. Changes that cannot be
built prove nothing and are left out. Ends with 1 when a change survives that survivors.txt does not give a reason for.

All of them take hours. What was noticed is kept beside the changed tree with the content of the changed file, so that a run
that was stopped goes on where it was; --anew tries everything again.

    tests/mutants/run.py [--only PART-OF-A-NAME] [--folder FOLDER] [--anew]
"""
import argparse
import functools
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = [
    "src/auth/principal.rs",
    "src/auth/extract.rs",
    "src/cases/access.rs",
    "src/cases/geneticist.rs",
    "src/cases/guest.rs",
    "src/institutes/access.rs",
    "src/users/access.rs",
    "src/audit/access.rs",
    "src/emergency/access.rs",
]
# Tests that say who may do what; the likeliest to notice come first.
TESTS = [
    ["--lib", "auth::", "cases::", "institutes::", "users::", "audit::access", "emergency::", "addresses::"],
    ["it", "access::", "isolation::", "members::", "users::", "elevation::"],
    ["it", "wire_spy::", "addresses::", "second_reading::"],
    ["it", "guests::", "sharing::", "break_glass::", "comments::", "decisions::", "casework::", "timeline::", "my_work::"],
    ["it", "tokens::", "settings::", "admin_api::", "audit_review::", "audit_scope::", "validation::", "consent::", "audit_flags::", "audit::", "address_rules::",
     "institutes_admin::", "account::", "kept::", "pages::", "rates::", "hostile::"],
]
SECONDS = 900
LATE = "it did not end in time"
SWITCH = """
/// Whether this change of the code is the one to try.
#[doc(hidden)]
#[must_use]
pub fn mutant(number: u32) -> bool {
    static CHOSEN: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    let chosen = || std::env::var("LODESTONE_MUTANT").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    *CHOSEN.get_or_init(chosen) == number
}
"""


class Mutant:
    """One change: of `file`, in the function that takes the characters `function`, `start..end` becomes `text`."""

    def __init__(self, file, function, start, end, text, name):
        self.file, self.function, self.start, self.end, self.text, self.name = file, function, start, end, text, name
        self.number = 0


@functools.cache
def source(file):
    """A file as it was when this began."""
    return (ROOT / file).read_text()


def offset(text, place):
    """A line and column, counted from one in characters, as a place in the text."""
    lines = text.split("\n")
    return sum(len(line) + 1 for line in lines[: place["line"] - 1]) + place["column"] - 1


def listed(file):
    """What cargo-mutants would change."""
    command = ["cargo", "mutants", "--list", "--json", "--no-shuffle", "-f", file]
    text = source(file)
    for found in json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout):
        if "impl " in (found["function"]["return_type"] or ""):
            continue  # two bodies of one function cannot have two types
        span = found["function"]["span"]
        function = (offset(text, span["start"]), offset(text, span["end"]))
        start, end = offset(text, found["span"]["start"]), offset(text, found["span"]["end"])
        name = re.sub(r"^(\S+?):\d+:\d+: ", r"\1: ", found["name"])
        yield Mutant(file, function, start, end, found["replacement"], name)


def conditions(file, functions):
    """Conditions of `if`, which always hold or never do."""
    text = source(file)
    for found in re.finditer(r"\bif (?!let )([^{}]+?) \{", text):
        inside = [function for function in functions if function[0] < found.start() and found.end() < function[1]]
        if not inside or " let " in found.group(1) or "\n" in found.group(1):
            continue
        for value in ["true", "false"]:
            where = max(inside)
            name = re.search(r"fn (\w+)", text[where[0]: where[1]]).group(1)
            yield Mutant(file, where, found.start(1), found.end(1), value, f"{file}: {name}: if {value}, not {found.group(1)}")


def functions(file):
    """Where the functions of a file begin and end, its tests left out."""
    text = source(file).split("#[cfg(test)]")[0]
    for found in re.finditer(r"^( *)(?:pub(?:\([^)]*\))? )?(?:const )?(?:async )?fn \w+", text, re.M):
        end = text.find(f"\n{found.group(1)}}}", found.end())
        if end > 0:
            yield (found.start(), end + len(found.group(1)) + 2)


def body(text, function):
    """Where a function's body begins, behind its brace."""
    return text.index("{", text.index("fn ", function[0])) + 1


def written(tree, mutants):
    """Writes the tree's files with these changes in them; the lines that each change takes."""
    lines = {}
    for file in FILES:
        text = source(file)
        places = {}
        for mutant in (mutant for mutant in mutants if mutant.file == file):
            places.setdefault(body(text, mutant.function), []).append(mutant)
        out, at = "", 0
        for place in sorted(places):
            out += text[at:place]
            at = place
            for mutant in places[place]:
                first = out.count("\n") + 2
                whole = text[place: mutant.start] + mutant.text + text[mutant.end: mutant.function[1] - 1]
                out += f"\nif crate::mutant({mutant.number}) {{ return {{\n{whole}\n}}; }}\n"
                lines[mutant] = (file, first - 1, out.count("\n") + 1)
        (tree / file).write_text(out + text[at:])
    (tree / "src/lib.rs").write_text(source("src/lib.rs") + SWITCH)
    return lines


def cargo(tree, *arguments):
    flags = "--cap-lints=allow"
    env = {**os.environ, "RUSTFLAGS": flags, "CARGO_TARGET_DIR": str(tree / "target"), "CARGO_TERM_COLOR": "never"}
    return subprocess.run(["cargo", *arguments, "--message-format=json"], cwd=tree, env=env, capture_output=True, text=True)


def messages(done):
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def buildable(tree, mutants):
    """Leaves out what the compiler refuses, until it refuses nothing."""
    while True:
        lines = written(tree, mutants)
        done = cargo(tree, "check", "--lib")
        if done.returncode == 0:
            return mutants
        wrong = set()
        for message in messages(done):
            if message["reason"] != "compiler-message" or message["message"]["level"] != "error":
                continue
            for span in message["message"]["spans"]:
                for mutant, (file, first, last) in lines.items():
                    if span["file_name"] == file and first <= span["line_start"] <= last:
                        wrong.add(mutant)
        if not wrong:
            sys.exit(f"the tree cannot be built:\n{done.stderr[-3000:]}")
        mutants = [mutant for mutant in mutants if mutant not in wrong]
        print(f"{len(wrong)} changes cannot be built, {len(mutants)} are left", flush=True)


def programs(tree):
    """Builds the tests; the programs by name."""
    done = cargo(tree, "test", "--no-run", "--lib", "--test", "it")
    if done.returncode != 0:
        sys.exit(f"the tests cannot be built:\n{done.stderr[-3000:]}")
    found = {}
    for message in messages(done):
        if message["reason"] == "compiler-artifact" and message.get("executable") and message["profile"]["test"]:
            kind = "--lib" if "lib" in message["target"]["kind"] else message["target"]["name"]
            found[kind] = message["executable"]
    return found


def noticed(tree, program, tests, number):
    """The first test that fails, or that the tests did not end in time; none when all pass."""
    env = {**os.environ, "LODESTONE_MUTANT": str(number), "CARGO_MANIFEST_DIR": str(tree)}
    command = [str(ROOT / "tests/with-database"), program, *tests]
    with subprocess.Popen(command, cwd=tree, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          start_new_session=True) as running:
        def stop(*_):
            os.killpg(running.pid, signal.SIGTERM)

        signal.signal(signal.SIGALRM, stop)
        signal.alarm(SECONDS)
        failed = None
        for line in running.stdout:
            # Other output may stand in the same line.
            if found := re.search(r"test (\S+)(?: - should panic)? \.\.\. .*FAILED", line):
                failed = found.group(1)
                stop()
                break
        running.stdout.read()
        ended = running.wait()
        left = signal.alarm(0)
    if failed or ended == 0:
        return failed
    return LATE if left == 0 else "it ended with an error"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", help="changes with this in their name")
    parser.add_argument("--folder", default=str(ROOT / "target/mutants"), help="where the changed tree is built")
    parser.add_argument("--anew", action="store_true", help="try again what was noticed before")
    arguments = parser.parse_args()
    tree = Path(arguments.folder)
    if not shutil.which("cargo-mutants"):
        sys.exit("please install cargo-mutants: cargo install cargo-mutants --version 27.1.0 --locked")
    tree.mkdir(parents=True, exist_ok=True)
    for part in ["src", "tests", "templates", "static", "migrations", "benches", "config"]:
        shutil.rmtree(tree / part, ignore_errors=True)
        if (ROOT / part).exists():
            shutil.copytree(ROOT / part, tree / part)
    for part in ["Cargo.toml", "Cargo.lock", "build.rs", "README.md", "Makefile", "askama.toml"]:
        if (ROOT / part).exists():
            shutil.copy(ROOT / part, tree / part)
    mutants = [mutant for file in FILES for mutant in (*listed(file), *conditions(file, list(functions(file))))]
    mutants = [mutant for mutant in mutants if arguments.only in mutant.name]
    source("src/lib.rs")
    for number, mutant in enumerate(mutants, 1):
        mutant.number = number
    print(f"{len(mutants)} changes", flush=True)
    mutants = buildable(tree, mutants)
    built = programs(tree)
    for program, *tests in TESTS:
        if failed := noticed(tree, built[program], tests, 0):
            sys.exit(f"without any change: {failed}")
    reasons = dict(line.split(" -- ", 1) for line in (Path(__file__).parent / "survivors.txt").read_text().splitlines()
                   if " -- " in line)
    kept = tree / "noticed.json"
    before = json.loads(kept.read_text()) if kept.exists() and not arguments.anew else {}
    unexplained = 0
    began = time.monotonic()
    for count, mutant in enumerate(mutants, 1):
        of = f"{hashlib.sha256(source(mutant.file).encode()).hexdigest()} {mutant.name} {mutant.start}"
        tries = (noticed(tree, built[program], tests, mutant.number) for program, *tests in TESTS)
        by = before.get(of) or next(filter(None, tries), None)
        if by and by != LATE:
            before[of] = by
            kept.write_text(json.dumps(before, indent=1))
        said = f"noticed by {by}" if by else "SURVIVES: " + reasons.get(mutant.name, "no reason given")
        unexplained += not by and mutant.name not in reasons
        print(f"{count}/{len(mutants)} {time.monotonic() - began:.0f} s {mutant.name}: {said}", flush=True)
    print(f"{unexplained} changes survive without a reason")
    sys.exit(1 if unexplained else 0)


if __name__ == "__main__":
    main()
