"""berth plan --variants, --compare: plans side by side. The page docs/reference/what-if.md is checked, too."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest
from test_gguf import write as write_gguf
from test_json_docs import compare
from test_plan import A100X4, FORENSICS, ROOT, plan, spec

TINKER = str(ROOT / "examples" / "tinker" / "berth.yaml")
PAGE = (ROOT / "docs" / "reference" / "what-if.md").read_text()
SHOWN = {block["kind"]: block for text in re.findall(r"```json\n(.*?)```", PAGE, re.S) for block in [json.loads(text)]}


def rows(*args: str, code: int = 0) -> list[dict]:
    r = plan(*args, "--json")
    assert r.returncode == code, r.stderr
    found = json.loads(r.stdout)
    faults: list[str] = []
    compare(found["kind"], [SHOWN[found["kind"]]], [found], faults)
    assert not faults, "\n".join(faults)
    return found["rows"]


def test_each_variant_is_a_row_and_is_what_its_own_plan_says() -> None:
    found = rows("-f", TINKER, "--gpus", "4xA100-SXM4-40GB", "--variants")
    names = [r["variant"] for r in found]
    assert names[0] is None and {"inference", "training"} <= set(names)
    for row in (r for r in found if r["fits"]):
        alone = json.loads(plan("-f", TINKER, "--gpus", "4xA100-SXM4-40GB", "--json", *(["--variant", row["variant"]] if row["variant"] else [])).stdout)
        serve = next(i for i in alone["phases"][0]["instances"] if i["workload"] == "serve")
        shown = next(w for w in row["workloads"] if w["workload"] == "serve")
        assert (shown["context"], shown["bytes_per_card"], shown["tp"]) == (serve["context"], max(r["bytes"] for r in serve["ranks"]), serve["tp"])
        assert shown["requests_at_once"] == min(r["kv"]["tokens"] for r in serve["ranks"]) // serve["context"]
    by = {r["variant"]: r["favours"] for r in found}
    assert [r["variant"] for r in found if not r["fits"]] == ["smollm-tp4"]
    assert "favours serve" in by["production"] and "favours train" in by["training"]


def test_fleets_side_by_side() -> None:
    found = rows("-f", str(FORENSICS), "--compare", A100X4, "--compare", "2xA100-SXM4-80GB", "--compare", "4xH100-80GB-HBM3")
    assert [r["fits"] for r in found] == [True, False, True]
    assert "do not fit together" in found[1]["why_not"] and found[1]["workloads"] == []
    rate = [w["decode_tok_s"] for r in found for w in r["workloads"] if w["workload"] == "llm"]
    assert rate[0] < rate[1]                           # an H100 reads faster
    text = plan("-f", str(FORENSICS), "--compare", A100X4, "--compare", "2xA100-SXM4-80GB").stdout
    assert "does not fit" in text and A100X4 in text and "favours llm" in text


def test_nothing_fits_is_exit_3() -> None:
    assert [r["fits"] for r in rows("-f", str(FORENSICS), "--compare", "1xRTX-4090", "--compare", "2xRTX-4090", code=3)] == [False, False]


def test_a_pool_that_a_fleet_has_not_is_a_row(tmp_path: Path) -> None:
    f = spec(tmp_path, "  a: {kind: job, command: [x], pool: [3], memory: 1GiB}\n")
    found = rows("-f", f, "--compare", "2xRTX-4090", "--compare", "4xRTX-4090")
    assert [r["fits"] for r in found] == [False, True]
    assert 'no card "3"' in found[0]["why_not"]


def test_variants_whose_pool_the_fleet_has_not_are_rows(tmp_path: Path) -> None:
    activations = str(ROOT / "examples" / "activations" / "berth.yaml")
    found = {r["variant"]: r for r in rows("-f", activations, "--gpus", "2xA100-SXM4-80GB", "--variants")}
    assert 'no card "2"' in found[None]["why_not"] and found["two-cards"]["fits"] and found["split-1-1"]["fits"]
    nonsense = plan("-f", activations, "--gpus", "2xNOSUCH", "--variants")
    assert nonsense.returncode == 2 and "NOSUCH" in nonsense.stderr


def test_variants_by_fleets(tmp_path: Path) -> None:
    f = spec(tmp_path, "  a: {kind: job, command: [x], memory: 30GiB}\nvariants: {small: {a: {memory: 10GiB}}, none: {a: {gpus: 0, memory: null}}}\n")
    found = rows("-f", f, "--variants", "--compare", "1xRTX-4090", "--compare", "1xA100-SXM4-40GB")
    assert [(r["variant"], r["fits"]) for r in found] == [(None, False), (None, True), ("small", True), ("small", True), ("none", True), ("none", True)]


def test_a_variant_may_change_the_top(tmp_path: Path) -> None:
    f = spec(tmp_path, "  a: {kind: job, command: [x], memory: 30GiB, phases: one}\n  b: {kind: job, command: [x], memory: 30GiB, phases: two}\n"
             "variants: {together: {phases: null, a: {phases: null}, b: {phases: null}}, alone: {phases: [one], b: null}}\n", "phases: [one, two]\n")
    found = rows("-f", f, "--variants", "--gpus", "1xA100-SXM4-40GB")
    assert [(r["fits"], r["phases"]) for r in found] == [(True, 2), (False, 1), (True, 1)]


TURNS = ("  writer: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, replicas: {want: 2, min: 2}, gpus: 1}\n"
         "  ask: {kind: job, command: [x, '${workloads.writer.url}'], gpus: 0}\n  extract: {kind: job, command: [x], slots: 2, memory: 30GiB, after: {ask: done}}\n")


def test_what_does_not_fit_at_once_fits_in_turn(tmp_path: Path) -> None:
    f = spec(tmp_path, TURNS)
    refused = plan("-f", f, "--gpus", "2xA100-SXM4-40GB")
    assert refused.returncode == 3
    assert "writer" in refused.stdout and "do not fit together" in refused.stdout and "in turn, in 2 phases: first writer, ask; then extract" in refused.stdout
    way = next(a for a in json.loads(plan("-f", f, "--gpus", "2xA100-SXM4-40GB", "--json").stdout)["advice"] if "in turn" in a["text"])
    r = plan("-f", f, "--gpus", "2xA100-SXM4-40GB", "--phase", "--json")
    assert r.returncode == 0, r.stdout
    p = json.loads(r.stdout)
    assert p["proposed"] is True and [[i["workload"] for i in ph["instances"]] for ph in p["phases"]] == [["writer", "writer", "ask"], ["extract", "extract"]]
    assert {m["how"] for m in p["moves"]} == {"stop", "start"}
    assert all(m["seconds"] > 0 for m in p["moves"] if m["instance"].startswith("writer"))
    assert any("not all at once: writer" in w and "do not fit together" in w for w in p["warnings"])
    text = plan("-f", f, "--gpus", "2xA100-SXM4-40GB", "--phase").stdout
    written = TURNS
    for change in way["set"]:                           # what it says to write, written
        if change["path"] != "phases":
            name = change["path"].split(".")[1]
            assert any(re.search(rf"workloads\.\{{?(.*, )?{name}\b", line) and line.endswith(f".phases: {change['value']}") for line in text.splitlines())
            written = "".join(line.replace("}\n", f", phases: {change['value']}}}\n") if line.startswith(f"  {name}:") else line for line in written.splitlines(keepends=True))
    top = next(c["value"] for c in way["set"] if c["path"] == "phases")
    (tmp_path / "own").mkdir()
    own = json.loads(plan("-f", spec(tmp_path / "own", written, f"phases: {top}\n"), "--gpus", "2xA100-SXM4-40GB", "--json").stdout)
    assert (own["moves"], own["objective"], own["proposed"]) == (p["moves"], p["objective"], False)


def test_a_phase_of_the_spec_is_cut(tmp_path: Path) -> None:
    f = spec(tmp_path, "  w: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, gpus: 1}\n  m: {kind: job, command: [x], memory: 30GiB, phases: make}\n"
             "  a: {kind: job, command: [x], memory: 30GiB, gpus: 2, phases: use}\n  b: {kind: job, command: [x], memory: 30GiB, phases: use}\n", "phases: [make, use]\n")
    fleet = ("--gpus", "2xA100-SXM4-40GB")
    refused = plan("-f", f, *fleet)
    assert refused.returncode == 3 and "in turn, in 3 phases: first w, m; then w, b; then a" in refused.stdout
    r = plan("-f", f, *fleet, "--phase", "--json")
    assert r.returncode == 0, r.stderr
    p = json.loads(r.stdout)
    assert p["proposed"] is True and [ph["name"] for ph in p["phases"]] == ["make", "use-1", "use-2"]
    assert any("phase use does not fit at once: it is cut into use-1, use-2" in w for w in p["warnings"])
    assert [m["how"] for m in p["moves"] if m["instance"] == "w-0"] == ["stay", "stop"]
    (tmp_path / "own").mkdir()
    own = spec(tmp_path / "own", "  w: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, gpus: 1, phases: [make, use-1]}\n  m: {kind: job, command: [x], memory: 30GiB, phases: make}\n"
               "  a: {kind: job, command: [x], memory: 30GiB, gpus: 2, phases: use-2}\n  b: {kind: job, command: [x], memory: 30GiB, phases: use-1}\n", "phases: [make, use-1, use-2]\n")
    written = json.loads(plan("-f", own, *fleet, "--json").stdout)
    assert written["refusals"] == [] and [[i["id"] for i in ph["instances"]] for ph in written["phases"]] == [[i["id"] for i in ph["instances"]] for ph in p["phases"]]
    fits = plan("-f", own, *fleet, "--phase")
    assert fits.returncode == 0 and "each of the spec's phases fits: they are planned as they are" in fits.stdout


def test_phase_where_it_does_not_help(tmp_path: Path) -> None:
    fits = plan("-f", spec(tmp_path, "  a: {kind: job, command: [x], memory: 3GiB}\n"), "--gpus", "1xRTX-4090", "--phase")
    assert fits.returncode == 0 and "no phases are needed" in fits.stdout
    never = plan("-f", spec(tmp_path, "  a: {kind: job, command: [x], memory: 30GiB}\n  b: {kind: job, command: [x], memory: 3GiB}\n"), "--gpus", "1xRTX-4090", "--phase")
    assert never.returncode == 3 and "no order of phases" in never.stdout


def test_what_was_not_looked_at_to_the_end_is_not_said_to_fit_nowhere(tmp_path: Path) -> None:
    """Thirty that need each other, three a card with hardly a byte to spare: the search of them alone stops."""
    draw = random.Random(4)
    drawn = [draw.randint(5000, 9000) for _ in range(30)]
    sizes = [x * 219780 // sum(drawn) for x in drawn]
    rows = "".join(f"  s{i}: {{kind: service, command: [x], memory: {x}MiB{f', after: {{s{i - 1}: ready}}' if i else ''}}}\n" for i, x in enumerate(sizes))
    open_end = plan("-f", spec(tmp_path, rows + "  last: {kind: job, command: [x], memory: 12GiB}\n"), "--gpus", "10xL4", "--phase")
    assert open_end.returncode == 3 and re.search(r"no order of phases was found: no place for s0, .* even alone, and not all were looked at", open_end.stdout), open_end.stdout


def test_alternatives_of_forensics() -> None:
    found = rows("-f", str(FORENSICS), "--alternatives")
    by = {r["what"]: r for r in found}
    assert found[0]["what"] == "as planned, TP=2" and found[0]["gives_up"] == ""
    assert by["one GPU"]["fits"] is False
    assert by["PP=3"]["cards"] == 3 and "1 more card" in by["PP=3"]["gives_up"]
    four = by["weights in 4 bits (AWQ), one GPU"]
    assert four["fits"] and four["cards"] == 1 and "quality: about 4 bits" in four["gives_up"] and four["bytes"] < found[0]["bytes"]
    ram = next(r for r in found if r["alternative"] == "offload")
    assert ram["cards"] == 1 and ram["host_bytes"] > 20 << 30 and ram["decode_tok_s"] < found[0]["decode_tok_s"] / 10 and "of host RAM" in ram["gives_up"]
    assert max(r["percent_of_best"] or 0 for r in found) == 100
    fits = [r for r in found if r["fits"]]
    assert all(abs(r["percent_of_best"] - 100 * r["decode_tok_s"] / max(f["decode_tok_s"] for f in fits)) < 1e-6 for r in fits)


def test_alternatives_hold_when_they_are_written(tmp_path: Path) -> None:
    base = "  llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct%s}\n"
    for row in rows("-f", spec(tmp_path, base % ""), "--gpus", "2xRTX-4090", "--alternatives"):
        if not row["fits"] or row["needs"]:
            continue
        keys = "".join(f", {c['path'].split('.')[-1]}: {c['value']}" for c in row["set"])
        p = json.loads(plan("-f", spec(tmp_path, base % keys), "--gpus", "2xRTX-4090", "--json").stdout)
        assert not p["refusals"], (row["what"], p["refusals"])
        own = [i for i in p["phases"][0]["instances"]]
        assert sum(len(i["ranks"]) for i in own) == row["cards"] and own[0]["tp"] == row["tp"]
        assert (own[0]["context"], sum(r["bytes"] for i in own for r in i["ranks"])) == (row["context"], row["bytes"]), row["what"]


def test_why_another_way_has_no_place(tmp_path: Path) -> None:
    """The bytes that lack on an empty card, or whose cards it must have: not "beside the others" where there are none."""
    f = spec(tmp_path, "  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, gpus: 2}\n  small: {engine: vllm, model: Qwen/Qwen3-1.7B, same_gpus_as: llm}\n")
    found = {(r["workload"], r["what"]): r for r in rows("-f", f, "--gpus", "2xA100-SXM4-80GB", "--alternatives")}
    assert "llm must be on the same cards" in found["small", "one GPU"]["why_not"]
    f = spec(tmp_path, "  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, gpus: {min: 1, max: 2}}\n")
    table = json.loads(plan("-f", f, "--gpus", "2xA100-SXM4-40GB", "--json").stdout)["alternatives"]
    assert [re.fullmatch(r"needs [\d.]+ GiB on a card \([\d.]+ GiB of weights; [\d.]+ [GM]iB of KV for \d+ x [\d,]+ tokens\), and [\d.]+ GiB are there", a["why"]) is not None for a in table if a["tp"] * a["pp"] == 1] == [True]


def test_a_row_without_a_place_is_only_that_row(tmp_path: Path) -> None:
    """Over several machines not all ways are tried: where none is found, the other rows are there all the same."""
    sizes = {"a": 15, "b": 15, "c": 12, "d": 12, "e": 12, "f": 11}   # 77 of 77.75 GiB, and no two cards hold them: 39 is too much
    f = spec(tmp_path, "".join(f"  {name}: {{kind: service, command: [x], memory: {size}GiB}}\n" for name, size in sizes.items()) +
             "variants: {less: {a: {memory: 14GiB}}}\n")
    alone = plan("-f", f, "--gpus", "2x1xA100-SXM4-40GB")
    assert alone.returncode == 1 and "not all ways were tried" in alone.stderr
    assert [r["fits"] for r in rows("-f", f, "--gpus", "2x1xA100-SXM4-40GB", "--variants")] == [False, True]
    assert [bool(r["why_not"]) for r in rows("-f", f, "--compare", "2x1xA100-SXM4-40GB", "--compare", "4xA100-SXM4-40GB")] == [True, False]


def test_a_shape_in_which_an_optional_one_has_no_place_does_not_fit(tmp_path: Path) -> None:
    """A plan without it is none with it in that shape."""
    f = spec(tmp_path, "  job: {kind: job, command: [x], memory: 22GiB, gpus: 1, share: never, priority: 1}\n  llm: {engine: vllm, model: Qwen/Qwen3-4B, optional: true}\n")
    table = json.loads(plan("-f", f, "--gpus", "3xRTX-4090", "--json").stdout)["alternatives"]
    assert {a["cards"] if "cards" in a else a["tp"] * a["pp"]: a["fits"] for a in table} == {3: False, 2: True, 1: True}
    assert all(a["context"] for a in table if a["fits"]) and all(a["why"] for a in table)


def test_an_optional_one_without_a_place_is_no_side(tmp_path: Path) -> None:
    f = spec(tmp_path, "  big:  {engine: vllm, model: Qwen/Qwen3-4B}\n  more: {kind: job, command: [x], memory: 23GiB, optional: true}\n"
                       "variants: {v: {more: {optional: false}}}\n")
    assert [r["favours"] for r in rows("-f", f, "--gpus", "1xRTX-4090", "--variants") if r["fits"]] == ["big 1 card, more no place: favours big"]


def test_alternatives_where_nothing_fits_as_it_is(tmp_path: Path) -> None:
    f = spec(tmp_path, "  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct}\n")
    found = rows("-f", f, "--gpus", "1xRTX-4090", "--alternatives")
    assert found[0]["fits"] is False and found[0]["why_not"]
    assert any(r["fits"] and r["alternative"] == "quantised" for r in found)


def test_a_quantised_checkpoint_that_is_here_is_taken_as_it_is(tmp_path: Path) -> None:
    repo = tmp_path / "hub" / "models--Qwen--Qwen2.5-7B-Instruct-AWQ"
    (repo / "snapshots" / "abc").mkdir(parents=True)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("abc")
    (repo / "snapshots" / "abc" / "config.json").write_text(json.dumps({
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "num_hidden_layers": 28, "hidden_size": 3584, "intermediate_size": 18944,
        "num_attention_heads": 28, "num_key_value_heads": 4, "vocab_size": 152064, "max_position_embeddings": 32768, "torch_dtype": "float16",
        "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True}}))
    f = spec(tmp_path, "  llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct}\n")
    r = plan("-f", f, "--gpus", "2xRTX-4090", "--alternatives", "--json", HF_HUB_CACHE=str(tmp_path / "hub"))
    four = [row for row in json.loads(r.stdout)["rows"] if "4 bits" in row["what"]]
    assert four and all(row["needs"] is None and {"path": "workloads.llm.model", "value": "Qwen/Qwen2.5-7B-Instruct-AWQ"} in row["set"] for row in four)


def test_the_smallest_fleet(tmp_path: Path) -> None:
    r = plan("-f", str(FORENSICS), "--cheapest", "--json")
    assert r.returncode == 0, r.stderr
    found = json.loads(r.stdout)
    faults: list[str] = []
    compare("cheapest", [SHOWN["cheapest"]], [found], faults)
    assert not faults, "\n".join(faults)
    fleet = found["smallest"]
    assert json.loads(plan("-f", str(FORENSICS), "--gpus", fleet, "--json").stdout)["refusals"] == []
    cards, kind = fleet.split("x", 1)
    assert int(cards) == 3
    assert plan("-f", str(FORENSICS), "--gpus", f"2x{kind}").returncode == 3
    # nothing on two cards, not the largest ones, not on three smaller ones
    assert plan("-f", str(FORENSICS), "--gpus", "2xRTX-4090").returncode == 3 and plan("-f", str(FORENSICS), "--gpus", "3xRTX-5090").returncode == 3
    mixed = [r for r in found["rows"] if "+" in r["fleet"]]
    assert len(mixed) == 1 and mixed[0]["cards"] == 3 and mixed[0]["total_bytes"] < found["rows"][0]["total_bytes"]
    assert json.loads(plan("-f", str(FORENSICS), "--gpus", mixed[0]["fleet"], "--json").stdout)["refusals"] == []
    shown = plan("-f", str(FORENSICS), "--cheapest").stdout
    assert all(f"{w['context']:,} of {w['context_wanted']:,}" in shown for w in mixed[0]["workloads"] if w["context"] and w["context"] < w["context_wanted"]) and " of 32,768" in shown
    none = plan("-f", spec(tmp_path, "  a: {kind: job, command: [x], memory: 900GiB}\n"), "--cheapest")
    assert none.returncode == 3 and "no fleet of up to 16 cards" in none.stdout


@pytest.mark.parametrize("pin", ["tp: 4", "tp: 2"])
def test_nine_heads_are_offered_four_replicas(tmp_path: Path, pin: str) -> None:
    base = "  s: {engine: vllm, model: HuggingFaceTB/SmolLM2-135M, "
    r = plan("-f", spec(tmp_path, base + pin + "}\n"), "--gpus", "4xRTX-4090", "--json")
    assert r.returncode == 3
    p = json.loads(r.stdout)
    assert "(9 heads)" in p["refusals"][0]["text"]
    offer = next(a for a in p["advice"] if "4 replicas, one GPU each" in a["text"])
    keys = ", ".join(f"{c['path'].split('.')[-1]}: {c['value']}" for c in offer["set"])
    written = json.loads(plan("-f", spec(tmp_path, base + keys + "}\n"), "--gpus", "4xRTX-4090", "--json").stdout)
    assert written["refusals"] == [] and len(written["phases"][0]["instances"]) == 4


@pytest.mark.parametrize(("workload", "fleet", "says"), [
    ("model: Qwen/Qwen3-0.6B, tp: 4", "4xRTX-4090", "one GPU would be faster than TP=4"), ("model: Qwen/Qwen3-0.6B, gpus: 4", "4xA100-SXM4-40GB", "replicas: 4"),
    ("model: HuggingFaceTB/SmolLM2-135M, tp: 3", "3xRTX-4090", "one GPU would be faster than TP=3"), ("model: Qwen/Qwen2.5-32B-Instruct, tp: 4", "4xA100-SXM4-80GB", None),
    ("model: Qwen/Qwen2.5-14B-Instruct, gpus: 3", "4xA100-SXM4-80GB", "TP=2 would be faster than PP=3"), ("model: Qwen/Qwen3-0.6B", "4xRTX-4090", None)])
def test_more_cards_are_not_always_more_speed(tmp_path: Path, workload: str, fleet: str, says: str | None) -> None:
    p = json.loads(plan("-f", spec(tmp_path, f"  s: {{engine: vllm, {workload}}}\n"), "--gpus", fleet, "--json").stdout)
    about = [w for w in p["warnings"] if "faster" in w or "replicas" in w]
    assert (len(about) == 1 and says in about[0]) if says else about == []


def test_fewer_cards_of_two_kinds_may_be_faster(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()                           # seven heads: no TP but 1
    (tmp_path / "m" / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 5376, "intermediate_size": 14336, "num_hidden_layers": 40, "num_attention_heads": 7,
        "num_key_value_heads": 7, "head_dim": 128, "vocab_size": 32000, "max_position_embeddings": 32768, "torch_dtype": "bfloat16", "tie_word_embeddings": False}))
    beside = "".join(f"  n{card}: {{kind: service, command: [x], memory: {gib}GiB, pool: [{card}]}}\n" for card, gib in ((0, 60), (1, 12), (2, 12)))
    f = spec(tmp_path, beside + "  s: {engine: vllm, model: ./m, gpus: 4, context: {want: 4096}}\n")
    p = json.loads(plan("-f", f, "--gpus", "1xH100-80GB-HBM3+3xL4", "--json").stdout)
    assert [w for w in p["warnings"] if "PP=2 would be faster than PP=4" in w]      # half on the H100, half on the L4 that has room


def test_a_variant_that_says_nonsense_is_an_error(tmp_path: Path) -> None:
    f = spec(tmp_path, "  a: {kind: job, command: [x], memory: 3GiB}\nvariants: {none: {a: {gpus: 0}}}\n")
    for args in ([], ["--compare", "1xRTX-4090"]):
        r = plan("-f", f, "--gpus", "1xRTX-4090", "--variants") if not args else plan("-f", f, "--variants", *args)
        assert r.returncode == 2 and "variant none" in r.stderr


@pytest.mark.parametrize(("args", "says"), [
    (("--variants", "--variant", "x"), "--variants is all"), (("--compare", "2xRTX-4090", "--gpus", "1xRTX-4090"), "both name fleets"),
    (("--variants", "--out", "x.json"), "--out is of one plan"), (("--alternatives", "--cheapest"), "one of them at a time"),
    (("--cheapest", "--gpus", "1xRTX-4090"), "looks for the fleet"), (("--variants", "--phase"), "--phase is of one plan"), (("--compare", "2xNOSUCH"), "NOSUCH"), (("--variant", "inferense"), "--variant inference")])
def test_faults_of_the_command_line(args: tuple[str, ...], says: str) -> None:
    r = plan("-f", TINKER, *args)
    assert r.returncode == 2
    assert says in r.stderr


def test_each_engine_has_its_word_for_kv_in_8_bits(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", layers=16, hidden=2048, feed=5632, heads=16, kv_heads=4)
    for server, word in (("engine: vllm, model: Qwen/Qwen3-4B", "fp8"), ("engine: sglang, model: Qwen/Qwen3-4B", "fp8_e4m3"), ("engine: llama-server, model: ./m.gguf", "q8_0")):
        found = rows("-f", spec(tmp_path, f"  a: {{{server}, context: {{want: 8192}}}}\n"), "--gpus", "1xRTX-4090", "--alternatives")
        kv = [row for row in found if row["alternative"] == "kv"]
        assert [row["set"] for row in kv] == [[{"path": "workloads.a.kv_dtype", "value": word}]], server
        assert all(row["fits"] for row in kv)
