"""The CPU as a device: `--gpu cpu`, `gpus: 0`, and a machine without a driver."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import BERTH, DEADLINE_S, eventually
from gguf_file import write_model
from plans import House

GIB, MIB = 1 << 30, 1 << 20
#: As llama-server 0c1e57098 behaves: HTTP is up at once, 503 while it loads, its lines on stderr, gone at SIGTERM.
LLAMA = r"""#!/usr/bin/env python3
import http.server, os, sys, threading, time
a = sys.argv
flag = lambda n: a[a.index(n) + 1]
open(os.environ["SAID"], "w").write(" ".join(a[1:]) + "\n" + os.environ["CUDA_VISIBLE_DEVICES"] + "\n")
ready = threading.Event()
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if ready.is_set() else 503); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"{}")
    def log_message(self, *_): pass
s = http.server.ThreadingHTTPServer((flag("--host"), int(flag("--port"))), H)
threading.Thread(target=s.serve_forever, daemon=True).start()
say = lambda z: print(z, file=sys.stderr, flush=True)
say("0.00.000.655 I srv  llama_server: initializing ...")
say(f"0.00.003.492 I srv    load_model: loading model '{flag('--model')}'")
say("0.00.037.742 I load_tensors:   CPU_Mapped model buffer size =   463.38 MiB")
say("0.00.143.411 I llama_kv_cache:        CPU KV buffer size =    64.00 MiB")
say(f"0.00.167.544 I srv    load_model: initializing, n_slots = {flag('--parallel')}, n_ctx_slot = {flag('--ctx-size')}, kv_unified = 'true'")
say("0.00.168.000 I srv  llama_server: model loaded")
ready.set()
say(f"0.00.168.100 I srv  llama_server: listening on http://{flag('--host')}:{flag('--port')}")
threading.Event().wait()
"""


def berth(*args: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BERTH), *map(str, args)], capture_output=True, text=True, timeout=DEADLINE_S, check=False, env={**os.environ, "PATH": "/usr/bin:/bin", **env})


def tiny(folder: Path, positions: int = 4194304) -> Path:
    """As the model of the recorded starts: 4096 bytes of float32 KV a token."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 256, "num_hidden_layers": 2, "num_attention_heads": 8,
                                                    "num_key_value_heads": 8, "head_dim": 32, "intermediate_size": 512, "vocab_size": 1000, "max_position_embeddings": positions, "torch_dtype": "float32"}))
    shapes = {"model.embed_tokens.weight": [1000, 256], "lm_head.weight": [1000, 256], "model.norm.weight": [256]}
    for i in range(2):
        shapes |= {f"model.layers.{i}.{n}.weight": s for n, s in {
            "self_attn.q_proj": [256, 256], "self_attn.k_proj": [256, 256], "self_attn.v_proj": [256, 256], "self_attn.o_proj": [256, 256], "mlp.gate_proj": [512, 256], "mlp.up_proj": [512, 256],
            "mlp.down_proj": [256, 512], "input_layernorm": [256], "post_attention_layernorm": [256]}.items()}
    head, at = {}, 0
    for name, shape in shapes.items():
        size = 4 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(head).encode()
    with open(folder / "model.safetensors", "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text)
        f.truncate(8 + len(text) + at)
    return folder


def estimate(*args: str | Path) -> dict:
    done = berth("estimate", "--json", "--gpu", "cpu", *args)
    assert done.returncode in (0, 3), done.stderr
    return json.loads(done.stdout)


def test_vllm_as_recorded(tmp_path: Path) -> None:
    """vllm_ok_tp1, vllm_ok_kv_bytes, vllm_ok_max_len_auto of vLLM 0.32.0's CPU build: 262,144, 65,536 tokens; 262,016 with one block kept back."""
    model = tiny(tmp_path / "m")
    given = ("--dtype", "float32", "--enforce-eager", "--max-num-seqs", "8")
    assert estimate(model, *given, "--max-model-len", "256", "--kv-cache-memory-bytes", str(GIB))["ranks"][0]["kv"]["tokens"] == 262144
    assert estimate(model, *given, "--max-model-len", "256", "--kv-cache-memory-bytes", "256M")["ranks"][0]["kv"]["tokens"] == 65536
    auto = estimate(model, *given, "--max-model-len", "auto", "--kv-cache-memory-bytes", str(GIB))
    assert auto["context"]["longest"] == 262016 and auto["fits"]
    too_long = estimate(model, *given, "--kv-cache-memory-bytes", str(GIB))
    assert "16.00 GiB KV cache is needed, which is larger than the available KV cache memory (1.00 GiB)" in too_long["refusals"][0]["text"] and "is 262016" in too_long["refusals"][0]["text"]
    small = estimate(tiny(tmp_path / "s", 2048), *given, "--max-model-len", "256", "--kv-cache-memory-bytes", str(GIB))
    parts = {x["part"]: x["bytes"] for x in small["ranks"][0]["need"]}
    assert "graphs" not in parts and "comm" not in parts
    assert 0.85 * GIB < sum(parts[p] for p in ("weights", "activations", "context")) < 1.05 * GIB      # "0.92 GiB memory was consumed by non-kv usages"
    assert "--kv-cache-memory-bytes" in auto["command"] and "--gpu-memory-utilization" not in auto["command"]


def test_what_does_not_go_on_a_cpu(tmp_path: Path) -> None:
    model = tiny(tmp_path / "m", 2048)
    done = berth("estimate", "--gpu", "cpu", model, "--tp", "2")
    assert done.returncode == 3 and "NUMA node" in done.stderr
    done = berth("estimate", "--gpu", "cpu", "--engine", "sglang", model)
    assert done.returncode == 0 and "--device cpu" in done.stdout
    done = berth("estimate", "--gpu", "cpu", "--engine", "sglang", "--tp", "2", model)
    assert done.returncode == 3 and "NUMA node" in done.stderr
    huge = estimate(model, "--max-model-len", "2048", "--kv-cache-memory-bytes", "4000G")
    assert not huge["fits"] and "RAM" in huge["refusals"][0]["text"]


def plan(tmp_path: Path, workloads: str, *args: str) -> tuple[int, dict]:
    (tmp_path / "berth.yaml").write_text("name: t\nworkloads:\n" + workloads)
    done = berth("plan", "-f", tmp_path / "berth.yaml", *args, "--json")
    return done.returncode, json.loads(done.stdout)


def test_a_build_for_gpus_is_told_that_it_will_not_start_on_the_cpu(tmp_path: Path) -> None:
    """The engine itself says so only in its log, when it is started."""
    tiny(tmp_path / "m")
    (tmp_path / "vllm").write_text("#!/bin/sh\n")
    (tmp_path / "vllm").chmod(0o755)
    for version, told in (("0.32.0", True), ("0.32.0+cu128", True), ("0.32.0+cpu", False), ("0.32.1.dev7+gabc123.cpu", False)):
        (tmp_path / "vllm.version").write_text(version + "\n")
        rc, p = plan(tmp_path, "  a: {engine: vllm, bin: ./vllm, model: ./m, gpus: 0, context: 4096}\n", "--gpus", "none")
        assert rc == 0 and any(f"a: vLLM {version} is a build for GPUs" in w for w in p["warnings"]) == told, (version, p["warnings"])


def test_berths_of_ram(tmp_path: Path) -> None:
    tiny(tmp_path / "m", 65536)
    write_model(tmp_path / "m.gguf", hidden=1024, heads=8, feed=3072)
    rc, p = plan(tmp_path, "  a: {engine: vllm, model: ./m, gpus: 0, context: {want: 16384}, requests: 2}\n"
                 "  b: {engine: llama-server, model: ./m.gguf, gpus: 0, context: {want: 8192}, requests: 2, args: [--cache-ram, \"64\"]}\n", "--gpus", "none")
    assert rc == 0 and p["fleet"]["gpus"] == []
    a, b = p["phases"][0]["instances"]
    for i, tokens in ((a, 2 * 16384), (b, 2 * 8192)):
        assert i["ranks"] == [] and i["launch"]["env"]["CUDA_VISIBLE_DEVICES"] == ""
        assert sum(x["bytes"] for x in i["host"][0]["need"]) == i["host"][0]["bytes"] > 0
        argv = [w.replace("{port}", "8000") for w in i["launch"]["argv"]]
        asked = estimate("--", *argv)
        assert abs(asked["ranks"][0]["need_bytes"] - i["host"][0]["bytes"]) <= 2 * MIB
        assert tokens <= asked["ranks"][0]["kv"]["tokens"] <= tokens + 256
    assert "--gpu-memory-utilization" not in a["launch"]["argv"]
    assert b["launch"]["argv"][b["launch"]["argv"].index("--gpu-layers") + 1] == "0"


def test_sglang_in_ram(tmp_path: Path) -> None:
    """What a plan starts is what the pasted command is estimated as; the share it passes is enough for the pool it pins."""
    tiny(tmp_path / "m", 65536)
    rc, p = plan(tmp_path, "  a: {engine: sglang, model: ./m, gpus: 0, context: {want: 16384}, requests: 2}\n", "--gpus", "none")
    assert rc == 0
    one = p["phases"][0]["instances"][0]
    argv = [w.replace("{port}", "8000").replace("{internal}", "8001") for w in one["launch"]["argv"]]
    assert argv[argv.index("--device") + 1] == "cpu" and 0 < float(argv[argv.index("--mem-fraction-static") + 1]) < 1
    asked = json.loads(berth("estimate", "--json", "--", *argv).stdout)
    assert "RAM" in asked["gpu"]["name"]             # --device cpu is read
    pool = int(argv[argv.index("--max-total-tokens") + 1])
    assert pool >= 2 * 16384
    assert abs(asked["ranks"][0]["need_bytes"] - asked["ranks"][0]["kv"]["tokens"] * asked["ranks"][0]["kv"]["bytes_per_token"] + pool * asked["ranks"][0]["kv"]["bytes_per_token"]
               - one["host"][0]["bytes"]) <= 2 * MIB


def test_ram_is_not_promised_twice(tmp_path: Path) -> None:
    tiny(tmp_path / "m")
    rc, p = plan(tmp_path, "  a: {engine: vllm, model: ./m, gpus: 0, dtype: float32, context: {min: 4194304}, requests: 4000}\n", "--gpus", "none")
    assert rc == 3 and p["refusals"][0]["code"] == "does-not-fit" and "all that may be used here" in p["refusals"][0]["text"]
    rc, p = plan(tmp_path, "  a: {engine: vllm, model: ./m, gpus: 0, dtype: float32, context: {min: 4096}}\n", "--gpus", "none")
    a = p["phases"][0]["instances"][0]
    ram = p["fleet"]["nodes"][0]["ram_bytes"]
    assert rc == 0 and a["host"][0]["bytes"] <= ram
    requests = ram * 6 // 10 // 4096 // 4096         # of 4096 tokens, 4096 bytes each: one server's least is more than half of the RAM
    two = "".join(f"  {n}: {{engine: vllm, model: ./m, gpus: 0, dtype: float32, context: 4096, requests: {requests}}}\n" for n in "ab")
    rc, p = plan(tmp_path, two, "--gpus", "none")
    assert rc == 3 and p["refusals"][0]["code"] == "ram-too-small"
    assert "servers on the CPU" in p["refusals"][0]["text"]
    rc, p = plan(tmp_path, "  a: {engine: vllm, model: ./m, gpus: 0, dtype: float32, memory: 4GiB}\n", "--gpus", "none")
    assert rc == 0 and p["phases"][0]["instances"][0]["host"][0]["bytes"] <= 4 * GIB and "RAM holds no more" in p["warnings"][0]


def test_too_little_ram_for_its_context_names_what_fits(tmp_path: Path) -> None:
    """Each way out is planned as it is written."""
    tiny(tmp_path / "m", 65536)
    one = "  a: {engine: vllm, model: ./m, gpus: 0, dtype: float32, context: %s, memory: %s}\n"
    rc, whole = plan(tmp_path, one % (16384, "8GiB"), "--gpus", "none")
    least = whole["phases"][0]["instances"][0]["host"][0]["bytes"]
    short = f"{(least - 20 * MIB) // MIB}MiB"
    rc, refused = plan(tmp_path, one % (16384, short), "--gpus", "none")
    assert rc == 3 and refused["refusals"][0]["code"] == "does-not-fit"
    told = {v["set"][0]["path"]: v["set"][0]["value"] for v in refused["advice"]}
    assert set(told) == {"workloads.a.context.min", "workloads.a.memory"}
    context = int(told["workloads.a.context.min"])
    assert 256 <= context < 16384
    rc, p = plan(tmp_path, one % (context, short), "--gpus", "none")
    assert rc == 0 and p["phases"][0]["instances"][0]["context"] == context
    rc, p = plan(tmp_path, one % (context + 512, short), "--gpus", "none")
    assert rc == 3                                   # and it is the longest, to a block
    rc, p = plan(tmp_path, one % (16384, told["workloads.a.memory"]), "--gpus", "none")
    assert rc == 0 and p["phases"][0]["instances"][0]["context"] == 16384


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    yield one
    one.close()


def test_a_llama_server_on_a_machine_without_gpus(house: House) -> None:
    program = house.folder / "bin" / "llama-server"
    program.parent.mkdir()
    program.write_text(LLAMA)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (program.parent / "llama-server.version").write_text("0.5.0\n")
    write_model(house.folder / "m.gguf", hidden=1024, heads=8, feed=3072)
    (house.folder / "berth.yaml").write_text("name: t\nworkloads:\n  a: {engine: llama-server, bin: ./bin/llama-server, model: ./m.gguf, gpus: 0, context: {want: 8192}, env: {SAID: \"%s\"}}\n" % (house.folder / "said"))
    done = house.berth("up", "-f", "berth.yaml", "--gpus", "none", "-d")
    assert done.returncode == 0, done.stdout + done.stderr
    one = eventually("it to be ready", lambda: (i := house.ps()["a-0"])["state"] == "ready" and i)
    said = (house.folder / "said").read_text().splitlines()
    assert "--ctx-size 8192" in said[0] and said[1] == ""
    assert one["kv_tokens"] == 8192
    assert house.berth("down").returncode == 0


def test_the_ram_of_a_named_fleet_is_not_that_of_this_machine(tmp_path: Path) -> None:
    spec = tmp_path / "berth.yaml"
    spec.write_text("name: x\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-72B-Instruct, gpus: 0, replicas: 40}\n")
    fleets = {"named": "2xL4", "saved": str(tmp_path / "saved.json"), "written": str(tmp_path / "written.json"), "small": str(tmp_path / "small.json")}
    (tmp_path / "saved.json").write_text(berth("gpus", "--gpus", "2xL4", "--json").stdout)
    (tmp_path / "written.json").write_text('{"gpus": [{"name": "L4"}]}')
    (tmp_path / "small.json").write_text('{"nodes": [{"ram_bytes": 34359738368}], "gpus": [{"name": "L4"}]}')
    for name, fleet in fleets.items():
        done = berth("plan", "-f", spec, "--gpus", fleet, "--json")
        assert done.returncode == (3 if name == "small" else 0), name
        assert json.loads(done.stdout)["fleet"]["nodes"] == [{"name": "local", "ram_bytes": 34359738368 if name == "small" else 0}]


def test_what_is_not_here_is_said_of_a_server_on_the_cpu_too(tmp_path: Path) -> None:
    spec = tmp_path / "berth.yaml"
    spec.write_text("name: x\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, gpus: 0}\n")
    notes = json.loads(berth("plan", "-f", spec, "--gpus", "L4", "--json").stdout)["warnings"]
    assert any("is not installed here: planned as version" in n for n in notes) and any("planned from its built-in shape" in n for n in notes)
