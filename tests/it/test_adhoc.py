"""Without a file: up MODEL, up -- vllm serve ..., run -- CMD."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S, Machine, eventually
from gguf_file import write_model
from test_cpu import tiny
from test_up_engines import install

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


def test_a_pasted_llama_server(m: Machine) -> None:
    install(m, llama_server="0.5.0")
    write_model(m.folder / "m.gguf", layers=8, hidden=1024, heads=8, feed=3072)
    command = ["llama-server", "-m", "m.gguf", "-c", "8192", "-np", "2", "-ngl", "99", "-ctk", "q8_0", "-ctv", "q8_0", "-fa", "on", "--host", "0.0.0.0", "-ts", "1,1", "--jinja"]
    spec = spec_of(m, "--", *command)
    assert spec["workloads"]["m-gguf"] == {"engine": "llama-server", "model": "./m.gguf", "kv_dtype": "q8_0", "context": 4096, "args": ["-np", "2", "-ngl", "99", "-fa", "on", "--jinja"]}
    done = m.berth("up", "-d", "--", str(m.folder / "bin" / "llama-server"), *command[1:])
    assert done.returncode == 0, done.stderr
    assert "-ts 1,1 is left out: the plan deals the layers" in done.stderr and "--host 0.0.0.0 is left out" in done.stderr
    one = m.json("ps")["instances"][0]
    assert one["id"] == "m-gguf-0" and one["warm"] is True and one["kv_tokens"] >= 8192


def test_a_pasted_sglang(m: Machine) -> None:
    install(m, sglang="0.5.23")
    tiny(m.folder / "m", 2048)
    words = {f"w{i}": i for i in range(1000)}
    (m.folder / "m" / "tokenizer.json").write_text(json.dumps({"version": "1.0", "model": {"type": "WordLevel", "vocab": words, "unk_token": "w0"}}))
    command = ["python3", "-m", "sglang.launch_server", "--model-path", "./m", "--tp", "1", "--context-length", "1024", "--mem-fraction-static", "0.5", "--dtype", "bfloat16",
               "--chunked-prefill-size", "512", "--port", "0x"]
    assert m.berth("up", "--", *command).returncode == 2
    spec = spec_of(m, "--", *command[:-2])
    assert spec["workloads"]["m"] == {"engine": "sglang", "model": "./m", "dtype": "bfloat16", "tp": 1, "context": 1024, "args": ["--chunked-prefill-size", "512"]}
    done = m.berth("up", "-d", "--", *command[:-2])
    assert done.returncode == 0 and "--mem-fraction-static 0.5 is left out" in done.stderr, done.stderr
    assert m.json("ps")["instances"][0]["warm"] is True


def test_a_pasted_command_for_the_cpu(m: Machine) -> None:
    """gpus: 0, beside a free card; the pool that a variable asks for is berth's to size."""
    tiny(m.folder / "m", 4096)
    write_model(m.folder / "m.gguf", layers=4, hidden=512, heads=8, feed=1024)
    spec = spec_of(m, "--", "python3", "-m", "sglang.launch_server", "--model-path", "./m", "--device", "cpu", "--tp", "1")
    assert spec["workloads"]["m"] == {"engine": "sglang", "model": "./m", "gpus": 0}
    spec = spec_of(m, "--", "llama-server", "-m", "m.gguf", "--device", "none", "-c", "2048")
    assert spec["workloads"]["m-gguf"] == {"engine": "llama-server", "model": "./m.gguf", "gpus": 0, "context": 2048}
    done = m.berth("up", "-d", "--save", "x.yaml", "--", "VLLM_CPU_KVCACHE_SPACE=2", "vllm", "serve", "./m")
    assert "VLLM_CPU_KVCACHE_SPACE=2 is left out" in done.stderr
    assert json.loads((m.folder / "x.yaml").read_text())["workloads"]["m"] == {"engine": "vllm", "model": "./m", "gpus": 0}


def test_what_the_shell_has_does_not_win_over_the_plan(m: Machine) -> None:
    tiny(m.folder / "m", 4096)
    up = m.berth("up", "-d", "./m", env={"VLLM_CPU_KVCACHE_SPACE": "4", "VLLM_PP_LAYER_PARTITION": "1,7"})
    assert up.returncode == 0 and up.stderr.count("would win over what is planned") == 2, up.stderr
    leader = m.json("ps")["instances"][0]["pids"][0]
    env = Path(f"/proc/{leader}/environ").read_bytes()
    assert b"VLLM_CPU_KVCACHE_SPACE" not in env and b"VLLM_PP_LAYER_PARTITION" not in env and b"BERTH_KEEPER=" in env


def test_the_program_that_was_named_is_the_one(m: Machine) -> None:
    spec = spec_of(m, "--", "/opt/v/bin/vllm", "serve", "Qwen/Qwen3-8B", "--max-model-len", "4096")
    assert spec["workloads"]["qwen3-8b"]["bin"] == "/opt/v/bin/vllm"
    spec = spec_of(m, "--", "/opt/v/bin/python3", "-m", "vllm.entrypoints.openai.api_server", "--model", "Qwen/Qwen3-8B")
    assert spec["workloads"]["qwen3-8b"]["venv"] == "/opt/v"


@pytest.mark.parametrize(("args", "words"), [
    (["Qwen/Qwen3-8B", "Qwen/Qwen3-4B"], "one of: a spec"),
    (["-f", "x.yaml", "Qwen/Qwen3-8B"], "one of: a spec"),
    (["--memory", "40%"], "go with a MODEL"),
    (["Qwen/Qwen3-8B", "--context", "many"], "context"),
    (["--", "docker", "run", "vllm/vllm-openai:v0.11.0", "--model", "Qwen/Qwen3-8B"], "starts a container"),
    (["--", "vllm", "serve", "Qwen/Qwen3-8B", "--kv-cache-memory-bytes", "8G"], "what berth decides"),
    (["--", "llama-server", "-m", "x.gguf", "-ctk", "q8_0"], "one type for both"),
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


def test_a_whole_card_is_not_what_a_server_left_of_one(m: Machine) -> None:
    assert m.berth("up", "Qwen/Qwen3-8B", "--gpus", "0", "-d").returncode == 0
    done = m.berth("run", "--on", "0", "--", "true")
    assert done.returncode == 3 and "no whole card is free: GPU 0" in done.stderr and "--memory" in done.stderr, done.stderr
    done = m.berth("run", "--", "sh", "-c", "echo $CUDA_VISIBLE_DEVICES")
    assert done.returncode == 0 and done.stdout.strip() == m.json("gpus")["gpus"][1]["uuid"], done.stderr


@pytest.mark.parametrize(("args", "said"), [
    (("run", "--memory", "70GiB", "--", "true"), "--memory 39808MiB\n"),
    (("run", "--gpus", "9", "--", "true"), "--gpus 2\n"),
    (("up", "meta-llama/Llama-3.1-8B-Instruct", "--memory", "8GiB"), "--memory 10416MiB\n"),
    (("run", "--gpus", "2xRTX-4090", "--", "true"), "berth run: gpus: want a number"),
    (("up", "Qwen/Qwen2.5-72B-Instruct", "--context", "2048"), "--context 1024 --quantization fp8\n"),
    (("up", "Qwen/Qwen2.5-7B-Instruct", "--context", "131072"), "--context 32768\n"),
    (("up", "Qwen/Qwen2.5-72B-Instruct"), "it fits on 2 x NVIDIA A100-SXM4-80GB\n"),
])
def test_a_way_out_is_an_option_of_the_command(m: Machine, args: tuple[str, ...], said: str) -> None:
    """There is no file to change, and no line in one."""
    done = m.berth(*args)
    assert done.returncode in (2, 3) and said in done.stderr
    assert "workloads." not in done.stderr and "the command line" not in done.stderr and "  gpus: " not in done.stderr
    if said.startswith("--"):                                        # and it is one
        again, words = list(args), said.split()
        for option, value in zip(words[::2], words[1::2]):
            if option in again:
                again[again.index(option) + 1] = value
            else:
                again += [option, value]
        assert m.berth(*again, *(["-d"] if args[0] == "up" else [])).returncode == 0


def test_run_needs_a_command() -> None:
    for args in (["run"], ["run", "true"], ["run", "--"]):
        assert subprocess.run([BERTH, *args], capture_output=True, check=False, env=os.environ).returncode == 2


@pytest.mark.skipif(Path("/proc/driver/nvidia/version").exists(), reason="this machine has a driver")
@pytest.mark.parametrize("args", [("up", "Qwen/Qwen3-8B"), ("run", "--", "true"), ("up", "--gpus", "2xA100-SXM4-40GB", "Qwen/Qwen3-8B")])
def test_without_a_driver_a_named_fleet_is_no_way_out(tmp_path: Path, args: tuple[str, ...]) -> None:
    env = {k: v for k, v in os.environ.items() if k not in ("LD_LIBRARY_PATH", "BERTH_SIM_STATE")} | {"BERTH_RUNTIME_DIR": str(tmp_path / "run"), "BERTH_STATE_DIR": str(tmp_path)}
    done = subprocess.run([BERTH, *args], capture_output=True, text=True, env=env, cwd=tmp_path, check=False)
    assert done.returncode == 1 and "no NVIDIA driver" in done.stderr, done.stderr
    assert "berth doctor" in done.stderr and "name a fleet" not in done.stderr


def test_several_changes_are_all_typed(machine: Callable[..., Machine]) -> None:
    """None of them can be spared: each is an option, or all are keys of a spec."""
    m = machine("1xRTX-4090")
    m.env["BERTH_SIM_SPEED"] = "100"
    done = m.berth("up", "-d", "Qwen/Qwen3-14B", "--memory", "12GiB", "--context", "40960")
    assert done.returncode == 3 and "these 3 together are, and none of them can be spared" in done.stderr, done.stderr
    said = done.stderr.splitlines()[-1].split()
    assert said[::2] == ["--context", "--memory", "--quantization"], done.stderr
    done = m.berth("up", "-d", "Qwen/Qwen3-14B", *said)
    assert done.returncode == 0, done.stderr
    m.berth("down")
    done = m.berth("up", "-d", "--", "vllm", "serve", "Qwen/Qwen3-14B", "--max-model-len", "40960", "--tensor-parallel-size", "3", "--gpu-memory-utilization", "0.5")
    assert done.returncode == 3 and "these 4 together are" in done.stderr, done.stderr
    assert [part.split(": ")[0].removeprefix("workloads.qwen3-14b.") for part in done.stderr.splitlines()[-1].strip().split(", ")] == [
        "tp", "context.min", "memory", "quantization", "in a spec (`berth up -f berth.yaml`)"], done.stderr
