"""The ledger against real start-up logs: case, what, predicted, measured, off. Usage: bench/need.py [path/to/berth]

Reads tests/data/vllm_cases.json (ten starts that state their inputs and have a public address). Exits 1 when a figure is outside its bound."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GIB = 2**30
BOUNDS = {"weights GiB": 0.03, "peak GiB": 0.06, "KV tokens": None}  # KV tokens: 0.5 % of the logged ones


def ledger(berth: str, folder: Path, case: dict) -> dict:
    flags = ["--gpu", "80GiB", "--engine-version", "0.9.2", "--tp", str(case.get("tp", 1)), "--json"]
    if "seqs" in case:
        flags += ["--max-num-seqs", str(case["seqs"]), "--max-num-batched-tokens", str(case["batched_tokens"])]
    if "kv_gib" in case:
        flags += ["--kv-cache-memory-bytes", str(int(case["kv_gib"] * GIB))]
    done = subprocess.run([berth, "estimate", str(folder), *flags], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        sys.exit(f"{case['id']}: {done.stderr}")
    return json.loads(done.stdout)["ranks"][0]


def figures(case: dict, rank: dict) -> list[tuple[str, float, float]]:
    def part(*names: str) -> float:
        return sum(line["bytes"] for line in rank["need"] if line["part"] in names) / GIB

    rows = []
    if "weights_gib" in case:
        rows.append(("weights GiB", part("weights"), case["weights_gib"]))
    if "peak_gib" in case:
        rows.append(("peak GiB", part("activations", "sampler"), case["peak_gib"]))
    if "kv_tokens" in case:
        rows.append(("KV tokens", float(rank["kv"]["tokens"]), float(case["kv_tokens"])))
    return rows


def main() -> int:
    berth = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build" / "src" / "cmd" / "berth")
    data = json.loads((ROOT / "tests" / "data" / "vllm_cases.json").read_text())
    outside = 0
    print(f"{'case':24} {'what':12} {'predicted':>13} {'measured':>13} {'off':>9}")
    with tempfile.TemporaryDirectory() as base:
        for case in data["cases"]:
            folder = Path(base) / case["model"]
            folder.mkdir(exist_ok=True)
            (folder / "config.json").write_text(json.dumps(data["models"][case["model"]]))
            for what, predicted, measured in figures(case, ledger(berth, folder, case)):
                bound = BOUNDS[what] or measured * 0.005
                outside += abs(predicted - measured) > bound
                digits = 0 if what == "KV tokens" else 4
                print(f"{case['id']:24} {what:12} {predicted:13,.{digits}f} {measured:13,.{digits}f} {(predicted - measured) / measured:+9.2%}")
    print(f"{outside} outside the bounds")
    return 1 if outside else 0


if __name__ == "__main__":
    sys.exit(main())
