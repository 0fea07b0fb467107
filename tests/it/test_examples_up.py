"""Examples brought up whole on simulated cards, with their own programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import ROOT, Machine

TASKS = 12


@pytest.fixture
def m(machine: Callable[..., Machine]) -> Iterator[Machine]:
    one = machine("4xA100-SXM4-80GB")
    one.env["BERTH_SIM_SPEED"] = "200"
    yield one
    one.berth("down")


def test_activations_writes_sleeps_and_extracts(m: Machine) -> None:
    out = m.folder / "out"
    spec = ROOT / "examples" / "activations" / "berth.yaml"
    done = m.berth("up", "-f", str(spec), "--wait-jobs", env={"ACTIVATIONS_OUT": str(out)}, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr.index("leaving for phase extract") < done.stderr.index("entering phase extract")
    assert len((out / "texts.jsonl").read_text().splitlines()) == 32
    written = sorted(p.relative_to(out).as_posix() for p in out.glob("layer-*/*.json"))
    assert written == [f"layer-{layer}/shard-{k}-of-4.json" for layer in (10, 11, 12) for k in range(4)]
    assert sum(len(json.loads(p.read_text())) for p in out.glob("layer-11/*.json")) == 32
    assert m.used() == [0, 0, 0, 0]
    again = m.berth("up", "-f", str(spec), "--wait-jobs", env={"ACTIVATIONS_OUT": str(out)})
    assert again.returncode == 0 and "every task of every job is done" in again.stdout


@pytest.mark.parametrize("example", ["thinking", "experiment"])
def test_servers_answer(m: Machine, example: str) -> None:
    spec = ROOT / "examples" / example / "berth.yaml"
    done = m.berth("up", "-f", str(spec), "-d", timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = m.json("ps")["instances"]
    assert rows and all(r["state"] == "ready" for r in rows)
    ask = Path(__file__).with_name("ask.py")
    for r in rows:
        said = m.run("python3", str(ask), r["endpoint"]["http"])
        assert said.returncode == 0 and said.stdout.strip(), said.stderr
    assert m.berth("verify").returncode == 0
    assert m.berth("down").returncode == 0 and m.used() == [0, 0, 0, 0]
