"""`berth run JOB --KEY VALUE`: one job of the spec, alone with what it needs, or beside its project that is up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Machine, eventually

JOB = "import sys, urllib.request; open('ran', 'a').write(' '.join(sys.argv[1:3]) + '\\n'); print('layer', sys.argv[1]); " \
      "print(urllib.request.urlopen(sys.argv[3]).status) if len(sys.argv) > 3 else None; sys.exit(9 if sys.argv[1] == '99' else 0)"
SPEC = """
name: act
phases: [generate, extract]
workloads:
  writer: {kind: service, command: [PYTHON, -u, -m, http.server, "{port}", --bind, 127.0.0.1], gpus: 0, port: auto, ready: {http: /}, phases: generate}
  prompts: {kind: job, command: ["true"], gpus: 0, phases: generate, after: {writer: ready}}
  extract: {kind: job, command: [PYTHON, job.py, "${job.layer}", "${job.shard}/${job.shards}"], phases: extract, slots: 2, shards: 2, gpus: 1, memory: 2GiB,
            matrix: {layer: [10, 11]}}
"""
CALLS = """
name: calls
workloads:
  web: {kind: service, command: [PYTHON, -u, -m, http.server, "{port}", --bind, 127.0.0.1], gpus: 0, port: auto, ready: {http: /}}
  other: {kind: service, command: [sleep, "1000"], gpus: 0}
  ask: {kind: job, command: [PYTHON, job.py, "${job.layer}", "x", "${workloads.web.url}"], gpus: 0, after: {web: ready}, matrix: {layer: [1]}}
"""


@pytest.fixture
def m(machine: Callable[..., Machine]) -> Iterator[Machine]:
    one = machine("2xA100-SXM4-40GB")
    (one.folder / "job.py").write_text(JOB)
    (one.folder / "berth.yaml").write_text(SPEC.replace("PYTHON", sys.executable))
    (one.folder / "calls.yaml").write_text(CALLS.replace("PYTHON", sys.executable))
    yield one
    for p in {i["project"] for i in one.json("ps")["instances"]}:
        one.berth("down", p)


def ran(m: Machine) -> list[str]:
    path = m.folder / "ran"
    return sorted(path.read_text().splitlines()) if path.exists() else []


def test_one_more_point_and_done_stays_done(m: Machine) -> None:
    done = m.berth("run", "extract", "--layer", "12")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == ["layer 12", "layer 12"] and ran(m) == ["12 0/2", "12 1/2"]
    assert m.json("ps")["instances"] == []
    done = m.berth("run", "extract", "--layer=12")
    assert done.returncode == 0 and "every task of extract is done" in done.stdout and len(ran(m)) == 2
    assert m.berth("run", "extract", "--layer", "12", "--again").returncode == 0
    assert ran(m) == ["12 0/2", "12 0/2", "12 1/2", "12 1/2"]


def test_up_knows_what_run_did_and_run_what_up_did(m: Machine) -> None:
    assert m.berth("run", "extract", "--layer", "10").returncode == 0
    assert m.berth("up").returncode == 0
    assert ran(m) == ["10 0/2", "10 1/2", "11 0/2", "11 1/2"]
    assert "is done" in m.berth("run", "extract").stdout
    assert m.berth("run", "extract", "--layer", "11", "--again").returncode == 0
    assert "every task of every job is done" in m.berth("up").stdout          # --again of one job did not forget the record


def test_its_status_is_the_jobs(m: Machine) -> None:
    assert m.berth("run", "extract", "--layer", "99").returncode == 9


def test_what_it_calls_is_started_with_it(m: Machine) -> None:
    done = m.berth("run", "ask", "-f", "calls.yaml", "--layer", "5")
    assert done.returncode == 0 and done.stdout == "layer 5\n200\n", done.stderr
    assert m.json("ps")["instances"] == []


def test_beside_its_project_it_asks_what_runs_there(m: Machine) -> None:
    (m.folder / "calls.yaml").write_text((m.folder / "calls.yaml").read_text() + "  later: {kind: job, command: [sleep, '1000'], gpus: 0}\n")
    assert m.berth("up", "-f", "calls.yaml", "-d").returncode == 0
    eventually("the job to have run", lambda: ran(m) == ["1 x"])
    before = {i["id"]: i["pids"] for i in m.json("ps")["instances"] if i["workload"] in ("web", "other")}
    done = m.berth("run", "ask", "-f", "calls.yaml", "--layer", "6")
    assert done.returncode == 0 and done.stdout == "layer 6\n200\n", done.stderr
    assert {i["id"]: i["pids"] for i in m.json("ps")["instances"] if i["workload"] in ("web", "other")} == before
    assert "is done" in m.berth("run", "ask", "-f", "calls.yaml", "--layer", "6").stdout
    assert m.berth("park", "web", "--level", "stop").returncode == 0
    gone = m.berth("run", "ask", "-f", "calls.yaml", "--layer", "7")
    assert gone.returncode == 1 and "asks web, which is not ready in project calls" in gone.stderr


@pytest.mark.parametrize(("args", "words"), [
    (["extract", "--depth", "3"], 'extract has no "depth" in its matrix'),
    (["writer"], "writer is no job"),
    (["nothing"], 'has no workload "nothing"'),
    (["extract", "--layer"], "a value of the job's matrix is missing"),
    (["prompts", "--layer", "3"], "it has no matrix"),
    (["extract", "--memory", "3GiB"], "what extract takes is in the spec"),
    (["extract", "prompts"], "give a command after --"),
    (["--again", "--", "true"], "go with a JOB"),
])
def test_what_it_cannot_take(m: Machine, args: list[str], words: str) -> None:
    done = m.berth("run", *args)
    assert done.returncode == 2 and words in done.stderr, done.stderr
    assert ran(m) == []
