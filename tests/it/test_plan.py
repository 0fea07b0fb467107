"""berth plan as a user meets it: the five examples, refusals with a way out, bad specs, JSON. $BERTH names the binary; else the build folder's."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S, ROOT

FORENSICS = ROOT / "examples" / "forensics" / "berth.yaml"
A100X4 = "4xA100-SXM4-40GB"


def plan(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """No cache, no engine and no card of this machine: the same answer everywhere."""
    clean = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "HF_HUB_CACHE": "/nonexistent", "LC_ALL": "C.UTF-8", **env}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
        if name in os.environ:
            clean[name] = os.environ[name]
    return subprocess.run([BERTH, "plan", *args], capture_output=True, text=True, timeout=DEADLINE_S, env=clean, check=False)


def spec(tmp_path: Path, workloads: str, top: str = "") -> str:
    file = tmp_path / "berth.yaml"
    file.write_text(f"name: t\n{top}workloads:\n{workloads}")
    return str(file)


def refused(tmp_path: Path, text: str) -> set[tuple[str, str]]:
    (tmp_path / "many.yaml").write_text("name: x\ngpus: 4xA100-SXM4-40GB\nworkloads:\n" + text)
    done = subprocess.run([BERTH, "plan", "-f", tmp_path / "many.yaml", "--json"], capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == 3
    return {(r["at"]["workload"], r["code"]) for r in json.loads(done.stdout)["refusals"]}


PAST = "  past: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, context: 200000}\n"
HEADS = "  heads: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, tp: 3}\n"
LARGE = "  large: {engine: vllm, model: Qwen/Qwen2.5-72B-Instruct, gpus: 1}\n"
PAIR = "  own: {kind: service, command: [x], gpus: 1, share: never, memory: 2GiB}\n  wide: {kind: service, command: [x], gpus: 4, memory: 2GiB}\n"
FITS = "  fits: {engine: vllm, model: Qwen/Qwen2.5-0.5B-Instruct, gpus: 1, context: 4096}\n"


@pytest.mark.parametrize(("fleet", "memory", "says"), [
    ("1xA100-SXM4-40GB", "39GiB", "llm: its `memory` is 39.00 GiB of a card, and the largest card of its pool has 38.88 GiB: 121.62 MiB lack"),
    ("1xL4+1xA100-SXM4-40GB", "100%", "llm: its `memory` is 39.38 GiB of a card, and the largest card of its pool has 38.88 GiB: 512.00 MiB lack"),
    ("2x1xA100-SXM4-40GB", "60GiB", "its `memory` is 60.00 GiB of a card, and the largest card of its pool has 38.88 GiB: 21.12 GiB lack"),
])
def test_a_servers_memory_past_its_cards_is_told_in_bytes(tmp_path: Path, fleet: str, memory: str, says: str) -> None:
    done = plan("-f", spec(tmp_path, f"  llm: {{engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, gpus: 1, memory: {memory}}}\n"), "--gpus", fleet, "--json")
    assert done.returncode == 3 and json.loads(done.stdout)["refusals"][0]["text"].endswith(says)


def test_refusals_of_different_sorts_are_told_at_once(tmp_path: Path) -> None:
    past, heads, large, pair = ("past", "context-past-model"), ("heads", "heads-not-divisible"), ("large", "does-not-fit"), ("wide", "does-not-fit-together")
    assert refused(tmp_path, FITS + PAST + HEADS + LARGE + PAIR) == {past, heads, large, pair}
    assert refused(tmp_path, FITS + HEADS + PAIR) == {heads, pair}
    assert refused(tmp_path, PAST + "  on: {kind: service, command: [x], memory: 4GiB, same_gpus_as: past}\n") == {past}      # where that would stand is not known
    assert refused(tmp_path, LARGE + PAIR) == {large, pair}


def test_forensics_reads_as_a_person_would_tell_it() -> None:
    r = plan("-f", str(FORENSICS))
    assert r.returncode == 0, r.stderr
    out = " ".join(r.stdout.split())
    for part in ("4 x NVIDIA A100-SXM4-40GB", "`berth up` plans again", "taken TP=2", "21,22,21", "attention heads (40)", "leaves 1 GPU", "GPU 3", "3 of 4", "not installed here"):
        assert part in out


def test_json_adds_up() -> None:
    r = plan("-f", str(FORENSICS), "--json")
    assert r.returncode == 0
    p = json.loads(r.stdout)
    assert (p["schema"], p["kind"], p["name"], p["proof"], p["refusals"]) == (1, "plan", "forensics", "optimal", [])
    room = {g["uuid"]: g["total_bytes"] - g["others_bytes"] - g["margin_bytes"] for g in p["fleet"]["gpus"]}
    ids = []
    for inst in p["phases"][0]["instances"]:
        ids.append(inst["id"])
        for rank in inst["ranks"]:
            assert sum(line["bytes"] for line in rank["need"]) == rank["bytes"]
            room[rank["gpu"]] -= rank["bytes"]
    assert ids == ["llm-0", "vision-0", "analyst-0"]
    assert min(room.values()) >= 0
    llm = p["phases"][0]["instances"][0]
    argv = llm["launch"]["argv"]
    assert argv[argv.index("--kv-cache-memory-bytes") + 1] == str(llm["ranks"][0]["kv"]["bytes"])
    assert argv[argv.index("--max-model-len") + 1] == str(llm["context"]) == "32768"
    assert plan("-f", str(FORENSICS), "--json").stdout == r.stdout


def test_out_is_what_json_prints(tmp_path: Path) -> None:
    out = tmp_path / "plan.json"
    r = plan("-f", str(FORENSICS), "--json", "--out", str(out))
    assert r.returncode == 0
    assert out.read_text() == r.stdout


@pytest.mark.parametrize(("name", "fleet", "code"), [
    ("thinking", "2xA100-SXM4-80GB", 0), ("tinker", "4xRTX-4090", 0), ("experiment", "1xRTX-4090", 0), ("experiment", "4xRTX-4090", 0)])
def test_examples(name: str, fleet: str, code: int) -> None:
    r = plan("-f", str(ROOT / "examples" / name / "berth.yaml"), "--gpus", fleet, "--json")
    assert r.returncode == code, r.stderr
    p = json.loads(r.stdout)
    assert not p["refusals"]
    insts = {i["id"]: i for i in p["phases"][0]["instances"]}
    if name == "thinking":
        cards = [{r["index"] for r in insts[i]["ranks"]} for i in ("target-0", "draft-0")]
        assert cards == [{0, 1}, {0, 1}]
        assert insts["target-0"]["context"] == insts["draft-0"]["context"]
    if fleet == "4xRTX-4090" and name == "experiment":
        assert insts["llm-0"]["context"] == 32768
    if fleet == "1xRTX-4090":
        assert 4096 <= insts["llm-0"]["context"] < 32768
        assert any("32,768 wanted" in w for w in p["warnings"])


def test_what_is_not_obeyed_yet_is_said() -> None:
    r = plan("-f", str(ROOT / "examples" / "tinker" / "berth.yaml"), "--gpus", "4xA100-SXM4-40GB", "--variant", "inference")
    assert r.returncode == 0
    assert "plan of tinker (variant inference)" in r.stdout
    assert "not yet obeyed: workloads.train.guard" in r.stdout


def test_a_pinned_shape_that_is_impossible(tmp_path: Path) -> None:
    text = FORENSICS.read_text().replace("    gpus: {min: 2, max: 3}", "    gpus: {min: 2, max: 3}\n    tp: 3")
    file = tmp_path / "berth.yaml"
    file.write_text(text)
    r = plan("-f", str(file))
    assert r.returncode == 3
    assert "TP=3 is impossible (40 heads); PP=3 (layers 21,22,21) fits with 32,768 tokens at" in r.stdout
    assert "TP=2 fits with 32,768 tokens" in r.stdout and "and frees a GPU" in r.stdout
    p = json.loads(plan("-f", str(file), "--json").stdout)
    assert p["refusals"][0]["code"] == "heads-not-divisible"
    assert p["refusals"][0]["at"]["workload"] == "llm"
    assert all(not ph["instances"] for ph in p["phases"])
    assert {"path": "workloads.llm.pp", "value": 3} in p["advice"][0]["set"]


def test_too_large_says_what_lacks_and_what_would_fit(tmp_path: Path) -> None:
    f = spec(tmp_path, "  llm: {engine: vllm, model: Qwen/Qwen1.5-7B-Chat, context: 32768}\n")
    r = plan("-f", f, "--gpus", "1xRTX-4090")
    assert r.returncode == 3
    assert "lack on each" in r.stdout and "would fit: llm: a context of at least" in r.stdout


def memory_advised(tmp_path: Path, server: str, tool: str) -> int:
    """In MiB, of llm; it is held against plans with that, with a step less and with a step more."""
    text = "  llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, memory: %s}\n  tool: {kind: service, command: [x], memory: %s, gpus: 2}\n"
    r = plan("-f", spec(tmp_path, text % (server, tool)), "--gpus", "2xA100-SXM4-40GB", "--json")
    assert r.returncode == 3, r.stderr
    value = next(c["value"] for a in json.loads(r.stdout)["advice"] for c in a["set"] if c["path"] == "workloads.llm.memory")
    assert re.fullmatch(r"\d+MiB", value)
    mib = int(value.removesuffix("MiB"))
    fit = [plan("-f", spec(tmp_path, text % (f"{mib + step}MiB", tool)), "--gpus", "2xA100-SXM4-40GB").returncode for step in (-1, 0, 64)]
    assert fit in ([3, 0, 0], [0, 0, 3])
    return mib


def test_a_servers_own_memory_is_advised(tmp_path: Path) -> None:
    """Too little: the least that does. More than the neighbour leaves: the most that fits."""
    assert memory_advised(tmp_path, "8GiB", "20GiB") > 8 << 10
    assert 8 << 10 < memory_advised(tmp_path, "30GiB", "20GiB") < 19 << 10
    assert memory_advised(tmp_path, "20%", "20GiB") > 8 << 10


def test_weights_are_not_made_fp8_where_the_engine_refuses_it(tmp_path: Path) -> None:
    """A V100 has no kernel for it: refused, and not offered among the alternatives; on a card beside it that has one it is planned."""
    f = spec(tmp_path, "  a: {engine: vllm, model: Qwen/Qwen3-4B, quantization: fp8}\n")
    r = plan("-f", f, "--gpus", "1xV100-SXM2-16GB", "--json")
    assert r.returncode == 3 and [x["code"] for x in json.loads(r.stdout)["refusals"]] == ["card-too-old"]
    both = json.loads(plan("-f", f, "--gpus", "1xV100-SXM2-16GB+1xA10G", "--json").stdout)
    assert [x["index"] for x in both["phases"][0]["instances"][0]["ranks"]] == [1]
    plain = spec(tmp_path, "  a: {engine: vllm, model: Qwen/Qwen3-4B}\n")
    ways = json.loads(plan("-f", plain, "--gpus", "1xV100-SXM2-16GB", "--alternatives", "--json").stdout)["rows"]
    assert not any(w["fits"] for w in ways if w["alternative"] == "quantised")


def test_why_no_more_copies(tmp_path: Path) -> None:
    """Eight do not find room; where more would, at the price of context, that is said."""
    for tp, says in ((1, "cards hold no more"), (2, "4 would be dearer: writer: ")):
        f = spec(tmp_path, f"  writer: {{engine: vllm, model: google/gemma-3-12b-it, replicas: {{want: 8, min: 1}}, tp: {tp}, pp: 1}}\n")
        assert any(says in w for w in json.loads(plan("-f", f, "--gpus", A100X4, "--json").stdout)["warnings"]), says


@pytest.mark.parametrize(("workloads", "says"), [
    ("  a: {kind: job, command: [x], pool: [7]}\n", "7"),
    ("  a: {kind: job, comand: [x]}\n", ":3:18: "),
    ("  a: {kind: job, command: [x], memory: 12G}\n", ":3:40: "),
    ("  a: {engine: vllm, model: Qwen/Qwen3-4B, engine_version: \"0.1.0\"}\n", "older than every version"),
])
def test_bad_specs_are_exit_2(tmp_path: Path, workloads: str, says: str) -> None:
    r = plan("-f", spec(tmp_path, workloads), "--gpus", A100X4)
    assert r.returncode == 2, r.stdout + r.stderr
    assert says in r.stderr
    e = json.loads(plan("-f", spec(tmp_path, workloads), "--gpus", A100X4, "--json").stdout)
    assert (e["kind"], e["code"]) == ("error", "spec")


@pytest.mark.parametrize(("workload", "code"), [
    ("{engine: vllm, model: Qwen/Qwen3-4B, gpus: 0, tp: 2}", "shape-impossible"),
    ("{engine: vllm, model: Qwen/Qwen3-4B, context: 900000}", "context-past-model"),
    ("{engine: vllm, model: Qwen/Qwen3-4B, quantization: awq}", "not-quantised"),
    ("{engine: sglang, model: Qwen/Qwen3-4B, quantization: gptq}", "not-quantised"),
    ("{engine: sglang, model: openai/gpt-oss-20b, quantization: awq}", "stored-otherwise"),
    ("{engine: vllm, model: Qwen/Qwen3-4B, gpus: 8}", "too-few-gpus")])
def test_refusals_have_codes(tmp_path: Path, workload: str, code: str) -> None:
    r = plan("-f", spec(tmp_path, f"  a: {workload}\n"), "--gpus", A100X4, "--json")
    assert r.returncode == 3, r.stdout + r.stderr
    assert code in [x["code"] for x in json.loads(r.stdout)["refusals"]]


@pytest.mark.parametrize("form", ["{{engine: vllm, model: {m}}}", "{{kind: job, command: [x], memory: {{forward: {m}, batch: 1, tokens: 128}}}}"])
def test_a_broken_or_missing_model_is_no_question_of_room(tmp_path: Path, form: str) -> None:
    """Exit 1, as `berth estimate` of it; with another workload that does not fit, 3."""
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "config.json").write_text('{"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 128, "max_position_embeddings": 512}')
    (tmp_path / "cut" / "model.safetensors").write_bytes((5000).to_bytes(8, "little") + b'{"model.embed')
    for model, code in (("./cut", "model-broken"), ("./gone", "model-not-found"), ("nobody/nothing", "model-not-found")):
        f = spec(tmp_path, "  a: " + form.format(m=model) + "\n")
        r = plan("-f", f, "--gpus", A100X4, "--json")
        assert (r.returncode, [x["code"] for x in json.loads(r.stdout)["refusals"]]) == (1, [code]), r.stdout
        assert plan("-f", f, "--gpus", A100X4).returncode == 1
        both = spec(tmp_path, "  a: " + form.format(m=model) + "\n  b: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 8}\n")
        assert plan("-f", both, "--gpus", A100X4).returncode == 3


def test_no_spec_no_fleet(tmp_path: Path) -> None:
    assert plan("-f", str(tmp_path / "none.yaml")).returncode == 2
    r = plan("-f", str(FORENSICS), "--gpus", "4xNOSUCHCARD")
    assert r.returncode == 2 and "NOSUCHCARD" in r.stderr


def test_secrets_stay_references(tmp_path: Path) -> None:
    f = spec(tmp_path, '  a: {kind: job, command: [x], gpus: 0, env: {MY_TOKEN: "${MY_TOKEN}"}}\n')
    r = plan("-f", f, "--gpus", A100X4, "--json", MY_TOKEN="s3cret")
    assert r.returncode == 0, r.stderr
    assert "s3cret" not in r.stdout
    assert json.loads(r.stdout)["phases"][0]["instances"][0]["launch"]["env_from"] == ["MY_TOKEN"]


CUT_FOR_CONTEXT = """\
  e0: {engine: vllm, model: nomic-ai/nomic-embed-text-v1.5, priority: 10}
  m1: {engine: vllm, model: HuggingFaceTB/SmolLM3-3B, context: {min: 32768}}
  m2: {engine: vllm, model: LiquidAI/LFM2-1.2B, priority: 5}
  m3: {engine: vllm, model: google/gemma-4-26B-A4B-it, context: 131072, priority: 5}
  m4: {engine: vllm, model: Qwen/Qwen3-0.6B}
  tool: {kind: service, command: [x], memory: 8GiB}
"""
CUT_FOR_RATE = """\
  vlm: {engine: vllm, model: Qwen/Qwen2.5-VL-32B-Instruct, memory: 90%}
  e1: {engine: vllm, model: nomic-ai/nomic-embed-text-v1.5}
  e2: {engine: vllm, model: BAAI/bge-large-en-v1.5, optional: true}
  e3: {engine: vllm, model: Qwen/Qwen3-Embedding-4B, priority: 5}
  user1: {kind: job, command: [x], optional: true}
  m5: {engine: vllm, model: Qwen/Qwen3-0.6B, context: 16384}
  e6: {engine: vllm, model: BAAI/bge-m3}
  e7: {engine: vllm, model: Qwen/Qwen3-Embedding-4B, priority: 10}
  user2: {kind: job, command: [x]}
"""


def objective(file: str, fleet: str) -> tuple[dict[str, int], list[dict]]:
    p = json.loads(plan("-f", file, "--gpus", fleet, "--json").stdout)
    assert p["proof"] == "optimal"
    return p["objective"], p["phases"][0]["instances"]


def test_typing_in_the_cut_of_a_plan_makes_it_no_better(tmp_path: Path) -> None:
    best, there = objective(spec(tmp_path, CUT_FOR_CONTEXT), "2xRTX-4090+2xRTX-3090")
    cut = [i for i in there if i["pp_layers"]]
    assert cut
    for i in cut:
        typed = CUT_FOR_CONTEXT.replace(f"  {i['workload']}: {{", f"  {i['workload']}: {{tp: {i['tp']}, pp: {i['pp']}, pp_layers: {i['pp_layers']}, ")
        pinned, _ = objective(spec(tmp_path, typed), "2xRTX-4090+2xRTX-3090")
        assert (pinned["placed"], pinned["wants_thousandths"]) <= (best["placed"], best["wants_thousandths"])


def test_a_cut_that_leaves_a_card_to_others_is_looked_at_for_the_rate(tmp_path: Path) -> None:
    best, _ = objective(spec(tmp_path, CUT_FOR_RATE), "8xL40S")
    pinned, _ = objective(spec(tmp_path, CUT_FOR_RATE.replace("vlm: {", "vlm: {tp: 1, pp: 3, ")), "8xL40S")
    assert best["wants_thousandths"] >= pinned["wants_thousandths"]
    assert best["service_thousandths"] > 0.97 * pinned["service_thousandths"]       # pinned, a server is measured against its own shape


def test_more_priorities_and_names_than_are_told_apart(tmp_path: Path) -> None:
    f = spec(tmp_path, "".join(f"  w{i}: {{kind: service, command: [x], memory: 600MiB, optional: true, priority: {100 - i}}}\n" for i in range(70)))
    p = json.loads(plan("-f", f, "--gpus", "1xA100-SXM4-80GB", "--json").stdout)
    assert len(p["phases"][0]["instances"]) == 70 and p["proof"] == "optimal"      # of 64 levels; the six below them count as the last
    drawn = plan("-f", f, "--gpus", "1xA100-SXM4-80GB").stdout
    assert "▏ 41.02 GiB of 78.40 GiB" in drawn and "47 more" in drawn


def test_who_is_least_of_many_priorities_goes_first(tmp_path: Path) -> None:
    f = spec(tmp_path, "".join(f"  w{i}: {{kind: service, command: [x], memory: 5GiB, optional: true, priority: {100 - i}}}\n" for i in range(70)))
    p = json.loads(plan("-f", f, "--gpus", "1xA100-SXM4-80GB", "--json").stdout)
    assert [i["workload"] for i in p["phases"][0]["instances"]] == [f"w{i}" for i in range(15)]


def test_a_key_inside_another_is_named_whole(tmp_path: Path) -> None:
    f = spec(tmp_path, "  a: {engine: vllm, model: Qwen/Qwen3-0.6B}\n  b: {engine: vllm, model: Qwen/Qwen3-8B, context: {min: 200000}}\n")
    r = plan("-f", f, "--gpus", "1xA100-SXM4-80GB")
    assert r.returncode == 3 and "b: it fits with `context.min: 40960`" in r.stdout
