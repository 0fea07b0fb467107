"""Servers of every engine in one plan: what is planned is what the engine's own command line means."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from conftest import BERTH, DEADLINE_S
from test_gguf import write, write_model

CARD = "A100-SXM4-40GB"
MIB = 1 << 20


def berth(*args: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BERTH), *map(str, args)], capture_output=True, text=True, timeout=DEADLINE_S, check=False, cwd=cwd, env={**os.environ, "PATH": "/usr/bin:/bin"})


def plan(tmp_path: Path, workloads: str, gpus: str = f"1x{CARD}") -> dict:
    (tmp_path / "berth.yaml").write_text("name: t\nworkloads:\n" + workloads)
    done = berth("plan", "-f", tmp_path / "berth.yaml", "--gpus", gpus, "--json")
    assert done.returncode in (0, 3), done.stdout + done.stderr
    return json.loads(done.stdout)


def instances(p: dict) -> dict[str, dict]:
    return {i["workload"]: i for i in p["phases"][0]["instances"]}


def flag(i: dict, name: str) -> str | None:
    argv = i["launch"]["argv"]
    return argv[argv.index(name) + 1] if name in argv else None


def as_pasted(i: dict, card: str = CARD) -> dict:
    """The planned command line, asked for as if somebody had written it by hand."""
    argv = [w.replace("{port}", "8000").replace("{internal}", "25000") for w in i["launch"]["argv"]]
    done = berth("estimate", "--json", "--gpu", card, "--", *argv)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_one_plan_with_every_engine(tmp_path: Path) -> None:
    write(tmp_path / "m.gguf", layers=16, hidden=2048, feed=5632, heads=16, kv_heads=4)
    p = plan(tmp_path, """
  a: {engine: sglang, model: Qwen/Qwen3-4B, context: {want: 32768}}
  b: {engine: vllm, model: Qwen/Qwen3-1.7B, context: {want: 16384}}
  c: {engine: llama-server, model: ./m.gguf, context: {want: 16384}, requests: 3, kv_dtype: q8_0, args: [-ub, "256"]}
""")
    assert not p["refusals"]
    found = instances(p)
    assert {n: i["engine"]["name"] for n, i in found.items()} == {"a": "sglang", "b": "vllm", "c": "llama-server"}
    for i in found.values():
        rank = i["ranks"][0]
        assert sum(line["bytes"] for line in rank["need"]) == rank["bytes"]
        assert i["context"] <= rank["kv"]["tokens"]
    assert sum(i["ranks"][0]["bytes"] for i in found.values()) + 512 * MIB <= p["fleet"]["gpus"][0]["total_bytes"]
    assert flag(found["a"], "--max-total-tokens") == str(found["a"]["ranks"][0]["kv"]["tokens"])
    assert flag(found["c"], "--ctx-size") == str(found["c"]["ranks"][0]["kv"]["tokens"])
    assert flag(found["c"], "--cache-type-k") == flag(found["c"], "--cache-type-v") == "q8_0"
    assert flag(found["c"], "--model") == str(tmp_path / "m.gguf")
    assert flag(found["c"], "-ub") == "256" and "--ubatch-size" not in found["c"]["launch"]["argv"]
    assert found["c"]["launch"]["env"]["LLAMA_ARG_LOG_VERBOSITY"] == "4" and "VLLM_PORT" not in found["c"]["launch"]["env"]
    assert [q["name"] for q in found["a"]["launch"]["ports"]] == ["port", "internal"] and [q["name"] for q in found["c"]["launch"]["ports"]] == ["port"]


@pytest.mark.parametrize("workload", [
    "{engine: sglang, model: Qwen/Qwen3-4B, context: {want: 32768}}", "{engine: sglang, model: Qwen/Qwen3-4B, memory: 40%}",
    "{engine: vllm, model: Qwen/Qwen3-4B, context: {want: 32768}}", "{engine: llama-server, model: ./m.gguf}", "{engine: llama-server, model: ./m.gguf, memory: 40%, args: [-fa, off]}"])
def test_the_command_line_means_what_was_planned(tmp_path: Path, workload: str) -> None:
    write(tmp_path / "m.gguf", layers=16, hidden=2048, feed=5632, heads=16, kv_heads=4)
    i = instances(plan(tmp_path, f"  a: {workload}\n"))["a"]
    planned, rank = as_pasted(i)["ranks"][0], i["ranks"][0]
    assert abs(planned["need_bytes"] - rank["bytes"]) <= max(rank["bytes"] // 200, 8 * MIB), (planned, rank)
    assert planned["need_bytes"] <= rank["bytes"] + MIB
    for part in ("weights", "context"):
        assert [x["bytes"] for x in planned["need"] if x["part"] == part] == [x["bytes"] for x in rank["need"] if x["part"] == part]


def test_llama_server_over_two_cards(tmp_path: Path) -> None:
    write(tmp_path / "m.gguf", layers=80, hidden=8192, feed=28672, heads=64, kv_heads=8)
    i = instances(plan(tmp_path, "  a: {engine: llama-server, model: ./m.gguf, context: {want: 8192}}\n", f"4x{CARD}"))["a"]
    assert i["pp"] >= 2 and i["tp"] == 1
    assert sum(i["pp_layers"]) == 80
    if i["pp_layers"] == [41, 39]:                    # its own; else in layers, half a one off each boundary, the output one more
        assert flag(i, "--tensor-split") == "1,1"
    else:
        assert flag(i, "--tensor-split") == f"{i['pp_layers'][0] - 0.5:g},{i['pp_layers'][1] + 1.5:g}"
    planned = as_pasted(i)["ranks"]
    for r, q in zip(i["ranks"], planned, strict=True):
        assert abs(r["bytes"] - q["need_bytes"]) <= r["bytes"] // 200


@pytest.mark.parametrize("args", [["--cpu-moe"], ["--n-cpu-moe", "4"], ["-ot", "exps=CPU"], ["-ngl", "4"]])
def test_no_rate_where_the_processor_computes_a_part(tmp_path: Path, args: list[str]) -> None:
    """The model of speed knows cards: of layers or experts in RAM neither the plan nor the estimate says a rate, and the plan says why."""
    write_model(tmp_path / "moe.gguf", arch="qwen3moe", layers=8, hidden=1024, heads=8, kv_heads=4, feed=1024, experts=16, used=4, expert_feed=1024)
    server = "{engine: llama-server, model: ./moe.gguf, context: {want: 8192}"
    whole, part = (plan(tmp_path, f"  a: {server}{more}}}\n", "1xRTX-4090") for more in ("", f", args: {json.dumps(args)}"))
    assert instances(whole)["a"]["pace"] and instances(part)["a"]["pace"] is None
    assert [w for w in part["warnings"] if "the processor computes" in w] and not [w for w in whole["warnings"] if "the processor computes" in w]
    for more, known in (([], True), (args, False)):
        done = berth("estimate", tmp_path / "moe.gguf", "--engine", "llama-server", "--gpu", "RTX-4090", "-c", "8192", *more, "--json")
        assert bool(json.loads(done.stdout).get("pace")) == known


@pytest.mark.parametrize("args", [["--cpu-moe"], ["--n-cpu-moe", "4"], ["-ot", "exps=CPU"], ["-ot", "token_embd=CPU"], ["-ngl", "9"]])
def test_a_rate_where_flags_leave_all_on_the_card(tmp_path: Path, args: list[str]) -> None:
    """A dense model has no experts to move, and the token table is in RAM without being asked."""
    write(tmp_path / "m.gguf", layers=8, hidden=1024, feed=2048, heads=8, kv_heads=4)
    p = plan(tmp_path, f"  a: {{engine: llama-server, model: ./m.gguf, context: {{want: 8192}}, args: {json.dumps(args)}}}\n", "1xRTX-4090")
    assert instances(p)["a"]["pace"] and not [w for w in p["warnings"] if "the processor computes" in w]


@pytest.mark.parametrize(("workload", "says"), [
    ("{engine: llama-server, model: ./m.gguf, args: [-c, \"4096\"]}", "context: N"), ("{engine: llama-server, model: ./m.gguf, args: [-ts, \"1,1\"]}", "gpus: N"),
    ("{engine: sglang, model: Qwen/Qwen3-4B, args: [--mem-fraction-static, \"0.5\"]}", "memory: 40%"),
    ("{engine: sglang, model: Qwen/Qwen3-4B, args: [--max-total-tokens=500]}", "memory, context and requests"),
    ("{engine: llama-server, model: ./m.gguf, dtype: float16}", "no such setting"), ("{engine: llama-server, model: ./m.gguf, kv_dtype: fp8}", "kv_dtype"),
    ("{engine: llama-server, model: ./m.gguf, adapters: {max: 2, max_rank: 8}}", "--lora"), ("{engine: tgi, model: ./m.gguf}", "llama-server"),
])
def test_what_the_plan_decides_is_not_an_arg(tmp_path: Path, workload: str, says: str) -> None:
    write(tmp_path / "m.gguf", layers=2, hidden=256, feed=512, heads=4, kv_heads=4)
    (tmp_path / "berth.yaml").write_text(f"name: t\nworkloads:\n  a: {workload}\n")
    done = berth("plan", "-f", tmp_path / "berth.yaml", "--gpus", f"1x{CARD}")
    assert done.returncode == 2 and says in done.stderr, done.stderr


def test_engine_and_file_have_to_match(tmp_path: Path) -> None:
    write(tmp_path / "m.gguf", layers=2, hidden=256, feed=512, heads=4, kv_heads=4)
    for engine, model in (("vllm", "./m.gguf"), ("llama-server", "Qwen/Qwen3-4B")):
        p = plan(tmp_path, f"  a: {{engine: {engine}, model: {model}}}\n")
        assert "GGUF" in p["refusals"][0]["text"]


@pytest.mark.parametrize("key", ["quantization: fp8", "dtype: float16"])
def test_what_the_file_says_is_no_setting_of_llama_server(tmp_path: Path, key: str) -> None:
    (tmp_path / "berth.yaml").write_text(f"name: x\nworkloads:\n  llm: {{engine: llama-server, model: m.gguf, {key}}}\n")
    done = berth("plan", "-f", tmp_path / "berth.yaml", "--gpus", "1xL4")
    assert done.returncode == 2 and "llama-server has no such setting" in done.stderr and "try: the file of `model` says it" in done.stderr
