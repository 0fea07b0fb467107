"""Phases from plan to running set, on a simulated machine: what stays is not touched, what comes back sleeps in between, and a proposal is run as it stands."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from conftest import BERTH, DEADLINE_S, Machine, eventually
from test_plan import plan, spec

PHASED = """name: ph
phases: [a, b, c]
workloads:
  llm: {engine: vllm, model: Qwen/Qwen3-0.6B, gpus: 1, context: 8192, phases: [a, c], memory: 12GiB}
  stay: {kind: service, command: [sleep, '1000'], gpus: 1, memory: 2GiB}
  one: {kind: job, command: [sh, -c, 'until test -e go-one; do sleep 0.05; done'], gpus: 0, after: {llm: ready}, phases: a}
  two: {kind: job, command: [sh, -c, 'until test -e go-two; do sleep 0.05; done'], gpus: 2, memory: 30GiB, phases: b}
  three: {kind: job, command: [sh, -c, 'until test -e go-three; do sleep 0.05; done'], gpus: 0, after: {llm: ready}, phases: c}
"""


def states(m: Machine) -> dict[str, str]:
    return {i["id"]: i["state"] for i in m.json("ps")["instances"]}


def pids(m: Machine, ident: str) -> list[int]:
    return next(i["pids"] for i in m.json("ps")["instances"] if i["id"] == ident)


def let_go(m: Machine, name: str) -> None:
    (m.folder / f"go-{name}").touch()


def test_what_comes_back_sleeps_and_what_stays_is_not_touched(machine) -> None:
    m: Machine = machine("2xA100-SXM4-40GB")
    (m.folder / "berth.yaml").write_text(PHASED)
    moves = {(v["to"], v["instance"]): v for v in m.json("plan")["moves"]}
    assert (moves["b", "llm-0"]["how"], moves["b", "llm-0"]["level"], moves["c", "llm-0"]["how"]) == ("park", "sleep", "resume")
    assert moves["b", "stay-0"]["how"] == moves["c", "stay-0"]["how"] == "stay"
    assert m.berth("up", "-d", timeout=DEADLINE_S).returncode == 0
    eventually("the first job to run", lambda: states(m)["one-0"] == "running")
    llm, stay = pids(m, "llm-0"), pids(m, "stay-0")
    let_go(m, "one")
    eventually("the second phase", lambda: states(m)["two-0"] == "running")
    assert (states(m)["llm-0"], pids(m, "llm-0"), pids(m, "stay-0")) == ("parked", llm, stay)
    kept = sum(moves["b", "llm-0"]["gpu_bytes"].values())
    assert 0 < sum(m.used()) <= kept + 4 * 2**30          # the sleeper inside what the plan lets it keep; the job allocates nothing here
    assert m.berth("verify").returncode == 0
    let_go(m, "two")
    eventually("the third phase", lambda: states(m)["three-0"] == "running")
    assert (states(m)["llm-0"], pids(m, "llm-0"), pids(m, "stay-0")) == ("ready", llm, stay)
    let_go(m, "three")
    eventually("the last job to end", lambda: states(m)["three-0"] == "done")
    assert m.berth("down").returncode == 0


FEWER = """name: fewer
phases: [a, b, c]
workloads:
  llm: {engine: vllm, model: Qwen/Qwen3-0.6B, replicas: {want: 2, min: 1}, gpus: 1, context: 8192, memory: 30GiB}
  one: {kind: job, command: [sh, -c, 'until test -e go-one; do sleep 0.05; done'], gpus: 0, after: {llm: ready}, phases: a}
  two: {kind: job, command: [sh, -c, 'until test -e go-two; do sleep 0.05; done'], gpus: 1, memory: 36GiB, pool: [0], after: {llm: ready}, phases: b}
  three: {kind: job, command: [sh, -c, 'until test -e go-three; do sleep 0.05; done'], gpus: 0, after: {llm: ready}, phases: c}
"""


def test_one_of_two_copies_stays_and_the_other_sleeps(machine) -> None:
    m: Machine = machine("2xA100-SXM4-40GB")
    (m.folder / "berth.yaml").write_text(FEWER)
    plan = m.json("plan")
    assert [[i["id"] for i in p["instances"] if i["workload"] == "llm"] for p in plan["phases"]] == [["llm-0", "llm-1"], ["llm-0"], ["llm-0", "llm-1"]]
    moves = {(v["to"], v["instance"]): v["how"] for v in plan["moves"] if v["instance"].startswith("llm")}
    assert moves == {("b", "llm-0"): "stay", ("b", "llm-1"): "park", ("c", "llm-0"): "stay", ("c", "llm-1"): "resume"}
    assert m.berth("up", "-d", timeout=DEADLINE_S).returncode == 0
    eventually("the first job to run", lambda: states(m)["one-0"] == "running")
    first, second = pids(m, "llm-0"), pids(m, "llm-1")
    let_go(m, "one")
    eventually("the second phase", lambda: states(m)["two-0"] == "running")
    assert (states(m)["llm-0"], states(m)["llm-1"]) == ("ready", "parked")
    assert (pids(m, "llm-0"), pids(m, "llm-1")) == (first, second)
    assert m.berth("verify").returncode == 0
    let_go(m, "two")
    eventually("the third phase", lambda: states(m)["three-0"] == "running")
    assert (states(m)["llm-0"], states(m)["llm-1"]) == ("ready", "ready")
    assert (pids(m, "llm-0"), pids(m, "llm-1")) == (first, second)
    let_go(m, "three")
    eventually("the last job to end", lambda: states(m)["three-0"] == "done")
    assert m.berth("down").returncode == 0


def test_a_proposal_runs_as_it_stands(machine) -> None:
    m: Machine = machine("1xA100-SXM4-40GB")
    (m.folder / "berth.yaml").write_text("name: turns\nworkloads:\n"
                                         "  a: {kind: job, command: [sh, -c, 'echo a >>order'], memory: 30GiB}\n"
                                         "  s: {kind: service, command: [sleep, '1000'], memory: 4GiB}\n"
                                         "  b: {kind: job, command: [sh, -c, 'echo b >>order'], memory: 30GiB, after: {a: done}}\n")
    refused = m.berth("up", "-d")
    assert refused.returncode == 3 and "in turn" in refused.stdout + refused.stderr
    file = Path(m.folder / "turns.json")
    assert m.berth("plan", "--phase", "--out", file).returncode == 0
    assert [p["name"] for p in json.loads(file.read_text())["phases"]] == ["a", "b"]
    assert m.berth("up", "-d", "--plan", file, timeout=DEADLINE_S).returncode == 0
    eventually("both jobs to be done", lambda: (states(m).get("a-0"), states(m).get("b-0")) == ("done", "done"))
    assert (m.folder / "order").read_text().split() == ["a", "b"]
    assert states(m)["s-0"] == "ready"
    assert m.berth("down").returncode == 0


def test_who_starts_again_on_its_own_cards_goes_nowhere_else(tmp_path: Path) -> None:
    lines = "  a: {engine: vllm, model: meta-llama/Llama-3.1-8B-Instruct}\n  b: {kind: service, command: [x], memory: 12GiB, phases: two}\n"
    done = plan("-f", spec(tmp_path, lines, "phases: [one, two]\n"), "--gpus", "1xA100-SXM4-40GB", "--json")
    assert done.returncode == 0, done.stderr
    p = json.loads(done.stdout)
    before, after = (ph["instances"][0]["context"] for ph in p["phases"])
    why = {(m["instance"], m["how"]): m["why"] for m in p["moves"]}
    assert after < before == 131072
    assert why["a-0", "stop"] == f"it starts again on its cards: {after:,} tokens of context then, not {before:,}"
    assert why["a-0", "start"] == "on the same cards"


def test_who_is_stopped_takes_no_ram_asleep(tmp_path: Path) -> None:
    """A phase of whole cards leaves a sleeper no room: what it would have taken of RAM is nobody's business. One that does sleep is told, where the RAM is not known."""
    for memory, sleeps in (("30GiB", True), ("auto", False)):
        f = spec(tmp_path, "  llm: {engine: vllm, model: Qwen/Qwen3-8B, gpus: 1, phases: [a, c], park: sleep}\n"
                           f"  work: {{kind: job, command: [x], gpus: 2, memory: {memory}, phases: b}}\n", "phases: [a, b, c]\n")
        p = json.loads(plan("-f", f, "--gpus", "2xA100-SXM4-40GB", "--json").stdout)
        assert [m["how"] for m in p["moves"] if m["instance"].startswith("llm")] == (["park", "resume"] if sleeps else ["stop", "start"])
        assert any("asleep it takes" in w and "is not known" in w for w in p["warnings"]) == sleeps


def test_of_one_who_does_not_move_only_that_is_said(tmp_path: Path) -> None:
    f = spec(tmp_path, "  one: {kind: job, command: [x], gpus: 1, phases: a}\n  two: {kind: job, command: [x], gpus: 1, phases: b}\n"
                       "  three: {kind: job, command: [x], gpus: 1, phases: c}\n", "phases: [a, b, c]\n")
    done = subprocess.run([BERTH, "explain", "three", "-f", f, "--gpus", "1xL4"], capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    assert "from a to b: three does not move\n" in done.stdout and "nothing moves" not in done.stdout
