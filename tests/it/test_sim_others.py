"""berth-sim-engine as llama-server (beside records of real ones, tests/data/live/llama_*) and as SGLang (whose rules were read from its source, 0.5.23)."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import DEADLINE_S, ENGINE, ROOT, Machine, eventually
from gguf_file import write_model
from simengine import Engine, Stream, gib

LIVE = ROOT / "tests/data/live"
MIB = 2**20


class Llama(Engine):
    def __init__(self, m: Machine, *args: str, **more):
        super().__init__(m, *args, program=("llama-server",), **more)


class Sglang(Engine):
    ready_path = "/ready"

    def __init__(self, m: Machine, *args: str, **more):
        super().__init__(m, *args, program=("sglang", "serve"), **more)


def shared(machine, fleet: str) -> Machine:
    m = machine(fleet, "--release-delay", "50ms")
    for name, version in (("sglang", "0.5.23"), ("llama-server", "0.5.0")):
        (m.folder / "bin" / name).symlink_to(ENGINE)
        (m.folder / "bin" / f"{name}.version").write_text(version + "\n")
    return m


@pytest.fixture
def start(machine):
    engines: list[Engine] = []
    m = shared(machine, "2xA100-SXM4-40GB")
    write_model(m.folder / "m.gguf")

    def go(kind: type[Engine], *args: str, **more) -> Engine:
        engines.append(kind(m, *args, **more))
        return engines[-1]

    go.machine = m  # type: ignore[attr-defined]
    yield go
    for e in engines:
        e.stop()


# ---- llama-server ----

M = ("-m", "m.gguf", "--fit", "off")


def words(line: str) -> str:
    """'srv    load_model: loading model': level, part and words, without figures, names and addresses."""
    line = re.sub(r"^[\d.]+ ", "", line)
    return re.sub(r"'[^']*'|[\d.]+|http\S+|\(see.*|\(berth.*", "", line).strip()


def record(name: str) -> list[str]:
    return [line[11:] for line in (LIVE / f"{name}.log").read_text().splitlines() if line[9:10] in "oe"]


def same_lines(e: Engine, name: str) -> None:
    ours = [words(line) for line in e.text().splitlines()]
    theirs = [words(line) for line in record(name)]
    assert ours and [w for w in theirs if w in ours] == ours, f"{ours}\n{theirs}"


def test_llama_start_and_stop_say_what_the_record_says(start):
    e = start(Llama, *M, "--metrics").ready()
    e.signal(signal.SIGTERM)
    assert e.ended() == 0
    same_lines(e, "llama_ok")


def test_llama_port_is_open_and_503_while_it_loads(start):
    e = start(Llama, *M, env={"BERTH_SIM_SPEED": "0.1"})
    eventually("the port", lambda: e.get("/health")[0])
    for path in ("/health", "/v1/models", "/props"):
        status, text = e.get(path)
        assert status == 503 and json.loads(text) == {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}
    assert e.get("/")[0] == 404
    e.signal(signal.SIGTERM)                         # no handler before it is loaded
    assert e.ended() == -signal.SIGTERM


def test_llama_byte_lines_need_verbosity_and_add_up(start):
    quiet = start(Llama, *M).ready()
    assert "buffer size" not in quiet.text()
    quiet.stop()
    eventually("the memory to come back", lambda: not any(start.machine.used()))
    e = start(Llama, *M, "-lv", "4", "-c", "32768", "-np", "2", "-ts", "1,1").ready()
    for card in (0, 1):
        said = sum(float(x) for x in re.findall(rf"CUDA{card} (?:model|KV|compute) buffer size = +([\d.]+) MiB", e.text()))
        context = (200 + 1.9 * 108) * MIB
        assert start.machine.used()[card] - context == pytest.approx(said * MIB, abs=8 * MIB)      # granules of 2 MiB
    # 4 layers x 2 x 4 heads x 128 x 2 B x 32,768 cells
    assert sum(float(x) for x in re.findall(r"CUDA\d KV buffer size = +([\d.]+) MiB", e.text())) == 4 * 2 * 4 * 128 * 2 * 32768 / MIB
    assert [words(line) for line in record("llama_ok_lv4") if "KV buffer size" in line]            # the line is one of the real ones


def test_llama_json_lines(start):
    e = start(Llama, *M, "--log-jsonl").ready()
    e.signal(signal.SIGTERM)
    assert e.ended() == 0
    ours = [json.loads(line) for line in e.text().splitlines()]
    theirs = [json.loads(line) for line in record("llama_ok_jsonl")]
    assert [o["type"] for o in ours].count("fit_memory_breakdown") == [t["type"] for t in theirs].count("fit_memory_breakdown") == 2
    rows = next(o for o in ours if o["type"] == "fit_memory_breakdown")["data"]["rows"]
    assert {r["kind"] for r in rows} == {"device", "host"} and all(r["self"] == pytest.approx(r["model"] + r["context"] + r["compute"], abs=2) for r in rows)


@pytest.mark.parametrize(("name", "args", "telling"), [
    ("llama_fail_unknown_flag", (*M, "--no-such-flag"), r"error: invalid argument: --no-such-flag"),
    ("llama_fail_absent", ("-m", "absent.gguf"), r"E gguf_init_from_file: failed to open GGUF file 'absent\.gguf' \(No such file or directory\)"),
])
def test_llama_failures(start, name, args, telling):
    assert any(re.search(telling, line) for line in record(name))
    e = start(Llama, *args)
    assert e.ended() == 1 and re.search(telling, e.text())


def test_llama_taken_port_fails_before_loading(start):
    first = start(Llama, *M).ready()
    e = start(Llama, *M, port=first.port)
    assert e.ended() == 1
    same_lines(e, "llama_fail_port")


def test_llama_out_of_memory(start):
    e = start(Llama, *M, "-c", "30000000", "-np", "1")
    assert e.ended() == 1
    assert re.search(r"allocating [\d.]+ MiB on device \d: cudaMalloc failed: out of memory", e.text())
    assert "failed to allocate buffer for kv cache" in e.text() and e.text().rstrip().endswith("exiting due to model loading error")


def test_llama_stop_hangs_on_a_stream_and_the_second_signal_ends_it(start):
    e = start(Llama, *M, "-np", "2", "-c", "65536").ready()
    Stream(e, 20000)
    e.signal(signal.SIGTERM).logged("cleaning up before exit...")
    with pytest.raises(subprocess.TimeoutExpired):
        e.proc.wait(1)
    e.signal(signal.SIGTERM)
    assert e.ended() == 1 and record("llama_term_twice")[-1] in e.text()


def test_llama_stop_ends_when_the_client_goes(start):
    e = start(Llama, *M, "-np", "2", "-c", "65536").ready()
    s = Stream(e, 20000)
    e.signal(signal.SIGTERM).logged("cleaning up before exit...")
    s.close()
    assert e.ended() == 0


def test_llama_slots_wait_their_turn_and_any_model_name_is_taken(start):
    e = start(Llama, *M, "-np", "1", "-c", "65536", "--metrics").ready()
    assert json.loads(e.post("/v1/completions", {"model": "whatever", "prompt": "x", "max_tokens": 2})[1])["usage"]["completion_tokens"] == 2
    Stream(e, 20000)
    assert e.get("/slots?fail_on_no_slot=1")[0] == 503 and json.loads(e.get("/slots")[1])[0]["is_processing"]
    assert "llamacpp:requests_processing 1" in e.get("/metrics")[1]


def test_llama_sleeps_when_idle_and_wakes(start):
    e = start(Llama, *M, "--sleep-idle-seconds", "60").ready()       # 3 s at this speed
    full = start.machine.used()[0]
    e.logged("server is entering sleeping state")
    eventually("its memory to come back", lambda: start.machine.used()[0] < full)
    assert e.get("/health")[0] == 200 and json.loads(e.get("/props")[1])["is_sleeping"]
    assert e.post("/v1/completions", {"prompt": "x", "max_tokens": 1})[0] == 200
    assert "server is exiting sleeping state" in e.text() and start.machine.used()[0] == full


# ---- SGLang ----

S = ("--model-path", "Qwen/Qwen2.5-0.5B-Instruct", "--served-model-name", "small", "--context-length", "8192", "--mem-fraction-static", "0.6", "--max-running-requests", "16")


def test_sglang_tree_lines_and_budget(start):
    e = start(Sglang, *S, "--tp", "2").ready()
    assert sorted(e.names()) == ["sglang", "sglang::detoken", "sglang::schedul", "sglang::schedul"]
    text = e.text()
    order = ["server_args=ServerArgs(", "TP0] Init parallel begin.", "TP0] Memory baseline taken.", "TP0] Load weight begin.", "TP0] Load weight end.",
             "TP0] KV Cache is allocated.", "TP0] Memory pool end.", "TP0] max_total_num_tokens=", "Uvicorn running on", "The server is fired up and ready to roll!"]
    at = [text.index(line) for line in order]
    assert at == sorted(at)
    pre, after = gib(r"TP0\] Load weight begin. avail mem=([\d.]+) GB", text), gib(r"TP0\] Load weight end.* avail mem=([\d.]+) GB", text)
    # KV = free after the weights - (1 - f) x free at the baseline; 24 layers x 2 x 1 head x 64 x 2 B a token and rank
    tokens = gib(r"max_total_num_tokens=(\d+)", text)
    assert tokens == pytest.approx((after - pre * 0.4) * 2**30 / (24 * 2 * 64 * 2), rel=0.002)


def test_sglang_pool_given_is_taken_and_only_warns_when_it_is_short(start):
    e = start(Sglang, *S, "--max-total-tokens", "5000").ready()
    assert "max_total_num_tokens=5000," in e.text() and "KV pool holds 5000 tokens, fewer than --context-length 8192" in e.text()


def test_sglang_health_rules(start):
    e = start(Sglang, *S, "--enable-metrics", env={"BERTH_SIM_SPEED": "2"})
    eventually("the listener", lambda: e.get("/ready")[0])
    assert e.get("/ready")[0] == 503 and e.get("/health")[0] == 503 or "fired up" in e.text()       # the warm-up request is under way
    e.ready()
    assert e.get("/health")[0] == 200
    assert e.post("/pause_generation", {})[0] == 200
    assert e.get("/ready")[0] == 503 and e.get("/ping")[0] == 200
    assert e.post("/continue_generation", {})[0] == 200 and e.get("/ready")[0] == 200
    assert "sglang:max_total_num_tokens" in e.get("/metrics")[1]
    assert json.loads(e.get("/server_info")[1])["internal_states"][0]["memory_usage"]["token_capacity"] > 0


def test_sglang_sigterm_while_loading_takes_all_with_it(start):
    e = start(Sglang, *S, "--tp", "2", env={"BERTH_SIM_SPEED": "2"}).logged("Load weight begin")
    e.signal(signal.SIGTERM)
    assert e.ended() == -signal.SIGTERM
    eventually("the schedulers to follow their parent", lambda: not e.family())


def test_sglang_drains_without_limit_and_takes_new_requests_meanwhile(start):
    e = start(Sglang, *S).ready()
    s = Stream(e, 1500)
    e.signal(signal.SIGTERM).logged("SIGTERM received.")
    assert e.get("/ready")[0] == 503
    assert e.post("/v1/completions", {"model": "small", "prompt": "x", "max_tokens": 1})[0] == 200
    s.join(DEADLINE_S)
    assert s.events[-1] == "[DONE]" and len(s.events) == 1501
    assert e.ended() == 0
    eventually("the tree to end", lambda: not e.family())


def test_sglang_death_of_a_scheduler_ends_it_by_its_own_sigkill(start):
    e = start(Sglang, *S, "--tp", "2").ready()
    os.kill(max(p for p in e.family() if "schedul" in Path(f"/proc/{p}/comm").read_text()), signal.SIGKILL)
    assert e.ended() == -signal.SIGKILL
    eventually("the tree to end", lambda: not e.family())


def test_sglang_taken_port_fails_at_the_very_end(start):
    first = start(Sglang, *S).ready()
    e = start(Sglang, *S, port=first.port, env={"CUDA_VISIBLE_DEVICES": "1"})
    assert e.ended() == 1
    assert "max_total_num_tokens=" in e.text() and "error while attempting to bind on address" in e.text()


@pytest.mark.parametrize(("args", "words", "code"), [
    (("--mem-fraction-static", "0.01"), "ValueError: Loaded weights leave no GPU memory for the KV cache under --mem-fraction-static=0.010.", -signal.SIGKILL),
    (("--no-such-flag",), "unrecognized arguments", 2), (("--tp", "4"), "4 ranks and 2 GPUs", 1),
])
def test_sglang_failures(start, args, words, code):
    e = start(Sglang, *S, *args)
    assert e.ended() == code and words in e.text()


def test_sglang_refuses_unbalanced_cards(start):
    start(Sglang, *S, env={"CUDA_VISIBLE_DEVICES": "1"}).ready()
    e = start(Sglang, *S, "--tp", "2")
    assert e.ended() == -signal.SIGKILL and "The memory capacity is unbalanced." in e.text()


def test_sglang_gives_memory_back_only_with_its_saver(start):
    e = start(Sglang, *S, "--enable-memory-saver").ready()
    full = start.machine.used()[0]
    assert e.post("/release_memory_occupation", {"tags": ["kv_cache"]})[0] == 200
    assert start.machine.used()[0] < full - 10 * 2**30
    assert e.post("/resume_memory_occupation", {"tags": ["kv_cache"]})[0] == 200
    assert start.machine.used()[0] == full
    Stream(e)
    assert e.post("/release_memory_occupation", {})[0] == 0           # while a request runs: an assertion, and the end of all
    assert e.ended() == -signal.SIGKILL


# ---- what berth generates is what they accept ----

@pytest.mark.parametrize(("engine", "model"), [("sglang", "Qwen/Qwen2.5-7B-Instruct"), ("llama-server", "./m.gguf"), ("vllm", "google/gemma-3-12b-it")])
def test_berth_starts_them(start, engine, model):
    m: Machine = start.machine
    project = m.folder / "project"
    project.mkdir()
    write_model(project / "m.gguf")
    (project / "berth.yaml").write_text(f"name: p\nworkloads:\n  a: {{engine: {engine}, model: {model}, context: {{want: 8192}}, requests: 2}}\n")
    up = m.berth("up", "-d", cwd=project, timeout=DEADLINE_S)
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        found = m.json("ps", cwd=project)["instances"]
        assert [i["state"] for i in found] == ["ready"], found
    finally:
        m.berth("down", cwd=project, timeout=DEADLINE_S)
