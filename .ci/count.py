"""Adds up test results and prints one line: "N passed, N failed[, N skipped]". Exits 1 when anything failed.

usage: count.py NAME...      meson's testlog.json or a junit .xml. A file that is not there counts as one failure: a step that
never came to its tests has not passed them. "step:NAME" is a step without tests of its own that failed: one failure.
"""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP"}


def meson(path: Path) -> Counter[str]:
    count: Counter[str] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            result = json.loads(line)["result"]
            count["passed" if result in PASSED else "skipped" if result in SKIPPED else "failed"] += 1
    return count


def junit(path: Path) -> Counter[str]:
    count: Counter[str] = Counter()
    for case in ET.parse(path).iter("testcase"):
        kinds = {child.tag for child in case}
        count["failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"] += 1
    return count


def main() -> int:
    total: Counter[str] = Counter()
    for name in sys.argv[1:]:
        if name.startswith("step:"):
            total["failed"] += 1
            continue
        path = Path(name)
        try:
            count = junit(path) if path.suffix == ".xml" else meson(path)
        except (OSError, ValueError, KeyError, ET.ParseError) as e:
            print(f"{name}: no results ({e})")
            count = Counter(failed=1)
        if not count:
            print(f"{name}: no tests in it")
            count = Counter(failed=1)
        total += count
    print(f"{total['passed']} passed, {total['failed']} failed" + (f", {total['skipped']} skipped" if total["skipped"] else ""))
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
