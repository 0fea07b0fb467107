"""Engines behind one front and experts shared whole: planned, written into the command, and (one engine) started inside their bytes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

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


def test_experts_are_started_shared(machine: Callable[..., Machine]) -> None:
    m = machine("2xA100-SXM4-80GB")
    (m.folder / "berth.yaml").write_text(f"name: t\nworkloads:\n  llm: {{engine: vllm, model: {MOE}, tp: 2, ep: 2, context: 4096}}\n")
    done = m.berth("up", "-d")
    assert done.returncode == 0, done.stdout + done.stderr
    checked = m.json("verify")
    assert checked["ok"] and len(checked["rows"]) == 2, checked
    assert m.berth("down").returncode == 0
    eventually("the bytes to come back", lambda: not any(m.used()))
