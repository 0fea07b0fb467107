"""What README and reference show is what the program prints. After a change that is meant: paste the new output into the page."""

from __future__ import annotations

import os
import re
import subprocess

from conftest import BERTH, DEADLINE_S, ROOT


def printed(command: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "HF_HUB_CACHE": "/nonexistent", "LC_ALL": "C.UTF-8"}
    env |= {name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ}
    return subprocess.run([BERTH, *command.split()], cwd=ROOT, env=env, capture_output=True, text=True, timeout=DEADLINE_S, check=False)


def shown(page: str, command: str) -> str:
    """What the page shows of it; all, or what stands behind `...`."""
    found = re.search(rf"^\$ berth {re.escape(command)}\n(?:\.\.\.\n)?(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S)
    assert found, f"{page} shows no `berth {command}` any more"
    return found[1]


def test_the_plan_shown_is_the_plan_printed() -> None:
    command = "plan -f examples/forensics/berth.yaml"
    answer = printed(command)
    assert answer.returncode == 0, answer.stderr
    assert shown("README.md", command) == answer.stdout


def test_the_refusal_shown_is_the_end_of_what_is_printed() -> None:
    command = "estimate Qwen/Qwen2.5-32B-Instruct --gpu A100-SXM4-40GB --tp 3"
    answer = printed(command)
    assert answer.returncode == 3 and answer.stdout.endswith("\n" + shown("docs/reference/estimate.md", command))
