"""One spec with every engine, up on simulated cards: each is ready with the pool it was planned, inside its bytes, and gives them back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from conftest import ENGINE, Machine, eventually
from gguf_file import write_model
from test_cpu import tiny

SPEC = """
name: engines
workloads:
  a: {engine: vllm, model: ./m, dtype: bfloat16, context: {want: 2048}, memory: 20%}
  b: {engine: sglang, model: ./m, dtype: bfloat16, context: {want: 2048}, memory: 20%}
  c: {engine: llama-server, model: ./m.gguf, context: {want: 4096}, memory: 20%}
"""


def install(machine: Machine, **versions: str) -> None:
    for name, version in versions.items():
        program = machine.folder / "bin" / name.replace("_", "-")
        if not program.exists():
            program.symlink_to(ENGINE)
        (program.parent / f"{program.name}.version").write_text(version + "\n")


def test_every_engine_at_once(machine: Callable[..., Machine]) -> None:
    m = machine("2xA100-SXM4-40GB")
    install(m, sglang="0.5.23", llama_server="0.5.0")
    tiny(m.folder / "m", 2048)
    words = {f"w{i}": i for i in range(1000)}
    (m.folder / "m" / "tokenizer.json").write_text(json.dumps({"version": "1.0", "model": {"type": "WordLevel", "vocab": words, "unk_token": "w0"}}))
    write_model(m.folder / "m.gguf", layers=8, hidden=1024, heads=8, feed=3072)
    (m.folder / "berth.yaml").write_text(SPEC)
    planned = {i["id"]: i for i in m.json("plan")["phases"][0]["instances"]}
    before = m.used()
    done = m.berth("up", "-d")
    assert done.returncode == 0, done.stdout + done.stderr
    found = {i["id"]: i for i in m.json("ps")["instances"]}
    for ident, i in found.items():
        assert i["state"] == "ready"
        pool = planned[ident]["ranks"][0]["kv"]["tokens"]
        assert abs(i["kv_tokens"] - pool) <= max(pool // 1000, 1), (ident, i["kv_tokens"], pool)
    checked = m.json("verify")
    assert checked["ok"], checked
    assert m.berth("down").returncode == 0
    eventually("the bytes to come back", lambda: m.used() == before)


def test_a_restart_has_the_same_pool(machine: Callable[..., Machine]) -> None:
    """llama-server, stopped and started by hand: down and not failed, and again with as many tokens."""
    m = machine("1xRTX-4090")
    install(m, llama_server="0.5.0")
    write_model(m.folder / "m.gguf", layers=8, hidden=1024, heads=8, feed=3072)
    (m.folder / "berth.yaml").write_text("name: one\nworkloads: {c: {engine: llama-server, model: ./m.gguf, context: {want: 4096}, requests: 6}}\n")
    assert m.berth("up", "-d").returncode == 0
    first = m.json("ps")["instances"][0]
    assert m.berth("restart", "c").returncode == 0
    again = eventually("it to be ready again", lambda: (i := m.json("ps")["instances"][0])["state"] == "ready" and i)
    assert again["kv_tokens"] == first["kv_tokens"] >= 6 * 4096
    assert m.berth("down").returncode == 0


def test_steps_are_those_of_this_start(machine: Callable[..., Machine]) -> None:
    """The next life begins at its own first step; a step that was at 100 % does not lose its figure."""
    m = machine("1xA100-SXM4-40GB")
    up = m.berth("up", "-d", "Qwen/Qwen3-0.6B", "--memory", "10GiB")
    assert up.returncode == 0, up.stderr
    again = m.berth("restart", "qwen3-0-6b")
    assert again.returncode == 0, again.stderr
    for told in (up.stderr, again.stderr):
        rows = [line.split(None, 2) for line in told.splitlines()]
        steps = [row[2] for row in rows if len(row) == 3 and row[1] == "starting"]
        assert steps[0] == "importing" and steps[-1] == "starting the server", told
        for was, now in zip(steps, steps[1:], strict=False):
            assert not was.startswith(f"{now} "), told
    assert m.berth("down").returncode == 0


def test_a_pool_too_small_is_diagnosed_and_what_it_names_starts(machine: Callable[..., Machine]) -> None:
    m = machine("1xA100-SXM4-40GB")
    (m.folder / "berth.yaml").write_text("name: one\nworkloads: {llm: {engine: vllm, model: Qwen/Qwen3-0.6B, gpus: 1, context: 8192}}\n")
    plan = m.json("plan")
    argv = plan["phases"][0]["instances"][0]["launch"]["argv"]
    pool, context = argv.index("--kv-cache-memory-bytes") + 1, argv.index("--max-model-len") + 1
    argv[pool] = str(4096 * 114688)                  # 28 layers x 2 x 8 heads x 128 x 2 bytes a token
    (m.folder / "plan.json").write_text(json.dumps(plan))
    up = m.berth("up", "-d", "--plan", "plan.json")
    assert up.returncode == 1, up.stderr
    told = re.search(r"cause: the KV cache is too small: one request of 8192 tokens .* (\d+) tokens would fit", up.stderr)
    assert told and f"try: --max-model-len {told[1]} (in the spec: `context: {told[1]}`)" in up.stderr, up.stderr
    why = m.json("up", "-d", "--plan", "plan.json")["failures"][0]["diagnosis"]
    assert why["code"] == "kv-too-small" and why["advice"][0]["flags"] == f"--max-model-len {told[1]}"
    argv[context] = told[1]
    (m.folder / "plan.json").write_text(json.dumps(plan))
    assert m.berth("up", "-d", "--plan", "plan.json").returncode == 0
    assert m.json("ps")["instances"][0]["kv_tokens"] >= int(told[1]) > 3000
    assert m.berth("down").returncode == 0
