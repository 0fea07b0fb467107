"""Adds up test results and prints one line: "N passed, N failed[, N skipped]". Exits 1 when anything failed.

usage: count.py FIRST[+AGAIN]...     meson's testlog.json or a junit .xml; AGAIN has what became of FIRST's failures when they were run once more, alone
       count.py --failed FILE        what failed in it, a name a line: what to run again

A file that is not there counts as one failure: a step that never came to its tests has not passed them; an AGAIN that is not there changes nothing.
"step:NAME" is a step without tests of its own that failed: one failure; "skip:NAME" one whose tests could not be run here: one skipped. What failed first and passed again counts as passed, and is printed as
"flaky: NAME" with the end of what it said when it failed: it is a fault of the test or of the program that somebody has yet to find.
"""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import NamedTuple

PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP"}
TEXT_LINES = 60                      # of a flaky test's first failure: the traceback's end, where the assertion is


class Result(NamedTuple):
    kind: str                        # passed, failed, skipped
    text: str


def meson(path: Path) -> list[tuple[str, Result]]:
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            one = json.loads(line)
            kind = "passed" if one["result"] in PASSED else "skipped" if one["result"] in SKIPPED else "failed"
            found.append((one["name"], Result(kind, f"{one['result']}\n{one.get('stdout', '')}{one.get('stderr', '')}")))
    return found


def junit(path: Path) -> list[tuple[str, Result]]:
    found = []
    for case in ET.parse(path).iter("testcase"):
        said = {child.tag: child.text or child.get("message") or "" for child in case}
        kind = "failed" if said.keys() & {"failure", "error"} else "skipped" if "skipped" in said else "passed"
        found.append((f"{case.get('classname', '')}::{case.get('name', '')}", Result(kind, said.get("failure") or said.get("error") or "")))
    return found


def results(path: Path) -> list[tuple[str, Result]]:
    """One per test. pytest writes a test whose teardown failed after it failed itself twice, under one name: that is one failed test."""
    seen: dict[str, Result] = {}
    for name, result in junit(path) if path.suffix == ".xml" else meson(path):
        if name not in seen or result.kind == "failed" and seen[name].kind != "failed":
            seen[name] = result
    return list(seen.items())


def count(names: str, flaky: list[str]) -> Counter[str]:
    first, _, again = names.partition("+")
    try:
        found = results(Path(first))
    except (OSError, ValueError, KeyError, ET.ParseError) as e:
        print(f"{first}: no results ({e})")
        return Counter(failed=1)
    if not found:
        print(f"{first}: no tests in it")
        return Counter(failed=1)
    try:
        second = dict(results(Path(again))) if again and any(r.kind == "failed" for _, r in found) else {}
    except (OSError, ValueError, KeyError, ET.ParseError) as e:
        print(f"{again}: its failures were not run again ({e})")
        second = {}
    total: Counter[str] = Counter()
    for name, result in found:
        kind = result.kind
        if kind == "failed" and name in second and second[name].kind == "passed":
            kind = "passed"
            said = "\n".join(f"    {line}" for line in result.text.strip().splitlines()[-TEXT_LINES:])
            flaky.append(f"flaky: {name}\n{said}")
        total[kind] += 1
    return total


def main() -> int:
    if sys.argv[1:2] == ["--failed"]:
        print("".join(f"{name}\n" for name, result in results(Path(sys.argv[2])) if result.kind == "failed"), end="")
        return 0
    total: Counter[str] = Counter()
    flaky: list[str] = []
    for names in sys.argv[1:]:
        named = {"step": Counter(failed=1), "skip": Counter(skipped=1)}.get(names.partition(":")[0])
        total += count(names, flaky) if named is None else named
    if flaky:
        print("\n".join(flaky))
        print(f"{len(flaky)} failed at first and passed when run again, alone: counted as passed, to be mended all the same")
    print(f"{total['passed']} passed, {total['failed']} failed" + (f", {total['skipped']} skipped" if total["skipped"] else ""))
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
