"""The ledger against the simulated engine, two arithmetics that share no line: every configuration of bench/data/vllm_models.jsonl as TP x PP shapes.

Usage: bench/sim_need.py [BUILD] [WORD...]   (WORD: only models whose name has it). Needs BUILD/bench/bench-need and BUILD/sim/engine/berth-sim-engine.
Each shape is a whole start on simulated H200s with 4 GiB of KV, stopped at its KV line. Prints where weights differ by more than 0.3 %, or tokens by more
than 0.1 %: one of the two is wrong there. Ends with how many were compared and how many differ."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GIB = 2**30
SHAPES = [(1, 1), (2, 1), (4, 1), (1, 2), (1, 3), (2, 2)]
LEN, SEQS, BATCHED = 4096, 16, 2048


def ledger(build: Path, folder: Path, tp: int, pp: int) -> dict | None:
    ask = {"dir": str(folder), "version": "0.32.0", "gpu": "NVIDIA H200", "tp": tp, "pp": pp, "len": LEN, "util": 0.4, "seqs": SEQS, "batched": BATCHED, "eager": True,
           "kv_gib": [4.0], "at": LEN}
    done = subprocess.run([build / "bench/bench-need"], input=json.dumps(ask) + "\n", capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout or "{}")
    return None if "error" in answer or not answer else answer


def engine(build: Path, folder: Path, tp: int, pp: int) -> tuple[float, int] | None:
    args = ["--tensor-parallel-size", tp, "--pipeline-parallel-size", pp, "--max-model-len", LEN, "--max-num-seqs", SEQS, "--max-num-batched-tokens", BATCHED,
            "--enforce-eager", "--kv-cache-memory-bytes", 4 * GIB, "--gpu-memory-utilization", 0.2]
    command = [build / "src/cmd/berth", "sim", f"{tp * pp}xH200", "--", build / "sim/engine/berth-sim-engine", "vllm", "serve", folder, "--port", 1, *args]
    env = {**os.environ, "BERTH_SIM_SPEED": "3000", "BERTH_SIM_ENGINE_VERSION": "0.32.0", "HF_HUB_OFFLINE": "1", "TMPDIR": str(folder)}
    run = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, start_new_session=True)
    lines = []
    for line in run.stdout:
        lines.append(line)
        if "GPU KV cache size" in line or "EngineCore failed" in line:
            break
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    text = "".join(lines)
    weights, tokens = re.search(r"Model loading took ([\d.]+)", text), re.search(r"GPU KV cache size: ([\d,]+)", text)
    return (float(weights[1]), int(tokens[1].replace(",", ""))) if weights and tokens else None


def main() -> None:
    build = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").resolve()
    words = sys.argv[2:]
    compared = weights_differ = tokens_differ = 0
    with tempfile.TemporaryDirectory() as tmp:
        for model in map(json.loads, (ROOT / "bench/data/vllm_models.jsonl").read_text().splitlines()):
            if words and not any(w in model["model"] for w in words):
                continue
            folder = Path(tmp) / re.sub(r"\W", "_", model["model"])
            folder.mkdir(exist_ok=True)
            (folder / "config.json").write_text(json.dumps(model["config"]))
            for tp, pp in SHAPES:
                need = ledger(build, folder, tp, pp)
                sim = engine(build, folder, tp, pp) if need else None
                if not need or not sim:
                    continue                         # refused by one of them, or larger than the cards
                compared += 1
                weights, tokens = need["ranks"][0].get("weights", 0) / GIB, need["asks"][0]["tokens"]
                off_weights, off_tokens = weights / sim[0] - 1, tokens / max(sim[1], 1) - 1
                weights_differ += abs(off_weights) > 0.003
                tokens_differ += abs(off_tokens) > 0.001
                if abs(off_weights) > 0.003 or abs(off_tokens) > 0.001:
                    print(f"{model['model']:44} TP {tp} PP {pp}  weights {sim[0]:.3f} GiB, ledger {off_weights:+.2%}  tokens {sim[1]:,}, ledger {off_tokens:+.2%}", flush=True)
    print(f"{compared} shapes compared; weights differ in {weights_differ}, tokens in {tokens_differ}")


if __name__ == "__main__":
    main()
