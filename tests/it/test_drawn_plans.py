"""Drawn specs with phases, ties, shares, parks and job forms: whatever is asked, berth plan fits it or says why not, and no plan fails its own checks."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from test_plan import plan

MODELS = ["Qwen/Qwen3-4B", "Qwen/Qwen3-0.6B", "Qwen/Qwen2.5-7B-Instruct", "meta-llama/Llama-3.2-1B", "HuggingFaceTB/SmolLM2-135M"]
FLEETS = ["1xA100-SXM4-40GB", "2xRTX-4090", "1xA100-SXM4-80GB+1xRTX-4090", "3xA100-SXM4-40GB"]
PHASES = ["a", "b", "c", "[a, b]", "[b, c]", "[a, c]", "[a, b, c]"]
TAKES = ["2GiB", "9GiB", "17GiB", "rest", "{train: Qwen/Qwen3-0.6B, method: lora, batch: auto}", "{forward: Qwen/Qwen3-4B, batch: 2, tokens: 512}"]


def server(r: random.Random, name: str, servers: list[tuple[str, str]], phases: str) -> list[str]:
    keys = ["engine: vllm", f"model: {r.choice(MODELS)}"]
    tie = r.choice([None, None, None, "same_gpus_as: {}", "context: {{same_as: {}}}"])
    if servers and tie:
        other, phases = r.choice(servers)
        keys.append(tie.format(other))
    elif r.random() < 0.5:
        keys.append(r.choice(["context: {min: 1024}", "context: {want: 4096, min: 1024}", "context: 2048"]))
    if r.random() < 0.3:
        keys.append(f"replicas: {{want: {r.randint(2, 3)}, min: 1}}")
    if r.random() < 0.3:
        keys.append("memory: " + r.choice(["40%", "10GiB", "8GiB"]))
    servers.append((name, phases))
    return [*keys, phases]


def drawn(r: random.Random, phased: bool) -> str:
    lines: list[str] = []
    servers: list[tuple[str, str]] = []
    for i in range(r.randint(2, 5)):
        phases = f"phases: {r.choice(PHASES)}" if phased and r.random() < 0.7 else ""
        if r.random() < 0.55:
            keys = server(r, f"s{i}", servers, phases)
        else:
            keys = ["kind: " + r.choice(["job", "service"]), "command: [x]", "memory: " + r.choice(TAKES), phases]
        keys += [k for k in ("park: " + r.choice(["sleep", "kv", "none", "stop", "checkpoint"]), "optional: true", "priority: 2") if r.random() < 0.25]
        lines.append(f"  s{i}: {{{', '.join(k for k in keys if k)}}}\n")
    return ("name: t\n" + ("phases: [a, b, c]\n" if phased else "") + "workloads:\n" + "".join(lines))


@pytest.mark.parametrize("seed", range(40))
def test_any_drawn_set_is_answered(tmp_path: Path, seed: int) -> None:
    r = random.Random(seed)
    file = tmp_path / "berth.yaml"
    file.write_text(drawn(r, phased=seed % 2 == 0))
    how = [[], ["--alternatives"], ["--json"]][seed % 3] if seed % 2 == 0 else ["--phase"]
    done = plan("-f", str(file), "--gpus", r.choice(FLEETS), *how)
    assert done.returncode in (0, 3), f"{done.stderr}\n{file.read_text()}"
    assert done.stdout
