"""Checks that no compiler makes: what a reader stumbles over. Prints file:line: what; exits 1 when there is anything.

usage: lint.py               looks at every file that git tracks, or would track
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEXT = {".c", ".h", ".py", ".md", ".build", ".sh", ".yaml", ".json", ".txt", ".csv", ""}
C_LINES_MAX, C_COLUMNS_MAX = 1000, 160           # 150 for code; what is past that is a row of a table
# Tables of facts and of test cases, which read better in long rows. To be shortened as they are touched, never added to.
C_WIDE_MAX = 240
C_WIDE = ("src/model/", "src/need/", "src/engine/", "src/cmd/check", "src/cmd/diagnose", "src/cmd/estimate", "src/cmd/paste", "tests/", "bench/")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
# Inputs of tests are broken on purpose.
EXEMPT = ("tests/fuzz/corpus/", "tests/data/", "tests/it/golden/")


def tracked() -> list[Path]:
    out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True).stdout
    return [Path(p) for p in out.decode().split("\0") if p and (ROOT / p).is_file()]


def faults(path: Path) -> list[str]:
    if path.suffix not in TEXT or str(path).startswith(EXEMPT):
        return []
    try:
        text = (ROOT / path).read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return [f"{path}:1: not UTF-8"]
    bad: list[str] = []
    is_c = path.suffix in {".c", ".h"}
    columns_max = C_WIDE_MAX if str(path).startswith(C_WIDE) else C_COLUMNS_MAX
    lines = text.split("\n")
    if text and not text.endswith("\n"):
        bad.append(f"{path}:{len(lines)}: no newline at the end")
    if is_c and len(lines) > C_LINES_MAX:
        bad.append(f"{path}:1: {len(lines)} lines: two nouns in one file?")
    for i, line in enumerate(lines, 1):
        if line.endswith((" ", "\t", "\r")):
            bad.append(f"{path}:{i}: blank at the end of the line")
        if is_c and "\t" in line:
            bad.append(f"{path}:{i}: tab")
        if is_c and len(line) > columns_max:
            bad.append(f"{path}:{i}: {len(line)} columns")
        if UNFINISHED.search(line):
            bad.append(f"{path}:{i}: unfinished: {line.strip()[:60]}")
    if path.suffix == ".py":
        try:
            compile(text, str(path), "exec")
        except SyntaxError as e:
            bad.append(f"{path}:{e.lineno}: {e.msg}")
    return bad


def shell_faults(path: Path) -> list[str]:
    try:
        first = (ROOT / path).open("rb").readline()
    except OSError:
        return []
    if not first.startswith((b"#!/bin/sh", b"#!/usr/bin/env bash", b"#!/bin/bash")):
        return []
    shell = "bash" if b"bash" in first else "sh"
    r = subprocess.run([shell, "-n", str(ROOT / path)], capture_output=True, text=True, check=False)
    return [f"{path}: {r.stderr.strip()}"] if r.returncode else []


def main() -> int:
    files = tracked()
    bad = [fault for path in files for fault in faults(path) + shell_faults(path)]
    print("\n".join(bad) if bad else f"{len(files)} files, nothing to say")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
