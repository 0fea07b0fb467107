"""Ready is not the end of looking: what hangs, or goes on without a part of itself, is stopped and started again."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import DEADLINE_S, Machine, alive, eventually
from plans import HTTP, PORT, House, instance, plan, python, web
from test_run_gpu import GIB, Cards

SHAPE = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32,
         "num_key_value_heads": 8, "vocab_size": 32000, "max_position_embeddings": 4096, "torch_dtype": "bfloat16", "tie_word_embeddings": True, "rms_norm_eps": 1e-5}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path, {**os.environ, "BERTH_HANG": "1s"})
    yield one
    one.close()


@pytest.fixture
def cards(machine: Callable[..., Machine]) -> Iterator[Cards]:
    one = Cards(machine("2xA100-SXM4-40GB"))
    one.env |= {"BERTH_TOKENS_STALL": "1s"}
    yield one
    one.close()


def server(cards: Cards, tp: int) -> dict:
    model = cards.folder / "model"
    model.mkdir(exist_ok=True)
    (model / "config.json").write_text(json.dumps(SHAPE))
    used = cards.cards[:tp]
    return instance("llm-0", ["vllm", "serve", str(model), "--host", "127.0.0.1", "--port", "{port}", "--kv-cache-memory-bytes", str(2 * GIB), "--max-model-len", "4096",
                              "--tensor-parallel-size", str(tp), "--served-model-name", "llm"],
                    "server", ranks=[{"gpu": c["uuid"], "index": c["index"], "bytes": 12 * GIB} for c in used], ports=PORT, endpoint=HTTP,
                    ready={"kind": "http", "path": "/health"}, engine="vllm",
                    env={"CUDA_VISIBLE_DEVICES": ",".join(c["uuid"] for c in used), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"})


def named(house: House, ident: str, comm: str) -> list[int]:
    return [p for p in house.ps()[ident]["pids"] if Path(f"/proc/{p}/comm").read_text().startswith(comm)]


def next_life(house: House, ident: str) -> dict:
    return eventually("its next life", lambda: (i := house.ps()[ident])["state"] == "ready" and i["restarts"] >= 1 and i)  # type: ignore[return-value]


def test_a_service_that_hangs_is_killed_and_started_again(house: House) -> None:
    assert house.up(plan("p", web("w-0", stop_grace_ms=100)), "-d").returncode == 0
    first = house.ps()["w-0"]["pids"]
    os.kill(first[0], signal.SIGSTOP)
    next_life(house, "w-0")
    assert not alive(first[0])
    assert "no answer to GET / for 1.0 s, though it lives" in (house.runtime / "daemon.log").read_text()


def test_shared_memory_of_a_killed_instance_is_removed(house: House) -> None:
    name, other = f"berth-test-{os.getpid()}", f"berth-test-others-{os.getpid()}"
    code = (f"import mmap, os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nfd = os.open('/dev/shm/{name}', os.O_RDWR | os.O_CREAT)\n"
            "os.ftruncate(fd, 4096)\nm = mmap.mmap(fd, 4096)\nprint('up', flush=True)\ntime.sleep(1000)")
    try:
        Path(f"/dev/shm/{other}").write_bytes(b"x" * 4096)
        assert house.up(plan("p", instance("m-0", python(code), ready={"kind": "log", "pattern": "^up$"}, stop_grace_ms=100)), "-d").returncode == 0
        assert Path(f"/dev/shm/{name}").exists()
        assert house.berth("down").returncode == 0
        assert not Path(f"/dev/shm/{name}").exists() and Path(f"/dev/shm/{other}").exists()
    finally:
        for one in (name, other):
            Path(f"/dev/shm/{one}").unlink(missing_ok=True)


def test_a_worker_that_dies_ends_the_whole_engine(cards: Cards) -> None:
    up = cards.up(server(cards, 2))
    assert up.returncode == 0, up.stderr
    before = cards.ps()["llm-0"]["pids"]
    eventually("its processes to be noted", lambda: (cards.runtime / "inst" / "set" / "llm-0" / "ready").exists())
    os.kill(named(cards, "llm-0", "VLLM::Worker")[1], signal.SIGKILL)
    next_life(cards, "llm-0")
    assert not any(alive(p) for p in before)
    assert cards.berth("down").returncode == 0
    assert cards.machine.used() == [0, 0]


def test_requests_without_tokens_are_a_hang(cards: Cards) -> None:
    up = cards.up(server(cards, 1))
    assert up.returncode == 0, up.stderr
    llm = cards.ps()["llm-0"]
    body = json.dumps({"model": "llm", "prompt": "x", "max_tokens": 4000, "stream": True}).encode()

    def ask() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(f"{llm['endpoint']['http']}/v1/completions", body, {"Content-Type": "application/json"}), timeout=DEADLINE_S) as r:
                r.read()
        except (OSError, http.client.HTTPException):
            pass                         # it is cut off: that is the point

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    eventually("the request to run", lambda: b"num_requests_running" in (m := urllib.request.urlopen(f"{llm['endpoint']['http']}/metrics").read())
               and any(line.startswith(b"vllm:num_requests_running") and line.endswith(b" 1.0") for line in m.splitlines()))
    for pid in named(cards, "llm-0", "VLLM::EngineCor"):
        os.kill(pid, signal.SIGSTOP)
    next_life(cards, "llm-0")
    assert "no token has come for" in (cards.runtime / "daemon.log").read_text()
