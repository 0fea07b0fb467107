"""The life of berth-sim-engine as vLLM beside that of real ones: tests/data/live has the records, docs/sim.md the table of which each row is shown here."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading
from pathlib import Path

import pytest
from conftest import DEADLINE_S, ROOT, Machine, eventually, free_port
from simengine import Engine, Stream, gib

LIVE = ROOT / "tests/data/live"
SMALL = ("Qwen/Qwen2.5-0.5B-Instruct", "--served-model-name", "small", "--max-model-len", "8192", "--gpu-memory-utilization", "0.4")
TP2 = (*SMALL, "--tensor-parallel-size", "2")
DEV = {"VLLM_SERVER_DEV_MODE": "1", "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1"}


@pytest.fixture
def start(machine):
    engines: list[Engine] = []
    shared: Machine = machine("2xA100-SXM4-40GB", "--release-delay", "50ms")

    def go(*args: str, **more) -> Engine:
        engines.append(Engine(shared, *(args or SMALL), **more))
        return engines[-1]

    go.machine = shared  # type: ignore[attr-defined]
    yield go
    for e in engines:
        e.stop()


# ---- lines ----

def key(line: str) -> str | None:
    """Who says it, and the first words without figures; None: not a line of a kind that is compared."""
    m = re.match(r"\((\w[\w-]*?)(?:_(?:PP|TP)\d+)*(?:-\d+)? pid=\d+\) (?:INFO|WARNING|ERROR) [\d-]+ [\d:]+ \[[\w.]+:\d+\] (.*)", line)
    who, text = (m[1], m[2]) if m else ("uvicorn", line[10:]) if line.startswith("INFO:     ") else ("", "")
    if "Loading safetensors" in line:
        return "bar"
    words = re.sub(r"[\d.,'\"\[\]{}():<>/]+", " ", text.replace("[shutdown] ", "").replace("CPU KV", "GPU KV")).split()[:2 if "Resolved" in text else 3]
    # the CPU build has a worker for one rank too; EngineCore's and workers' last words race with the API server's
    return f"{'Engine' if who in ('EngineCore', 'Worker', 'VllmWorker') else who}: {' '.join(words)}" if words else None


def keys(text: str) -> list[str]:
    lines = [line for line in text.replace("\r", "").splitlines() if not line.startswith("(Worker_TP1")]      # ranks race
    return once([k for k in map(key, lines) if k])


def once(found: list[str]) -> list[str]:
    return [k for i, k in enumerate(found) if i == 0 or k != found[i - 1]]


def record(name: str) -> str:
    lines = (LIVE / f"{name}.log").read_text().splitlines()
    return "\n".join(line[11:] for line in lines if line[9:10] in "oe")


# Lines of the record that only a CPU build, its compiler or its libraries say, or that come from the model's files.
ONLY_REAL = {"Upcasting", "Inductor", "Final", "Triton", "Reset", "Model", "Enabled", "OpenMP", "VLLM_CPU_OMP_THREADS_BIND=", "local_world_size=", "reserved_cpus=",
             "libtcmalloc", "libiomp", "Auto-prefetch", "Explicitly", "Scale-out", "Detected", "CR", "Using"}
RACING = {"Engine: EngineCore trigger received", "Engine: EngineCore start mode=abort", "Engine: EngineCore request processing", "Engine: EngineCore exiting busy",
          "Engine: Executor waiting for", "Engine: Executor all workers", "Engine: Parent process exited", "APIServer: force killing sub", "APIServer: Process manager force"}


def test_order_of_lines_one_rank(start):
    compare(start, "vllm_ok_tp1", SMALL, ONLY_REAL | {"DP"})     # the CPU build has a worker process for one rank


def test_order_of_lines_two_ranks_with_adapters(start):
    compare(start, "vllm_ok_tp2_lora", (*TP2, "--enable-lora"), ONLY_REAL)


def compare(start, name: str, args: tuple[str, ...], only_real: set[str]) -> None:
    e = start(*args, "--enforce-eager", env=DEV).ready()
    assert e.post("/v1/completions", {"model": "small", "prompt": "x", "max_tokens": 2})[0] == 200
    e.signal(signal.SIGTERM)
    assert e.ended() == 0
    ours, theirs = keys(e.text()), keys(record(name))
    # EngineCore configures itself a second time before the API server goes on: the CPU build says so, a GPU does not
    theirs = [k for i, k in enumerate(theirs) if not (k.endswith("Enforce eager set") and k.startswith("Engine"))]
    missing = [k for k in theirs if k not in ours and k not in RACING and k.split(": ", 1)[1].split()[0] not in only_real]
    assert not missing
    common = set(ours) & set(theirs) - RACING
    assert once([k for k in ours if k in common]) == once([k for k in theirs if k in common])


# ---- SIGTERM at every age ----

def test_sigterm_during_imports_ends_it_at_once(start):
    e = start(env={"BERTH_SIM_SPEED": "0.5"})
    eventually("the process", lambda: "vllm" in e.names())
    e.signal(signal.SIGTERM)
    assert e.ended() == -signal.SIGTERM and not e.text()


def test_sigterm_in_config_is_a_keyboard_interrupt(start):
    e = start(env={"BERTH_SIM_SPEED": "0.5"}).logged("non-default args")
    e.signal(signal.SIGTERM)
    assert e.ended() == -signal.SIGINT
    assert e.text().rstrip().endswith(record("vllm_term_in_config").rstrip().splitlines()[-1])


def test_sigterm_while_enginecore_imports_leaves_both_waiting(start):
    e = start(env={"BERTH_SIM_SPEED": "1.5"})
    eventually("EngineCore's process", lambda: len(e.family()) == 3)
    e.signal(signal.SIGTERM)
    eventually("EngineCore to have its name", lambda: "VLLM::EngineCor" in e.names())
    with pytest.raises(subprocess.TimeoutExpired):
        e.proc.wait(1)                               # silence, ten minutes long
    assert "Initializing a V1" not in e.text()
    e.signal(signal.SIGTERM)
    assert e.ended() == -signal.SIGINT and "KeyboardInterrupt: terminated" in e.text()


def test_sigterm_while_loading_is_forgotten_and_ready_follows(start):
    e = start(env={"BERTH_SIM_SPEED": "4"}).logged("Starting to load model")
    e.signal(signal.SIGTERM)
    e.ready().signal(signal.SIGTERM)
    assert e.ended() == 0


def test_third_signal_cuts_the_clean_up_and_leaves_orphans(start):
    e = start(*TP2, env={"BERTH_SIM_SPEED": "2"}).logged("Starting to load model")
    e.signal(signal.SIGTERM)
    e.logged("100% Completed").signal(signal.SIGTERM).logged("send sigterm to process EngineCore").signal(signal.SIGTERM)
    assert e.ended() == -signal.SIGTERM
    assert "VLLM::EngineCor" in e.names()            # it has had its SIGTERM, finishes loading and goes
    eventually("the orphans to leave", lambda: not e.family())


def test_sigterm_to_the_group_while_loading_leaves_the_api_server_waiting(start):
    e = start(*TP2, env={"BERTH_SIM_SPEED": "2"}).logged("Starting to load model")
    os.killpg(e.proc.pid, signal.SIGTERM)
    eventually("engine and workers to go", lambda: not {n for n in e.names() if n.startswith("VLLM")})
    with pytest.raises(subprocess.TimeoutExpired):
        e.proc.wait(1)
    e.signal(signal.SIGTERM)
    assert e.ended() == -signal.SIGINT


def test_sigterm_before_listen(start):
    e = start(env={"BERTH_SIM_SPEED": "2"}).logged("Available routes are:")
    e.signal(signal.SIGTERM)
    assert e.ended() == -signal.SIGINT
    eventually("the tree to end", lambda: not e.family())


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT])
def test_hangup_and_quit_orphan_the_engine(start, number):
    e = start(*TP2).ready().signal(number)
    assert e.ended() == -number
    assert len([n for n in e.names() if n.startswith("VLLM")]) == 3 and start.machine.used()[0] > 2**30
    os.kill(e.pid_of("VLLM::EngineCore"), signal.SIGTERM)
    eventually("the orphans to go on SIGTERM", lambda: not e.family())


# ---- streams and the stop ----

def test_stop_with_a_stream_ends_it_with_an_error_and_done(start):
    e = start().ready()
    s = Stream(e)
    e.signal(signal.SIGTERM)
    assert e.ended() == 0
    s.join(DEADLINE_S)
    assert json.loads(s.events[-2])["error"]["code"] == 500 and s.events[-1] == "[DONE]" and s.ended == "end"
    assert "AsyncLLM output_handler failed." in e.text() and "Waiting for connections to close" not in e.text()


def test_stop_that_hangs_on_a_stream(start):
    e = start(env={"BERTH_SIM_STOP": "hang"}).ready()
    s = Stream(e)
    e.signal(signal.SIGTERM).logged("Waiting for connections to close. (CTRL+C to force quit)")
    assert e.get("/health", timeout=2)[0] == 0       # nobody accepts any more
    e.signal(signal.SIGTERM).signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        e.proc.wait(1)
    s.close()
    assert e.ended() == 0 and keys(e.text())[-1] == keys(record("vllm_term_stream_hang"))[-1]


def test_drain_takes_the_whole_limit(start):
    e = start(*SMALL, "--shutdown-timeout", "60", env={"BERTH_SIM_SPEED": "10"}).ready()         # 6 s at this speed
    Stream(e, 3)
    Stream(e)
    e.signal(signal.SIGTERM).logged("stopping engine client mode=drain timeout=60s")
    assert e.get("/health")[0] == 200
    assert "cannot schedule new futures after shutdown" in e.post("/v1/completions", {"model": "small", "prompt": "x"})[1]
    assert e.ended() == 0 and "force killing remaining process EngineCore" in e.text()


def test_closed_client_is_aborted(start):
    e = start().ready()
    Stream(e).close()
    eventually("the request to be dropped", lambda: 'num_requests_running{engine="0",model_name="small"} 0.0' in e.get("/metrics")[1])


# ---- deaths ----

def test_death_of_enginecore_idle(start):
    e = start().ready()
    os.kill(e.pid_of("VLLM::EngineCore"), signal.SIGKILL)
    eventually("health 503", lambda: e.get("/health")[0] == 503)
    assert e.ended() == 0
    real = [k for k in keys(record("vllm_kill9_enginecore_idle")) if "MPClient" in k or "AsyncLLM" in k]
    assert [k for k in keys(e.text()) if k in real] == real


def test_death_of_enginecore_with_a_stream(start):
    e = start().ready()
    s = Stream(e)
    os.kill(e.pid_of("VLLM::EngineCore"), signal.SIGKILL)
    assert e.ended() == 0
    s.join(DEADLINE_S)
    assert "EngineCore encountered an issue" in s.events[-2] and s.events[-1] == "[DONE]"


def test_death_of_a_worker_in_a_collective_leaves_health_200(start):
    e = start(*TP2, env={"BERTH_SIM_SPEED": "3"}).ready()
    Stream(e)
    victim = e.pid_of("VLLM::Worker_TP1")
    os.kill(victim, signal.SIGKILL)
    e.logged("died unexpectedly (exit code: -9), shutting down executor.")
    assert e.get("/health")[0] == 200                # 5 + 4 s of patience, here a third
    assert e.ended() == 0
    eventually("the tree to end", lambda: not e.family())


def test_stopped_enginecore_holds_streams_while_health_says_200(start):
    e = start().ready()
    s = Stream(e)
    core = e.pid_of("VLLM::EngineCore")
    os.kill(core, signal.SIGSTOP)
    eventually("it to stop", lambda: Path(f"/proc/{core}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T")
    counted = generated(e)
    assert e.get("/health")[0] == 200 and generated(e) == counted
    os.kill(core, signal.SIGCONT)
    eventually("the stream to go on", lambda: generated(e) > counted)
    s.close()


def generated(e: Engine) -> float:
    found = re.search(r"^vllm:generation_tokens_total\{.*\} ([\d.]+)", e.get("/metrics")[1], re.M)
    assert found
    return float(found[1])


# ---- ports ----

def test_two_servers_on_one_port_both_say_complete(start):
    port = free_port()
    one, two = start(port=port, env={"BERTH_SIM_SPEED": "4"}), start(port=port, env={"BERTH_SIM_SPEED": "4", "CUDA_VISIBLE_DEVICES": "1"})
    for e in (one, two):
        e.logged("Application startup complete.")
    assert one.get("/health")[0] == 200 and one.proc.poll() is None and two.proc.poll() is None
    listeners = [e for e in (one, two) if listens(e.proc.pid, port)]
    assert len(listeners) == 1


def listens(pid: int, port: int) -> bool:
    inodes = {line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
              if line.split()[3] == "0A" and int(line.split()[1].split(":")[1], 16) == port}
    fds = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd") if os.path.islink(f"/proc/{pid}/fd/{n}")]
    return any(f == f"socket:[{i}]" for f in fds for i in inodes)


def test_stranger_that_listens_first_is_named_at_the_end(start):
    e = start(env={"BERTH_SIM_SPEED": "2"}).logged("Starting to load model")
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", e.port))
        thief.listen()
        e.logged("Application startup complete.").signal(signal.SIGTERM)
        assert e.ended() == 0
    assert f"port {e.port} is used by another process" in e.text()


# ---- failures of start: the telling line of the record, figures and paths aside ----

@pytest.mark.parametrize(("name", "model", "flags", "code", "telling"), [
    ("vllm_fail_unknown_flag", None, ("--no-such-flag", "3"), 2, r"vllm: error: unrecognized arguments: .*--no-such-flag"),
    ("vllm_fail_max_len_too_long", None, ("--max-model-len", "999999"), 1, r"Value error, User-specified max_model_len \(999999\) is greater than the derived max_model_len"),
    ("vllm_fail_tp3_heads8", None, ("--tensor-parallel-size", "3"), 1, r"Value error, Total number of attention heads \(\d+\) must be divisible by tensor parallel size \(3\)\."),
    ("vllm_fail_bad_path", "./nope", (), 1, r"HFValidationError: Repo id must use alphanumeric chars.*'\./nope'\."),
    ("vllm_fail_no_config", "./empty", (), 1, r"Value error, Invalid repository ID or local directory specified: '\./"),
    ("vllm_fail_kv_none", None, ("--kv-cache-memory-bytes", "1K"), 1, r"ValueError: "),
    ("vllm_fail_kv_too_small", None, ("--kv-cache-memory-bytes", "1M"), 1,
     r"ValueError: To serve at least one request with the model's max seq len \(\d+\), \([\d.]+ GiB KV cache is needed, which is larger than the available KV cache "
     r"memory \([\d.]+ GiB\)\. Based on the available memory, the estimated maximum model length is \d+\."),
])
def test_failures_in_the_words_of_the_record(start, name, model, flags, code, telling):
    (start.machine.folder / "empty").mkdir(exist_ok=True)
    assert re.search(telling, record(name)), "the record itself"
    e = start(*((model, *SMALL[1:]) if model else SMALL), *flags)
    assert e.ended() == code
    assert re.search(telling, e.text())
    eventually("nobody to be left", lambda: not e.family())


# ---- memory of neighbours ----

def kv_gib(e: Engine) -> float:
    return gib(r"Available KV cache memory: ([\d.-]+) GiB", e.text())


def test_two_starts_at_once_are_charged_with_each_others_memory(start):
    alone = start().ready()
    size = kv_gib(alone)
    alone.stop()
    eventually("the memory to come back", lambda: not any(start.machine.used()))
    slow = start(env={"BERTH_SIM_SPEED": "1"}).logged("Starting to load model")
    quick = start(*SMALL[:-1], "0.2", env={"BERTH_SIM_SPEED": "100"}).ready()
    slow.logged("Available KV cache memory")
    assert kv_gib(slow) < size - 5                   # the quick one took a fifth of 39 GiB meanwhile
    quick.stop()


def test_neighbour_that_frees_memory_trips_the_assertion(start):
    quick = start(*SMALL[:-1], "0.5").ready()
    slow = start(env={"BERTH_SIM_SPEED": "1"}).logged("Starting to load model")
    quick.stop()
    assert slow.ended() == 1
    assert "AssertionError: Error in memory profiling. Initial free memory" in slow.text()


# ---- sleep ----

def test_sleep_gives_memory_back_and_wakes(start):
    e = start(*SMALL, "--enable-sleep-mode", env=DEV).ready()
    full = start.machine.used()[0]
    assert e.post("/sleep?level=1", b"") == (200, '{"status":"sleeping"}')
    asleep = start.machine.used()[0]
    assert full - asleep > 13 * 2**30 and asleep > 2**28             # weights and KV; the context stays
    assert e.get("/is_sleeping")[1] == '{"is_sleeping":true}' and 'sleep_state="weights_offloaded"' in e.get("/metrics")[1]
    assert e.get("/health")[0] == 200
    assert e.post("/wake_up?tags=weights", b"")[0] == 200
    assert asleep + 2**28 < start.machine.used()[0] < full
    assert e.get("/is_sleeping")[1] == '{"is_sleeping":true}'
    assert e.post("/wake_up", b"") == (200, '{"status":"awake"}')
    assert start.machine.used()[0] == full
    assert e.post("/v1/completions", {"model": "small", "prompt": "x", "max_tokens": 2})[0] == 200


def test_kv_alone_is_released_only_while_paused(start):
    e = start(*TP2, "--enable-sleep-mode", env=DEV).ready()
    full = start.machine.used()
    assert e.post("/release_kv_cache_memory", b"")[0] == 400
    assert e.post("/pause?mode=keep", b"")[0] == 200
    assert e.post("/release_kv_cache_memory", b"")[0] == 200
    assert all(now < before - 10 * 2**30 for now, before in zip(start.machine.used(), full))
    assert e.post("/wake_up?tags=kv_cache", b"")[0] == 200
    assert start.machine.used() == full


def test_sleep_without_the_flag_answers_200_and_frees_nothing(start):
    e = start(env=DEV).ready()
    full = start.machine.used()[0]
    assert e.post("/sleep", b"")[0] == 200 and start.machine.used()[0] == full


def test_sleep_needs_development_mode(start):
    assert start(*SMALL, "--enable-sleep-mode").ready().post("/sleep", b"")[0] == 404


def test_wake_that_finds_no_memory_is_the_engines_end(start):
    e = start(*SMALL, "--enable-sleep-mode", env=DEV).ready()
    e.post("/sleep?level=2", b"")
    start(*SMALL[:-1], "0.85").ready()
    assert e.post("/wake_up", b"")[0] == 500
    assert e.ended() == 0 and "out of memory at cumem_allocator" in e.text()


# ---- adapters: vllm_lora_stale_error_tp2 ----

def adapter(folder: Path, rank: int, cut: bool = False) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": rank, "lora_alpha": 16, "target_modules": ["q_proj"]}))
    head = json.dumps({"a": {"dtype": "F16", "shape": [rank, 64], "data_offsets": [0, rank * 128]}}).encode()
    (folder / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + bytes(0 if cut else rank * 128))
    return folder


def load(e: Engine, name: str, path: Path | str) -> tuple[int, str]:
    status, text = e.post("/v1/load_lora_adapter", {"lora_name": name, "lora_path": str(path)})
    return status, json.loads(text) if status == 200 else json.loads(text)["error"]["message"]


def test_adapters(start, tmp_path):
    good, big, cut = adapter(tmp_path / "good", 8), adapter(tmp_path / "big", 32), adapter(tmp_path / "cut", 8, cut=True)
    e = start(*SMALL, "--enable-lora", "--max-lora-rank", "16", env=DEV).ready()
    real = record("vllm_lora_stale_error_tp2")
    assert load(e, "a1", good) == (200, "Success: LoRA adapter 'a1' added successfully.")
    assert "has already been loaded" in load(e, "a1", good)[1]
    assert load(e, "b", tmp_path / "none")[0] == 404
    status, text = load(e, "big", big)
    assert status == 500 and "Worker failed with error 'LoRA rank 32 is greater than max_lora_rank 16.'" in text and text.split(": ", 1)[1] in real
    assert "incomplete metadata, file not fully covered" in load(e, "cut", cut)[1]
    assert load(e, "small", good)[0] == 400
    assert [m["id"] for m in json.loads(e.get("/v1/models")[1])["data"]] == ["small", "a1"]
    assert e.post("/v1/completions", {"model": "a1", "prompt": "x", "max_tokens": 1})[0] == 200
    assert e.post("/v1/unload_lora_adapter", {"lora_name": "a1"}) == (200, '"Success: LoRA adapter \'a1\' removed successfully."')
    assert e.post("/v1/unload_lora_adapter", {"lora_name": "a1"})[0] == 404
    status, text = e.post("/v1/completions", {"model": "a1", "prompt": "x"})
    assert status == 404 and "The model `a1` does not exist." in text


def test_with_two_ranks_the_next_good_adapter_gets_the_old_error(start, tmp_path):
    good, big = adapter(tmp_path / "good", 8), adapter(tmp_path / "big", 32)
    e = start(*TP2, "--enable-lora", "--max-lora-rank", "16", env=DEV).ready()
    assert load(e, "big", big)[0] == 500
    status, text = load(e, "a2", good)
    assert status == 500 and "LoRA rank 32 is greater" in text
    assert load(e, "a2", good)[0] == 200


# ---- requests ----

def test_places_and_key_and_usage(start):
    e = start(*SMALL, "--max-num-seqs", "2", "--api-key", "secret").ready()
    assert e.post("/v1/completions", {"model": "small", "prompt": "x"}) == (401, '{"error":"Unauthorized"}')
    assert e.get("/health")[0] == 200 and json.loads(e.get("/version")[1])["version"] == "0.32.0"
    assert json.loads(e.post("/tokenize", {"prompt": "one two three four"})[1])["count"] == 4


def test_openai_sdk_streams_count_and_metrics_advance(start):
    openai = pytest.importorskip("openai")
    e = start(*SMALL, "--max-num-seqs", "2").ready()
    client = openai.OpenAI(base_url=e.url("/v1"), api_key="none")
    before = generated(e)
    pieces = list(client.chat.completions.create(model="small", messages=[{"role": "user", "content": "hi"}], max_tokens=5, stream=True,
                                                 stream_options={"include_usage": True}))
    assert pieces[-1].usage.completion_tokens == 5 and not pieces[-1].choices
    assert pieces[0].choices[0].delta.role == "assistant"
    plain = client.completions.create(model="small", prompt="hi", max_tokens=3)
    assert plain.usage.completion_tokens == 3 and client.models.list().data[0].id == "small"
    assert generated(e) == before + 8
    assert 'time_to_first_token_seconds_count{engine="0",model_name="small"} 2.0' in e.get("/metrics")[1]
    for _ in range(2):
        Stream(e)
    waiting = threading.Thread(target=e.post, args=("/v1/completions", {"model": "small", "prompt": "x", "max_tokens": 1}), daemon=True)
    waiting.start()
    eventually("one to wait for a place", lambda: re.search(r"num_requests_waiting\{[^}]*\} 1\.0", e.get("/metrics")[1]))
