"""The rules that other programs place models by, against berth's plan, on 200 instances. Usage: bench/rules.py [path/to/berth] [--instances N] [--rows]

An instance is a fleet of 1 to 4 cards of the catalog and 2 to 6 workloads (vLLM servers of built-in models, commands with declared bytes), drawn by a fixed seed.
All are optional to berth, as they are to the rules: what is counted is how much of the list each gets running.

  first-fit  in the order written, the first single card with room for the exact floor (ledger: everything but KV, and the KV of one request of 4096)
  FFD        the largest floor first; the fewest cards of one kind on which its floor fits (TP that divides the heads), the first such cards
  GPUStack   weights x 1.2 + 2 GiB against 0.9 of a card that is still whole; else the fewest whole cards, TP; it takes 0.9 of every card it gets
  Ollama     weights + KV of its context (4k, 32k or 256k by the memory of the fleet) within 80 % of the card with the most free, else of all cards, by layers

Exact bytes are a gift to first-fit and FFD: nobody who uses them has them. What a card has left after the last placement is dealt evenly to the first-fit
and FFD servers on it. A placement counts when the ledger says that the engine starts with its bytes; else it is an out-of-memory at start.
context: granted / wanted, 0 for what does not run. tok/s: of one stream of each server that runs, 1024 tokens in the cache, as `berth pace` says it.
Exits 1 when a rule gets more workloads running than berth on any instance, or berth has no plan of one."""

from __future__ import annotations

import functools
import json
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GIB = 2**30
MARGIN = 512 * 2**20
MIN = 4096
SEED = 20
LATE_S = 60
CARDS = ["RTX-3090", "RTX-4090", "L40S", "A100-SXM4-40GB", "A100-SXM4-80GB", "H100-80GB-HBM3"]
MODELS = ["Qwen/Qwen3-0.6B", "Qwen/Qwen3-1.7B", "meta-llama/Llama-3.2-3B-Instruct", "Qwen/Qwen3-4B", "Qwen/Qwen2.5-7B-Instruct", "meta-llama/Llama-3.1-8B-Instruct", "google/gemma-2-9b-it",
          "Qwen/Qwen2.5-14B-Instruct", "google/gemma-3-27b-it", "Qwen/Qwen2.5-32B-Instruct", "meta-llama/Llama-3.3-70B-Instruct"]
WANTS = [8192, 16384, 32768]
BERTH = [""]


class Failed(Exception):
    pass


def ask(*args: str) -> dict:
    r = subprocess.run([BERTH[0], *args, "--json"], capture_output=True, text=True, env={"HF_HUB_CACHE": "/nonexistent", "HF_HUB_OFFLINE": "1", "PATH": ""}, timeout=LATE_S)
    if r.returncode not in (0, 3):
        raise Failed(f"berth {' '.join(args)}: {r.stderr.strip()}")
    return json.loads(r.stdout)


@functools.cache
def card_total(card: str) -> int:
    return ask("gpus", "--gpus", f"1x{card}")["gpus"][0]["total_bytes"]


@functools.cache
def estimate(model: str, card: str, tp: int, pp: int, permille: int) -> dict:
    return ask("estimate", model, "--gpu", card, "--tp", str(tp), "--pp", str(pp), "--gpu-memory-utilization", f"{permille / 1000:.3f}", "--max-model-len", str(MIN))


@functools.cache
def floor(model: str, card: str, tp: int, pp: int = 1) -> int | None:
    """Bytes on the busiest card; None: the engine refuses the shape."""
    e = estimate(model, card, tp, pp, 950)
    if not e["ranks"] or any(r["code"] not in ("kv-too-small", "no-kv", "no-memory", "startup-memory") for r in e["refusals"] if "divisible" in r["code"] or "shape" in r["code"]):
        return None
    return max(sum(x["bytes"] for x in r["need"] if x["part"] != "kv") for r in e["ranks"]) + (e["context"]["request_bytes"] or 0)


@functools.cache
def weights(model: str) -> int:
    return ask("estimate", model, "--gpu", "A100-SXM4-80GB")["model"]["weight_bytes"]


@functools.cache
def longest_of(model: str) -> int:
    return ask("estimate", model, "--gpu", "A100-SXM4-80GB")["context"]["model"]


@functools.cache
def rate(model: str, card: str, tp: int, pp: int) -> float:
    shape = ask("pace", model, "--gpus", f"{tp * pp}x{card}", "--tp", str(tp), "--pp", str(pp))["shapes"][0]
    return shape["one_stream"]["decode_tok_s"] if "one_stream" in shape else 0.0


def starts_with(model: str, card: str, tp: int, pp: int, given: int) -> int:
    """The longest context of one request that the engine starts with in so many bytes of each card; 0: it does not start with MIN."""
    permille = min(int(given * 1000 / card_total(card)), 1000)
    if permille < 10:
        return 0
    e = estimate(model, card, tp, pp, permille)
    return e["context"]["longest"] if e["fits"] else 0


@dataclass
class Work:
    name: str
    model: str | None = None
    want: int = 0
    declared: int = 0


@dataclass
class Instance:
    cards: list[str]
    works: list[Work] = field(default_factory=list)

    def spec(self) -> str:
        lines = ["name: bench", "gpus: " + "+".join(f"{self.cards.count(c)}x{c}" for c in dict.fromkeys(self.cards)), "workloads:"]
        for w in self.works:
            what = f"engine: vllm, model: {w.model}, context: {{want: {w.want}, min: {MIN}}}" if w.model else f"kind: service, command: [x], memory: {w.declared >> 20}MiB"
            lines.append(f"  {w.name}: {{{what}, optional: true}}")
        return "\n".join(lines) + "\n"


@dataclass
class Result:
    admitted: int = 0
    oom: int = 0
    context: float = 0.0
    tok_s: float = 0.0
    late: int = 0


def draw(r: random.Random) -> Instance:
    kinds = r.sample(CARDS, 2 if r.random() < 0.25 else 1)
    inst = Instance([c for k in kinds for c in [k] * r.choice([1, 2, 4] if len(kinds) == 1 else [1, 2])])
    room = sum(card_total(c) for c in inst.cards)
    for i in range(r.randint(2, 6)):
        if r.random() < 0.7:
            model = r.choice([m for m in MODELS if weights(m) < room])
            inst.works.append(Work(f"s{i}", model, min(r.choice(WANTS), longest_of(model))))
        else:
            inst.works.append(Work(f"c{i}", declared=r.choice([2, 4, 8, 16]) * GIB))
    return inst


def same_kind_sets(inst: Instance, n: int):
    """The first n cards of each kind that satisfy the caller: yields lists of the cards of one kind, in order."""
    for kind in dict.fromkeys(inst.cards):
        cards = [i for i, c in enumerate(inst.cards) if c == kind]
        if len(cards) >= n:
            yield kind, cards


def score(inst: Instance, placed: dict[str, tuple[list[int], int, int, int]]) -> Result:
    """placed: workload -> cards, tp, pp, bytes on each card."""
    out = Result()
    for w in inst.works:
        if w.name not in placed:
            continue
        cards, tp, pp, given = placed[w.name]
        if not w.model:
            out.admitted += 1
            continue
        poorest = min((inst.cards[i] for i in cards), key=card_total)
        longest = starts_with(w.model, poorest, tp, pp, given)
        if longest < MIN:
            out.oom += 1
            continue
        out.admitted += 1
        out.context += min(longest, w.want) / w.want
        out.tok_s += min(rate(w.model, inst.cards[i], tp, pp) for i in cards)
    return out


def deal(inst: Instance, free: list[int], placed: dict[str, tuple[list[int], int, int, int]]) -> dict:
    """What is left of each card, evenly to the servers on it; a server takes what its poorest card gives."""
    servers = {w.name for w in inst.works if w.model}
    on = [sum(i in c for n, (c, *_) in placed.items() if n in servers) for i in range(len(inst.cards))]
    return {n: (c, tp, pp, given + (min(free[i] // on[i] for i in c) if n in servers else 0)) for n, (c, tp, pp, given) in placed.items()}


def first_fit(inst: Instance, works: list[Work], several: bool) -> Result:
    free = [card_total(c) - MARGIN for c in inst.cards]
    placed: dict = {}
    for w in works:
        for n in [1, 2, 4, 8] if several and w.model else [1]:
            for kind, cards in same_kind_sets(inst, n):
                need = floor(w.model, kind, n) if w.model else w.declared
                fit = [i for i in cards if need is not None and free[i] >= need][:n]
                if len(fit) == n:
                    placed[w.name] = (fit, n, 1, need)
                    for i in fit:
                        free[i] -= need
                    break
            if w.name in placed:
                break
    return score(inst, deal(inst, free, placed))


def largest_first(inst: Instance) -> list[Work]:
    return sorted(inst.works, key=lambda w: -(floor(w.model, inst.cards[0], 1) or 0) if w.model else -w.declared)


def gpustack(inst: Instance) -> Result:
    free = [card_total(c) for c in inst.cards]
    placed: dict = {}
    for w in inst.works:
        if not w.model:
            fit = [i for i in range(len(free)) if free[i] - MARGIN >= w.declared][:1]
            if fit:
                placed[w.name] = (fit, 1, 1, w.declared)
                free[fit[0]] -= w.declared
            continue
        wanted = weights(w.model) * 1.2 + 2 * GIB
        for n in (1, 2, 4, 8):
            for kind, cards in same_kind_sets(inst, n):
                share = int(0.9 * card_total(kind))
                fit = [i for i in cards if free[i] >= share][:n]
                if len(fit) == n and n * share >= wanted and (n == 1 or floor(w.model, kind, n) is not None):
                    placed[w.name] = (fit, n, 1, share)
                    for i in fit:
                        free[i] -= share
                    break
            if w.name in placed:
                break
    return score(inst, placed)


@functools.cache
def kv_token(model: str) -> int:
    return sum(r["kv"]["bytes_per_token"] for r in ask("estimate", model, "--gpu", "A100-SXM4-80GB", "--tp", "1")["ranks"])


def ollama(inst: Instance) -> Result:
    free = [card_total(c) for c in inst.cards]
    total = sum(free)
    tier = 4096 if total < 24 * GIB else 32768 if total < 48 * GIB else 262144
    placed: dict = {}
    for w in inst.works:
        if not w.model:
            best = max(range(len(free)), key=lambda i: free[i])
            if free[best] - MARGIN >= w.declared:
                placed[w.name] = ([best], 1, 1, w.declared)
                free[best] -= w.declared
            continue
        need = weights(w.model) + kv_token(w.model) * min(tier, w.want)
        best = max(range(len(free)), key=lambda i: free[i])
        if need <= 0.8 * free[best]:
            placed[w.name] = ([best], 1, 1, int(need / 0.8))
            free[best] -= int(need / 0.8)
        elif need <= 0.8 * sum(free):
            n, each = len(free), int(need / 0.8 / len(free))
            if all(f >= each for f in free):
                placed[w.name] = (list(range(n)), 1, n, each)
                free = [f - each for f in free]
    return score(inst, placed)


def berth(inst: Instance, folder: Path) -> Result:
    path = folder / "berth.yaml"
    path.write_text(inst.spec())
    out = Result()
    try:
        plan = ask("plan", "-f", str(path))
    except (subprocess.TimeoutExpired, Failed) as e:                 # counted as nothing placed, and said
        print(f"no plan: {e if isinstance(e, Failed) else f'after {LATE_S} s'}: {inst.spec()!r}")
        out.late = 1
        return out
    for i in (i for p in plan["phases"] for i in p["instances"]):
        w = next(w for w in inst.works if w.name == i["workload"])
        out.admitted += 1
        if w.model:
            out.context += min(i["context"], w.want) / w.want
            out.tok_s += i["pace"]["decode_tok_s"]
    return out


def main() -> int:
    args = sys.argv[1:]
    n = int(args[args.index("--instances") + 1]) if "--instances" in args else 200
    BERTH[0] = str(Path(next((a for a in args if not a.startswith("--") and Path(a).name == "berth"), ROOT / "build" / "src" / "cmd" / "berth")).resolve())
    r = random.Random(SEED)
    names = ["first-fit", "FFD", "GPUStack", "Ollama", "berth"]
    sums = {x: Result() for x in names}
    works = servers = 0
    better = dict.fromkeys(names, 0)
    with tempfile.TemporaryDirectory() as folder:
        for k in range(n):
            inst = draw(r)
            works += len(inst.works)
            servers += sum(w.model is not None for w in inst.works)
            got = {"first-fit": first_fit(inst, inst.works, False), "FFD": first_fit(inst, largest_first(inst), True), "GPUStack": gpustack(inst), "Ollama": ollama(inst), "berth": berth(inst, Path(folder))}
            for x in names:
                for f in ("admitted", "oom", "context", "tok_s", "late"):
                    setattr(sums[x], f, getattr(sums[x], f) + getattr(got[x], f))
                better[x] += got[x].admitted > got["berth"].admitted
            if "--rows" in args:
                print(k, inst.spec().replace("\n", " "), {x: (g.admitted, g.oom, round(g.context, 2), round(g.tok_s)) for x, g in got.items()})
    print(f"{n} instances, {works} workloads, {servers} of them servers\n")
    print(f"{'rule':10} {'admitted':>9} {'of all':>7} {'OOM at start':>13} {'context granted':>16} {'tok/s, sum':>11} {'more than berth in':>19}")
    for x in names:
        s = sums[x]
        print(f"{x:10} {s.admitted:9} {s.admitted / works:7.1%} {s.oom:13} {s.context / servers:16.1%} {s.tok_s:11.0f} {better[x]:19}")
    if sums["berth"].late:
        print(f"berth had no plan of {sums['berth'].late} instances: they count as nothing placed")
    return 1 if any(better.values()) or sums["berth"].late else 0


if __name__ == "__main__":
    sys.exit(main())
