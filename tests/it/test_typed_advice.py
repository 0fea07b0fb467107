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
