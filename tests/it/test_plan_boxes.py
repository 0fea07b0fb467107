"""berth plan over many machines: the summary, the plan file, and what the other verbs say to such a fleet."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

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


def test_compare(tmp_path: Path) -> None:
    done = plan("-f", spec(tmp_path, WORKLOADS), "--compare", "12x8xH100-80GB-HBM3", "--compare", "8xH100-80GB-HBM3")
    assert done.returncode == 0, done.stderr
    assert "of 96" in done.stdout and "does not fit" in done.stdout


def test_does_not_fit(tmp_path: Path) -> None:
    done = plan("-f", spec(tmp_path, "  llm: {engine: vllm, model: Qwen/Qwen2.5-72B-Instruct}\n"), "--gpus", "50x2xRTX-4090")
    assert done.returncode == 3
    assert "llm does not fit into any of the 50 machines, even alone" in done.stdout


def test_verbs_of_one_machine_say_so(tmp_path: Path) -> None:
    file = spec(tmp_path, WORKLOADS)
    for verb in ("explain", "export"):
        args = [BERTH, verb, *(["sh"] if verb == "export" else []), "-f", file, "--gpus", "12x8xH100-80GB-HBM3"]
        done = subprocess.run(args, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2 and "12 machines" in done.stderr, (verb, done.stderr)
    done = plan("-f", file, "--gpus", "12x8xH100-80GB-HBM3", "--alternatives")
    assert done.returncode == 2 and "12 machines" in done.stderr
