"""The JSON of docs/reference is true: every key that a page shows is printed, every key that is printed is shown, with the same type."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from conftest import ROOT, Machine

PAGES = {page.name: page.read_text() for page in sorted((ROOT / "docs" / "reference").glob("*.md"))}


def name_of(block: dict) -> str:
    """A job's estimate is a shape of its own."""
    return block["kind"] + (" of a job" if block["kind"] == "estimate" and "job" in block else "")


BLOCKS = [json.loads(text) for page in PAGES.values() for text in re.findall(r"```json\n(.*?)```", page, re.S)]
SHOWN = {name_of(block): block for block in BLOCKS if "kind" in block}
FREE = {"env", "after", "gpu_bytes", "given", "figures"}                 # maps whose keys are the user's, or the log's


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
        check("phase", up.json("phase"))
        check("verify", up.json("verify"))
    finally:
        foreign.kill()
        foreign.wait()
        up.berth("down")


def test_explain(up: Machine):
    phased = up.folder / "phased.yaml"
    phased.write_text("name: x\nphases: [a, b, c]\nworkloads:\n"
                      "  llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, gpus: 1, context: 4096, phases: [a, c]}\n"
                      "  train: {kind: job, command: [sleep, '1'], gpus: 2, phases: b, memory: {train: Qwen/Qwen2.5-0.5B-Instruct, method: lora, batch: auto}}\n")
    refused = up.folder / "refused.yaml"
    refused.write_text("name: x\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, memory: 15GiB, gpus: 1, context: 32768}\n")
    check("explain", up.json("explain", "-f", phased), up.json("explain", "-f", refused))


def test_diff(up: Machine):
    for name, context in (("a", 4096), ("b", 8192)):
        (up.folder / f"{name}.yaml").write_text(f"name: d\ngpus: {1 if name == 'a' else 2}xA100-SXM4-40GB\nworkloads:\n"
                                                f"  llm: {{engine: vllm, model: Qwen/Qwen2.5-0.5B-Instruct, gpus: 1, context: {context}}}\n")
        up.berth("plan", "-f", up.folder / f"{name}.yaml", "-o", up.folder / f"{name}.plan", check=True)
    check("diff", up.json("diff", up.folder / "a.plan", up.folder / "b.plan"))


def test_check(up: Machine):
    (up.folder / "model").mkdir()
    (up.folder / "model" / "config.json").write_text("{")
    check("check", up.json("check", up.folder / "model"))


def test_catalog(up: Machine):
    check("catalog", up.json("gpus", "--catalog"))


def test_export(up: Machine):
    check("export", up.json("export", "sh"))


def test_diagnose(up: Machine):
    log = up.folder / "log"
    log.write_text("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 39.38 GiB of which 1.00 GiB is free. "
                   "Process 4711 has 20.00 GiB memory in use. Of the allocated memory 17.00 GiB is allocated by PyTorch, and 100.00 MiB is reserved by PyTorch but unallocated.\n")
    check("diagnose", up.json("diagnose", log, "--train", "Qwen/Qwen2.5-7B-Instruct", "--method", "lora", "--batch", "4", "--gpu", "A100-SXM4-40GB"))


def test_doctor(up: Machine):
    check("doctor", json.loads(up.berth("doctor", "--json").stdout))


def test_errors_are_json_too(up: Machine):
    for args in (("gpus", "--gpus", "0xA100"), ("plan", "-f", "nowhere.yaml"), ("estimate", "no/such-model", "--gpu", "H200"), ("gpus", "--nonsense")):
        done = up.berth(*args, "--json")
        assert done.returncode in (1, 2, 3)
        answer = json.loads(done.stdout)
        assert answer["schema"] == 1 and answer["kind"] == "error"
        assert set(answer) == {"schema", "kind", "verb", "code", "message", "hint"} and answer["message"]


def test_each_kind_is_shown_once():
    kinds = [name_of(block) for block in BLOCKS if "kind" in block]
    assert sorted(kinds) == sorted(set(kinds)) and all(block["schema"] == 1 for block in SHOWN.values())
    tested_elsewhere = {"pace", "pace-claim", "compare", "alternatives", "cheapest"}              # test_pace.py, test_what_if.py
    assert SHOWN.keys() - tested_elsewhere == {"plan", "gpus", "catalog", "estimate", "estimate of a job", "ps", "verify", "doctor", "explain", "diff", "check",
                                               "export", "phase", "diagnose"}
