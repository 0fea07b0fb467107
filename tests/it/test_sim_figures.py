"""berth-sim-engine's figures against those that real vLLM starts logged: bench/data/vllm_cases.jsonl has what was asked and what was logged, with sources.

Each case is a whole start of the engine on simulated cards, stopped at its "GPU KV cache size" line. Weights and tokens are compared on cards that are
large enough for anything, with the logged KV bytes; the budget (KV from weights, profile and free memory) on the card that the log names.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import BERTH, ENGINE, ROOT, free_port

sys.path.insert(0, str(ROOT / "bench"))
from need import card, version  # noqa: E402

GIB = 2**30
CASES = [json.loads(line) for line in (ROOT / "bench/data/vllm_cases.jsonl").read_text().splitlines()]
MODELS = {m["model"]: m["config"] for m in map(json.loads, (ROOT / "bench/data/vllm_models.jsonl").read_text().splitlines())}

# Logged figures that no start with the inputs of the log can give, with what is different about them.
NOT_WEIGHTS = {
    "unsloth-qwen3-4b": "adapter slots that the log does not state", "f52487522470": "NVFP4: which layers stay in 16 bits is not said by the config",
    "f60491628666": "Gemma 4 in FP8: by which method is not stated", "f52002965523": "NVFP4, as above",
    "f70469032009": "64 adapter slots of Qwen3: vLLM keeps more than A and B of the linear layers", "selfllm-dsr1": "bitsandbytes, gone since",
    "f61511710941": "NVFP4, as above", "f63100897054": "Qwen3-VL: a batch of 2048 is not stated",
    "hfcook-qwen2": "0.0023 GiB below: an old rotary table",
}
NOT_TOKENS = {
    "f60215495369": "DeepSeek-V4 compresses its cache", "f60491628666": "the simulator's batch is not raised for images that may not be cut", "v21348": "the pool is the minimum over ranks: another one had less",
    "club1086": "a drafting model of its own, whose shape is not stated", "f42588844709": "the minimum over ranks",
    "f68835604738": "no version stated: says tokens as 0.20.2 and later do", "f57391778374": "no version stated", "club602": "int8_per_token_head is not among berth's flags of vLLM",
    "f62579888396": "the log does not state how many cards share a stage",
    "f66380900772": "DeepSeek-V4", "f66812598096": "DeepSeek-V4", "f66862056619": "a context that is not stated",
}
# Every input of the start is in the log: KV in GiB within half a GiB of a card.
BUDGET = ["unsloth-qwen3-8b", "f58028398527", "f10876549642", "f56299847402", "f61370435018-30b", "f70469032009-n1-092-restart", "f51781852921"]


def listed(case: dict, names) -> bool:
    return any(case["id"].startswith(n) for n in names)


def usable(case: dict) -> bool:
    if case.get("engine") == "V0" or case.get("model") not in MODELS or re.search("AMD|Ascend|ROCm", case.get("gpu") or ""):
        return False
    return case.get("tp", 1) * case.get("pp", 1) <= 8


def flags(case: dict) -> list[str]:
    names = {"len": "max-model-len", "seqs": "max-num-seqs", "batched": "max-num-batched-tokens", "block": "block-size", "kv_dtype": "kv-cache-dtype",
             "quantization": "quantization", "dtype": "dtype", "tp": "tensor-parallel-size", "pp": "pipeline-parallel-size"}
    out = [word for key, flag in names.items() if case.get(key) for word in (f"--{flag}", str(case[key]))]
    if case.get("lora"):
        out += ["--enable-lora", "--max-loras", str(case["lora"]["slots"]), "--max-lora-rank", str(case["lora"]["rank"])]
    if case.get("prefix_caching") is not None:
        out.append("--enable-prefix-caching" if case["prefix_caching"] else "--no-enable-prefix-caching")
    if "--language-model-only" in case.get("flags", ""):
        out.append("--language-model-only")
    return out + (["--enforce-eager"] if case.get("eager") else []) + case.get("extra", [])


def log_of_start(case: dict, folder: Path, kind: str, more: list[str], until: str = "GPU KV cache size", **extra: str) -> str:
    (folder / "config.json").write_text(json.dumps(MODELS[case["model"]]))
    if not (folder / "vllm").exists():
        (folder / "vllm").symlink_to(ENGINE)
    env = {**os.environ, **extra, "BERTH_SIM_SPEED": "2000", "BERTH_SIM_ENGINE_VERSION": version(case, MODELS[case["model"]]), "HF_HUB_OFFLINE": "1",
           "TMPDIR": str(folder)}        # killed below, berth sim cannot remove its folder
    cards = case.get("tp", 1) * case.get("pp", 1)
    command = [BERTH, "sim", f"{cards}x{kind}", "--", folder / "vllm", "serve", folder, "--port", str(free_port()), *flags(case), *more]
    run = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, start_new_session=True)
    lines = []
    for line in run.stdout:
        lines.append(line)
        if until in line or "EngineCore failed" in line:
            break
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    return "".join(lines)


def figure(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found, f"no {pattern!r} in:\n{text[-600:]}"
    return float(found[1].replace(",", ""))


WEIGHTS = [c for c in CASES if usable(c) and c.get("weights_gib") and not listed(c, NOT_WEIGHTS) and not listed(c, NOT_TOKENS)]
TOKENS = [c for c in CASES if usable(c) and c.get("kv_tokens") and c.get("kv_gib", 0) > 0 and not listed(c, NOT_TOKENS) and not listed(c, ["f52487522470"])]


def test_there_are_enough_cases_left():
    assert len(WEIGHTS) >= 35 and len(TOKENS) >= 35


@pytest.mark.parametrize("case", WEIGHTS, ids=[c["id"] for c in WEIGHTS])
def test_model_loading_took_what_was_logged(case, tmp_path):
    text = log_of_start(case, tmp_path, "H200", ["--gpu-memory-utilization", "0.6"])
    tolerance = 0.005 if "quantization_config" in MODELS[case["model"]] else 0.002
    assert figure(r"Model loading took ([\d.]+) GiB", text) == pytest.approx(case["weights_gib"], rel=tolerance)


@pytest.mark.parametrize("case", TOKENS, ids=[c["id"] for c in TOKENS])
def test_kv_tokens_and_concurrency_are_those_logged(case, tmp_path):
    kv = case["kv_gib"]
    text = log_of_start(case, tmp_path, "H200", ["--kv-cache-memory-bytes", str(int(kv * GIB)), "--gpu-memory-utilization", "0.4"])
    rounded = 0.006 / kv + 0.0005                    # the log gives two decimals of a GiB, and a block is cut off
    assert figure(r"GPU KV cache size: ([\d,]+) tokens", text) == pytest.approx(case["kv_tokens"], rel=rounded)
    if case.get("concurrency") and case["id"] != "f51830815744":     # 0.20.0 with experts in NVFP4: one group more than its config tells
        assert figure(r"per request: ([\d.]+)x", text) == pytest.approx(case["concurrency"], rel=rounded, abs=0.015)


@pytest.mark.parametrize("name", BUDGET)
def test_kv_is_what_weights_profile_and_free_memory_leave(name, tmp_path):
    case = next(c for c in CASES if c["id"].startswith(name))
    kind, _ = card(case)
    text = log_of_start(case, tmp_path, kind.replace(" ", "-"), ["--gpu-memory-utilization", str(case["util"])] if case.get("util") else [])
    assert figure(r"Available KV cache memory: (-?[\d.]+) GiB", text) == pytest.approx(case["kv_gib"], abs=0.5)


def test_a_first_start_compiles_and_has_less_kv(tmp_path):
    first, again = (next(c for c in CASES if c["id"] == i) for i in ("f70469032009-n1-092", "f70469032009-n1-092-restart"))
    kind = card(first)[0].replace(" ", "-")
    kv = [figure(r"Available KV cache memory: (-?[\d.]+) GiB", log_of_start(first, tmp_path, kind, [], "init engine", VLLM_CACHE_ROOT=str(tmp_path / "cache")))
          for _ in range(2)]
    assert kv[1] - kv[0] == pytest.approx(again["kv_gib"] - first["kv_gib"], abs=0.02)
    assert kv == pytest.approx([first["kv_gib"], again["kv_gib"]], abs=0.5)
