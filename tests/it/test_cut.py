"""Pipelines whose layers are not cut evenly: planned, started so, and inside their bytes on each of their unequal cards."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from conftest import BERTH, Machine, eventually
from gguf_file import write_model
from test_up_engines import install

SPEC = """
name: uneven
workloads:
  a: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, tp: 1, pp: 2, context: 8192}
"""


def only(m: Machine) -> dict:
    return m.json("plan")["phases"][0]["instances"][0]


def test_vllm_is_started_with_the_cut(machine: Callable[..., Machine]) -> None:
    m = machine("1xA100-SXM4-80GB+1xRTX-4090")
    (m.folder / "berth.yaml").write_text(SPEC)
    text = m.berth("plan").stdout
    planned = only(m)
    small, large = planned["pp_layers"] if planned["ranks"][0]["index"] == 1 else reversed(planned["pp_layers"])
    assert small + large == 64 and small < 20, planned["pp_layers"]
    assert f"({planned['pp_layers'][0]},{planned['pp_layers'][1]})" in text
    assert planned["launch"]["env"]["VLLM_PP_LAYER_PARTITION"] == ",".join(map(str, planned["pp_layers"]))
    assert m.berth("up", "-d").returncode == 0
    found = m.json("ps")["instances"][0]
    assert found["state"] == "ready"
    assert found["kv_tokens"] >= 8192
    assert abs(found["kv_tokens"] - min(r["kv"]["tokens"] for r in planned["ranks"])) <= 16
    checked = m.json("verify")
    assert checked["ok"], checked
    assert m.berth("down").returncode == 0
    eventually("the bytes to come back", lambda: not any(m.used()))


def test_the_even_cut_does_not_start_there(machine: Callable[..., Machine]) -> None:
    """What the plan says it would not fit with: pinned, it is refused, and the refusal is right."""
    m = machine("1xA100-SXM4-80GB+1xRTX-4090")
    (m.folder / "berth.yaml").write_text(SPEC.replace("pp: 2", "pp_layers: [32, 32]"))
    assert m.berth("plan").returncode == 3


def test_llama_server_is_told_by_shares(machine: Callable[..., Machine]) -> None:
    m = machine("1xA100-SXM4-40GB+1xRTX-4090")
    install(m, llama_server="0.5.0")
    write_model(m.folder / "m.gguf", layers=12, hidden=1024, heads=8, feed=3072)
    (m.folder / "berth.yaml").write_text("name: one\nworkloads: {c: {engine: llama-server, model: ./m.gguf, pp_layers: [8, 4], context: 4096}}\n")
    planned = only(m)
    argv = planned["launch"]["argv"]
    assert planned["pp_layers"] == [8, 4] and argv[argv.index("--tensor-split") + 1] == "7.5,5.5"
    assert m.berth("up", "-d").returncode == 0
    assert m.json("verify")["ok"]
    assert m.berth("down").returncode == 0


def test_a_pasted_cut_is_counted(machine: Callable[..., Machine]) -> None:
    m = machine("2xA100-SXM4-80GB")
    command = ["vllm", "serve", "Qwen/Qwen2.5-32B-Instruct", "--pipeline-parallel-size", "2"]
    said = m.run("env", BERTH, "estimate", "--json", "--", "VLLM_PP_LAYER_PARTITION=24,40", *command)
    assert [r["layers"] for r in json.loads(said.stdout)["ranks"]] == [24, 40], said.stdout + said.stderr
    wrong = m.berth("estimate", "--", "VLLM_PP_LAYER_PARTITION=24,20,20", *command)
    assert wrong.returncode == 2 and "3 stages" in wrong.stderr
    odd = m.berth("estimate", "--", "VLLM_PP_LAYER_PARTITION=24,39", *command)
    assert odd.returncode != 0 and "64 layers" in odd.stdout + odd.stderr


def test_stages_on_unequal_cards_read_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "berth.yaml").write_text(SPEC)

    def plan(fleet: str, *more: str) -> dict:
        done = subprocess.run([BERTH, "plan", "--gpus", fleet, "--json", *more], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)["phases"][0]["instances"][0]

    mixed, fast = plan("1xA100-SXM4-80GB+1xRTX-4090", "--svg", "p.svg"), plan("2xA100-SXM4-80GB")
    (tmp_path / "berth.yaml").write_text(SPEC.replace("Qwen2.5-32B-Instruct", "Qwen2.5-14B-Instruct"))
    slow14, fast14, mixed14 = (plan(f)["pace"]["decode_tok_s"] for f in ("2xRTX-4090", "2xA100-SXM4-80GB", "1xA100-SXM4-80GB+1xRTX-4090"))
    assert slow14 < mixed14 < fast14
    layers = {r["index"]: mixed["pp_layers"][r["pp"]] for r in mixed["ranks"]}
    speed = {0: 2039 * 0.82, 1: 1008 * 0.93}         # GB/s as they are read
    weights = sum(64.0e9 * layers[g] / 64 / (speed[g] * 1e9) for g in layers)
    assert abs(1 / mixed["pace"]["decode_tok_s"] - weights) < 0.006 and mixed["pace"]["decode_tok_s"] < fast["pace"]["decode_tok_s"]
    picture = (tmp_path / "p.svg").read_text()
    assert all(f"({n} layers)" in picture and f"{n} of 64 layers: weights" in picture for n in mixed["pp_layers"])


def test_a_container_counts_its_cards_from_zero(tmp_path: Path) -> None:
    """Stage 0 stands on GPU 1: Docker gives both cards in their own order, so the order of the stages has to be told."""
    (tmp_path / "berth.yaml").write_text(SPEC)
    args = ["", "--gpus", "1xA100-SXM4-80GB+1xRTX-4090"]
    made = json.loads(subprocess.run([BERTH, "plan", *args[1:], "--json"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout)
    order = [r["index"] for r in made["phases"][0]["instances"][0]["ranks"]]
    text = subprocess.run([BERTH, "export", "compose", *args[1:]], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert f'CUDA_VISIBLE_DEVICES: "{",".join(map(str, order))}"' in text
    wide = SPEC.replace("pp: 2,", "pp: 2, pool: [1, 3],")
    (tmp_path / "berth.yaml").write_text(wide)
    fleet = "1xRTX-4090+1xA100-SXM4-80GB+1xRTX-4090+1xRTX-4090"
    order = [r["index"] for r in json.loads(subprocess.run([BERTH, "plan", "--gpus", fleet, "--json"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout)["phases"][0]["instances"][0]["ranks"]]
    assert sorted(order) == [1, 3]
    text = subprocess.run([BERTH, "export", "compose", "--gpus", fleet], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert f'CUDA_VISIBLE_DEVICES: "{",".join("0" if i == 1 else "1" for i in order)}"' in text and 'device_ids: ["' in text
