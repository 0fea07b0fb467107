"""llama-server's ledger beside what a real one allocated, by its own lines (tests/data/llama_buffers.jsonl, llama.cpp 0c1e57098).

    python3 bench/llama.py BERTH                                                                    the table of docs/benchmarks/llama.md
    python3 bench/llama.py --record LLAMA_SERVER [RPC_SERVER] > tests/data/llama_buffers.jsonl      the rows, again

To record: two programs of one llama.cpp build (cmake -DGGML_RPC=ON -DGGML_NATIVE=OFF; targets llama-server, ggml-rpc-server). No GPU is needed: an RPC server is a device to
llama-server, so layers, caches and compute buffers are split over two of them as over two cards. Weights are a hole in the file: nothing is computed (--no-warmup)."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROWS = ROOT / "tests" / "data" / "llama_buffers.jsonl"
MIB = 1 << 20
sys.path.insert(0, str(ROOT / "tests" / "it"))
from gguf_file import write_model  # noqa: E402

BUFFER = re.compile(r"(\S+)\s+(model|KV|RS|compute|output)\s*buffer size\s*=\s*([\d.]+) MiB")
SMALL = {"layers": 8, "hidden": 1024, "heads": 8, "kv_heads": 4, "feed": 3072}
GEMMA = {"arch": "gemma3", "layers": 12, "window": 1024, "head_dim": 128, "tied": True}
OSS = {"arch": "gpt-oss", "layers": 6, "window": 128, "head_dim": 64, "heads": 16, "kv_heads": 8, "experts": 32, "used": 4, "expert_feed": 1024, "hidden": 1024}
LATENT = {"arch": "deepseek2", "layers": 4, "latent": 512, "head_dim": 128, "heads": 16}

QWEN3 = {"arch": "qwen3", "hidden": 2560, "heads": 32, "kv_heads": 8, "head_dim": 128, "feed": 9728}
LARGE = {"hidden": 4096, "heads": 32, "kv_heads": 8, "feed": 14336, "layers": 3}

#: Recorded after the sums of llama_compute.c stood, which were not changed for them.
UNSEEN: list[tuple[dict, str, int]] = [
    ({"hidden": 3584, "heads": 28, "kv_heads": 4, "feed": 18944, "layers": 3, "vocab": 152064}, "-c 16384 -np 4", 0),
    ({"hidden": 2048, "heads": 32, "kv_heads": 8, "head_dim": 64, "feed": 8192}, "-c 32768 -ub 256", 0),
    ({"arch": "qwen3", "hidden": 1024, "heads": 16, "kv_heads": 8, "head_dim": 128, "feed": 3072}, "-c 4096", 0),
    ({"arch": "qwen3", "hidden": 4096, "heads": 32, "kv_heads": 8, "head_dim": 128, "feed": 12288, "layers": 3}, "-c 8192 -ctk q4_0 -ctv q4_0", 0),
    ({"experts": 8, "used": 2, "feed": 14336, "hidden": 4096, "heads": 32, "kv_heads": 8, "layers": 2}, "-c 8192", 0),
    ({"arch": "gemma3", "layers": 6, "window": 1024, "head_dim": 256, "hidden": 2560, "heads": 8, "kv_heads": 4, "feed": 10240, "tied": True, "vocab": 262144}, "-c 8192", 0),
    ({"hidden": 4096, "heads": 32, "kv_heads": 32, "feed": 11008, "layers": 3}, "-c 4096 -fa off", 0),
    ({"arch": "qwen2", "hidden": 1536, "heads": 12, "kv_heads": 2, "feed": 8960}, "-c 8192 -np 2", 0),
]

#: shape, flags, devices (0: the CPU alone)
CASES: list[tuple[dict, str, int]] = [
    *(({}, f"-c {c}", 0) for c in (512, 1024, 4096, 16384, 65536)), *(({}, f"-c {c} -fa off", 0) for c in (1024, 4096, 16384, 65536)),
    *(({}, f"-c 16384 -ub {u}", 0) for u in (128, 256, 1024, 2048)), *(({"feed": f}, "-c 4096", 0) for f in (256, 2048, 11264, 22528)),
    *(({"hidden": h, "heads": h // 128, "feed": 4 * h}, "-c 4096", 0) for h in (1024, 4096, 6144)), *(({"vocab": v}, "-c 4096", 0) for v in (128256, 256000)),
    *(({"vocab": 128256}, f"-c 16384 -np {n}", 0) for n in (1, 2, 4, 16, 64)), *(({"vocab": 128256}, f"-c 16384 -np {n} -kvu", 0) for n in (1, 16)),
    *(({"kv_heads": k}, "-c 16384", 0) for k in (1, 8, 16)), *(({}, f"-c 16384 -ctk {t} -ctv {t}", 0) for t in ("q8_0", "q4_0", "f32", "bf16", "iq4_nl", "q5_1")),
    *(({"feed": 256, "kv_heads": k}, "-c 1024", 0) for k in (1, 16)), *(({"feed": 256, "head_dim": d}, "-c 1024", 0) for d in (64, 256)), *(({"feed": 256, "head_dim": d}, "-c 1024 -fa off", 0) for d in (64, 256)),
    *(({"experts": e, "used": u, "feed": f}, "-c 1024", 0) for e, u, f in ((8, 2, 2048), (8, 2, 5632), (64, 8, 1024), (128, 8, 768))),
    ({"arch": "qwen3moe", "experts": 64, "used": 8, "expert_feed": 1024, "head_dim": 128}, "-c 4096", 0), ({"arch": "qwen2", "kind": "Q4_K"}, "-c 4096", 0), ({"arch": "qwen3", "head_dim": 128, "kind": "Q6_K"}, "-c 4096", 0),
    ({"kind": "F16"}, "-c 4096", 0), *((GEMMA, f, 0) for f in ("-c 1024", "-c 16384", "-c 16384 -np 4", "-c 16384 --swa-full")), ({**GEMMA, "arch": "gemma2", "layers": 4}, "-c 16384", 0),
    *((OSS, f, 0) for f in ("-c 4096", "-c 32768", "-c 16384 -np 8")), *((LATENT, f, 0) for f in ("-c 4096", "-c 16384", "-c 16384 -fa off", "-c 4096 -ub 1024")),
    *((SMALL, f"-c 4096 {f}", 1) for f in ("-ngl all", "-ngl 5", "-ngl all -nkvo", "-ngl 1", "-ngl all -fa off", "-ngl all -ub 1024", "-ngl all -ctk q8_0 -ctv q8_0")),
    *((SMALL, f"-c {c} -ngl all -ts {s}", 2) for c in (4096, 16384) for s in ("1,1", "3,1", "1,2")), (SMALL, "-c 4096 -ngl 5 -ts 1,1", 2), ({**SMALL, "tied": True}, "-c 4096 -ngl all -ts 1,1", 2),
    ({**SMALL, "experts": 16, "used": 4, "feed": 1024}, "-c 4096 -ngl all -ts 1,1", 2), ({**SMALL, "experts": 16, "used": 4, "feed": 1024}, "-c 4096 -ngl all --cpu-moe", 1),
    ({**SMALL, "experts": 16, "used": 4, "feed": 1024}, "-c 4096 -ngl all -ncmoe 3", 1), (GEMMA, "-c 16384 -ngl all -ts 1,1", 2), (OSS, "-c 16384 -ngl all -ts 1,1", 2), (SMALL, "-c 8192 -np 4 -ngl all -ts 1,1", 2),
    ({"hidden": 3072, "heads": 24, "kv_heads": 8, "feed": 8192}, "-c 8192", 0), ({"hidden": 5120, "heads": 40, "kv_heads": 8, "feed": 13824, "layers": 3}, "-c 4096", 0),
    ({"hidden": 896, "heads": 14, "kv_heads": 2, "feed": 4864, "head_dim": 64}, "-c 4096", 0), *((QWEN3, f, 0) for f in ("-c 8192", "-c 8192 -fa off")), ({}, "-c 4096 -ctk f32 -ctv f32", 0),
    ({"feed": 2048}, "-c 16384 -fa off", 0), ({"feed": 1024}, "-c 4096", 0), *((LARGE, f"-c 8192 -ctk q8_0 -ctv q8_0{f}", 0) for f in ("", " -ub 256")),
    ({"experts": 16, "used": 4, "feed": 4096, "hidden": 1024, "heads": 8, "kv_heads": 4}, "-c 4096", 0),
    ({"arch": "qwen3moe", "experts": 128, "used": 8, "expert_feed": 768, "head_dim": 128, "hidden": 2048, "heads": 32, "kv_heads": 4}, "-c 8192", 0),
    ({"arch": "gemma2", "layers": 4, "window": 4096, "head_dim": 256, "tied": True, "hidden": 2304, "heads": 8, "kv_heads": 4, "feed": 9216}, "-c 8192", 0),
    ({"head_dim": 256, "heads": 16, "hidden": 3072, "kv_heads": 16, "feed": 24576}, "-c 4096 -fa off", 0),
    *UNSEEN,
]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def lines_of(server: str, model: Path, flags: list[str], rpc: list[int]) -> list[str]:
    argv = ["nice", server, "-m", str(model), "--host", "127.0.0.1", "--port", str(free_port()), "-lv", "4", "--no-warmup", "--fit", "off", "--no-repack", "-t", "1", *flags]
    if rpc:
        argv += ["--rpc", ",".join(f"127.0.0.1:{p}" for p in rpc)]
    p = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
    stop = threading.Timer(120, p.kill)
    stop.start()
    out = []
    for line in p.stderr or []:
        out.append(line.rstrip())
        if "listening on" in line:
            p.kill()
    p.wait()
    stop.cancel()
    return out


PARTS = {"model": ("weights",), "KV": ("kv", "state"), "compute": ("activations",), "output": ("sampler",)}


def ledger(berth: str, model: Path, row: dict) -> list[tuple[str, dict[str, float]]]:
    """berth's MiB by place (CPU, device0, ...) and kind of buffer."""
    argv = [berth, "estimate", str(model), "--gpu", "80GiB" if row["devices"] else "cpu", "--json", "--cache-ram", "0", *row["flags"].split()]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
    if done.returncode not in (0, 3):
        raise RuntimeError(done.stderr)
    a = json.loads(done.stdout)
    places = [("CPU", a["host"][0]["need"] if a["host"] else [])] if row["devices"] else []
    places += [(f"device{i}" if row["devices"] else "CPU", r["need"]) for i, r in enumerate(a["ranks"])]
    return [(place, {kind: sum(x["bytes"] for x in need if x["part"] in parts) / MIB for kind, parts in PARTS.items()}) for place, need in places]


def told(row: dict, place: str, kind: str) -> float:
    return sum(size for where, what, size in row["buffers"] if what == kind and where.replace("_Mapped", "") == place)


def span(row: dict, place: str) -> bool:
    """A mapping is told from its first to its last tensor: with experts on the CPU that is more than they are."""
    return place == "CPU" and "moe" in row["flags"]


def compare(berth: str) -> None:
    pairs: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "m.gguf"
        for row in map(json.loads, ROWS.read_text().splitlines()):
            write_model(model, **row["shape"])
            for place, found in ledger(berth, model, row):
                for kind in PARTS:
                    if (kind != "model" or not span(row, place)) and (kind != "output" or place == "CPU") and (found[kind] or told(row, place, kind)):
                        pairs.setdefault((kind, "CPU" if place == "CPU" else "device"), []).append((found[kind], told(row, place, kind)))
    print("| buffer | where | figures | exact to 0.02 MiB | least berth / real | median | most |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for (kind, where), found in sorted(pairs.items()):
        shares = [a / b for a, b in found if b]
        print(f"| {kind} | {where} | {len(found)} | {sum(abs(a - b) < 0.02 for a, b in found)} | {min(shares):.2f} | {statistics.median(shares):.2f} | {max(shares):.2f} |")


def record() -> None:
    server, rpc_server = sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None
    ports = [free_port(), free_port()] if rpc_server else []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for port in ports:
            child = subprocess.Popen([rpc_server, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(child.kill)
        time.sleep(1)
        for shape, flags, devices in CASES:
            if devices > len(ports):
                continue
            write_model(folder / "m.gguf", **shape)
            found = lines_of(server, folder / "m.gguf", flags.split(), ports[:devices])
            names = {f"[127.0.0.1:{p}]": f"device{i}" for i, p in enumerate(ports)}
            buffers = [[names.get(m[1][m[1].find("["):], m[1]), m[2], float(m[3])] for line in found if (m := BUFFER.search(line))]
            if not any(kind == "compute" for _, kind, _ in buffers):
                print(f"no figures: {shape} {flags}: {[x for x in found if ' E ' in x][:1]}", file=sys.stderr)
                continue
            print(json.dumps({"shape": shape, "flags": flags, "devices": devices, "buffers": buffers}), flush=True)


if __name__ == "__main__":
    record() if sys.argv[1] == "--record" else compare(sys.argv[1])
