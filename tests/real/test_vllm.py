"""A real vLLM (its CPU build) under berth, in RAM: planned to the block, started, asked, stopped at every moment, killed piece by piece, starved."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import struct
import threading
from pathlib import Path

import openai
import pytest
from engines import GET, VLLM, House, alive, ask, eventually, in_order


def server(tiny: Path, **more) -> dict:
    return {"engine": "vllm", "model": str(tiny), "bin": str(VLLM / "bin" / "vllm"), "gpus": 0, "context": 2048, "dtype": "float32", "args": ["--enforce-eager"], **more}


def running(url: str) -> bool:
    return any(x.startswith(b"vllm:num_requests_running") and x.endswith(b" 1.0") for x in ask(url, "/metrics")[1].splitlines())


def long_stream(url: str) -> threading.Thread:
    """A client that reads a long answer, and the engine at work on it."""
    def read() -> None:
        try:
            ask(url, "/v1/completions", {"model": "llm", "prompt": "a", "max_tokens": 1900, "stream": True, "ignore_eos": True}, timeout=200)
        except (OSError, http.client.HTTPException):
            pass                         # cut off
    t = threading.Thread(target=read, daemon=True)
    t.start()
    eventually("the stream to run", lambda: running(url), 60)
    return t


def ready(house: House, tiny: Path, **more) -> dict:
    up = house.up(llm=server(tiny, **more))
    assert up.returncode == 0, up.stderr
    return house.ps()["llm-0"]


@pytest.mark.quick
def test_a_life(house: House, tiny: Path) -> None:
    up = house.up(llm=server(tiny))
    assert up.returncode == 0, up.stderr
    assert in_order(up.stderr, "importing", "loading weights", "100 %", "allocating KV", "ready", "warm"), up.stderr         # by its own lines
    llm = house.ps()["llm-0"]
    plan = json.loads(house.berth("plan", "--json").stdout)["phases"][0]["instances"][0]
    kv = next(line for line in plan["host"][0]["need"] if line["part"] == "kv")
    assert kv["why"].startswith(f"{llm['kv_tokens']} tokens")        # the engine's own line says what was planned
    client = openai.OpenAI(base_url=llm["endpoint"]["http"] + "/v1", api_key="none")
    assert client.completions.create(model="llm", prompt="hello", max_tokens=4).usage.completion_tokens >= 1
    assert sum(1 for _ in client.chat.completions.create(model="llm", messages=[{"role": "user", "content": "hi"}], max_tokens=5, stream=True)) >= 1
    assert house.temporary                           # looked for when it is down
    verify = json.loads(house.berth("verify", "--json").stdout)
    row = next(r for r in verify["host"] if r["instance"] == "llm-0")
    assert verify["ok"] and row["verdict"] == "inside" and plan["host"][0]["bytes"] == row["planned_bytes"] >= row["actual_bytes"] > row["planned_bytes"] // 3, verify
    reader = long_stream(llm["endpoint"]["http"])
    house.down()                                     # with the stream open
    ends = [json.loads(line)["instance"] for line in house.berth("events", "--json").stdout.splitlines() if json.loads(line)["event"] == "inst"]
    assert "draining" in [e["state"] for e in ends] and ends[-1]["exit"]["status"] == 0
    reader.join(30)
    assert not reader.is_alive()


@pytest.mark.parametrize("victim", ["vllm", "VLLM::EngineCor", "VLLM::Worker", "keeper"])
def test_a_piece_is_killed_around_a_live_stream(house: House, tiny: Path, victim: str) -> None:
    llm = ready(house, tiny)
    long_stream(llm["endpoint"]["http"])
    os.kill(llm["keeper"] if victim == "keeper" else house.named("llm-0", victim)[0], signal.SIGKILL)
    house.until("llm-0", "ready", restarts=1)
    assert not any(alive(p) for p in llm["pids"])
    assert ask(house.url("llm-0"), "/health")[0] == 200
    house.down()


def test_the_daemon_is_killed_and_the_stream_goes_on(house: House, tiny: Path) -> None:
    llm = ready(house, tiny)
    url, got = llm["endpoint"]["http"], []
    reader = threading.Thread(target=lambda: got.append(ask(url, "/v1/completions", {"model": "llm", "prompt": "a", "max_tokens": 400, "ignore_eos": True})), daemon=True)
    reader.start()
    os.kill(house.daemon(), signal.SIGKILL)
    assert house.until("llm-0", "ready")["pids"] == llm["pids"]
    reader.join(120)
    assert got and got[0][0] == 200 and json.loads(got[0][1])["usage"]["completion_tokens"] == 400
    house.down()


@pytest.mark.parametrize("moment", [0.0, 3.0, 9.0, "importing", "loading weights"])
def test_down_while_it_starts(house: House, tiny: Path, moment: float | str) -> None:
    house.spec(llm=server(tiny))
    up = house.popen("up", "-d")
    try:
        eventually("its start", lambda: house.runtime.exists() and house.berth("ps").returncode == 0 and house.ps().get("llm-0", {}).get("state") == "starting", 30)
        if isinstance(moment, str):
            eventually(moment, lambda: ((i := house.ps()["llm-0"])["progress"] or {}).get("step") == moment or i["state"] == "ready", 120)
        else:
            threading.Event().wait(moment)
        house.ps()
        house.down()
    finally:
        up.kill()
        up.communicate()


def test_tensor_parallel(house: House, tiny: Path) -> None:
    # the planner gives a server in RAM one rank: the plan is made, and two are written into it
    house.spec(llm=server(tiny))
    plan = json.loads(house.berth("plan", "--json").stdout)
    launch = plan["phases"][0]["instances"][0]["launch"]
    launch["argv"] = [a for i, a in enumerate(launch["argv"]) if "--tensor-parallel-size" not in (a, launch["argv"][i - 1])] + ["--tensor-parallel-size", "2"]
    plan["phases"][0]["instances"][0]["host"][0]["bytes"] *= 2
    (house.folder / "plan.json").write_text(json.dumps(plan))
    up = house.berth("up", "-d", "--plan", house.folder / "plan.json")
    assert up.returncode == 0, up.stderr
    llm = house.ps()["llm-0"]
    assert len(house.named("llm-0", "VLLM::Worker")) == 2
    assert ask(llm["endpoint"]["http"], "/v1/completions", {"model": "llm", "prompt": "a", "max_tokens": 3})[0] == 200
    assert house.berth("verify").returncode == 0
    os.kill(house.named("llm-0", "VLLM::Worker")[1], signal.SIGKILL)
    house.until("llm-0", "ready", restarts=1)
    assert not any(alive(p) for p in llm["pids"])
    house.down()


def test_two_servers_in_turn_through_two_phases(house: House, tiny: Path) -> None:
    (house.folder / "berth.yaml").write_text(json.dumps({"name": "real", "phases": ["one", "two"], "workloads": {
        "a": server(tiny, phases="one"), "b": server(tiny, phases="two"),
        "ask": {"kind": "job", "command": [*GET, "${workloads.a.url}/v1/models"], "gpus": 0, "phases": "one", "after": {"a": "ready"}}}}))
    up = house.berth("up", "-d")
    assert up.returncode == 0, up.stderr
    house.until("b-0", "ready")
    assert house.ps()["a-0"]["state"] == "down" and house.ps()["ask-0"]["state"] == "done"
    house.down()


def test_a_port_stolen_while_it_loads(house: House, tiny: Path) -> None:
    house.spec(llm=server(tiny))
    up = house.popen("up", "-d")
    with socket.socket() as thief:
        try:
            url = eventually("its port", lambda: house.runtime.exists() and (house.ps().get("llm-0") or {}).get("endpoint"), 30)["http"]
            thief.bind(("127.0.0.1", int(url.rsplit(":", 1)[1])))
            thief.listen()
            out, _ = up.communicate(timeout=200)
            assert up.returncode == 1 and "llm-0 failed" in out, out
            assert "in use" in out or "not ours" in out, out
        finally:
            up.kill()
            up.communicate()
    house.assert_nothing_left()


def test_a_truncated_model(house: House, tiny: Path) -> None:
    """Refused before the start; and where a plan was made before it was torn, the engine's refusal is told."""
    torn = house.folder / "torn"
    shutil.copytree(tiny, torn)
    house.spec(llm=server(torn))
    (house.folder / "plan.json").write_text(house.berth("plan", "--json").stdout)
    os.truncate(torn / "model.safetensors", 5_000_000)
    up = house.up(llm=server(torn))
    assert up.returncode == 1 and "model.safetensors" in up.stderr, up.stderr
    assert not house.runtime.exists()
    up = house.berth("up", "-d", "--plan", "plan.json")
    assert up.returncode == 1 and "llm-0 failed" in up.stderr and re.search("cause: .*(cut|truncated|incomplete|damaged|broken)", up.stderr), up.stderr
    house.assert_nothing_left()


def test_a_kv_cache_too_small_for_the_context(house: House, tiny: Path) -> None:
    """Planned, it cannot be: the plan is made, and half of its pool taken away. What the diagnosis names then starts."""
    house.spec(llm=server(tiny, context=8192))
    plan = json.loads(house.berth("plan", "--json").stdout)
    argv = plan["phases"][0]["instances"][0]["launch"]["argv"]
    pool, context = argv.index("--kv-cache-memory-bytes") + 1, argv.index("--max-model-len") + 1
    argv[pool] = str(int(argv[pool]) // 2)
    (house.folder / "plan.json").write_text(json.dumps(plan))
    up = house.berth("up", "-d", "--plan", "plan.json")
    told = re.search(r"cause: the KV cache is too small: one request of 8192 tokens .* (\d+) tokens would fit", up.stderr)
    assert up.returncode == 1 and told, up.stderr
    assert f"try: --max-model-len {told[1]} (in the spec: `context: {told[1]}`)" in up.stderr
    house.assert_nothing_left()
    argv[context] = told[1]
    (house.folder / "plan.json").write_text(json.dumps(plan))
    up = house.berth("up", "-d", "--plan", "plan.json")
    assert up.returncode == 0, up.stderr
    llm = house.ps()["llm-0"]
    assert llm["kv_tokens"] >= int(told[1])
    answer = json.loads(ask(llm["endpoint"]["http"], "/v1/models")[1])
    assert answer["data"][0]["max_model_len"] == int(told[1])
    assert ask(llm["endpoint"]["http"], "/v1/completions", {"model": "llm", "prompt": "a" * (int(told[1]) - 8), "max_tokens": 2})[0] == 200
    house.down()


def adapter(folder: Path, rank: int = 8) -> Path:
    """A LoRA adapter of the tiny model's q_proj, in PEFT's words, with B = 0: it changes no answer."""
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": 16, "lora_dropout": 0.0, "bias": "none",
                                                            "target_modules": ["q_proj"], "base_model_name_or_path": None}))
    header, at = {}, 0
    for layer in range(4):
        for half, shape in (("A", [rank, 256]), ("B", [256, rank])):
            header[f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_{half}.weight"] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + 4 * 256 * rank]}
            at += 4 * 256 * rank
    words = json.dumps(header).encode()
    (folder / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(words)) + words + bytes(at))
    return folder


def test_an_adapter_comes_and_goes_while_it_serves(house: House, tiny: Path) -> None:
    llm = ready(house, tiny, args=["--enforce-eager", "--enable-lora", "--max-lora-rank", "16"], env={"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True"})
    url = llm["endpoint"]["http"]
    good, big = adapter(house.folder / "good"), adapter(house.folder / "big", 32)
    said = ask(url, "/v1/load_lora_adapter", {"lora_name": "mine", "lora_path": str(good)})
    assert said[0] == 200, said
    answer = ask(url, "/v1/completions", {"model": "mine", "prompt": "a", "max_tokens": 3})
    assert answer[0] == 200 and json.loads(answer[1])["model"] == "mine", answer
    status, why = ask(url, "/v1/load_lora_adapter", {"lora_name": "big", "lora_path": str(big)})
    assert status >= 400 and b"rank" in why, why
    assert ask(url, "/v1/unload_lora_adapter", {"lora_name": "mine"})[0] == 200
    assert ask(url, "/v1/completions", {"model": "mine", "prompt": "a", "max_tokens": 3})[0] == 404
    assert ask(url, "/v1/completions", {"model": "llm", "prompt": "a", "max_tokens": 3})[0] == 200
    assert house.ps()["llm-0"]["pids"] == llm["pids"] and house.berth("verify").returncode == 0
    house.down()
