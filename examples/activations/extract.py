"""extract - one layer's features of every text of one shard, into OUT/layer-L/shard-K-of-N.json.

The program around the model is real: its place in the matrix, its shard, its block of the card for the batch, its output written whole or not at all.
The model is not: the numbers are a histogram of the text's bytes, moved by the layer, so that the example needs no package and no weights. A real one
puts `transformers` and a forward hook where `features` stands.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import sys
from pathlib import Path

MiB = 1 << 20
BUCKETS = 16


def hold(size: int) -> None:
    """The batch buffer: `size` bytes of the first card that CUDA_VISIBLE_DEVICES leaves, until the process ends."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError as why:
        sys.exit(f"extract: load libcuda.so.1: {why} (no NVIDIA driver here? try `berth sim FLEET -- ...`)")
    device, context, address = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
    for name, *arguments in (("cuInit", ctypes.c_uint(0)), ("cuDeviceGet", ctypes.byref(device), ctypes.c_int(0)), ("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)):
        if code := getattr(cuda, name)(*arguments):
            sys.exit(f"extract: {name} failed with {code}")
    cuda.cuCtxSetCurrent(context)
    if code := cuda.cuMemAlloc_v2(ctypes.byref(address), ctypes.c_size_t(size)):
        sys.exit(f"extract: {size / MiB:.0f} MiB on the card: CUDA error {code}" + (" (out of memory: is something else on this card?)" if code == 2 else ""))


def features(text: str, layer: int) -> list[float]:
    data = text.encode()
    counts = [0] * BUCKETS
    for position, byte in enumerate(data):
        counts[(byte + layer * position) % BUCKETS] += 1
    return [round(c / max(len(data), 1), 6) for c in counts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layer", type=int, required=True)
    parser.add_argument("--shard", required=True, help="K/N, from 0")
    parser.add_argument("--out", type=Path, default=Path("out"))
    args = parser.parse_args()
    shard, shards = (int(x) for x in args.shard.split("/"))
    source = args.out / "texts.jsonl"
    if not source.exists():
        sys.exit(f"extract: {source} is not there: generate.py writes it")
    hold(int(os.environ.get("BERTH_MEMORY_BYTES", 1024 * MiB)) // 2)             # half of its berth; the rest is the context's and the model's
    texts = [json.loads(line) for line in source.read_text().splitlines()][shard::shards]
    target = args.out / f"layer-{args.layer}" / f"shard-{shard}-of-{shards}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    part.write_text(json.dumps([{"number": t["number"], "features": features(t["text"], args.layer)} for t in texts]))
    part.rename(target)
    print(f"extract: layer {args.layer}, shard {shard} of {shards}: {len(texts)} texts")


main()
