"""berth explain: what it says is held against plans of the changed specs."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import BERTH, DEADLINE_S, ROOT

FORENSICS = str(ROOT / "examples" / "forensics" / "berth.yaml")
ENV = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": "/nonexistent", "PATH": "/usr/bin:/bin"}


def berth(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BERTH), *args], capture_output=True, text=True, timeout=DEADLINE_S, env=ENV)


def explain(*args: str, code: int = 0) -> dict:
    r = berth("explain", *args, "--json")
    assert r.returncode == code, r.stdout + r.stderr
    return json.loads(r.stdout)


def fits(spec: dict, folder: Path) -> bool:
    path = folder / "changed.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False))
    r = berth("plan", "-f", str(path), "--json")
    assert r.returncode in (0, 3), r.stderr
    return r.returncode == 0


def write(folder: Path, text: str) -> tuple[str, dict]:
    path = folder / "berth.yaml"
    path.write_text(text)
    return str(path), yaml.safe_load(text)


def with_set(spec: dict, changes: list[dict]) -> dict:
    out = copy.deepcopy(spec)
    for c in changes:
        at = out
        *way, last = c["path"].split(".")
        for key in way:
            if not isinstance(at[key], dict):        # context: N is both
                at[key] = {"want": at[key], "min": at[key]}
            at = at[key]
        value = yaml.safe_load(c["value"]) if isinstance(c["value"], str) else c["value"]
        at[last] = value
        if value is None:
            del at[last]
    return out


TOGETHER = """
name: bad
gpus: 3xA100-SXM4-40GB
workloads:
  llm:    {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, gpus: 2, pool: [0, 1]}
  vision: {kind: service, command: [python3, v.py], gpus: 1, memory: 30GiB, pool: [1]}
  other:  {kind: service, command: [python3, o.py], gpus: 1, memory: 20GiB}
  tool:   {kind: service, command: [python3, o.py], gpus: 1, memory: 1GiB}
"""
ALONE = """
name: bad
gpus: 2xA100-SXM4-40GB
workloads:
  llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, gpus: 2}
  a:   {kind: service, command: [x], memory: 10GiB, share: never}
  b:   {kind: service, command: [x], memory: 10GiB}
"""
CONTEXT = """
name: bad
gpus: 1xRTX-4090
workloads:
  llm:  {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, context: 32768, requests: 3}
  tool: {kind: service, command: [x], memory: 4GiB}
"""
HEADS = """
name: bad
gpus: 4xA100-SXM4-40GB
workloads: {llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, tp: 3}}
"""
DROPPED = {"tp": None, "pp": None, "gpus": None, "pool": None, "share": None, "apart": None, "same_gpus_as": None, "requests": 1, "replicas": 1, "slots": 1, "memory": "1MiB",
           "context": {"want": 256, "min": 1}}


@pytest.mark.parametrize(("text", "keys"), [
    (TOGETHER, {("llm", "pool"), ("vision", "pool"), ("vision", "memory")}), (ALONE, {("llm", "gpus"), ("a", "share")}),
    (CONTEXT, {("llm", "context"), ("llm", "requests"), ("tool", "memory")}), (HEADS, {("llm", "tp")})])
def test_the_conflict_is_minimal_and_real(text: str, keys: set, tmp_path: Path) -> None:
    path, spec = write(tmp_path, text)
    found = explain("-f", path, code=3)
    assert not found["fits"] and not found["decisions"] and len(found["conflicts"]) == 1
    conflict = found["conflicts"][0]
    demands = {(d["workload"], d["key"]) for d in conflict["demands"]}
    assert demands == keys and conflict["minimal"]
    core = {"name": "core", "gpus": spec["gpus"], "workloads": {n: w for n, w in spec["workloads"].items() if n in {d[0] for d in demands}}}
    assert not fits(core, tmp_path)
    for workload, key in demands:                                    # without any one of them the others can be met
        less = copy.deepcopy(core)
        less["workloads"][workload].pop(key)
        if DROPPED[key] is not None:
            less["workloads"][workload][key] = DROPPED[key]
        assert fits(less, tmp_path), (workload, key)
    lines = text.splitlines()
    for d in conflict["demands"]:
        assert f"{d['workload']}:" in lines[d["line"] - 1]


@pytest.mark.parametrize("text", [TOGETHER, ALONE, CONTEXT, HEADS])
def test_each_way_out_fits_and_the_cheapest_is_first(text: str, tmp_path: Path) -> None:
    path, spec = write(tmp_path, text)
    ways = explain("-f", path, code=3)["relaxations"]
    assert ways or text == HEADS
    assert [w["cost"] for w in ways] == sorted(w["cost"] for w in ways)
    for w in ways:
        assert fits(with_set(spec, w["set"]), tmp_path), w
    if text == HEADS:
        assert ways[0]["set"] == [{"path": "workloads.llm.tp", "value": "auto"}]
    people = berth("explain", "-f", path)
    assert ("attention heads (40) must be divisible" in people.stdout) == (text == HEADS)
    assert people.returncode == 3 and ("cannot be met:" if text == HEADS else "cannot be met together:") in people.stdout


def test_the_bytes_that_lack_are_those_that_lack(tmp_path: Path) -> None:
    # no pipeline: one could be cut towards the other card, which then lacks less
    path, spec = write(tmp_path, re.sub("llm: .*", "llm: {kind: service, command: [x], gpus: 2, memory: 33GiB, pool: [0, 1]}", TOGETHER))
    conflict = explain("-f", path, code=3)["conflicts"][0]
    assert conflict["card"] == "GPU 1"
    lacks = conflict["lacks_bytes"]
    core = {"name": "core", "gpus": spec["gpus"], "workloads": {k: spec["workloads"][k] for k in ("llm", "vision")}}
    core["workloads"]["vision"]["memory"] = f"{(30 * 2**30 - lacks) >> 20}MiB"
    assert fits(core, tmp_path)
    core["workloads"]["vision"]["memory"] = f"{(30 * 2**30 - lacks + 600 * 2**20) >> 20}MiB"
    assert not fits(core, tmp_path)


def test_the_runner_up_is_a_plan_of_its_own(tmp_path: Path) -> None:
    found = explain("llm", "-f", FORENSICS)
    assert found["fits"] and {d["workload"] for d in found["decisions"]} == {"llm"}
    shape = next(d for d in found["decisions"] if d["what"] == "shape")
    plan = json.loads(berth("plan", "-f", FORENSICS, "--json").stdout)
    llm = next(i for i in plan["phases"][0]["instances"] if i["workload"] == "llm")
    assert shape["taken"] == f"TP={llm['tp']}"
    pp = int(re.match(r"PP=(\d+)", shape["runner_up"])[1])
    spec = yaml.safe_load(Path(FORENSICS).read_text())
    spec["workloads"]["llm"] |= {"tp": 1, "pp": pp}
    (tmp_path / "pinned.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    other = json.loads(berth("plan", "-f", str(tmp_path / "pinned.yaml"), "--json").stdout)
    rate = next(i for i in other["phases"][0]["instances"] if i["workload"] == "llm")["pace"]["decode_tok_s"]
    assert f"{rate:.1f} tok/s" in shape["why"] and f"{llm['pace']['decode_tok_s']:.1f}" in shape["why"]
    cards = next(d for d in found["decisions"] if d["what"] == "cards")
    assert cards["taken"] == "GPU " + ",".join(str(r["index"]) for r in llm["ranks"]) and cards["runner_up"] != cards["taken"]


@pytest.mark.parametrize("example", ["thinking", "activations", "tinker", "experiment", "forensics"])
def test_every_example_is_explained(example: str) -> None:
    path = str(ROOT / "examples" / example / "berth.yaml")
    fleet = [] if example == "forensics" else ["--gpus", "4xA100-SXM4-80GB"]
    found = explain("-f", path, *fleet)
    plan = json.loads(berth("plan", "-f", path, *fleet, "--json").stdout)
    placed = {(p["name"], i["workload"]) for p in plan["phases"] for i in p["instances"] if i["ranks"]}
    assert {(d["phase"], d["workload"]) for d in found["decisions"] if d["what"] == "cards"} == placed
    assert all(d["why"] for d in found["decisions"])


def test_ways_out_that_share_their_first_keys_are_all_there(tmp_path: Path) -> None:
    """One pipeline over the cards, and a copy on each: both set tp and pp."""
    path, spec = write(tmp_path, "name: t\ngpus: 4xRTX-4090\nworkloads: {llm: {engine: vllm, model: HuggingFaceTB/SmolLM2-135M, tp: 4}}\n")
    sets = [{c["path"].split(".")[-1]: c["value"] for c in w["set"]} for w in explain("-f", path, code=3)["relaxations"]]
    assert any(s.get("replicas") in (4, "4") for s in sets) and any(s.get("pp") in (4, "4") for s in sets)
    assert all(fits(with_set(spec, w["set"]), tmp_path) for w in explain("-f", path, code=3)["relaxations"])


def test_more_copies_are_measured_by_what_is_wanted(tmp_path: Path) -> None:
    path, _ = write(tmp_path, "name: t\ngpus: 4xA100-SXM4-40GB\nworkloads: {w: {engine: vllm, model: google/gemma-3-12b-it, replicas: {want: 8, min: 1}, tp: 2, pp: 1}}\n")
    copies = next(d for d in explain("-f", path)["decisions"] if d["what"] == "copies")
    assert (copies["taken"], copies["runner_up"]) == ("2", "4") and re.match(r"w: [\d,]+ tokens of context, with the one taken 131,072", copies["why"])


def test_no_other_fleet_is_offered_where_it_is_not_bytes(tmp_path: Path) -> None:
    path, _ = write(tmp_path, "name: t\ngpus: 1xRTX-4090\nworkloads: {a: {engine: llama-server, model: Qwen/Qwen2.5-7B-Instruct}}\n")
    said = berth("explain", "-f", path).stdout
    assert "reads GGUF files" in said and "--cheapest" not in said and "--engine" not in said


def test_a_batch_is_of_the_poorest_card(tmp_path: Path) -> None:
    """A sleeper on one of two cards: plan and explain name the same berth, the one for which `batch: auto` was found."""
    path, _ = write(tmp_path, "name: t\ngpus: 2xA100-SXM4-40GB\nphases: [day, night]\nworkloads:\n"
                              "  chat: {engine: vllm, model: Qwen/Qwen2.5-14B-Instruct, gpus: 1, phases: day, park: sleep, context: {want: 16384, min: 4096}}\n"
                              "  tune: {kind: job, command: [x], gpus: 2, memory: {train: Qwen/Qwen2.5-7B-Instruct, method: lora, batch: auto, tokens: 2048, checkpointing: true}, phases: night}\n")
    job, = explain("-f", path)["jobs"]
    plan = json.loads(berth("plan", "-f", path, "--json").stdout)
    ranks = [r["bytes"] for i in plan["phases"][1]["instances"] for r in i["ranks"]]
    assert min(ranks) < max(ranks) and job["need_bytes"] <= job["bytes"] == min(ranks)
    assert f"of its {min(ranks) / 2**30:.2f} GiB per card; no larger batch fits" in berth("plan", "-f", path).stdout


def test_a_name_that_is_not_there() -> None:
    r = berth("explain", "lm", "-f", FORENSICS)
    assert r.returncode == 2 and "lm" in r.stderr and "berth explain llm" in r.stderr


def test_stages_with_different_layers_hold_the_same_tokens(tmp_path: Path) -> None:
    """Layers with and without a window, grouped over the whole model: the stages of a pipeline take the same blocks and tokens, in different bytes."""
    path, _ = write(tmp_path, "name: pp\ngpus: 3xA100-SXM4-40GB\nworkloads: {llm: {engine: vllm, model: google/gemma-3-27b-it, tp: 1, pp: 3, context: {want: 8192, min: 4096}}}\n")
    r = berth("plan", "-f", path, "--json")
    assert r.returncode == 0, r.stderr
    ranks = json.loads(r.stdout)["phases"][0]["instances"][0]["ranks"]
    assert len({x["kv"]["tokens"] for x in ranks}) == 1 and ranks[0]["kv"]["tokens"] >= 8192
    assert len({x["kv"]["bytes"] for x in ranks}) > 1


def test_a_cut_that_does_not_fit_is_a_demand_of_its_own(tmp_path: Path) -> None:
    """What is advised fits when it is written so: the keys of one shape go together."""
    file, spec = write(tmp_path, "name: t\ngpus: 1xA100-SXM4-80GB+1xRTX-4090\nworkloads:\n"
                                 "  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, context: 8192, tp: 1, pp: 2, pp_layers: [32, 32]}\n")
    found = explain("-f", file, code=3)
    assert "pp_layers" in {d["key"] for d in found["conflicts"][0]["demands"]}
    sets = [r["set"] for r in found["relaxations"]]
    assert [{"path": "workloads.llm.pp_layers", "value": "auto"}] in sets and len(sets) >= 3
    assert all(fits(with_set(spec, s), tmp_path) for s in sets), sets
    advised = [a["set"] for a in json.loads(berth("plan", "-f", file, "--json").stdout)["advice"]]
    assert advised and all(fits(with_set(spec, s), tmp_path) for s in advised), advised


PHASED = """name: t
phases: [a, b, c]
workloads:
  llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, replicas: {want: 2, min: 1}, gpus: 1, context: 4096, memory: 30GiB}
  job: {kind: job, command: [x], memory: 36GiB, pool: [0], phases: b}
"""


def test_what_happens_between_phases_and_why(tmp_path: Path) -> None:
    """Of two copies one stays, and the other sleeps: with what that takes and saves. Of the named workload only, where one is named."""
    spec, fleet = tmp_path / "berth.yaml", tmp_path / "fleet.json"
    spec.write_text(PHASED)
    cards = json.loads(berth("gpus", "--gpus", "2xA100-SXM4-40GB", "--json").stdout)
    fleet.write_text(json.dumps(cards | {"source": "file", "nodes": [{"name": "local", "ram_bytes": 64 * 2**30}]}))
    args = ("-f", str(spec), "--gpus", str(fleet))
    got = explain("llm", *args)["moves"]
    assert [(m["to"], m["instance"], m["how"], m["level"]) for m in got] == [("b", "llm-1", "park", "sleep"), ("b", "llm-0", "stay", None),
                                                                             ("c", "llm-0", "stay", None), ("c", "llm-1", "resume", "sleep")]
    assert got[0]["why"].startswith("it comes back: about ") and got[0]["why"].endswith(" s less than a stop and a start")
    assert got[0]["seconds"] > 0 and got[0]["host_bytes"] > 14 * 10**9
    told = berth("explain", *args).stdout
    assert "from a to b" in told and "park (sleep)" in told
    fleet.write_text(json.dumps(cards | {"source": "file", "nodes": [{"name": "local", "ram_bytes": 8 * 2**30}]}))
    told = " ".join(berth("explain", "llm", *args).stdout.split())
    assert "stop 5 s host RAM does not hold it asleep: about" in told


IN_TURN = """
name: bad
gpus: 2xA100-SXM4-80GB
phases: [a, b]
workloads:
  w0: {kind: job, command: [x], memory: 60%, slots: 4}
  w1: {engine: vllm, model: Qwen/Qwen3-30B-A3B, replicas: 2, phases: a}
"""
TWICE = """
name: bad
gpus: 1xA100-SXM4-80GB+1xRTX-4090
workloads:
  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, replicas: 2, pool: [1]}
  a:   {kind: service, command: [x], memory: 30GiB, pool: [1]}
  b:   {kind: service, command: [x], memory: 1GiB}
"""
FOLLOWS = """
name: bad
gpus: 1xA100-SXM4-40GB
workloads:
  w0: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, gpus: 3}
  w1: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, same_gpus_as: w0}
  w2: {kind: job, command: [x], memory: rest}
"""
MANY_REQUESTS = """
name: bad
gpus: 1xRTX-4090
workloads:
  llm: {engine: vllm, model: Qwen/Qwen3-0.6B, requests: 1000000}
"""
PAST = """
name: bad
gpus: 1xRTX-4090
workloads:
  llm: {engine: vllm, model: HuggingFaceTB/SmolLM2-135M, context: 32768}
"""
SHARES = """
name: bad
gpus: 1xA100-SXM4-40GB
workloads:
  a: {kind: service, command: [x], memory: 60%}
  b: {kind: service, command: [x], memory: 60%}
"""


@pytest.mark.parametrize(("text", "changes"), [(IN_TURN, 1), (TWICE, 3), (FOLLOWS, 3), (MANY_REQUESTS, 1), (PAST, 1), (SHARES, 1)])
def test_a_way_out_is_one_for_all_of_the_spec(text: str, changes: int, tmp_path: Path) -> None:
    """In all phases, and of several changes where no single one is enough: then none of them can be spared."""
    path, spec = write(tmp_path, text)
    ways = explain("-f", path, code=3)["relaxations"]
    advice = json.loads(berth("plan", "-f", path, "--json").stdout)["advice"]
    assert ways and advice
    for w in [*ways, *advice]:
        assert fits(with_set(spec, w["set"]), tmp_path), w
    assert min(len(w["set"]) for w in ways) == changes
    if changes > 1:
        for i in range(changes):
            assert not fits(with_set(spec, ways[0]["set"][:i] + ways[0]["set"][i + 1:]), tmp_path), ways[0]


def test_numbers_are_the_nearest_that_fit(tmp_path: Path) -> None:
    path, spec = write(tmp_path, MANY_REQUESTS)
    way = next(w for w in explain("-f", path, code=3)["relaxations"] if w["set"][0]["path"].endswith("requests"))
    n = int(way["set"][0]["value"])
    assert n > 1
    spec["workloads"]["llm"]["requests"] = n + 1
    assert not fits(spec, tmp_path)


def test_each_conflict_is_named_with_what_is_in_its_way(tmp_path: Path) -> None:
    """A rule in its own words, a server's own `memory` as what lacks: not "bytes do not lack"; and both, though one would do for exit 3."""
    path, _ = write(tmp_path, "name: bad\ngpus: 2xA100-SXM4-80GB\nworkloads:\n  small: {engine: vllm, model: HuggingFaceTB/SmolLM2-135M, context: 32768}\n"
                              "  llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, memory: 8GiB, tp: 2}\n")
    rule, own = explain("-f", path, code=3)["conflicts"]
    assert [d["workload"] for d in rule["demands"]] == ["small"] and "8192 tokens" in rule["why"] and not rule["lacks_bytes"] and rule["own_memory_of"] is None
    assert [(d["workload"], d["key"]) for d in own["demands"]] == [("llm", "memory")] and own["own_memory_of"] == "llm" and own["why"] is None
    least = (8 * 2**30 + own["lacks_bytes"]) >> 20
    core = {"name": "c", "gpus": "2xA100-SXM4-80GB", "workloads": {"llm": {"engine": "vllm", "model": "Qwen/Qwen2.5-7B-Instruct", "context": {"min": 1}}}}
    for more, fit in ((0, True), (-128, False)):
        core["workloads"]["llm"]["memory"] = f"{least + more}MiB"
        assert fits(core, tmp_path) == fit
    people = berth("explain", "-f", path).stdout
    assert people.count("cannot be met:") == 2 and "the `memory` that llm may have is about" in people and "not bytes that lack" not in people


def test_the_same_conflict_in_two_phases_is_told_once(tmp_path: Path) -> None:
    path, _ = write(tmp_path, IN_TURN)
    assert "cannot be met together in phases a, b:" in berth("explain", "-f", path).stdout


@pytest.mark.parametrize(("keys", "says"), [(("pool: [0]", "pool: [1]"), "no card in common"), (("gpus: 1", "gpus: 2"), "no number of cards")])
def test_why_two_cannot_be_on_the_same_cards(keys: tuple[str, str], says: str, tmp_path: Path) -> None:
    tool = "kind: service, command: [x], memory: 1GiB"
    path, _ = write(tmp_path, f"name: bad\ngpus: 2xA100-SXM4-40GB\nworkloads:\n  a: {{{tool}, {keys[0]}}}\n  b: {{{tool}, {keys[1]}, same_gpus_as: a}}\n")
    assert says in berth("plan", "-f", path).stdout


@pytest.mark.parametrize(("target", "draft", "says"), [
    ("gpus: {min: 1, max: 2}, memory: 14GiB", "gpus: 1", "on one card target needs 18.23 GiB at least, and its `memory` allows it 14.00 GiB"),
    ("gpus: {min: 1, max: 2}, memory: 14GiB", "gpus: 2, tp: 2, memory: 16GiB", "on the fullest of 2 cards target takes 14.00 GiB and draft 16.00 GiB at least, and 23.02 GiB"),
])
def test_of_two_on_the_same_cards_each_takes_its_memory(target: str, draft: str, says: str, tmp_path: Path) -> None:
    """Floors alone would fit: what a server is given is what it takes, and where that is too little it is on more cards or nowhere."""
    server = "engine: vllm, model: Qwen/Qwen3-8B, context: 8192"
    path, _ = write(tmp_path, f"name: bad\ngpus: 2xRTX-4090\nworkloads:\n  target: {{{server}, {target}}}\n  draft: {{{server}, {draft}, same_gpus_as: target}}\n")
    assert f"draft does not fit beside target on the same GPUs: {says}" in berth("plan", "-f", path).stdout


def test_who_must_be_beside_one_that_fits_nowhere_is_not_told_too(tmp_path: Path) -> None:
    path, _ = write(tmp_path, "name: bad\ngpus: 1xRTX-5090\nworkloads:\n  draft: {engine: vllm, model: Qwen/Qwen3-4B, same_gpus_as: main, context: 8192}\n"
                              "  main: {engine: vllm, model: meta-llama/Llama-3.3-70B-Instruct, context: 8192}\n")
    assert [r["at"]["workload"] for r in json.loads(berth("plan", "-f", path, "--json").stdout)["refusals"]] == ["main"]


def test_copies_that_find_no_place_say_what_each_takes(tmp_path: Path) -> None:
    path, _ = write(tmp_path, "name: bad\ngpus: 1xRTX-5090\nworkloads:\n  b: {engine: vllm, model: openai/gpt-oss-20b, replicas: 2, memory: 90%}\n")
    assert "b: 2 copies find no place, even alone, on the 1 card it may use: each takes 28.26 GiB of a card at least" in berth("plan", "-f", path).stdout


UNEVEN = """
name: t
gpus: 1xA100-SXM4-80GB+1xRTX-4090
workloads:
  tool: {kind: service, command: [x], memory: rest}
  wide: {engine: vllm, model: Qwen/Qwen3-4B, context: {want: 32768, min: 8192}, gpus: {min: 2, max: 3}}
  llm:  {engine: sglang, model: Qwen/Qwen2.5-7B-Instruct, context: 8192}
"""


def test_what_a_runner_up_lost_is_what_its_plan_lacks(tmp_path: Path) -> None:
    """On unequal cards, beside a pipeline whose layers are cut for its rooms: the runner-up's is cut as it would be, too."""
    path, spec = write(tmp_path, UNEVEN)
    lost = [(d["workload"], d["runner_up"], m) for d in explain("-f", path)["decisions"] if d["what"] == "shape"
            for m in [re.match(r"(\w+): ([\d.]+) tok/s, with the one taken ([\d.]+)", d["why"])] if m]
    assert lost
    for workload, shape, told in lost:
        forced = copy.deepcopy(spec)
        forced["workloads"][workload] |= {k.lower(): int(m[1]) if (m := re.search(rf"{k}=(\d+)", shape)) else 1 for k in ("TP", "PP")}
        if cut := re.search(r"layers ([\d,]+)", shape):
            forced["workloads"][workload]["pp_layers"] = [int(n) for n in cut[1].split(",")]
        rates = []
        for one in (forced, spec):
            (tmp_path / "one.yaml").write_text(yaml.safe_dump(one, sort_keys=False))
            plan = json.loads(berth("plan", "-f", str(tmp_path / "one.yaml"), "--json").stdout)
            rates.append(min(i["pace"]["decode_tok_s"] for i in plan["phases"][0]["instances"] if i["workload"] == told[1]))
        assert [f"{r:.1f}" for r in rates] == [told[2], told[3]], (workload, shape)


def test_layers_are_those_of_the_plan(tmp_path: Path) -> None:
    """Beside sleepers the plan cuts its pipeline otherwise than it would if there were no other phase."""
    (tmp_path / "berth.yaml").write_text("""name: nightly
gpus: 2xRTX-6000-Ada+2xRTX-4090
phases: [day, night, report]
workloads:
  chat: {engine: vllm, model: mistralai/Mistral-7B-Instruct-v0.3, context: {min: 16384}, phases: [day, report], replicas: 2}
  big:  {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, context: {want: 16384}, phases: night}
  tune: {kind: job, command: [x], gpus: 2, memory: {train: Qwen/Qwen2.5-7B, method: qlora, batch: auto, tokens: 4096, checkpointing: true}, phases: night}
""")
    args = ("-f", str(tmp_path / "berth.yaml"), "--json")
    planned = json.loads(berth("plan", *args).stdout)
    cut = next(i["pp_layers"] for p in planned["phases"] for i in p["instances"] if i["workload"] == "big")
    [shape] = [d["taken"] for d in json.loads(berth("explain", "big", *args).stdout)["decisions"] if d["what"] == "shape"]
    assert cut[0] != cut[1] and shape.endswith(f"(layers {cut[0]},{cut[1]})")


def test_bytes_that_lack_at_the_least(tmp_path: Path) -> None:
    """What lacks in a conflict is asked with all demands that are not in it taken back, and that is said."""
    for fleet, model, context, lack in [
            ("2xRTX-4090", "Qwen/Qwen2.5-32B-Instruct", 16384, r"about [\d.]+ GiB lack on each card, with everything else at its least\n"),
            ("1xRTX-4090", "meta-llama/Llama-3.1-8B-Instruct", 131072, r"they exceed GPU 0 by about [\d.]+ GiB\n")]:     # the context is the conflict
        path, _ = write(tmp_path, f"name: n\ngpus: {fleet}\nworkloads: {{a: {{engine: vllm, model: {model}, context: {context}}}}}\n")
        told = berth("explain", "-f", path)
        assert told.returncode == 3 and re.search(lack, told.stdout), told.stdout


PARALLEL = """
name: several
gpus: 1xH100-80GB-HBM3+1xA100-SXM4-40GB+1xL40S+2xRTX-4090
phases: [serve, learn]
workloads:
  writer: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, phases: [serve, learn]}
  critic: {engine: vllm, model: meta-llama/Llama-3.1-8B-Instruct, phases: [serve], replicas: {want: 3, min: 1}}
  draft: {engine: vllm, model: Qwen/Qwen3-1.7B, phases: [serve]}
  train: {kind: service, command: train, memory: 20GiB, phases: [learn]}
"""


@pytest.mark.parametrize("verb", [["explain"], ["plan"], ["plan", "--alternatives"], ["plan", "--cheapest"],
                                  ["plan", "--compare", "5xL40S", "--compare", "1xL4", "--compare", "2xH100-80GB-HBM3", "--compare", "4xRTX-4090"]])
def test_the_number_of_threads_changes_nothing(tmp_path: Path, verb: list[str]) -> None:
    path, _ = write(tmp_path, PARALLEL)
    said = [subprocess.run([str(BERTH), *verb, "-f", path, "--json"], capture_output=True, text=True, timeout=DEADLINE_S, env={**ENV, "BERTH_THREADS": n}, check=True)
            for n in ("1", "2", "7")]
    assert len(said[0].stdout) > 500
    assert said[0].stdout == said[1].stdout == said[2].stdout


@pytest.mark.parametrize(("server", "offered"), [
    ("engine: vllm, engine_version: 0.20.0", True),                  # each tensor is made 8-bit as it is read
    ("engine: vllm, engine_version: 0.13.0", False),                 # all 28 GiB of 16-bit weights would lie on a card of 24 first
    ("engine: sglang", False)])
def test_weights_in_8_bits_are_a_way_out_where_they_can_be_loaded(server: str, offered: bool, tmp_path: Path) -> None:
    path, spec = write(tmp_path, f"name: n\ngpus: 1xRTX-4090\nworkloads:\n  llm: {{{server}, model: Qwen/Qwen2.5-14B-Instruct}}\n")
    ways = [w for w in explain("-f", path, code=3)["relaxations"] if w["set"][0]["path"] == "workloads.llm.quantization"]
    assert bool(ways) == offered
    for w in ways:
        assert w["set"] == [{"path": "workloads.llm.quantization", "value": "fp8"}]
        assert "costs some quality" in w["text"] and w["gives_up"] == "precision of the weights"
        assert fits(with_set(spec, w["set"]), tmp_path)


def test_8_bits_are_offered_where_16_have_room_to_be_read(tmp_path: Path) -> None:
    text = "name: n\ngpus: 1xRTX-4090\nworkloads:\n  llm: {engine: ENGINE, model: Qwen/Qwen2.5-7B-Instruct}\n  tool: {kind: service, command: [x], memory: 11GiB}\n"
    for engine in ("sglang", "vllm"):
        path, spec = write(tmp_path, text.replace("ENGINE", engine))
        ways = [w["set"] for w in explain("-f", path, code=3)["relaxations"]]
        assert [{"path": "workloads.llm.quantization", "value": "fp8"}] in ways and all(fits(with_set(spec, w), tmp_path) for w in ways if w[0]["path"] != "gpus")
    path, _ = write(tmp_path, text.replace("ENGINE", "vllm").replace("1xRTX-4090", "1xTesla-V100-SXM2-16GB").replace("11GiB", "2GiB"))
    assert not any("quantization" in w["set"][0]["path"] for w in explain("-f", path, code=3)["relaxations"])


@pytest.mark.parametrize(("fleet", "pool"), [("2xA100-SXM4-80GB", ""), ("2xA100-SXM4-80GB+1xV100-SXM2-16GB", ", pool: [0, 1]")])
def test_8_bits_are_offered_where_each_rank_can_read_its_share(fleet: str, pool: str, tmp_path: Path) -> None:
    """131 GiB of 16-bit weights pass two cards of 80, and not one; a card outside the pool has no say."""
    path, spec = write(tmp_path, f"name: n\ngpus: {fleet}\nworkloads:\n  llm: {{engine: sglang, model: meta-llama/Llama-3.1-70B-Instruct, context: 65536{pool}}}\n")
    ways = [w["set"] for w in explain("-f", path, code=3)["relaxations"]]
    assert [{"path": "workloads.llm.quantization", "value": "fp8"}] in ways
    assert fits(with_set(spec, [{"path": "workloads.llm.quantization", "value": "fp8"}]), tmp_path)
    alone, _ = write(tmp_path, "name: n\ngpus: 2xA100-SXM4-80GB\nworkloads:\n  llm: {engine: sglang, model: meta-llama/Llama-3.1-70B-Instruct, gpus: 1, quantization: fp8}\n")
    said = explain("-f", alone, code=3)
    assert "reads weights in 16 bits before it makes them 8-bit: 131.45 GiB on a card" in json.dumps(said), said


def test_who_waits_for_the_one_left_out_is_told(tmp_path: Path) -> None:
    path, _ = write(tmp_path, "name: n\ngpus: 1xRTX-4090\nworkloads:\n  a: {kind: service, command: [x]}\n  b: {kind: service, command: [x]}\n"
                              "  use: {kind: service, command: [y], gpus: 0, after: {b: ready}}\n  job: {kind: job, command: [y], gpus: 0, after: {b: started}}\n")
    ways = {w["set"][0]["path"]: w["text"] for w in explain("-f", path, code=3)["relaxations"]}
    assert ways["workloads.b.optional"].endswith("; use and job then start without waiting for it (`after`)")


def test_changes_that_are_alike_are_one_line(tmp_path: Path) -> None:
    path, _ = write(tmp_path, "name: n\ngpus: 1xRTX-4090\nworkloads:\n  a: {kind: service, command: [x], memory: 20GiB}\n  b: {kind: service, command: [x], memory: 20GiB}\n"
                              "  c: {kind: service, command: [y], memory: 1GiB, after: {b: ready}}\n")
    for verb in (["plan", "-f", path], ["plan", "--phase", "-f", path], ["explain", "-f", path]):
        told = berth(*verb).stdout
        assert "workloads.a.phases: a" in told and "workloads.{b, c}.phases: b" in told, told
    found = json.loads(berth("plan", "-f", path, "--json").stdout)
    changes = next(v["set"] for v in found["advice"] if v["set"][0]["path"] == "phases")
    assert [c["path"] for c in changes] == ["phases"] + [f"workloads.{n}.phases" for n in "abc"]


def test_what_a_way_out_gives_up_is_its_own(tmp_path: Path) -> None:
    job = "name: n\ngpus: 4xRTX-A6000\nworkloads:\n  tune: {kind: job, command: [x], memory: {train: Qwen/Qwen3-8B, method: lora, batch: 2}}\n"
    path, _ = write(tmp_path, job)
    gives = {w["set"][0]["path"].rpartition(".")[2]: w["gives_up"] for w in explain("-f", path, code=3)["relaxations"]}
    assert gives["checkpointing"].startswith("time") and gives["batch"] == "sequences of one step" and gives["tokens"] == "tokens of a sequence"
    both = ("name: n\ngpus: 1xRTX-5090+1xRTX-4090\nworkloads:\n  a: {kind: service, command: [x], memory: 2GiB, share: never}\n"
            "  b: {engine: vllm, model: Qwen/Qwen3.5-9B, context: {want: 32768, min: 8192}}\n  c: {engine: vllm, model: meta-llama/Llama-3.2-1B-Instruct, context: 262144}\n"
            "  d: {kind: service, command: [x], memory: 2GiB}\n")
    path, _ = write(tmp_path, both)
    told = explain("-f", path, code=3)
    assert [d["key"] for d in told["conflicts"][0]["demands"]] == ["context"]
    assert [(w["gives_up"], w["cost"]) for w in told["relaxations"]] == [("context, cards of its own", 0.4)]


@pytest.mark.parametrize("name", ["memory", "expects", "context"])
def test_what_a_way_out_costs_does_not_hang_on_a_name(tmp_path: Path, name: str) -> None:
    spec = ("name: n\ngpus: 1xRTX-4090\nworkloads:\n  NAME: {engine: vllm, model: Qwen/Qwen3-8B, context: 40960}\n"
            "  z: {kind: service, command: [x], memory: 10GiB}\n")
    told = []
    for n in ("other", name):
        path, _ = write(tmp_path, spec.replace("NAME", n))
        ways = explain("-f", path, code=3)["relaxations"]
        told.append([(w["gives_up"], w["cost"], [c["path"].replace(f"workloads.{n}.", "") for c in w["set"]]) for w in ways])
    assert told[0] and told[1] == told[0]


def test_the_widest_of_those_who_share_counts_as_its_cards(tmp_path: Path) -> None:
    path, _ = write(tmp_path, "name: n\ngpus: 3xA100-SXM4-80GB\nworkloads:\n  a: {kind: service, command: [x], memory: 10GiB, share: never}\n"
                              "  c: {kind: service, command: [x], memory: 10GiB, gpus: 3}\n")
    done = berth("plan", "-f", path)
    assert done.returncode == 3 and "they take at least 4 cards, as not all of them share, and 3 are there" in done.stdout + done.stderr
