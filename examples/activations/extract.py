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
import time
from collections.abc import Iterator
from pathlib import Path

MiB = 1 << 20
BUCKETS = 16
LOOK_S, PATIENCE_S = 0.2, 600.0      # how often for a text that is to come; how long without one


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


def texts(source: Path, count: int) -> Iterator[dict]:
    """The texts that are there, and those that are still being written beside us, until there are `count`."""
    seen, since = 0, time.monotonic()
    while True:
        lines = source.read_text().split("\n")[:-1] if source.exists() else []        # what stands behind the last line end is half a text
        for line in lines[seen:]:
            yield json.loads(line)
        if len(lines) >= max(count, 1):
            return
        if not count:
            sys.exit(f"extract: {source} is not there: generate.py writes it")
        if len(lines) > seen:
            since = time.monotonic()
        if time.monotonic() - since > PATIENCE_S:
            sys.exit(f"extract: {len(lines)} of {count} texts are in {source}, and none came for {PATIENCE_S:.0f} s")
        seen = len(lines)
        time.sleep(LOOK_S)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layer", type=int, required=True)
    parser.add_argument("--shard", required=True, help="K/N, from 0")
    parser.add_argument("--out", type=Path, default=Path("out"))
    parser.add_argument("--texts", type=int, default=int(os.environ.get("ACTIVATIONS_TEXTS", 0)), help="so many are to come: wait for them; 0: those that are there")
    args = parser.parse_args()
    shard, shards = (int(x) for x in args.shard.split("/"))
    source = args.out / "texts.jsonl"
    if not args.texts and not source.exists():
        sys.exit(f"extract: {source} is not there: generate.py writes it")
    hold(int(os.environ.get("BERTH_MEMORY_BYTES", 1024 * MiB)) // 2)             # half of its berth; the rest is the context's and the model's
    rows = [{"number": t["number"], "features": features(t["text"], args.layer)} for i, t in enumerate(texts(source, args.texts)) if i % shards == shard]
    target = args.out / f"layer-{args.layer}" / f"shard-{shard}-of-{shards}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    part.write_text(json.dumps(rows))
    part.rename(target)
    print(f"extract: layer {args.layer}, shard {shard} of {shards}: {len(rows)} texts")


main()
