"""The ledger against real vLLM start-up logs. Usage: bench/need.py [path/to/bench-need] [--rows]

Reads bench/data/vllm_cases.jsonl (what was asked and what the engine logged, with the source of each) and vllm_models.jsonl (configurations).
Each configuration becomes a config.json in a folder, without weight files, and berth answers every case from that and the flags alone.
vllm_unseen.jsonl has starts that were gathered after the rules were made: berth is asked by the model's name alone and answers from its built-in shapes.
Prints the figures by class of model, the worst cases, and writes each comparison to docs/benchmarks/need.csv. Exits 1 when a figure of the
first table is not reached. A case that states its inputs and gets no answer counts as a miss."""

from __future__ import annotations

import csv
import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "bench" / "data"
GIB = 2**30

# A case that names no version: the newest row that was out on its date. Days of releases; of 0.20 and 0.22 the first logs that name them.
BY_DATE = [("2026-09-09", "0.29.0"), ("2026-08-26", "0.28.0"), ("2026-08-11", "0.27.0"), ("2026-07-25", "0.26.0"), ("2026-07-14", "0.25.0"), ("2026-06-30", "0.24.0"), ("2026-06-01", "0.22.0"),
           ("2026-05-15", "0.21.0"), ("2026-05-01", "0.20.0"), ("2026-01-20", "0.14.0"), ("2025-12-19", "0.13.0"), ("2025-10-02", "0.11.0"), ("2025-09-13", "0.10.2"), ("2025-05-01", "0.9.2"), ("", "0.8.3")]
V0_BY_DATE = [("2025-03-19", "0.8.1"), ("2025-02-01", "0.7.1"), ("2025-01-27", "0.7.0"), ("", "0.6.0")]

# Spellings of the logs that are not a card's name; None: no card that berth could be asked about.
CARDS = [(r"5070 Ti", "NVIDIA GeForce RTX 5070 Ti"), (r"A100.*40|A100 40", "A100-SXM4-40GB"), (r"A100", "A100-SXM4-80GB"), (r"A800", "NVIDIA A800-SXM4-80GB"), (r"H200", "NVIDIA H200"), (r"GH200", "NVIDIA GH200 480GB"),
         (r"H100", "NVIDIA H100 80GB HBM3"), (r"H20\b", "NVIDIA H20"), (r"L40S", "NVIDIA L40S"), (r"\bL4\b", "NVIDIA L4"), (r"T4", "Tesla T4"), (r"A10G", "NVIDIA A10G"),
         (r"A40\b", "NVIDIA A40"), (r"RTX A5000", "NVIDIA RTX A5000"), (r"5080", "NVIDIA GeForce RTX 5080"), (r"4090 48", None), (r"4090", "NVIDIA GeForce RTX 4090"), (r"RTX 3090", "NVIDIA GeForce RTX 3090"), (r"5090", "NVIDIA GeForce RTX 5090"),
         (r"5060 Ti", "NVIDIA GeForce RTX 5060 Ti"), (r"PRO 6000", "NVIDIA RTX PRO 6000 Blackwell Server Edition"), (r"B200", "NVIDIA B200"), (r"GB10", "NVIDIA GB10"), (r"MI300X", "AMD Instinct MI300X")]


NOMINAL = 0.99  # what CUDA shows of a nominal size: 79.2 of 80, 39.5 of 40, 95.0 of 96


def card(case: dict) -> tuple[str | None, float | None]:
    """Name in the table of cards, and GiB where the case states them. A whole number is a nominal size: the table knows better, and for other cards CUDA shows less."""
    name = case.get("gpu") or ""
    known = next((n for pattern, n in CARDS if re.search(pattern, name, re.I)), None)
    shown = re.search(r"(\d+\.\d+) ?GiB", name)
    size = case.get("total_gib") or case.get("gpu_gib") or (float(shown.group(1)) if shown else None)
    nominal = re.search(r"\b(\d{2,3}) ?GB\b", name)
    if size is None and nominal and not known:
        size = int(nominal.group(1))
    if isinstance(size, int) or (size or 0.5).is_integer():
        size = None if known else size * NOMINAL
    return known, size


# The first version whose registry has the class: one that neither version nor date name is not older.
SINCE = [("DeepseekV4", "0.20.0"), ("Gemma4", "0.20.0"), ("Qwen3_5", "0.17.0"), ("GlmMoeDsa", "0.16.0")]


def version(case: dict, config: dict | None) -> str:
    names = " ".join((config or {}).get("architectures", []))
    if "version" not in case and "date" not in case and case.get("engine") != "V0":
        known = next((v for name, v in SINCE if name in names), None)
        if known:
            return known
    if "version" in case and not (case.get("engine") == "V0" and case["version"] > "0.8.2"):
        return case["version"]
    if case.get("engine") == "V0":
        return next(v for since, v in V0_BY_DATE if case.get("date", "2025-02-01") >= since)
    return next(v for since, v in BY_DATE if case.get("date", "2026-01-01") >= since)


def question(case: dict, folders: dict[str, Path], config: dict | None) -> dict:
    name, total = card(case)
    q = {k: case[k] for k in ("tp", "pp", "dp", "ep", "len", "util", "seqs", "batched", "block", "eager", "quantization", "kv_dtype", "dtype", "lora", "prefix_caching", "extra") if k in case}
    if "--language-model-only" in case.get("flags", ""):
        q["extra"] = [*q.get("extra", []), "--language-model-only"]
    q |= {"dir": case["model"] if case.get("by_name") else str(folders.get(case.get("model", ""), "")), "version": version(case, config)}
    if name:
        q["gpu"] = name
    if total or not name:
        q["total_gib"] = total or 40  # a card that is not named: of the class that most are of
    kv = case.get("kv_gib")
    if kv is not None:
        q["kv_gib"] = [max(kv - 0.005, 0), kv, kv + 0.005]  # the log rounds to two digits
        q["at"] = case.get("concurrency_len") or case.get("len") or 0
    elif "needed_gib" in case:
        q["kv_gib"] = [0]
        q["at"] = case.get("len") or 0
    return q


def kind(case: dict, config: dict | None) -> str:
    if not config:
        return "not named"
    if "class" in config:
        return config["class"]
    names = " ".join(config.get("architectures", []))
    if "linear_num_key_heads" in config or "hybrid_override_pattern" in config or re.search(r"Qwen3Next|Qwen3_5", names):
        return "hybrid"
    if "kv_lora_rank" in config or "compress_ratios" in config:
        return "MLA"
    if re.search(r"Gemma|GptOss", names):
        return "windows"
    if re.search(r"VL|Vision|Mllama|Omni|DotsOCR|InternVL", names):
        return "vision"
    return "experts" if config.get("num_experts") else "dense"


# What a case would have to state for a figure and does not: such a case is not counted there, right or wrong, and is listed. Decided from inputs alone.
WEIGHTS = ("weights, 16 bit", "weights, quantised")
MEMORY = (*WEIGHTS, "KV available")
ARGUMENTS = ("len", "seqs", "batched", "eager", "flags", "extra", "block", "kv_dtype", "dtype", "lora", "quantization", "prefix_caching")  # the share is printed with the profile too


def unstated(case: dict, config: dict) -> list[tuple[tuple[str, ...], str]]:
    gpu, name, quant = case.get("gpu") or "", case.get("name") or "", config.get("quantization_config", {})
    lists = ("ignore", "modules_to_not_convert", "exclude_modules", "llm_int8_skip_modules")
    found = [
        ("tp_not_stated" in case, tuple(w for w, _ in FIGURES), "how many cards share the model"),
        (re.search(r"Ascend|NPU|AMD|ROCm|MI300", gpu), MEMORY, "not an NVIDIA card: another allocator, other tables"),
        (re.search(r"GB10|unified", gpu), ("KV available",), "memory shared with the host: what the others there held is not stated"),
        ("+" in gpu, ("KV available",), "two kinds of cards, their layers dealt out by hand"),
        ("-shaped" in name, WEIGHTS, "the model is not named, its shape was told from bytes in the same log"),
        (quant.get("quant_method") == "modelopt" and not any(k in quant for k in lists), MEMORY, "the checkpoint's list of layers left in 16 bits, that ModelOpt always writes, is not there"),
        ("unsloth-bnb-4bit" in name and not any(k in quant for k in lists), MEMORY, "dynamic bitsandbytes: the list of layers left in 16 bits is not there"),
        ("rank_not_stated" in case, MEMORY, "adapter slots of an unstated rank"),
        ("images_not_stated" in case, ("KV available",), "more images to a prompt than the default, and not how many"),
        ("drafter_not_stated" in case, ("KV tokens", "KV available"), "a drafting model of its own, whose shape is not there"),
        ("stage_not_stated" in case, WEIGHTS, "which of the stages wrote the line"),
        (not any(k in case for k in ARGUMENTS), ("KV available",), "no argument of the start is shown: neither its command, nor the engine's line of it, nor its length, batch, sequences or types"),
        ("batched_not_stated" in case, ("needed KV", "KV tokens", "KV available"), "a batch that was set, and not to what"),
    ]
    return [(figures, why) for applies, figures, why in found if applies]


def inside(value: float, low: float, high: float) -> bool:
    return min(low, high) <= value <= max(low, high)


def compare(case: dict, got: dict, config: dict | None) -> list[dict]:
    """One row a figure: what, predicted, measured, off (in the figure's own unit), ok. predicted is None when berth had no answer."""
    rows: list[dict] = []
    failed = "error" in got
    quantised = bool(config and ("quantization_config" in config or "quantization" in case))
    rank = None if failed else got["ranks"][0]
    split_known = "tp" in case

    def row(what: str, predicted: float | None, measured: float, off: float, ok: bool) -> None:
        rows.append({"what": what, "predicted": predicted, "measured": measured, "off": off, "ok": ok and predicted is not None})

    if "weights_gib" in case and split_known and config is not None:
        slots = 0 if "version" in case and [int(n) for n in re.findall(r"\d+", case["version"])[:3]] < [0, 7, 3] else 1  # earlier ones write the line before they make the slots
        w = None if failed else (rank.get("weights", 0) + slots * rank.get("lora", 0)) / GIB
        off = 0 if w is None else w - case["weights_gib"]
        if quantised:
            row("weights, quantised", w, case["weights_gib"], off / case["weights_gib"], abs(off) <= 0.02 * case["weights_gib"])
        else:
            row("weights, 16 bit", w, case["weights_gib"], off, abs(off) <= 0.03)
    if case.get("kv_gib", 0) > 0 and split_known and config is not None:
        asks = [] if failed else got["asks"]
        different = kind(case, config) in ("hybrid", "windows")
        if not different and "kv_tokens" in case and "other_rank" not in case:
            low, mid, high = ((a["tokens"] for a in asks) if asks else (None, None, None))
            off = 0 if mid is None else mid / case["kv_tokens"] - 1
            row("KV tokens", mid, case["kv_tokens"], off, mid is not None and (abs(off) <= 0.005 or inside(case["kv_tokens"], low, high)))
        elif different and "concurrency" in case and "other_rank" not in case:
            low, mid, high = ((a["concurrency"] for a in asks) if asks else (None, None, None))
            off = 0 if mid is None else mid / case["concurrency"] - 1
            row("KV tokens", mid, case["concurrency"], off, mid is not None and (abs(off) <= 0.005 or inside(case["concurrency"], low - 0.006, high + 0.006)))
    if "needed_gib" in case and split_known and config is not None and "len" in case:
        need = None if failed else got["asks"][0]["request"] / GIB
        row("needed KV", need, case["needed_gib"], 0 if need is None else need - case["needed_gib"], need is not None and abs(need - case["needed_gib"]) <= 0.0101)
    if "estimated_len" in case and case.get("kv_gib") and split_known and config is not None:
        spread = [] if failed else [a["longest"] for a in got["asks"]]
        off = 0 if not spread else spread[1] - case["estimated_len"]
        row("estimated length", spread[1] if spread else None, case["estimated_len"], off, bool(spread) and inside(case["estimated_len"], spread[0], spread[2]))
    if "kv_gib" in case and split_known and config is not None and any(card(case)) and "util_not_stated" not in case:
        name, total = card(case)
        kv = None if failed else got["kv"] / GIB
        size = total or (0 if failed else got["total"] / GIB)
        logged = case.get("pool_gib", case["kv_gib"])  # another rank had less and set the pool, as its tokens or blocks say: berth's is the poorest rank's too
        measured = max(logged, 0)
        off = 0 if kv is None or not size else (kv - measured) / size
        default = 0.92 if [int(n) for n in re.findall(r"\d+", version(case, config))[:2]] >= [0, 21] else 0.90
        if "util" not in case and rank and size and rank["weights"] / GIB + measured > default * size:
            return rows  # weights and KV alone are more than the default share: it was set, and not said
        row("KV available", kv, logged, off, kv is not None and abs(off) <= 0.03)
    return rows


FIGURES = [  # what, share that has to be right
    ("weights, 16 bit", 0.90), ("weights, quantised", 0.90), ("KV tokens", 0.95), ("needed KV", 1.0), ("estimated length", 1.0), ("KV available", 0.85),
]


def table(rows: list[dict]) -> int:
    kinds = ["dense", "windows", "MLA", "experts", "hybrid", "vision"]
    print(f"{'figure':20} {'right':>9} {'wanted':>7}   " + "  ".join(f"{k:>8}" for k in kinds) + "   median off")
    missed = 0
    for what, wanted in FIGURES:
        mine = [r for r in rows if r["what"] == what]
        right = sum(r["ok"] for r in mine)
        cells = []
        for k in kinds:
            of = [r for r in mine if r["kind"] == k]
            cells.append(f"{sum(r['ok'] for r in of)}/{len(of)}" if of else "-")
        offs = [abs(r["off"]) for r in mine if r["predicted"] is not None]
        print(f"{what:20} {right:4}/{len(mine):<4} {wanted:7.0%}   " + "  ".join(f"{c:>8}" for c in cells) + f"   {statistics.median(offs) if offs else 0:.4g}")
        missed += bool(mine) and right < wanted * len(mine)
    kv = [r for r in rows if r["what"] == "KV available"]
    high = sum(r["off"] > 0.02 for r in kv)
    print(f"{'KV too high by 2 %':20} {high:4}/{len(kv):<4} {'< 2 %':>7}   (optimistic by more than 2 % of the card)")
    return missed + (high >= 0.02 * len(kv))


def judge(cases: list[dict], configs: dict[str, dict], driver: Path, by_name: bool) -> tuple[list[dict], list[dict]]:
    """Rows that count, and rows left out for what their case does not state."""
    with tempfile.TemporaryDirectory() as base:
        folders = {}
        for i, (name, config) in enumerate(configs.items()):
            folders[name] = Path(base) / str(i)
            folders[name].mkdir()
            (folders[name] / "config.json").write_text(json.dumps(config))
        asked = "".join(json.dumps(question(c, folders, configs.get(c.get("model", "")))) + "\n" for c in cases)
        done = subprocess.run([str(driver)], input=asked, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    rows, left = [], []
    for case, got in zip(cases, answers, strict=True):
        config = told(case, got) if by_name else configs.get(case.get("model", ""))
        for r in compare(case, got, config):
            parts = {} if "error" in got else {k: v / GIB for k, v in got["ranks"][0].items() if k not in ("per_token", "budget")}
            whys = [why for figures, why in unstated(case, config or {}) if r["what"] in figures]
            (left if whys else rows).append(r | {"reason": whys[0] if whys else "", "case": case["id"], "kind": kind(case, config), "why": got.get("error", ""), "got": got, "input": case, "parts": parts})
    return rows, left


def told(case: dict, got: dict) -> dict:
    """What compare() and unstated() have to know of a model that is asked for by name: from berth's answer, and where it has none from the name."""
    name = case["model"]
    quantised = got.get("quantised", bool(re.search(r"AWQ|GPTQ|FP8|INT[48]|NVFP4|W[48]A|bnb|GGUF", name, re.I)))
    method = {"quant_method": "modelopt"} if re.search(r"NVFP4", name) and not name.startswith("RedHatAI/") else {}
    return {"class": got.get("class", "not named")} | ({"quantization_config": method} if quantised else {})


def show_rows(rows: list[dict]) -> None:
    for r in rows:
        c, p = r["input"], r["parts"]
        print(f"{'left' if r['reason'] else 'ok ' if r['ok'] else 'BAD'} {r['what']:18} {r['case']:26} {r['kind']:8} {r['predicted'] or 0:>12.4f} {r['measured']:>12.4f} off {r['off']:+.4f} {c.get('model', '')} v{c.get('version', '?')} tp{c.get('tp')} "
              + " ".join(f"{k}={v:.2f}" for k, v in p.items()) + f" | log: w={c.get('weights_gib')} nt={c.get('non_torch_gib')} peak={c.get('peak_gib')} gr={c.get('graphs_gib')} {r['why'][:100]}")


def report(rows: list[dict], left: list[dict]) -> int:
    missed = table(rows)
    bad = sorted((r for r in rows if not r["ok"]), key=lambda r: (r["predicted"] is not None, -abs(r["off"]) if r["what"] != "estimated length" else 0))
    print("\nnot counted, for what the case does not state (right among them)")
    for what, why in sorted({(r["what"], r["reason"]) for r in left}):
        mine = [r for r in left if (r["what"], r["reason"]) == (what, why)]
        print(f"  {what:18} {sum(r['ok'] for r in mine)}/{len(mine)}  {why}")
    print("\nworst ten")
    for r in bad[:10]:
        said = "no answer: " + r["why"] if r["predicted"] is None else f"{r['predicted']:.4g} for {r['measured']:.4g}"
        print(f"  {r['case']:26} {r['what']:18} {said}; {r['input'].get('note') or r['input'].get('name', '')}"[:170])
    return missed


def main() -> int:
    args = [a for a in sys.argv[1:] if not a.startswith("--")]
    driver = Path(args[0]) if args else ROOT / "build" / "bench" / "bench-need"
    if driver.name == "berth":  # as `make bench` calls every benchmark
        driver = driver.parents[2] / "bench" / "bench-need"
    cases = [json.loads(line) for line in (DATA / "vllm_cases.jsonl").read_text().splitlines()]
    later = [json.loads(line) | {"by_name": True} for line in (DATA / "vllm_unseen.jsonl").read_text().splitlines()]
    configs = {m["model"]: m["config"] for m in (json.loads(line) for line in (DATA / "vllm_models.jsonl").read_text().splitlines())}
    rows, left = judge(cases, configs, driver, False)
    rows2, left2 = judge(later, {}, driver, True)
    if "--rows" in sys.argv:
        show_rows(rows + left)
        show_rows(rows2 + left2)
    missed = report(rows, left)
    print(f"\ngathered afterwards: {len(later)} starts, the model asked for by its name alone\n")
    report(rows2, left2)
    out = ROOT / "docs" / "benchmarks"
    out.mkdir(exist_ok=True)
    with (out / "need.csv").open("w", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(["case", "model", "class", "figure", "predicted", "measured", "off", "right", "not counted", "source"])
        for r in rows + left + rows2 + left2:
            w.writerow([r["case"], r["input"]["model"], r["kind"], r["what"], "" if r["predicted"] is None else f"{r['predicted']:.6g}", f"{r['measured']:.6g}", f"{r['off']:.4g}", int(r["ok"]), r["reason"], r["input"]["source"]])
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
