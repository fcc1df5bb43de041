#!/usr/bin/env python3
"""Reads every file of test vectors, does every case again by the spec alone, and compares.

    python3 testvectors/checker/check.py [NAME ...]

Ends with 0 only if every file agrees. A file whose algorithm is not known here is a failure.
"""

import importlib
import json
import multiprocessing
import re
import sys
import time
import traceback
from pathlib import Path

import primitives
import schema
from common import Case, Disagreement, Refusal

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parent
SPEC = VECTORS.parent / "spec"
CHAPTERS = ("cbor", "entries", "control", "directory", "epochs", "digests", "heads", "keys", "keyfiles", "logins", "pairing", "sealing", "manifest",
            "store", "acks", "compact", "errors", "messages", "streams", "requests", "bundle")
ALWAYS = {"tcId", "comment", "flags", "result", "error", "clause"}


def algorithms(kind="ALGORITHMS"):
    """What is done with a case of each algorithm, or, of kind WHOLE, with a file."""
    found = {}
    for chapter in CHAPTERS:
        for name, run in getattr(importlib.import_module(chapter), kind, {}).items():
            assert name not in found, name
            found[name] = run
    return found


def load(path, twice=None):
    """A file; names of fields that occur twice in one object are added to `twice`."""
    def pairs(items):
        found = dict(items)
        if twice is not None and len(found) != len(items):
            names = [name for name, _ in items]
            twice.append(f"{found.get('tcId', '')}: a field occurs twice: {sorted({n for n in names if names.count(n) > 1})}")
        return found
    return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=pairs)


def spec_words():
    """The clauses the spec has, and its text."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(SPEC.glob("*.md")))
    return set(re.findall(r"^\*\*([A-Z]+-[0-9]+)\*\*", text, re.MULTILINE)), set(re.findall(r"`([a-z0-9_.]+)`", text))


def clauses_of_codes():
    """ERR-10: the pairs of clause and code that a refusal may name; of WIRE-18 with any code."""
    text = (SPEC / "errors.md").read_text(encoding="utf-8").split("**ERR-10**")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([A-Z]+-[0-9]+) \| (.+) \|$", text, re.MULTILINE)
    return {(clause, code) for clause, codes in rows for code in re.findall(r"`([a-z0-9_.]+)`", codes)}


def outcome(run, case, group):
    """What is wrong with a case, or None."""
    try:
        run(case, group)
    except Refusal as refusal:
        if case["result"] == "valid":
            return f"refused with {refusal}"
        if (refusal.code, refusal.clause) != (case["error"], case["clause"]):
            return f"refused with {refusal}, the vector says {case['error']} ({case['clause']})"
        return None
    except Disagreement as disagreement:
        return str(disagreement)
    except Exception:
        return f"stopped: {traceback.format_exc(limit=-3)}"
    if case["result"] != "valid":
        return f"accepted, the vector says {case['error']} ({case['clause']})"
    if case.unseen() - ALWAYS:
        return f"not looked at: {sorted(case.unseen() - ALWAYS)}"
    return None


def shape(path, data):
    """What is wrong with a file before any case is run."""
    schema_path = VECTORS / data["schema"]
    if schema_path != VECTORS / "schemas" / path.name:
        return [f"names the schema {data['schema']}"]
    wrong = schema.faults(data, load(schema_path))[:20]
    cases = [case for group in data["testGroups"] for case in group["tests"]]
    if [case["tcId"] for case in cases] != list(range(1, len(cases) + 1)):
        wrong.append("tcIds are not 1, 2, 3...")
    if data["numberOfTests"] != len(cases):
        wrong.append(f"numberOfTests is {data['numberOfTests']}, there are {len(cases)}")
    used = {flag for case in cases for flag in case["flags"]}
    if used != set(data["flags"]):
        wrong.append(f"flags explained and flags used differ: {sorted(used ^ set(data['flags']))}")
    clauses, codes = spec_words()
    for field, known in (("clause", clauses), ("error", codes)):
        missing = {case[field] for case in cases if field in case} - known
        if missing:
            wrong.append(f"{field} not in the spec: {sorted(missing)}")
    pairs = {(case["clause"], case["error"]) for case in cases if case.get("clause", "WIRE-18") != "WIRE-18"}
    if pairs - clauses_of_codes():
        wrong.append(f"not a pair of ERR-10: {sorted(pairs - clauses_of_codes())}")
    return wrong


def check_file(name):
    start, path = time.monotonic(), VECTORS / name
    try:
        wrong = []
        data = load(path, wrong)
        wrong += shape(path, data)
        count = sum(len(group["tests"]) for group in data["testGroups"])
        run = algorithms().get(data["algorithm"])
        if run is None:
            wrong.append(f"the algorithm {data['algorithm']} is not known here")
        else:
            for group in data["testGroups"]:
                shared = Case({name: value for name, value in group.items() if name != "tests"})
                for fields in group["tests"]:
                    fault = outcome(run, Case(fields), shared)
                    if fault:
                        wrong.append(f"{fields['tcId']} ({fields['comment']}): {fault}")
                if shared.unseen():
                    wrong.append(f"fields of a group not looked at: {sorted(shared.unseen())}")
            wrong += algorithms("WHOLE").get(data["algorithm"], lambda data: [])(data)
    except (KeyError, TypeError, ValueError, OSError) as error:
        return name, 0, time.monotonic() - start, [f"cannot be read: {error!r}"]
    return name, count, time.monotonic() - start, wrong


def main(names):
    primitives.self_check()
    paths = sorted(VECTORS.glob("*.json"))
    if names:
        paths = [path for path in paths if path.stem in names]
    known = algorithms()
    unknown = [path.name for path in paths if load(path).get("algorithm") not in known]
    if unknown:
        print(f"no code for: {', '.join(unknown)}", flush=True)
    failed = len(unknown)
    orphans = {path.name for path in (VECTORS / "schemas").glob("*.json")} - {path.name for path in VECTORS.glob("*.json")}
    if orphans:
        print(f"schemas without a file: {', '.join(sorted(orphans))}")
        failed += 1
    start, total = time.monotonic(), 0
    by_size = [path.name for path in sorted(paths, key=lambda path: -path.stat().st_size)]
    with multiprocessing.Pool() as pool:
        for name, count, seconds, wrong in pool.imap_unordered(check_file, by_size, chunksize=1):
            total += count
            print(f"{name:28} {count:5} cases {seconds:6.1f} s  {'agrees' if not wrong else 'DISAGREES'}", flush=True)
            for line in wrong[:20]:
                print(f"    {line}")
            if len(wrong) > 20:
                print(f"    and {len(wrong) - 20} more")
            failed += bool(wrong)
    agreed = "all agree" if not failed and paths else f"{failed} faults"
    print(f"{len(paths)} files, {total} cases, {time.monotonic() - start:.1f} s: {agreed}")
    return 0 if not failed and paths else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
