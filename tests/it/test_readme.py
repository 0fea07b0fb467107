"""What the README shows is what the program prints. After a change that is meant: paste the new output into the README."""

from __future__ import annotations

import os
import re
import subprocess

from conftest import BERTH, DEADLINE_S, ROOT


def test_the_plan_shown_is_the_plan_printed() -> None:
    shown = re.search(r"^\$ berth (plan -f examples/forensics/berth\.yaml)\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    assert shown, "README.md shows no plan of the forensics example any more"
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "HF_HUB_CACHE": "/nonexistent", "LC_ALL": "C.UTF-8"}
    env |= {name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ}
    printed = subprocess.run([BERTH, *shown[1].split()], cwd=ROOT, env=env, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert printed.returncode == 0, printed.stderr
    assert shown[2] == printed.stdout
