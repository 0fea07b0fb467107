"""tests/gpu, which wants a real card, on the simulated one: a test nobody can run is no test; and without a driver all of it skips."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, Machine

SUITE = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rs", str(ROOT / "tests/gpu")]


def counts(text: str) -> dict[str, int]:
    return {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|skipped|error)", text.splitlines()[-1])}


@pytest.mark.parametrize("fleet", ["1xH100-80GB-HBM3", "1xRTX-4090+1xRTX-A6000"])
def test_all_of_it_passes_on_the_simulated_machine(machine: Callable[..., Machine], tmp_path: Path, fleet: str) -> None:
    pytest.importorskip("pynvml")
    m = machine(fleet)
    done = m.run(*SUITE, cwd=ROOT, timeout=300, env={"BERTH_GPU_RECORD": str(tmp_path / "record")})
    assert done.returncode == 0, done.stdout
    assert set(counts(done.stdout)) == {"passed"}, done.stdout
    rows = [json.loads(line) for line in (tmp_path / "record").read_text().splitlines()]
    assert {r["what"] for r in rows} == {"totals", "total", "context", "down"}


def test_without_a_driver_all_of_it_skips() -> None:
    if any((Path(d) / "libcuda.so.1").exists() for d in ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/local/cuda/compat")):
        pytest.skip("this machine has a driver")
    done = subprocess.run(SUITE, capture_output=True, text=True, timeout=120, cwd=ROOT, env=dict(os.environ), check=False)
    assert done.returncode == 0 and set(counts(done.stdout)) == {"skipped"}, done.stdout
