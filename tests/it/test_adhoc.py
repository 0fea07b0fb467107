"""Without a file: up MODEL, up -- vllm serve ..., run -- CMD."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S, Machine, eventually

GIB = 1 << 30


@pytest.fixture
def m(machine: Callable[..., Machine]) -> Iterator[Machine]:
    one = machine("2xA100-SXM4-40GB")
    one.env["BERTH_SIM_SPEED"] = "100"
    yield one
    one.berth("down")


def spec_of(m: Machine, *args: str) -> dict:
    """What --save writes. The plan itself may fail: no such engine, no room."""
    path = m.folder / "saved.yaml"
    path.unlink(missing_ok=True)
    m.berth("up", "-d", "--save", str(path), *args)
    m.berth("down")
    return json.loads(path.read_text())


def test_a_model_by_name(m: Machine) -> None:
    done = m.berth("up", "Qwen/Qwen3-8B", "--memory", "60%", "--context", "8192", "-d")
    assert done.returncode == 0, done.stderr
    ps = m.json("ps")
    llm = ps["instances"][0]
    assert ps["project"] == "qwen3-8b" and llm["id"] == "qwen3-8b-0" and llm["state"] == "ready"
    assert llm["ranks"][0]["planned_bytes"] < 26 * GIB


def test_the_spec_is_kept_and_never_written_over(m: Machine) -> None:
    spec = spec_of(m, "Qwen/Qwen3-8B", "--memory", "20GiB", "--port", "8123", "--name", "mine")
    assert spec == {"name": "mine", "workloads": {"qwen3-8b": {"engine": "vllm", "model": "Qwen/Qwen3-8B", "memory": "20GiB", "port": 8123}}}
    done = m.berth("up", "Qwen/Qwen3-8B", "--save", str(m.folder / "saved.yaml"))
    assert done.returncode == 1 and "there already" in done.stderr


def test_a_pasted_command(m: Machine) -> None:
    spec = spec_of(m, "--", "CUDA_VISIBLE_DEVICES=1", "VLLM_LOGGING_LEVEL=INFO", "vllm", "serve", "Qwen/Qwen3-8B", "--tensor-parallel-size", "1", "--max-model-len", "4096",
                   "--gpu-memory-utilization", "0.7", "--max-num-seqs", "16", "--enable-prefix-caching", "--chat-template", "a $HOME.jinja")
    w = spec["workloads"]["qwen3-8b"]
    assert (w["model"], w["tp"], w["context"], w["memory"]) == ("Qwen/Qwen3-8B", 1, 4096, "70%")
    assert w["args"] == ["--max-num-seqs", "16", "--enable-prefix-caching", "--chat-template", "a $$HOME.jinja"]
    assert w["env"] == {"VLLM_LOGGING_LEVEL": "INFO"}
    done = m.berth("up", "-d", "--", "CUDA_VISIBLE_DEVICES=1", "vllm", "serve", "Qwen/Qwen3-8B", "--max-model-len", "4096", "--max-num-seqs=16")
    assert done.returncode == 0, done.stderr
    assert m.json("ps")["instances"][0]["ranks"][0]["index"] == 1


@pytest.mark.parametrize(("args", "words"), [
    (["Qwen/Qwen3-8B", "Qwen/Qwen3-4B"], "one of: a spec"),
    (["-f", "x.yaml", "Qwen/Qwen3-8B"], "one of: a spec"),
    (["--memory", "40%"], "go with a MODEL"),
    (["Qwen/Qwen3-8B", "--context", "many"], "context"),
    (["--", "docker", "run", "vllm/vllm-openai:v0.11.0", "--model", "Qwen/Qwen3-8B"], "starts a container"),
    (["--", "vllm", "serve", "Qwen/Qwen3-8B", "--kv-cache-memory-bytes", "8G"], "what berth decides"),
    (["--", "python", "-m", "sglang.launch_server", "--model-path", "Qwen/Qwen3-8B"], "sglang"),
])
def test_what_it_cannot_take(m: Machine, args: list[str], words: str) -> None:
    done = m.berth("up", *args)
    assert done.returncode == 2 and words in done.stderr, done.stderr


def test_a_command_shows_its_output_and_gives_its_status(m: Machine) -> None:
    done = m.berth("run", "--memory", "4GiB", "--", "python3", "-c", "import os, sys; print(os.environ['CUDA_VISIBLE_DEVICES'][:4], '$HOME'); print('oops', file=sys.stderr); sys.exit(7)")
    assert done.returncode == 7 and done.stdout == "GPU- $HOME\n" and "oops\n" in done.stderr
    assert m.json("ps")["instances"] == []
    done = m.berth("run", "--gpus", "0", "--", "sh", "-c", "pwd; seq 3")
    assert done.returncode == 0 and done.stdout.splitlines()[1:] == ["1", "2", "3"]


def test_no_room_is_3_and_with_wait_it_waits(m: Machine) -> None:
    holder = m.popen(BERTH, "run", "--gpus", "2", "--", "sh", "-c", f"echo up; while [ ! -e {m.folder}/go ]; do sleep 0.05; done", stdout=subprocess.PIPE)
    second = None
    try:
        assert holder.stdout and holder.stdout.readline() == "up\n"
        done = m.berth("run", "--memory", "30GiB", "--", "true")
        assert done.returncode == 3, done.stderr
        second = m.popen(BERTH, "run", "--wait", "--memory", "30GiB", "--", "echo", "mine", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert second.stderr and "waiting" in second.stderr.readline()
        (m.folder / "go").touch()
        assert holder.wait(DEADLINE_S) == 0
        out, _ = second.communicate(timeout=DEADLINE_S)
        assert second.returncode == 0 and out == "mine\n"
    finally:
        for one in (holder, second):
            if one:
                one.kill()
                one.wait()
    eventually("nothing to be up", lambda: m.json("ps")["instances"] == [])


def test_run_needs_a_command() -> None:
    for args in (["run"], ["run", "true"], ["run", "--"]):
        assert subprocess.run([BERTH, *args], capture_output=True, check=False, env=os.environ).returncode == 2
