"""train - train adapters for several users at once on the cards that berth gives it; POST /train {user, texts, steps}, GET /health.

The program around the arithmetic is real: its bytes on every card, one place (gradients, moments, float32 copy) for each user who trains at the same
time, waiting where all are taken, adapter folders in PEFT's format that vLLM loads, going on from a user's newest one. The arithmetic is not a LLM's:
which of 16 kinds of byte follows which is learned by a product of two narrow matrices, in plain Python, so that the example needs no package and no
weights; that product stands in the corner of the adapter's tensors. A real one puts torch where `learn` stands.
"""

from __future__ import annotations

import argparse
import array
import ctypes
import http.server
import json
import math
import os
import queue
import random
import re
import shutil
import struct
import sys
import threading
from pathlib import Path

MiB = 1 << 20
MODEL = "meta-llama/Llama-3.2-1B"
HIDDEN, PARAMETERS = 2048, 1_235_814_400       # of it: config.json, and the numbers in its safetensors
INPUTS_AND_OUTPUTS = 704_512                   # summed over the linear layers of its 16 blocks: an adapter has rank times as many numbers
STEP = 3872 * MiB                              # one sequence of 2,048 tokens: what is kept for going back, and the logits with their gradient
OUTSIDE = 3124 * MiB                           # of the berth, for what is not asked for here: CUDA context, NCCL, the plan's headroom without users ...
MARGIN = 9 / 8                                 # ... and with each of them (`berth explain train`)
KINDS, RANK, RATE = 16, 8, 1.0
TENSOR = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"

Matrix = list[list[float]]


# The cards.

def cuda(driver: ctypes.CDLL, what: str, function: str, *arguments: object) -> None:
    if code := getattr(driver, function)(*arguments):
        sys.exit(f"train: {what}: {function} failed with {code}" + (" (out of memory: is something else on this card?)" if code == 2 else ""))


def hold(sizes: list[int]) -> int:
    """Blocks of these sizes on every card that CUDA_VISIBLE_DEVICES leaves, until the process ends. Returns how many cards."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as why:
        sys.exit(f"train: load libcuda.so.1: {why} (no NVIDIA driver here? try `berth sim FLEET -- ...`)")
    count = ctypes.c_int()
    cuda(driver, "start CUDA", "cuInit", ctypes.c_uint(0))
    cuda(driver, "count the cards", "cuDeviceGetCount", ctypes.byref(count))
    for card in range(count.value):
        device, context, address = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
        cuda(driver, f"card {card}", "cuDeviceGet", ctypes.byref(device), ctypes.c_int(card))
        cuda(driver, f"card {card}", "cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        cuda(driver, f"card {card}", "cuCtxSetCurrent", context)
        for size in sizes:
            cuda(driver, f"card {card}: {size / MiB:.0f} MiB", "cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(size))
    return count.value


# The adapter's file.

def write_adapter(folder: Path, a: Matrix, b: Matrix) -> None:
    """Whole or not at all: written beside it and renamed."""
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": MODEL, "r": RANK, "lora_alpha": RANK, "target_modules": ["q_proj"], "bias": "none"}
    (part / "adapter_config.json").write_text(json.dumps(config, indent=1))
    wide, tall = array.array("f", bytes(4 * RANK * HIDDEN)), array.array("f", bytes(4 * HIDDEN * RANK))
    for k in range(RANK):
        for i in range(KINDS):
            wide[k * HIDDEN + i], tall[i * RANK + k] = a[k][i], b[i][k]
    size = 4 * RANK * HIDDEN
    header = json.dumps({TENSOR.format("A"): {"dtype": "F32", "shape": [RANK, HIDDEN], "data_offsets": [0, size]},
                         TENSOR.format("B"): {"dtype": "F32", "shape": [HIDDEN, RANK], "data_offsets": [size, 2 * size]}}).encode()
    (part / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + wide.tobytes() + tall.tobytes())
    part.rename(folder)


def read_adapter(folder: Path) -> tuple[Matrix, Matrix]:
    data = (folder / "adapter_model.safetensors").read_bytes()
    numbers = array.array("f", data[8 + struct.unpack_from("<Q", data)[0]:])
    tall = numbers[RANK * HIDDEN:]
    return [list(numbers[k * HIDDEN:k * HIDDEN + KINDS]) for k in range(RANK)], [list(tall[j * RANK:(j + 1) * RANK]) for j in range(KINDS)]


# What is learned.

def learn(texts: list[str], a: Matrix, b: Matrix, steps: int) -> list[float]:
    """Moves a and b; returns the loss before each step and after the last: nats a byte."""
    seen = [[0] * KINDS for _ in range(KINDS)]
    for data in (text.encode() for text in texts):
        for this, following in zip(data, data[1:]):
            seen[this % KINDS][following % KINDS] += 1
    total = max(sum(map(sum, seen)), 1)
    losses = []
    for step in range(steps + 1):
        loss, slope = 0.0, []
        for i, row in enumerate(seen):
            power = [math.exp(sum(b[j][k] * a[k][i] for k in range(RANK))) for j in range(KINDS)]
            likely = [p / sum(power) for p in power]
            loss -= sum(n * math.log(p) for n, p in zip(row, likely))
            slope.append([(sum(row) * p - n) / total for n, p in zip(row, likely)])
        losses.append(round(loss / total, 4))
        if step == steps:
            break
        for_a = [[sum(slope[i][j] * b[j][k] for j in range(KINDS)) for i in range(KINDS)] for k in range(RANK)]
        for j in range(KINDS):
            for k in range(RANK):
                b[j][k] -= RATE * sum(slope[i][j] * a[k][i] for i in range(KINDS))
        for k in range(RANK):
            for i in range(KINDS):
                a[k][i] -= RATE * for_a[k][i]
    return losses


class Trainer:
    """Called from a thread for each request. `places` are the users' blocks on the cards; one lock a user keeps two trainings of one adapter in turn."""

    def __init__(self, out: Path, places: int) -> None:
        self.out, self.free = out, queue.SimpleQueue()
        for place in range(places):
            self.free.put(place)
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def train(self, user: str, texts: list[str], steps: int) -> dict:
        with self._guard:
            lock = self._locks.setdefault(user, threading.Lock())
        with lock:
            place = self.free.get()                    # waits where all are taken
            try:
                return {"user": user, "place": place, **self._train(self.out / user, texts, steps)}
            finally:
                self.free.put(place)

    def _train(self, folder: Path, texts: list[str], steps: int) -> dict:
        there = sorted((int(p.name[5:]), p) for p in folder.glob("step-*"))
        if there:
            a, b = read_adapter(there[-1][1])
        else:
            drawn = random.Random(folder.name)         # as LoRA starts: one side drawn, the other nought
            a, b = [[drawn.uniform(-1, 1) for _ in range(KINDS)] for _ in range(RANK)], [[0.0] * RANK for _ in range(KINDS)]
        losses = learn(texts, a, b, steps)
        done = (there[-1][0] if there else 0) + steps
        target = folder / f"step-{done}"
        write_adapter(target, a, b)
        for _, old in there[:-1]:                      # the newest before this one may be being loaded still
            shutil.rmtree(old, ignore_errors=True)
        sys.stdout.write(f"train: {folder.name}: step {done}, loss {losses[0]} -> {losses[-1]}\n")       # in one piece: others write too
        sys.stdout.flush()
        return {"step": done, "adapter": str(target.resolve()), "loss": [losses[0], losses[-1]]}


class Handler(http.server.BaseHTTPRequestHandler):
    trainer: Trainer
    health: dict

    def log_message(self, *_: object) -> None:
        """One line a training is enough."""

    def say(self, status: int, body: dict) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self.say(*((200, self.health) if self.path == "/health" else (404, {"error": f"{self.path}: there is /health, and POST /train"})))

    def do_POST(self) -> None:
        try:
            order = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            user, texts, steps = order["user"], order["texts"], int(order.get("steps", 20))
        except (ValueError, KeyError, TypeError) as why:
            return self.say(400, {"error": f"not an order to train ({why!r}): {{user, texts, steps}} is one"})
        named = isinstance(user, str) and re.fullmatch(r"[a-z0-9-]{1,40}", user)             # it becomes a folder's name
        if not named or not isinstance(texts, list) or not all(isinstance(t, str) for t in texts) or not 1 <= steps <= 1000:
            return self.say(400, {"error": "user: a-z, 0-9 and -, at most 40; texts: a list of texts; steps: 1 to 1000"})
        try:
            self.say(200, self.trainer.train(user, texts, steps))
        except OSError as why:
            self.say(500, {"error": f"write the adapter of {user}: {why}"})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("/dev/shm/adapters"))
    parser.add_argument("--rank", type=int, default=64, help="of the adapters that the places are made for")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", 8001)))
    args = parser.parse_args()
    berth, shared, each = int(os.environ.get("BERTH_MEMORY_BYTES", 16384 * MiB)), 2 * PARAMETERS + STEP, 16 * args.rank * INPUTS_AND_OUTPUTS
    places = int((berth - OUTSIDE - shared) / (MARGIN * each))
    if places < 1:
        sys.exit(f"train: a berth of {berth / MiB:.0f} MiB holds no user: {MODEL} and one step take {shared / MiB:.0f} MiB, a user {each / MiB:.0f}, "
                 f"CUDA and a margin {OUTSIDE / MiB:.0f} (give it more, or train a smaller --rank)")
    args.out.mkdir(parents=True, exist_ok=True)
    cards = hold([shared] + [each] * places)
    Handler.trainer, Handler.health = Trainer(args.out, places), {"status": "ok", "cards": cards, "places": places}
    print(f"train: {places} users at once on {cards} cards, port {args.port}", flush=True)
    Server(("127.0.0.1", args.port), Handler).serve_forever()


main()
