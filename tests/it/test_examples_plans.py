"""The five examples, planned: what their authors would wish, and the whole text of each plan as a person has read it (docs/examples.md has the reasons).

After a change that is meant: BERTH_UPDATE_GOLDEN=1, and read the difference.
"""

from __future__ import annotations

import json
import os
import re

import pytest
from test_plan import ROOT, plan

GOLDEN = ROOT / "tests" / "data" / "golden" / "plans"
EXAMPLES = {name: str(ROOT / "examples" / name / "berth.yaml") for name in ("thinking", "activations", "tinker", "experiment", "forensics", "shapes")}

# name of the file: what is asked
PLANS = {
    "thinking-2x80": ("thinking", "--gpus", "2xA100-SXM4-80GB"),
    "thinking-2x40": ("thinking", "--gpus", "2xA100-SXM4-40GB"),
    "thinking-alternatives": ("thinking", "--gpus", "2xA100-SXM4-80GB", "--alternatives"),
    "activations-8x40": ("activations", "--gpus", "8xA100-SXM4-40GB", "--variants"),
    "activations-4": ("activations", "--compare", "4xA100-SXM4-80GB", "--compare", "4xA100-SXM4-40GB"),
    "activations-split-8x40": ("activations", "--gpus", "8xA100-SXM4-40GB", "--variant", "split"),
    "activations-phases-4x40": ("activations", "--gpus", "4xA100-SXM4-40GB"),
    "activations-two-cards-2x80": ("activations", "--gpus", "2xA100-SXM4-80GB", "--variant", "two-cards"),
    "activations-single-80": ("activations", "--gpus", "1xA100-SXM4-80GB", "--variant", "single"),
    "tinker-4x4090": ("tinker", "--gpus", "4xRTX-4090"),
    "tinker-variants": ("tinker", "--gpus", "4xRTX-4090", "--variants"),
    "tinker-smollm": ("tinker", "--gpus", "4xRTX-4090", "--variant", "smollm-tp4"),
    "experiment-1x4090": ("experiment", "--gpus", "1xRTX-4090"),
    "experiment-4x4090": ("experiment", "--gpus", "4xRTX-4090"),
    "forensics": ("forensics",),
    "forensics-variants": ("forensics", "--variants"),
    "forensics-alternatives": ("forensics", "--alternatives"),
    "shapes": ("shapes",),
    "shapes-variants": ("shapes", "--variants"),
    "shapes-mig": ("shapes", "--variant", "mig"),
    "shapes-engines": ("shapes", "--variant", "engines"),
    "shapes-pinned": ("shapes", "--variant", "pinned"),
}


@pytest.mark.parametrize("name", PLANS)
def test_as_it_was_read(name: str) -> None:
    example, *args = PLANS[name]
    file = GOLDEN / f"{name}.txt"
    text = plan("-f", EXAMPLES[example], *args).stdout.replace(str(ROOT) + "/", "")
    text = re.sub(r"after \d+ placements", "after N placements", text)      # how long the search took is its own matter
    if os.environ.get("BERTH_UPDATE_GOLDEN"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()


def planned(example: str, *args: str) -> dict:
    return json.loads(plan("-f", EXAMPLES[example], *args, "--json").stdout)


def cards(p: dict, workload: str, phase: int = 0) -> list[set[int]]:
    return [{r["index"] for r in i["ranks"]} for i in p["phases"][phase]["instances"] if i["workload"] == workload]


def test_thinking_asks_for_no_third_card() -> None:
    p = planned("thinking", "--gpus", "3xA100-SXM4-80GB")
    assert cards(p, "target") == cards(p, "draft") and len(cards(p, "target")[0]) == 2
    refused = planned("thinking", "--gpus", "2xA100-SXM4-40GB")
    assert refused["refusals"] and any("more" in a["text"] or "fits" in a["text"] for a in refused["advice"])


def test_activations_each_form_on_its_pool() -> None:
    fleet = ("--gpus", "8xA100-SXM4-40GB")
    split = planned("activations", *fleet, "--variant", "split")
    assert set.union(*cards(split, "writer")) == {0, 1, 2, 3} and set.union(*cards(split, "extract")) == {4, 5, 6, 7}
    minimal = planned("activations", *fleet, "--variant", "minimal")
    assert set.union(*cards(minimal, "writer")) == {0, 1} and set.union(*cards(minimal, "extract")) == {2, 3, 4, 5, 6, 7}
    single = planned("activations", "--gpus", "1xA100-SXM4-80GB", "--variant", "single")
    assert [len(ph["instances"]) > 0 for ph in single["phases"]] == [True, True]


def test_eight_servers_of_12b_do_not_fit_four_40gb_cards() -> None:
    small, large = planned("activations", "--gpus", "4xA100-SXM4-40GB"), planned("activations", "--gpus", "4xA100-SXM4-80GB")
    assert (len(cards(small, "writer")), len(cards(large, "writer"))) == (4, 8)
    assert any("4 of the 8 copies wanted" in w for w in small["warnings"])
    batch = next(i["job"]["batch"] for i in small["phases"][1]["instances"] if i["workload"] == "extract")
    assert batch >= 1
    parked = [m for m in small["moves"] if m["how"] == "park"]
    assert len(parked) == 4 and all(m["level"] == "sleep" and m["host_bytes"] > 20 << 30 for m in parked)
    assert {m["instance"] for m in small["moves"] if m["how"] == "start"} == {f"extract-{i}" for i in range(4)}


@pytest.mark.parametrize(("variant", "favours"), [("split", "neither"), ("minimal", "extract")])
def test_a_form_says_which_side_it_favours(variant: str, favours: str) -> None:
    assert f"favours {favours}\n" in plan("-f", EXAMPLES["activations"], "--gpus", "8xA100-SXM4-40GB", "--variant", variant).stdout


def test_tinker_serves_in_forty_percent() -> None:
    p = planned("tinker", "--gpus", "4xRTX-4090")
    total = p["fleet"]["gpus"][0]["total_bytes"]
    serve, train = (next(i for i in p["phases"][0]["instances"] if i["workload"] == w) for w in ("serve", "train"))
    assert all(0.39 * total < r["bytes"] <= 0.40 * total for r in serve["ranks"])
    assert all(a["bytes"] + b["bytes"] <= total for a, b in zip(serve["ranks"], train["ranks"], strict=True))
    text = plan("-f", EXAMPLES["tinker"], "--gpus", "4xRTX-4090").stdout
    assert "5 users" in text and "no more users fit" in text
    users = {r["variant"]: next(w["users"] for w in r["workloads"] if w["workload"] == "train")
             for r in json.loads(plan("-f", EXAMPLES["tinker"], "--gpus", "4xRTX-4090", "--variants", "--json").stdout)["rows"] if r["fits"]}
    assert users["training"] > users[None] > users["production"] >= 1 and users["inference"] is None
    smol = planned("tinker", "--gpus", "4xRTX-4090", "--variant", "smollm-tp4")
    assert "(9 heads)" in smol["refusals"][0]["text"] and any("4 replicas" in a["text"] for a in smol["advice"])


def test_experiment_finds_the_context() -> None:
    one, four = planned("experiment", "--gpus", "1xRTX-4090"), planned("experiment", "--gpus", "4xRTX-4090")
    assert 4096 <= one["phases"][0]["instances"][0]["context"] < 32768 == four["phases"][0]["instances"][0]["context"]
    whole = planned("experiment", "--gpus", "1xRTX-4090", "--variant", "whole")
    assert whole["refusals"] and any("context of at least" in a["text"] for a in whole["advice"])


def test_forensics_three_and_one_or_two_and_two() -> None:
    for variant, llm, vision in (("three-one", 3, 1), ("two-two", 2, 2)):
        p = planned("forensics", "--variant", variant)
        assert (len(cards(p, "llm")[0]), len(cards(p, "vision")[0])) == (llm, vision) and not cards(p, "llm")[0] & cards(p, "vision")[0]
    rows = {r["variant"]: r for r in json.loads(plan("-f", EXAMPLES["forensics"], "--variants", "--json").stdout)["rows"]}
    rate = {name: next(w["decode_tok_s"] for w in r["workloads"] if w["workload"] == "llm") for name, r in rows.items()}
    assert rate["offloaded"] < rate["three-one"] < rate["quantised"] and rate["three-one"] < rate[None]


def test_shapes_cut_layers_where_an_even_cut_does_not_fit() -> None:
    llm = planned("shapes")["phases"][0]["instances"][0]
    assert sum(llm["pp_layers"]) == 64 and max(llm["pp_layers"]) > 48
    assert planned("shapes", "--variant", "pinned")["refusals"]
    mig = planned("shapes", "--variant", "mig")
    names = {g["uuid"]: g["name"] for g in mig["fleet"]["gpus"]}
    on = {i["workload"]: [names[r["gpu"]] for r in i["ranks"]] for i in mig["phases"][0]["instances"]}
    assert on["llm"] == ["NVIDIA A100-SXM4-80GB"] and all("MIG" in n for n in on["small"] + on["tool"]) and on["tool"][0].endswith("1g.10gb")
    two, apart = planned("shapes", "--variant", "engines")["phases"][0]["instances"], planned("shapes", "--variant", "replicas")["phases"][0]["instances"]
    assert len(two) == 1 and two[0]["dp"] == two[0]["ep"] == 2 and len(apart) == 2
    assert min(r["kv"]["tokens"] for r in two[0]["ranks"]) > 2 * min(r["kv"]["tokens"] for r in apart[0]["ranks"])      # half of the experts each
