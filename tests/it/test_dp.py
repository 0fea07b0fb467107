"""Engines behind one front and experts shared whole: planned, written into the command, and started inside their bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import BERTH, Machine, eventually

MOE = "Qwen/Qwen3-30B-A3B"


def berth(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BERTH), *args], cwd=cwd, capture_output=True, text=True, check=False)


def one(folder: Path, keys: str, fleet: str = "4xA100-SXM4-80GB") -> dict:
    (folder / "berth.yaml").write_text(f"name: t\nworkloads:\n  llm: {{engine: {keys}, context: {{min: 2048, want: 8192}}}}\n")
    done = berth("plan", "--gpus", fleet, "--json", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["not_obeyed"] == []
    return said["phases"][0]["instances"][0]


def flag(i: dict, name: str) -> str | None:
    argv = i["launch"]["argv"]
    return argv[argv.index(name) + 1] if name in argv else None


def test_vllm_is_told_of_engines_and_experts(tmp_path: Path) -> None:
    i = one(tmp_path, f"vllm, model: {MOE}, tp: 2, dp: 2, ep: 4")
    assert (i["tp"], i["pp"], i["dp"], i["ep"]) == (2, 1, 2, 4)
    assert flag(i, "--tensor-parallel-size") == "2" and flag(i, "--data-parallel-size") == "2" and "--enable-expert-parallel" in i["launch"]["argv"]
    assert [(r["dp"], r["pp"], r["tp"]) for r in i["ranks"]] == [(0, 0, 0), (0, 0, 1), (1, 0, 0), (1, 0, 1)]
    assert i["launch"]["env"]["CUDA_VISIBLE_DEVICES"] == ",".join(r["gpu"] for r in i["ranks"])
    plain = one(tmp_path, f"vllm, model: {MOE}, tp: 2")
    assert (plain["dp"], plain["ep"]) == (1, 1) and flag(plain, "--data-parallel-size") is None and "--enable-expert-parallel" not in plain["launch"]["argv"]


def test_sglang_is_told_in_its_words(tmp_path: Path) -> None:
    i = one(tmp_path, f"sglang, model: {MOE}, tp: 2, dp: 2, ep: 2")
    assert flag(i, "--dp-size") == "2" and flag(i, "--ep-size") == "2" and len(i["ranks"]) == 4


def test_llama_server_has_neither(tmp_path: Path) -> None:
    for key in ("dp: 2", "ep: 2"):
        (tmp_path / "berth.yaml").write_text(f"name: t\nworkloads:\n  llm: {{engine: llama-server, model: ./m.gguf, {key}}}\n")
        done = berth("plan", "--gpus", "2xRTX-4090", cwd=tmp_path)
        assert done.returncode == 2 and "has no such setting" in done.stderr


def test_the_simulated_sglang_says_that_it_has_one_engine(machine: Callable[..., Machine]) -> None:
    m = machine("2xA100-SXM4-80GB")
    done = m.popen("sglang", "serve", "--model-path", "Qwen/Qwen2.5-0.5B-Instruct", "--dp-size", "2", stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert done.wait(60) == 1 and "no data parallelism in SGLang" in done.stderr.read()


def test_experts_are_started_shared(machine: Callable[..., Machine]) -> None:
    m = machine("2xA100-SXM4-80GB")
    (m.folder / "berth.yaml").write_text(f"name: t\nworkloads:\n  llm: {{engine: vllm, model: {MOE}, tp: 2, ep: 2, context: 4096}}\n")
    done = m.berth("up", "-d")
    assert done.returncode == 0, done.stdout + done.stderr
    checked = m.json("verify")
    assert checked["ok"] and len(checked["rows"]) == 2, checked
    assert m.berth("down").returncode == 0
    eventually("the bytes to come back", lambda: not any(m.used()))


@pytest.mark.parametrize(("model", "keys", "cards"), [("Qwen/Qwen2.5-7B-Instruct", "tp: 1, dp: 2", 2), ("Qwen/Qwen2.5-7B-Instruct", "tp: 2, dp: 2", 4), (MOE, "tp: 1, dp: 2, ep: 2", 2)])
def test_engines_behind_one_front_are_started_inside_their_bytes(machine: Callable[..., Machine], model: str, keys: str, cards: int) -> None:
    m = machine(f"{cards}xA100-SXM4-80GB")
    (m.folder / "berth.yaml").write_text(f"name: t\nworkloads:\n  llm: {{engine: vllm, model: {model}, {keys}, context: 4096}}\n")
    planned = m.json("plan")["phases"][0]["instances"][0]
    done = m.berth("up", "-d")
    assert done.returncode == 0, done.stdout + done.stderr
    found = m.json("ps")["instances"][0]
    assert found["state"] == "ready" and abs(found["kv_tokens"] - min(r["kv"]["tokens"] for r in planned["ranks"])) <= 16
    checked = m.json("verify")
    assert checked["ok"] and len(checked["rows"]) == cards, checked
    log = m.berth("logs", "llm").stdout
    assert log.count("GPU KV cache size") == 2 and "EngineCore_DP0" in log and "EngineCore_DP1" in log
    assert subprocess.run([sys.executable, str(Path(__file__).with_name("ask.py")), found["endpoint"]["http"]], capture_output=True, text=True, check=True).stdout.strip()
    assert m.berth("down").returncode == 0
    eventually("the bytes to come back", lambda: not any(m.used()))


def test_one_engine_lost_is_all_lost_and_started_again(machine: Callable[..., Machine]) -> None:
    m = machine("2xA100-SXM4-80GB")
    (m.folder / "berth.yaml").write_text("name: t\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, tp: 1, dp: 2, context: 4096}\n")
    assert m.berth("up", "-d").returncode == 0
    second = next(int(p) for p in m.json("ps")["instances"][0]["pids"] if b"EngineCore_DP1" in Path(f"/proc/{p}/cmdline").read_bytes())
    os.kill(second, signal.SIGKILL)
    eventually("another start", lambda: (i := m.json("ps")["instances"][0])["restarts"] == 1 and i["state"] == "ready")
    assert m.json("verify")["ok"]
    assert m.berth("down").returncode == 0
    eventually("the bytes to come back", lambda: not any(m.used()))


def test_side_by_side_counts_the_kv_of_all_engines(tmp_path: Path) -> None:
    (tmp_path / "berth.yaml").write_text(f"name: t\nworkloads:\n  llm: {{engine: vllm, model: {MOE}, tp: 1, dp: 2, ep: 2, context: {{min: 2048, want: 8192}}}}\n")
    args = ("--gpus", "2xA100-SXM4-80GB", "--json")
    one = json.loads(berth("plan", *args, cwd=tmp_path).stdout)["phases"][0]["instances"][0]
    row = json.loads(berth("plan", "--variants", *args, cwd=tmp_path).stdout)["rows"][0]["workloads"][0]
    assert (row["dp"], row["ep"]) == (2, 2) and row["requests_at_once"] == 2 * (min(r["kv"]["tokens"] for r in one["ranks"]) // one["context"])
    assert "DP=2 EP=2" in berth("plan", "--variants", *args[:2], cwd=tmp_path).stdout
