"""berth plan over many machines: the summary, the plan file, and what the other verbs say to such a fleet."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from test_plan import BERTH, plan, spec
import subprocess

WORKLOADS = """  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, replicas: 30, gpus: 2}
  draft: {engine: vllm, model: Qwen/Qwen3-1.7B, replicas: 30, same_gpus_as: llm, context: {same_as: llm}}
  train: {kind: job, command: [x], memory: 60GiB, gpus: 4, slots: 5}
"""


def test_summary(tmp_path: Path) -> None:
    done = plan("-f", spec(tmp_path, WORKLOADS), "--gpus", "12x8xH100-80GB-HBM3+1x4xL40S")
    assert done.returncode == 0, done.stderr
    assert "12 machines of 8 x NVIDIA H100 80GB HBM3, 1 machine of 4 x NVIDIA L40S" in done.stdout
    assert "65 instances" in done.stdout and "workloads placed: 100.00 %" in done.stdout
    assert "a plan of 13 machines" in done.stdout


def test_plan_file(tmp_path: Path) -> None:
    done = plan("-f", spec(tmp_path, WORKLOADS), "--gpus", "12x8xH100-80GB-HBM3", "--json")
    assert done.returncode == 0, done.stderr
    p = json.loads(done.stdout)
    assert [n["name"] for n in p["fleet"]["nodes"]] == [f"node-{i}" for i in range(12)]
    node_of = {g["uuid"]: g["node"] for g in p["fleet"]["gpus"]}
    assert Counter(node_of.values()) == {f"node-{i}": 8 for i in range(12)}
    load: Counter[str] = Counter()
    where = {}
    for inst in p["phases"][0]["instances"]:
        assert {node_of[r["gpu"]] for r in inst["ranks"]} == {inst["node"]}          # never across machines
        where[inst["id"]] = sorted(r["gpu"] for r in inst["ranks"])
        for r in inst["ranks"]:
            load[r["gpu"]] += r["bytes"]
    assert len(where) == 65
    for g in p["fleet"]["gpus"]:
        assert load[g["uuid"]] <= g["total_bytes"] - g["others_bytes"] - g["margin_bytes"]
    for i in range(30):
        assert where[f"llm-{i}"] == where[f"draft-{i}"]
    assert p["proof"] == "any-time" and 0 <= p["gap"] < 0.2
    assert all(p["objective"][k] <= p["bound"][k] for k in p["bound"])


def test_saved_fleet_of_two_nodes(tmp_path: Path) -> None:
    gpus = subprocess.run([BERTH, "gpus", "--gpus", "2x2xL40S", "--json"], capture_output=True, text=True, timeout=60, check=True)
    (tmp_path / "fleet.json").write_text(gpus.stdout)
    one = "  s: {kind: service, command: [x], memory: 30GiB, replicas: 4, share: never}\n"
    done = plan("-f", spec(tmp_path, one), "--gpus", str(tmp_path / "fleet.json"), "--json")
    assert done.returncode == 0, done.stderr
    assert Counter(i["node"] for i in json.loads(done.stdout)["phases"][0]["instances"]) == {"node-0": 2, "node-1": 2}


def test_who_is_missing_is_told(tmp_path: Path) -> None:
    alone = "kind: service, command: [x], memory: 20GiB, share: never"
    lines = f"  a: {{{alone}, replicas: {{want: 4, min: 1}}}}\n  b: {{{alone}}}\n  c: {{{alone}, optional: true}}\n  d: {{{alone}, after: {{c: ready}}}}\n"
    done = plan("-f", spec(tmp_path, lines), "--gpus", "3x1xRTX-4090")
    assert done.returncode == 0, done.stderr
    assert "note: a: 1 of the 4 copies wanted: no place was found for more" in done.stdout
    assert "note: c is optional and found no place" in done.stdout
    assert "note: d does not wait for c (`after`), which has no place" in done.stdout
    phased = "phases: [one, two]\n"
    late = f"  a: {{{alone}}}\n  b: {{{alone}, phases: two}}\n  c: {{{alone}, optional: true}}\n"
    done = plan("-f", spec(tmp_path, late, phased), "--gpus", "2x1xRTX-4090")
    assert done.returncode == 0, done.stderr
    assert "note: c is optional and found no place in phase two" in done.stdout and "no place in phase one" not in done.stdout


def test_compare(tmp_path: Path) -> None:
    done = plan("-f", spec(tmp_path, WORKLOADS), "--compare", "12x8xH100-80GB-HBM3", "--compare", "8xH100-80GB-HBM3")
    assert done.returncode == 0, done.stderr
    assert "of 96" in done.stdout and "does not fit" in done.stdout


def test_does_not_fit(tmp_path: Path) -> None:
    done = plan("-f", spec(tmp_path, "  llm: {engine: vllm, model: Qwen/Qwen2.5-72B-Instruct}\n"), "--gpus", "50x2xRTX-4090")
    assert done.returncode == 3
    assert "llm does not fit into any of the 50 machines, even alone" in done.stdout


@pytest.mark.parametrize(("fleet", "says"), [
    ("2x2xL4+1xRTX-4090", "does not fit into any of the 3 machines, even alone: even as TP=2 it needs "), ("1xRTX-4090+2x2xL4", "21.56 GiB are there: "),
    ("2x2xL4+1xRTX-4090", "(on 2 x NVIDIA L4)"), ("2x1xH200+4x1xL4", "llm wants 2 GPUs per instance; the largest machine has 1 [too-few-gpus]")])
def test_the_reason_is_that_of_the_machine_that_lacks_least(tmp_path: Path, fleet: str, says: str) -> None:
    """Not that of the last one: a machine of one card has too few, the others lack bytes."""
    done = plan("-f", spec(tmp_path, "  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, gpus: 2}\n"), "--gpus", fleet)
    assert done.returncode == 3 and says in done.stdout, done.stdout


@pytest.mark.parametrize(("fleet", "says"), [
    ("2x1xL4", "llm: context 200000 is more than the 32768 tokens"), ("1xL4+1x2xL4", "llm: context 200000 is more than the 32768 tokens"),
    ("2x1xL4+1x1xRTX-4090", "llm: context 200000 is more than the 32768 tokens"), ("2x2xH200", "llm: context 200000 is more than the 32768 tokens")])
def test_two_rules_in_one_class_count_once(tmp_path: Path, fleet: str, says: str) -> None:
    """The context is past the model everywhere, and a machine of one card has too few as well."""
    done = plan("-f", spec(tmp_path, "  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, context: 200000, gpus: 2}\n"), "--gpus", fleet)
    assert done.returncode == 3 and says in done.stdout and "does not fit into any" not in done.stdout, done.stdout


def test_several_contexts_past_their_models_are_put_right_together(tmp_path: Path) -> None:
    rows = "  a: {engine: vllm, model: Qwen/Qwen3-8B, context: %s}\n  b: {engine: vllm, model: Qwen/Qwen3-4B, context: %s}\n  c: {engine: vllm, model: Qwen/Qwen3-1.7B}\n"
    fleet = ("--gpus", "2x1xA100-SXM4-80GB")
    found = json.loads(plan("-f", spec(tmp_path, rows % (200000, 300000)), *fleet, "--json").stdout)
    changes = {c["path"]: c["value"] for c in found["advice"][0]["set"]}
    assert changes == {"workloads.a.context": 40960, "workloads.b.context": 40960}, found["advice"]
    assert plan("-f", spec(tmp_path, rows % tuple(changes.values())), *fleet).returncode == 0


def test_a_shape_that_is_none_is_said(tmp_path: Path) -> None:
    done = plan("-f", spec(tmp_path, "  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, tp: 3}\n"), "--gpus", "2x4xL40S")
    assert done.returncode == 3 and "even alone: TP=3 is impossible: Total number of attention heads (40)" in done.stdout, done.stdout


TURNS = """  a: {kind: job, command: [x], memory: 30GiB}
  b: {kind: job, command: [x], memory: 30GiB}
  s: {kind: service, command: [x], memory: 4GiB}
  c: {kind: job, command: [x], memory: 30GiB, after: {a: done}}
"""


def test_in_turn_over_two_machines(tmp_path: Path) -> None:
    file = spec(tmp_path, TURNS)
    fleet = ("--gpus", "2x1xA100-SXM4-40GB")
    refused = plan("-f", file, *fleet)
    assert refused.returncode != 0 and "in turn, in 2 phases" in refused.stdout + refused.stderr
    done = plan("-f", file, *fleet, "--phase", "--json")
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert got["proposed"] and [{i["id"] for i in p["instances"]} for p in got["phases"]] == [{"a-0", "b-0", "s-0"}, {"s-0", "c-0"}]
    assert [(m["instance"], m["how"]) for m in got["moves"]] == [("s-0", "stay"), ("c-0", "start")]
    assert any(w.startswith("not all at once: ") for w in got["warnings"])
    why = ask("explain", "-f", file, *fleet, "--phase")
    assert why.returncode == 0, why.stderr
    assert "c in phase c" in why.stdout


SMALL = """  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, replicas: 2}
  small: {engine: vllm, model: Qwen/Qwen3-1.7B, replicas: 2}
"""


def ask(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BERTH, *args], capture_output=True, text=True, timeout=120, check=False)


def test_each_machine_is_explained(tmp_path: Path) -> None:
    file = spec(tmp_path, SMALL)
    made = json.loads(plan("-f", file, "--gpus", "2x2xA100-SXM4-80GB", "--json").stdout)
    where = {(i["workload"], i["node"]) for i in made["phases"][0]["instances"]}
    done = ask("explain", "-f", file, "--gpus", "2x2xA100-SXM4-80GB", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["decisions"]
    assert {(d["workload"], d["node"]) for d in told} == where
    assert {d["what"] for d in told} == {"shape", "cards", "context", "copies"}
    cards = {i["workload"]: sorted(r["index"] for j in made["phases"][0]["instances"] if j["workload"] == i["workload"] for r in j["ranks"]) for i in made["phases"][0]["instances"]}
    for d in told:
        if d["what"] == "cards":
            assert d["taken"] == "GPU " + ",".join(map(str, cards[d["workload"]])), d
    text = ask("explain", "llm", "-f", file, "--gpus", "2x2xA100-SXM4-80GB").stdout
    assert "on node-" in text and "small" not in text
    named = ask("explain", "-f", file, "--gpus", "2x2xA100-SXM4-80GB", "--node", "node-9")
    assert named.returncode == 2 and "no such machine" in named.stderr
    alike = ask("explain", "-f", spec(tmp_path, WORKLOADS), "--gpus", "12x8xH100-80GB-HBM3")
    assert alike.returncode == 0 and "machines like it" in alike.stdout and "as many as were dealt to this machine" in alike.stdout


def test_each_machine_is_exported_by_itself(tmp_path: Path) -> None:
    file = spec(tmp_path, SMALL)
    asked = ("-f", file, "--gpus", "2x2xA100-SXM4-80GB")
    done = ask("export", "sh", *asked)
    assert done.returncode == 2 and "--node node-0" in done.stderr
    made = json.loads(plan(*asked, "--json").stdout)["phases"][0]["instances"]
    for node in ("node-0", "node-1"):
        script = ask("export", "sh", *asked, "--node", node)
        assert script.returncode == 0, script.stderr
        assert subprocess.run(["bash", "-n"], input=script.stdout, text=True, check=False).returncode == 0
        here = {i["id"] for i in made if i["node"] == node}
        for i in made:
            assert (f"begin {i['id']} " in script.stdout) == (i["id"] in here), (node, i["id"])
        assert "CUDA_VISIBLE_DEVICES=0 " in script.stdout and "CUDA_VISIBLE_DEVICES=1 " in script.stdout and "CUDA_VISIBLE_DEVICES=2" not in script.stdout
    far = spec(tmp_path, SMALL + '  ask: {kind: job, command: [x, "${workloads.llm.url}", "${workloads.small.url}"], gpus: 0}\n')
    asker = {i["workload"]: i["node"] for i in json.loads(plan("-f", far, "--gpus", "2x2xA100-SXM4-80GB", "--json").stdout)["phases"][0]["instances"]}["ask"]
    done = ask("export", "sh", "-f", far, "--gpus", "2x2xA100-SXM4-80GB", "--node", asker)
    assert done.returncode != 0 and "is on another machine" in done.stderr, done.stderr


def test_phases_of_several_machines_wait_for_each_other(tmp_path: Path) -> None:
    f = spec(tmp_path, "  s: {kind: service, command: [sleep, '1000'], gpus: 1, memory: 20GiB, replicas: {want: 3, min: 1}}\n"
             "  t: {kind: job, command: [x], gpus: 1, memory: 30GiB, slots: 2, phases: a}\n")
    Path(f).write_text(Path(f).read_text().replace("workloads:", "phases: [a, b]\nworkloads:", 1))
    kept = tmp_path / "kept.json"
    assert plan("-f", f, "--gpus", "2x2xA100-SXM4-40GB", "--out", kept).returncode == 0
    nodes = {i["node"] for i in json.loads(kept.read_text())["phases"][0]["instances"] if i["workload"] == "t"}
    for node in ("node-0", "node-1"):
        script = ask("export", "sh", "--plan", kept, "--node", node).stdout
        here = "is over here" if node in nodes else "has no job here"
        assert f'phase a {here}: press Enter for phase b when it is over on the other machines too' in script
        assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
        assert "when this one is over on the other machines too" in ask("export", "compose", "--plan", kept, "--node", node).stdout
    done = ask("up", "--plan", kept)
    assert done.returncode == 1 and "a plan of several machines (node-0, node-1) cannot be applied: this is one" in done.stderr and "--node node-0" in done.stderr


def test_one_machine_otherwise_and_drawn(tmp_path: Path) -> None:
    file = spec(tmp_path, SMALL)
    asked = ("-f", file, "--gpus", "2x2xA100-SXM4-80GB")
    done = plan(*asked, "--alternatives")
    assert done.returncode == 2 and "--node node-0" in done.stderr
    rows = [json.loads(plan(*asked, "--alternatives", "--node", n, "--json").stdout)["rows"] for n in ("node-0", "node-1")]
    assert {r["workload"] for r in rows[0]} | {r["workload"] for r in rows[1]} == {"llm", "small"}
    assert all(r["cards"] <= 2 for r in rows[0] + rows[1] if r["alternative"] in ("planned", "quantised"))
    out = tmp_path / "p.svg"
    done = plan(*asked, "--svg", str(out))
    assert done.returncode == 0, done.stderr
    picture = out.read_text()
    assert ">node-0<" in picture and ">node-1<" in picture and picture.count("KV, ") == 4


def test_what_rules_forbid_is_mended_together(tmp_path: Path) -> None:
    past = "  past: {engine: vllm, model: Qwen/Qwen3-8B, context: 99999}\n"
    stored = "  stored: {engine: vllm, model: Qwen/Qwen3-8B-FP8, quantization: awq}\n"
    plain = "  plain: {engine: vllm, model: Qwen/Qwen3-8B, quantization: awq}\n"
    left_out, fp8, context = ("workloads.stored.quantization", "null"), ("workloads.plain.quantization", "fp8"), ("workloads.past.context", "40960")
    for servers, wanted in ((past + stored, [context, left_out]), (stored + plain, [left_out, fp8]), (past + stored + plain, [context, left_out, fp8]), (stored, [left_out])):
        for fleet in ("2x2xA100-SXM4-80GB", "4xA100-SXM4-80GB"):
            done = plan("-f", spec(tmp_path, servers), "--gpus", fleet, "--json")
            assert done.returncode == 3
            offered = [([(c["path"], str(c["value"])) for c in a["set"]], a["text"]) for a in json.loads(done.stdout)["advice"]]
            assert [sorted(wanted)] == [sorted(s) for s, _ in offered], fleet
            assert ("8 bits" in offered[0][1]) == (fp8 in wanted)
            assert len(wanted) > 1 or offered[0][1] == "stored: it fits without `quantization`"


def test_why_there_are_no_phases_where_no_place_was_found(tmp_path: Path) -> None:
    """8, 8, 8, 6, 6 and 6 of 43 GiB: no two cards hold them, and each waits for the one before."""
    tight = "".join(f"  w{i}: {{kind: service, command: [x], memory: {size}GiB{f', after: {{w{i - 1}: ready}}' if i else ''}}}\n" for i, size in enumerate((8, 8, 8, 6, 6, 6)))
    done = plan("-f", spec(tmp_path, tight), "--gpus", "2x1xL4", "--phase")
    assert done.returncode == 1
    assert "not all ways were tried; --phase: its workloads need each other" in done.stderr and "try: more machines" in done.stderr
    assert "--phase" not in plan("-f", spec(tmp_path, tight), "--gpus", "2x1xL4").stderr
