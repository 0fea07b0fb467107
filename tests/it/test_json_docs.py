"""docs/reference/json.md is true: every key it shows is printed, every key that is printed is shown, with the same type."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from conftest import ROOT, Machine

DOC = ROOT / "docs" / "reference" / "json.md"
def name_of(block: dict) -> str:
    """A job's estimate is a shape of its own."""
    return block["kind"] + (" of a job" if block["kind"] == "estimate" and "job" in block else "")


SHOWN = {name_of(block): block for text in re.findall(r"```json\n(.*?)```", DOC.read_text(), re.S) for block in [json.loads(text)]}
FREE = {"env", "after", "gpu_bytes"}                 # maps whose keys are the user's


def kind_of(x: object) -> str:
    if x is None:
        return "null"
    return {bool: "bool", int: "number", float: "number", str: "string", list: "list", dict: "map"}[type(x)]


def merged(maps: list[dict]) -> dict[str, list[object]]:
    keys: dict[str, list[object]] = {}
    for m in maps:
        for k, v in m.items():
            keys.setdefault(k, []).append(v)
    return keys


def compare(path: str, shown: list[object], real: list[object], faults: list[str]) -> None:
    """Both sides are all values seen at this path; null goes with anything, an empty list says nothing about its items."""
    kinds = {kind_of(x) for x in shown} - {"null"}, {kind_of(x) for x in real} - {"null"}
    if kinds[0] and kinds[1] and not kinds[0] & kinds[1]:
        faults.append(f"{path}: the page shows {kinds[0]}, printed is {kinds[1]}")
        return
    items = [i for x in shown if isinstance(x, list) for i in x], [i for x in real if isinstance(x, list) for i in x]
    if items[0] and items[1]:
        compare(path + "[]", items[0], items[1], faults)
    maps = [x for x in shown if isinstance(x, dict)], [x for x in real if isinstance(x, dict)]
    if not maps[0] or not maps[1] or path.split(".")[-1] in FREE:
        return
    s, r = merged(maps[0]), merged(maps[1])
    faults += [f"{path}.{k}: shown on the page, never printed" for k in s.keys() - r.keys()]
    faults += [f"{path}.{k}: printed, not on the page" for k in r.keys() - s.keys()]
    for k in s.keys() & r.keys():
        compare(f"{path}.{k}", s[k], r[k], faults)


def check(kind: str, *real: dict) -> None:
    faults: list[str] = []
    compare(kind, [SHOWN[kind]], list(real), faults)
    assert not faults, "\n".join(faults)


def test_the_comparison_can_fail():
    faults: list[str] = []
    compare("x", [{"a": 1, "b": "x", "c": [{"d": True}]}], [{"a": "1", "c": [{"e": 1}]}], faults)
    assert len(faults) == 4


@pytest.fixture
def up(machine) -> Machine:
    m: Machine = machine("2xA100-SXM4-40GB")
    (m.folder / "berth.yaml").write_text(
        "name: docs\nworkloads:\n"
        "  llm: {engine: vllm, model: Qwen/Qwen2.5-0.5B-Instruct, memory: 12GiB, gpus: 1, context: {want: 4096}}\n"
        "  job: {kind: job, command: [sh, -c, 'exit 0'], gpus: 0, after: {llm: ready}}\n"
        "  train: {kind: service, command: [sleep, '1000'], gpus: 1, memory: 1GiB, guard: true}\n")
    return m


def test_plan(up: Machine):
    refused = up.folder / "no.yaml"
    refused.write_text("name: no\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, gpus: 2, context: {want: 8192}, args: [--max-num-seqs, '8'], tp: 2, pp: 1}\n")
    check("plan", up.json("plan"), up.json("plan", "-f", refused))


def test_gpus(up: Machine):
    holder = up.popen("python3", "-c", "import ctypes, time; c = ctypes.CDLL('libcuda.so.1'); c.cuInit(0); p = ctypes.c_void_p(); "
                      "assert c.cuDevicePrimaryCtxRetain(ctypes.byref(p), 0) == 0; print('held', flush=True); time.sleep(1000)", stdout=-1)
    try:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        check("gpus", up.json("gpus"), up.json("gpus", env={"CUDA_VISIBLE_DEVICES": "0"}))
    finally:
        holder.kill()
        holder.wait()


def test_estimate(up: Machine):
    model = "Qwen/Qwen2.5-32B-Instruct"
    check("estimate", up.json("estimate", model, "--gpu", "A100-SXM4-40GB", "--tp", "2"), up.json("estimate", model, "--gpu", "A100-SXM4-40GB", "--tp", "4"))


def test_estimate_of_a_job(up: Machine):
    args = ("estimate", "--train", "Qwen/Qwen2.5-7B-Instruct", "--gpu", "A100-SXM4-40GB", "--tokens", "2048", "--method", "lora", "--batch")
    check("estimate of a job", up.json(*args, "4"), up.json(*args, "1"))


def test_ps_and_verify(up: Machine):
    up.berth("up", "-d", check=True)
    foreign = up.popen("python3", "-c", "import ctypes, time; c = ctypes.CDLL('libcuda.so.1'); c.cuInit(0); p = ctypes.c_void_p(); "
                       "assert c.cuDevicePrimaryCtxRetain(ctypes.byref(p), 0) == 0; print('held', flush=True); time.sleep(1000)", stdout=-1)
    try:
        assert foreign.stdout and foreign.stdout.readline() == "held\n"
        check("ps", up.json("ps"))
        check("verify", up.json("verify"))
    finally:
        foreign.kill()
        foreign.wait()
        up.berth("down")


def test_doctor(up: Machine):
    check("doctor", json.loads(up.berth("doctor", "--json").stdout))


def test_errors_are_json_too(up: Machine):
    for args in (("gpus", "--gpus", "0xA100"), ("plan", "-f", "nowhere.yaml"), ("estimate", "no/such-model", "--gpu", "H200"), ("gpus", "--nonsense")):
        done = up.berth(*args, "--json")
        assert done.returncode in (1, 2, 3)
        answer = json.loads(done.stdout)
        assert answer["schema"] == 1 and answer["kind"] == "error"
        assert set(answer) == {"schema", "kind", "verb", "code", "message", "hint"} and answer["message"]


def test_the_page_shows_schema_1():
    assert set(SHOWN) == {"plan", "gpus", "estimate", "estimate of a job", "ps", "verify", "doctor"}
    assert all(block["schema"] == 1 for block in SHOWN.values())
    assert Path(DOC).read_text().count("```json") == len(SHOWN)
