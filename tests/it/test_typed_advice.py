"""Specs as people write them, drawn: what a refusal offers fits when it is typed in, and whoever is missing in a plan is told."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from test_plan import plan

MODELS = ["Qwen/Qwen3-8B", "Qwen/Qwen3-14B", "google/gemma-3-12b-it", "meta-llama/Llama-3.1-8B-Instruct", "openai/gpt-oss-20b", "Qwen/Qwen2.5-32B-Instruct-GPTQ-Int4",
          "Qwen/Qwen3-0.6B", "microsoft/phi-4"]
FLEETS = ["1xRTX-4090", "2xRTX-3090", "1xGB10", "1xA100-SXM4-40GB+1xRTX-4090", "2x1xRTX-4090", "2x1xL40S", "3x1xL4"]
ASKS = {"context": ["32768", "{min: 16384}", "{want: 32768, min: 8192}"], "requests": ["4", "16"], "replicas": ["2", "{want: 4, min: 1}"], "optional": ["true"],
        "share": ["never"], "memory": ["50%", "16GiB"], "priority": ["3"], "gpus": ["1", "2"]}


def drawn(r: random.Random) -> dict[str, dict[str, str]]:
    work: dict[str, dict[str, str]] = {}
    for i in range(r.randint(3, 6)):
        if r.random() < 0.7:
            work[f"s{i}"] = {"engine": "vllm", "model": r.choice(MODELS)}
            work[f"s{i}"] |= {key: r.choice(ASKS[key]) for key in r.sample(sorted(ASKS), r.choice([0, 0, 1, 2]))}
        else:
            work[f"j{i}"] = {"kind": r.choice(["job", "service"]), "command": "[x]", "memory": r.choice(["4GiB", "12GiB", "20GiB"])}
            work[f"j{i}"] |= {"apart": f"[{r.choice(sorted(work))}]"} if r.random() < 0.3 and len(work) > 1 and f"j{i}" != "j0" else {}
    for name, keys in work.items():
        if keys.get("apart") == f"[{name}]":
            del keys["apart"]
    return work


def written(top: dict[str, str], work: dict[str, dict[str, str]]) -> str:
    lines = [f"  {name}: {{{', '.join(f'{k}: {v}' for k, v in keys.items())}}}\n" for name, keys in work.items()]
    return "name: t\n" + "".join(f"{k}: {v}\n" for k, v in top.items()) + "workloads:\n" + "".join(lines)


def typed_in(work: dict[str, dict[str, str]], changes: list[dict[str, str]]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    top: dict[str, str] = {}
    then = {name: dict(keys) for name, keys in work.items()}
    for c in changes:
        parts = c["path"].split(".")
        if parts[0] != "workloads":
            top[c["path"]] = c["value"]
        elif c["value"] == "null":
            then[parts[1]].pop(parts[2], None)
        elif len(parts) == 4:
            was = then[parts[1]].get(parts[2], "")
            was = f"{{want: {was}}}" if was.isdigit() else was          # `context: N` means both
            rest = [kv for kv in was.strip("{}").split(", ") if was.startswith("{") and not kv.startswith(parts[3] + ":")]
            then[parts[1]][parts[2]] = "{" + ", ".join([*rest, f"{parts[3]}: {c['value']}"]) + "}"
        else:
            then[parts[1]][parts[2]] = c["value"]
    return top, then


@pytest.mark.parametrize("seed", range(60))
def test_what_is_offered_fits_and_who_lacks_is_told(tmp_path: Path, seed: int) -> None:
    r = random.Random(seed)
    work, fleet, file = drawn(r), FLEETS[seed % len(FLEETS)], tmp_path / "berth.yaml"
    file.write_text(written({}, work))
    done = plan("-f", str(file), "--gpus", fleet, "--json")
    assert done.returncode in (0, 3), done.stderr
    found = json.loads(done.stdout)
    for offer in found["advice"]:
        top, then = typed_in(work, offer["set"])
        file.write_text(written({"gpus": fleet} | top, then))
        again = plan("-f", str(file), "--json")
        assert again.returncode == 0, f"{offer}\n{file.read_text()}\n{again.stdout[-2000:]}{again.stderr}"
    if done.returncode == 0:
        notes = " | ".join(found["warnings"])
        there = [i["workload"] for i in found["phases"][0]["instances"]]
        for name, keys in work.items():
            if name not in there:
                assert f"{name} is optional and found no place" in notes
            elif keys.get("replicas", "").startswith("{want: 4") and there.count(name) < 4:
                assert f"{name}: {there.count(name)} of the 4 copies wanted" in notes
        assert found["proof"] == "optimal" or "better plan" in notes


BUSY = {"whole": {"kind": "job", "command": "[x]"}, "exp": {"kind": "job", "command": "[x]", "memory": "20GiB"}, "tool": {"kind": "service", "command": "[x]", "memory": "4GiB"},
        "chat": {"engine": "vllm", "model": "Qwen/Qwen3.5-9B", "context": "32768"}}
PAST = {"a": {"kind": "service", "command": "[x]", "memory": "2GiB", "share": "never"}, "b": {"engine": "vllm", "model": "Qwen/Qwen3.5-9B", "context": "{want: 32768, min: 8192}"},
        "c": {"engine": "vllm", "model": "meta-llama/Llama-3.2-1B-Instruct", "context": "262144"}, "d": {"kind": "service", "command": "[x]", "memory": "2GiB"}}


@pytest.mark.parametrize("more", [{}, {"b": {"engine": "vllm", "model": "Qwen/Qwen3-1.7B", "context": "900000"}}])
def test_a_method_that_weights_are_not_stored_by_is_left_out(more: dict, tmp_path: Path) -> None:
    file = tmp_path / "berth.yaml"
    work = {"a": {"engine": "vllm", "model": "Qwen/Qwen3-8B-AWQ", "quantization": "fp8"}} | more
    file.write_text(written({"gpus": "1xRTX-4090"}, work))
    found = json.loads(plan("-f", str(file), "--json").stdout)
    assert "stored-otherwise" in [r["code"] for r in found["refusals"]] and found["advice"][0]["set"][0]["path"] == "workloads.a.quantization", found["advice"]
    top, then = typed_in(work, found["advice"][0]["set"])
    file.write_text(written({"gpus": "1xRTX-4090"} | top, then))
    assert plan("-f", str(file)).returncode == 0, file.read_text()


def test_a_command_is_not_offered_a_fraction_of_its_memory(tmp_path: Path) -> None:
    file = tmp_path / "berth.yaml"
    file.write_text(written({"gpus": "1xRTX-4090+1xRTX-3090"}, BUSY))
    found = json.loads(plan("-f", str(file), "--json").stdout)
    offered = {c["path"].split(".")[1]: int(c["value"].removesuffix("MiB")) for o in found["advice"] for c in o["set"] if c["path"].endswith(".memory")}
    assert offered and all(mib >= {"exp": 10240, "tool": 2048}[name] for name, mib in offered.items()), offered


def test_a_context_past_the_models_is_put_right_beside_what_else_lacks(tmp_path: Path) -> None:
    file = tmp_path / "berth.yaml"
    for more in ({}, {"gpus": "3"}, {"tp": "4"}, {"tp": "4", "gpus": "4"}):
        work = PAST | {"c": PAST["c"] | more}
        file.write_text(written({"gpus": "1xRTX-5090+1xRTX-4090"}, work))
        done = plan("-f", str(file), "--json")
        offers = json.loads(done.stdout)["advice"]
        assert done.returncode == 3 and [str(c["value"]) for o in offers for c in o["set"] if c["path"] == "workloads.c.context"] == ["131072"], done.stdout
        top, then = typed_in(work, offers[0]["set"])
        file.write_text(written({"gpus": "1xRTX-5090+1xRTX-4090"} | top, then))
        assert plan("-f", str(file)).returncode == 0, file.read_text()


@pytest.mark.parametrize(("work", "fleet", "says"), [
    ({"a": PAST["a"], "b": {"engine": "vllm", "model": "Qwen/Qwen3-1.7B"}}, "1xRTX-5090", "do not fit together: they take at least 2 cards, as not all of them share, and 1 is there"),
    ({"big": {"engine": "vllm", "model": "Qwen/Qwen3.6-35B-A3B", "context": "32768"},
      "draft": {"engine": "vllm", "model": "Qwen/Qwen3-1.7B", "context": "{same_as: big}", "same_gpus_as": "big"}}, "4xRTX-3090",
     "draft does not fit beside big on the same GPUs: on the fullest of 4 cards big takes ")])
def test_what_lacks_is_named(tmp_path: Path, work: dict[str, dict[str, str]], fleet: str, says: str) -> None:
    file = tmp_path / "berth.yaml"
    file.write_text(written({"gpus": fleet}, work))
    done = plan("-f", str(file))
    assert done.returncode == 3 and says in done.stdout, done.stdout


KEPT = {
    "jobs": ("1xA100-SXM4-80GB", {
        "extract": {"kind": "job", "command": "[x]", "slots": "2", "memory": "{forward: Qwen/Qwen3-8B, batch: 8, tokens: 2048}"},
        "tune": {"kind": "job", "command": "[x]", "memory": "{train: Qwen/Qwen3-8B, method: lora, batch: 2}"}}),
    "servers": ("1xRTX-5090", {
        "chat": {"engine": "vllm", "model": "google/gemma-4-E4B-it", "context": "8192"}, "embed": {"engine": "vllm", "model": "Qwen/Qwen3-Embedding-4B"},
        "rank": {"engine": "vllm", "model": "BAAI/bge-reranker-v2-m3"}, "whisper": {"kind": "job", "command": "[x]", "memory": "6GiB"}}),
    "past": ("1xRTX-4090+1xRTX-3090", {
        "vlm0": {"engine": "vllm", "model": "Qwen/Qwen2.5-VL-7B-Instruct", "context": "131072"}, "m1": {"engine": "vllm", "model": "meta-llama/Llama-3.2-1B-Instruct", "context": "131072"},
        "vlm5": {"engine": "vllm", "model": "Qwen/Qwen3-VL-8B-Instruct", "context": "131072"}})}


@pytest.mark.parametrize("name", sorted(KEPT))
def test_several_changes_are_offered_beside_leaving_one_out(tmp_path: Path, name: str) -> None:
    fleet, work = KEPT[name]
    file = tmp_path / "berth.yaml"
    file.write_text(written({"gpus": fleet}, work))
    offers = json.loads(plan("-f", str(file), "--json").stdout)["advice"]
    out = [o for o in offers if [c["path"].endswith(".optional") for c in o["set"]] == [True]]
    several = [o for o in offers if "no single change is enough" in o["text"]]
    assert len(several) == 1 and several[0]["text"].startswith("to keep all of them ") == bool(out), offers
    assert not out or not any(c["path"].endswith(".optional") for c in several[0]["set"])
    top, then = typed_in(work, several[0]["set"])
    file.write_text(written({"gpus": fleet} | top, then))
    done = plan("-f", str(file))
    assert done.returncode == 0, file.read_text() + done.stdout
