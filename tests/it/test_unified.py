"""A machine whose card and host are one memory: NVML says "not supported", the kernel says how much is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from conftest import Machine, eventually
from test_cpu import GIB
from test_mig import model
from test_plan import plan, spec


def test_what_is_left_is_what_the_kernel_says(machine: Callable[..., Machine]) -> None:
    m = machine("1xGB10")
    found = m.json("gpus")
    card = found["gpus"][0]
    rows = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    left = card["total_bytes"] - card["others_bytes"]
    assert card["unified"] is True and card["nvml_total_bytes"] == 0
    assert 0 < left <= min(int(rows["MemTotal"].split()[0]) << 10, found["nodes"][0]["ram_bytes"])
    assert not any(c.get("unified") for c in m.json("gpus", "--gpus", "1xH100-80GB-HBM3")["gpus"])


def test_it_is_started_and_stopped_there(machine: Callable[..., Machine]) -> None:
    m = machine("1xGB10")
    model(m)
    (m.folder / "berth.yaml").write_text("name: one\nworkloads:\n  a: {engine: vllm, model: ./m, dtype: bfloat16, context: 2048, memory: 3GiB}\n")
    done = m.berth("up", "-d")
    assert done.returncode == 0, done.stdout + done.stderr
    checked = m.json("verify")
    assert checked["ok"], checked
    on_card = [r for r in checked["rows"] if r["gpu"]]
    assert on_card and all(0 < r["actual_bytes"] <= r["planned_bytes"] < 4 * GIB for r in on_card)
    assert m.berth("down").returncode == 0
    eventually("nobody to be left on the card", lambda: not m.json("gpus")["gpus"][0]["procs"])


def test_more_of_them_are_more_machines(tmp_path: Path) -> None:
    file = spec(tmp_path, "  a: {engine: vllm, model: openai/gpt-oss-120b}\n  b: {engine: vllm, model: Qwen/Qwen3-32B}\n")
    refused = plan("-f", file, "--gpus", "1xGB10")
    assert refused.returncode == 3 and "gpus: 2x1xGB10" in refused.stdout and "2xGB10\n" not in refused.stdout
    assert plan("-f", file, "--gpus", "2x1xGB10").returncode == 0
    file = spec(tmp_path, "  a: {engine: vllm, model: openai/gpt-oss-120b}\n  b: {engine: vllm, model: Qwen/Qwen2.5-72B-Instruct}\n")
    mixed = plan("-f", file, "--gpus", "1xGB10+1xRTX-4090")
    assert mixed.returncode == 3 and "more NVIDIA GB10" not in mixed.stdout
