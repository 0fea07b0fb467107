"""berth-sim-engine against what a real vLLM does: same words, same arithmetic, same life."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess

import pytest
from conftest import DEADLINE_S, ROOT, eventually
from simengine import Engine, gib

MODEL = "Qwen/Qwen2.5-32B-Instruct"
FLEET = "4xA100-SXM4-40GB"


@pytest.fixture
def start(machine):
    engines: list[Engine] = []
    shared = machine(FLEET, "--release-delay", "50ms")

    def go(*args: str, env: dict[str, str] | None = None) -> Engine:
        engines.append(Engine(shared, *args, env=env))
        return engines[-1]

    go.machine = shared  # type: ignore[attr-defined]
    # memory of the dead comes back late, here as on a real card
    go.clear = lambda: eventually("the memory to come back", lambda: not any(shared.used()))  # type: ignore[attr-defined]
    yield go
    for e in engines:
        e.stop()


def test_weights_and_kv_are_the_engines_own_arithmetic(start):
    e = start(MODEL, "--tensor-parallel-size", "2", "--max-model-len", "8192", "--served-model-name", "llm").ready()
    text = e.text()
    # 65.5 GB of bf16 over two cards: half each, norms and rotary table whole
    assert 30.5 < gib(r"Model loading took ([\d.]+) GiB", text) < 30.9
    kv, tokens = gib(r"Available KV cache memory: ([\d.]+) GiB", text), gib(r"GPU KV cache size: ([\d,]+) tokens", text)
    # 2 x 64 layers x 4 KV heads per rank x 128 x 2 B = 131,072 B a token
    assert abs(tokens - kv * 2**30 / 131072) < 16 + 0.01 * 2**30 / 131072
    used = start.machine.used()
    assert used[0] > 30.7 * 2**30 and used[1] > 30.7 * 2**30 and used[2] == used[3] == 0


def test_kv_bytes_given_are_taken_exactly(start):
    e = start("Qwen/Qwen2.5-7B-Instruct", "--kv-cache-memory-bytes", "4G", "--gpu-memory-utilization", "0.6", "--max-model-len", "4096").ready()
    # 2 x 28 x 4 x 128 x 2 B = 57,344 B a token, 16 a block
    assert gib(r"GPU KV cache size: ([\d,]+) tokens", e.text()) == 4 * 2**30 // (57344 * 16) * 16


def test_one_request_that_does_not_fit_ends_with_vllms_words(start):
    e = start(MODEL, "--tensor-parallel-size", "2", "--gpu-memory-utilization", "0.85")
    assert e.ended() == 1
    text = e.text()
    assert "To serve at least one request with the model's max seq len (32768), (4.00 GiB KV cache is needed" in text
    longest = int(re.findall(r"estimated maximum model length is (\d+)", text)[-1])
    start.clear()
    again = start(MODEL, "--tensor-parallel-size", "2", "--gpu-memory-utilization", "0.85", "--max-model-len", str(longest)).ready()
    assert again.get("/v1/models")[1].count(f'"max_model_len":{longest}') == 1
    again.stop()
    start.clear()
    refused = start(MODEL, "--tensor-parallel-size", "2", "--gpu-memory-utilization", "0.85", "--max-model-len", str(longest + 16))
    assert refused.ended() == 1


def test_memory_a_neighbour_holds_is_not_free(start):
    start(MODEL, "--tensor-parallel-size", "2", "--max-model-len", "4096").ready()
    e = start("Qwen/Qwen2.5-7B-Instruct", "--max-model-len", "4096")
    assert e.ended() == 1
    assert re.search(r"ValueError: Free memory on device cuda:0 \([\d.]+/39\.\d+ GiB\) on startup is less than desired GPU memory utilization \(0\.92, ", e.text())


@pytest.mark.parametrize(("args", "code", "words"), [
    (("--no-such-flag", "3"), 2, "unrecognized arguments"),
    (("--tensor-parallel-size", "3"), 1, "Total number of attention heads (40) must be divisible by tensor parallel size (3)."),
    (("--tensor-parallel-size", "8"), 1, "World size (8) is larger than the number of available GPUs (4)"),
    (("--max-model-len", "999999"), 1, "User-specified max_model_len (999999) is greater than the derived max_model_len"),
    ((), 1, "CUDA out of memory"),
])
def test_refusals(start, args, code, words):
    e = start(MODEL, *args)
    assert e.ended() == code
    assert words in e.text()


@pytest.mark.parametrize(("model", "weights_gib", "tokens_of_4_gib"), [
    # 48 layers of which 8 are full: groups of 8 layers, 8 x 16 x 2 x 8 x 256 x 2 B a block; 262,144 tokens of 1.05 MB
    ("google/gemma-3-12b-it", 23.3, None),
    # experts: 48 x 2 x 4 x 128 x 2 B = 98,304 B a token
    ("Qwen/Qwen3-30B-A3B", 56.9, 4 * 2**30 // (98304 * 16) * 16),
])
def test_other_kinds_of_models(machine, model, weights_gib, tokens_of_4_gib):
    m = machine("1xH200", "--release-delay", "50ms")
    e = Engine(m, model, "--kv-cache-memory-bytes", "4G", "--gpu-memory-utilization", "0.6", "--max-model-len", "4096")
    try:
        e.ready()
        assert abs(gib(r"Model loading took ([\d.]+) GiB", e.text()) - weights_gib) < 0.4
        if tokens_of_4_gib:
            assert gib(r"GPU KV cache size: ([\d,]+) tokens", e.text()) == tokens_of_4_gib
    finally:
        e.stop()


def test_what_it_cannot_simulate_it_refuses(start, tmp_path):
    models = map(json.loads, (ROOT / "bench/data/vllm_models.jsonl").read_text().splitlines())
    (tmp_path / "config.json").write_text(json.dumps(next(m["config"] for m in models if m["model"] == "deepseek-ai/DeepSeek-V4-Flash")))
    e = start(str(tmp_path))
    assert e.ended() == 1 and "cannot simulate DeepseekV4ForCausalLM: it compresses its cache" in e.text()
    old = start(MODEL, env={"BERTH_SIM_ENGINE_VERSION": "0.6.6"})
    assert old.ended() == 2 and "simulates vLLM's V1 engine, 0.8.3 and later, not 0.6.6" in old.text()


def test_engines_behind_one_front_need_their_cards_and_end_together(machine):
    m = machine("2xA100-SXM4-40GB", "--release-delay", "50ms")
    few = Engine(m, "Qwen/Qwen2.5-0.5B-Instruct", "--data-parallel-size", "3", "--gpu-memory-utilization", "0.3")
    assert few.ended() == 1 and "World size (3) is larger than the number of available GPUs (2)" in few.text()
    both = Engine(m, "Qwen/Qwen2.5-0.5B-Instruct", "--data-parallel-size", "2", "--gpu-memory-utilization", "0.3")
    both.ready()
    text = both.text()
    assert text.count("GPU KV cache size") == 2 and "(EngineCore_DP0 pid=" in text and "(EngineCore_DP1 pid=" in text
    assert "world_size=1 rank=0" in text             # without experts they are strangers to each other
    both.stop()
    tight = Engine(m, "Qwen/Qwen2.5-0.5B-Instruct", "--data-parallel-size", "2", "--kv-cache-memory-bytes", "60G", "--gpu-memory-utilization", "0.3")
    assert tight.ended() == 1 and "Failed core proc(s): {'EngineCore_DP" in tight.text()


def test_port_that_has_a_listener(start):
    first = start("Qwen/Qwen2.5-0.5B-Instruct", "--gpu-memory-utilization", "0.3").ready()
    second = start.machine.popen("vllm", "serve", "Qwen/Qwen2.5-0.5B-Instruct", "--host", "127.0.0.1", "--port", str(first.port), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert second.wait(DEADLINE_S) == 1
    assert "[Errno 98] Address already in use" in second.stderr.read()


def test_api(start):
    e = start("Qwen/Qwen2.5-0.5B-Instruct", "--served-model-name", "small", "--max-model-len", "512", "--gpu-memory-utilization", "0.5").ready()
    ask = {"model": "small", "messages": [{"role": "user", "content": "who are you"}], "max_tokens": 9}
    status, first = e.post("/v1/chat/completions", ask)
    assert status == 200 and json.loads(first)["choices"][0]["message"]["content"].startswith("[simulated]")
    assert json.loads(first)["usage"]["completion_tokens"] == 9
    assert json.loads(e.post("/v1/chat/completions", ask)[1])["choices"] == json.loads(first)["choices"], "deterministic"
    status, stream = e.post("/v1/chat/completions", {**ask, "stream": True})
    events = [line[6:] for line in stream.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    pieces = [json.loads(x)["choices"][0]["delta"]["content"] for x in events[:-1] if json.loads(x)["choices"]]
    assert "".join(pieces) == json.loads(first)["choices"][0]["message"]["content"]
    assert e.post("/v1/completions", {"model": "other", "prompt": "x"})[0] == 404
    assert e.post("/v1/completions", b"{not json")[0] == 400
    status, text = e.post("/v1/completions", {"model": "small", "prompt": "x", "max_tokens": 5000})
    assert status == 400 and "maximum context length is 512 tokens" in text
    assert e.get("/nowhere")[0] == 404
    assert "vllm:generation_tokens_total" in e.get("/metrics")[1]


def test_openai_sdk(start):
    openai = pytest.importorskip("openai")
    e = start("Qwen/Qwen2.5-0.5B-Instruct", "--served-model-name", "small", "--gpu-memory-utilization", "0.5").ready()
    client = openai.OpenAI(base_url=e.url("/v1"), api_key="none")
    assert client.models.list().data[0].id == "small"
    pieces = client.chat.completions.create(model="small", messages=[{"role": "user", "content": "hi"}], max_tokens=5, stream=True)
    assert "".join(p.choices[0].delta.content or "" for p in pieces if p.choices).startswith("[simulated]")


def test_sigterm_when_ready_ends_the_whole_tree_with_0(start):
    e = start(MODEL, "--tensor-parallel-size", "2", "--max-model-len", "4096").ready()
    assert sorted(e.names()) == ["VLLM::EngineCor", "VLLM::Worker_TP", "VLLM::Worker_TP", "python3", "vllm"]
    os.kill(e.proc.pid, signal.SIGTERM)
    assert e.ended() == 0
    eventually("the tree to end", lambda: not e.family())
    start.clear()


def test_first_sigterm_while_loading_is_lost_second_ends_it(start):
    e = start(MODEL, "--tensor-parallel-size", "2", "--max-model-len", "4096", env={"BERTH_SIM_SPEED": "2"})
    eventually("loading to begin", lambda: "Initializing a V1 LLM engine" in e.text())
    os.kill(e.proc.pid, signal.SIGTERM)
    eventually("the load to go on", lambda: "50% Completed" in e.text())
    assert e.proc.poll() is None
    os.kill(e.proc.pid, signal.SIGTERM)
    assert e.ended() == -signal.SIGINT


def test_sigkill_of_the_api_server_leaves_orphans_that_hold_memory(start):
    e = start(MODEL, "--tensor-parallel-size", "2", "--max-model-len", "4096").ready()
    os.kill(e.proc.pid, signal.SIGKILL)
    e.ended()
    assert sorted(e.names()) == ["VLLM::EngineCor", "VLLM::Worker_TP", "VLLM::Worker_TP", "python3"] and start.machine.used()[0] > 30 * 2**30


def test_death_of_a_worker_is_named_and_the_exit_code_lies(start):
    e = start(MODEL, "--tensor-parallel-size", "2", "--max-model-len", "4096").ready()
    worker = max(e.family())
    os.kill(worker, signal.SIGKILL)
    eventually("health to fail", lambda: e.get("/health")[0] != 200)
    assert e.ended() == 0
    assert re.search(r"Worker proc VllmWorker-\d died unexpectedly \(exit code: -9\)", e.text())


def test_overrun_is_possible_so_that_verify_can_be_tested(start):
    plain = start("Qwen/Qwen2.5-0.5B-Instruct", "--kv-cache-memory-bytes", "1G", "--gpu-memory-utilization", "0.5").ready()
    before = start.machine.used()[0]
    plain.stop()
    start.clear()
    start("Qwen/Qwen2.5-0.5B-Instruct", "--kv-cache-memory-bytes", "1G", "--gpu-memory-utilization", "0.5", env={"BERTH_SIM_OVERRUN": "3GiB"}).ready()
    assert start.machine.used()[0] - before == 3 * 2**30
