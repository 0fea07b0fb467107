"""A real llama-server under berth, in RAM: planned, started, asked, stopped with a stream, killed, starved."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import threading
from pathlib import Path

import openai
import pytest
from engines import GET, LLAMA, House, alive, ask, eventually, in_order

MIB = 1 << 20
pytestmark = pytest.mark.quick


def server(gguf: Path, **more) -> dict:
    return {"engine": "llama-server", "engine_version": "0.5.0", "model": str(gguf), "bin": str(LLAMA / "bin" / "llama-server"), "gpus": 0, "context": 2048, **more}


def long_stream(url: str) -> threading.Thread:
    """A client that reads a long answer; the thread ends when it is cut off or done."""
    def read() -> None:
        try:
            ask(url, "/v1/completions", {"model": "llm", "prompt": "a", "max_tokens": 1500, "stream": True, "ignore_eos": True})
        except (OSError, http.client.HTTPException):
            pass                         # cut off
    t = threading.Thread(target=read, daemon=True)
    t.start()
    return t


def test_a_life(house: House, gguf: Path) -> None:
    up = house.up(llm=server(gguf))
    assert up.returncode == 0 and in_order(up.stderr, "loading", "ready", "warm"), up.stderr
    llm = house.ps()["llm-0"]
    client = openai.OpenAI(base_url=llm["endpoint"]["http"] + "/v1", api_key="none")
    assert client.completions.create(model="llm", prompt="hello", max_tokens=4).usage.completion_tokens >= 1
    assert sum(1 for _ in client.chat.completions.create(model="llm", messages=[{"role": "user", "content": "hi"}], max_tokens=5, stream=True)) >= 1
    assert house.temporary                           # looked for when it is down
    verify = house.berth("verify")
    assert verify.returncode == 0 and "inside" in verify.stdout, verify.stdout
    house.down()


def test_down_with_a_stream_running(house: House, gguf: Path) -> None:
    assert house.up(llm=server(gguf)).returncode == 0
    reader = long_stream(house.url("llm-0"))
    house.down()
    reader.join(30)
    assert not reader.is_alive()
    ends = [json.loads(line)["instance"] for line in house.berth("events", "--json").stdout.splitlines() if json.loads(line)["event"] == "inst"]
    assert ends[-1]["exit"]["status"] == 0           # its request ended, or berth cut it off: no second SIGTERM, which makes it exit with 1


@pytest.mark.parametrize("victim", ["leader", "keeper"])
def test_killed_and_started_again(house: House, gguf: Path, victim: str) -> None:
    assert house.up(llm=server(gguf)).returncode == 0
    llm = house.ps()["llm-0"]
    os.kill(llm["pids"][0] if victim == "leader" else llm["keeper"], signal.SIGKILL)
    house.until("llm-0", "ready", restarts=1)
    assert not any(alive(p) for p in llm["pids"])
    house.down()


def test_the_daemon_is_killed_and_the_server_is_not(house: House, gguf: Path) -> None:
    assert house.up(llm=server(gguf)).returncode == 0
    before = house.ps()["llm-0"]
    os.kill(house.daemon(), signal.SIGKILL)
    assert ask(before["endpoint"]["http"], "/health")[0] == 200
    after = house.until("llm-0", "ready")
    assert after["pids"] == before["pids"] and after["restarts"] == 0
    house.down()


def test_a_model_cut_in_half(house: House, gguf: Path) -> None:
    torn = house.folder / "torn.gguf"
    shutil.copy(gguf, torn)
    os.truncate(torn, gguf.stat().st_size // 2)
    up = house.up(llm=server(torn))
    assert up.returncode == 1 and "truncated: tensor blk.1.ffn_down.weight" in up.stderr, up.stderr
    house.assert_nothing_left()


def test_two_servers_in_turn_through_two_phases(house: House, gguf: Path) -> None:
    house.folder.joinpath("berth.yaml").write_text(json.dumps({"name": "real", "phases": ["one", "two"], "workloads": {
        "a": server(gguf, phases="one"), "b": server(gguf, phases="two"),
        "ask": {"kind": "job", "command": [*GET, "${workloads.a.url}/health"], "gpus": 0, "phases": "one", "after": {"a": "ready"}}}}))
    up = house.berth("up", "-d")
    assert up.returncode == 0, up.stderr
    house.until("b-0", "ready")
    assert house.ps()["a-0"]["state"] == "down" and house.ps()["ask-0"]["state"] == "done"
    house.down()


def test_too_little_memory_for_its_context(house: House, gguf: Path) -> None:
    """Refused before the start, with the context that fits; that one starts, with the pool it was planned."""
    house.spec(llm=server(gguf, context=8192))
    least = json.loads(house.berth("plan", "--json").stdout)["phases"][0]["instances"][0]["host"][0]["bytes"]
    short = f"{least - 4 * MIB}B"
    up = house.up(llm=server(gguf, context=8192, memory=short))
    assert up.returncode == 3, up.stderr
    told = re.search(r"workloads\.llm\.context\.min: (\d+)", up.stderr)
    assert told and 256 <= int(told[1]) < 8192, up.stderr
    up = house.up(llm=server(gguf, context=int(told[1]), memory=short))
    assert up.returncode == 0, up.stderr
    props = json.loads(ask(house.url("llm-0"), "/props")[1])
    assert props["default_generation_settings"]["n_ctx"] >= int(told[1])
    assert house.berth("verify").returncode == 0
    house.down()
