"""berth diff between plans and with what runs; berth plan --svg."""

from __future__ import annotations

import json
import os
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S, ROOT, free_port

EXAMPLES = ROOT / "examples"
SVG = "{http://www.w3.org/2000/svg}"
ENV = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": "/nonexistent", "PATH": os.environ["PATH"]}
BASE = """
name: p
gpus: 2xA100-SXM4-40GB
workloads:
  llm:  {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, gpus: 1, memory: 30GiB, pool: [0], context: 8192}
  tool: {kind: service, command: [python3, tool.py, --level, '3'], gpus: 1, memory: 4GiB, pool: [0], env: {A: one}}
"""


def berth(*args: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    r = subprocess.run([str(BERTH), *map(str, args)], capture_output=True, text=True, timeout=DEADLINE_S, env=ENV)
    assert r.returncode == code, r.stdout + r.stderr
    return r


def plan(folder: Path, name: str, text: str) -> Path:
    (folder / f"{name}.yaml").write_text(text)
    berth("plan", "-f", folder / f"{name}.yaml", "-o", folder / f"{name}.plan")
    return folder / f"{name}.plan"


def diff(a: Path, b: Path, code: int = 4) -> dict:
    return json.loads(berth("diff", a, b, "--json", code=code).stdout)


@pytest.mark.parametrize(("old", "new", "rows"), [
    ("pool: [0], env", "pool: [1], env", [("tool-0", "cards", "GPU 0", "GPU 1")]),
    ("memory: 4GiB", "memory: 5GiB", [("tool-0", "bytes", "4.00 GiB a card", "5.00 GiB a card")]),
    ("context: 8192", "context: 4096", [("llm-0", "context", "8,192 tokens", "4,096 tokens"), ("llm-0", "flags", "--max-model-len 8192", "--max-model-len 4096")]),
    ("A: one", "A: two", [("tool-0", "env", "A=one", "A=two")]),
    ("--level, '3'", "--level, '4', --new", [("tool-0", "flags", "--level 3", "--level 4"), ("tool-0", "flags", "", "--new")]),
    ("tool.py, --level, '3'", "tool.py, --level, '3', --level, '4'", [("tool-0", "flags", "--level 3", "--level 3 --level 4")]),
    (", env:", ", restart: always, stop_grace: 30s, port: 9000, on_drift: stop, env:",
     [("tool-0", "restart", '{"policy":"on-failure","max":5}', '{"policy":"always","max":5}'), ("tool-0", "stop_grace", "10000", "30000"),
      ("tool-0", "ports", "none", "port 9000"), ("tool-0", "ready", '{"kind":"exec"}', '{"kind":"port"}'), ("tool-0", "on_drift", "warn", "stop"),
      ("tool-0", "env", "", "PORT={port}")]),
    ("tool.py", "other.py", [("tool-0", "command", "python3 tool.py", "python3 other.py")]),
    ("memory: 4GiB, ", "memory: 4GiB, after: {llm: ready}, ", [("tool-0", "after", "{}", '{"llm":"ready"}')]),
    ("  tool:", "  tool2: {kind: job, command: [x], gpus: 0}\n  tool:", [("tool2-0", "added", "", "no GPU, none")])])
def test_each_kind_of_change_is_one_row(tmp_path: Path, old: str, new: str, rows: list) -> None:
    a, b = plan(tmp_path, "a", BASE), plan(tmp_path, "b", BASE.replace(old, new))
    found = diff(a, b)
    got = [(r["instance"], r["what"], r["from"], r["to"]) for r in found["rows"]]
    bytes_follow = [g for g in got if g not in rows]
    assert set(rows) <= set(got) and all(g[1] in ("bytes", "flags") for g in bytes_follow) and not found["same"]
    back = diff(b, a)                                                # the other way round, the same said backwards
    swap = {"added": "removed", "removed": "added"}
    assert {(r["instance"], swap.get(r["what"], r["what"]), r["to"], r["from"]) for r in back["rows"]} == set(got)
    people = berth("diff", a, b, code=4).stdout
    assert all(text in people for row in rows for text in row)


def test_a_flag_that_is_there_twice_and_the_order_of_flags(tmp_path: Path) -> None:
    def made(name: str, words: str) -> Path:
        return plan(tmp_path, name, f"name: t\ngpus: 1xRTX-4090\nworkloads: {{s: {{kind: service, command: [x, {words}], gpus: 0}}}}\n")
    a = made("a", "--set, x=1, --set, y=1, --on")
    rows = [diff(a, b)["rows"][0] for b in (made("b", "--set, x=1, --set, y=2, --on"), made("c", "--on, --set, x=1, --set, y=1"))]
    assert [(r["what"], r["from"], r["to"]) for r in rows] == [("flags", "--set x=1 --set y=1", "--set x=1 --set y=2"),
                                                               ("command", "x --set x=1 --set y=1 --on", "x --on --set x=1 --set y=1")]


def test_the_same_plan_and_another_fleet(tmp_path: Path) -> None:
    a, b = plan(tmp_path, "a", BASE), plan(tmp_path, "b", BASE.replace("2xA100", "3xA100"))
    assert diff(a, a, code=0) == {"schema": 1, "kind": "diff", "from": str(a), "to": str(a), "same": True, "rows": [], "notes": []}
    found = diff(a, b)
    assert found["notes"] == ["two fleets: 2 x NVIDIA A100-SXM4-40GB, then 3 x NVIDIA A100-SXM4-40GB"]
    assert not found["rows"] and berth("diff", a, b, code=4).stdout.endswith(f"\nthe same instances in {a} and {b}\n")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "plan"}', '{"kind": "plan", "phases": [3, {"instances": [null, {"id": 5, "ranks": [[]], "launch": {"argv": [1], "env": {"a": 3}}}]}]}', "{" * 100])
def test_what_is_no_plan_is_an_error_or_nothing_but_never_a_crash(tmp_path: Path, text: str) -> None:
    a, bad = plan(tmp_path, "a", BASE), tmp_path / "bad"
    bad.write_text(text)
    for pair in ((a, bad), (bad, a), (bad, bad)):
        r = subprocess.run([str(BERTH), "diff", *map(str, pair)], capture_output=True, text=True, timeout=DEADLINE_S, env=ENV)
        assert r.returncode in (0, 1, 2, 4)


def test_with_what_runs(machine) -> None:
    m = machine("2xA100-SXM4-40GB")
    port = free_port()
    text = f"name: live\nworkloads:\n  a: {{kind: service, command: [sleep, '1000'], gpus: 1, memory: 1GiB, pool: [0]}}\n  b: {{kind: service, command: [sleep, '1000'], gpus: 0, port: {port}, ready: exec}}\n"
    (m.folder / "berth.yaml").write_text(text.replace(f"port: {port}, ", ""))
    before = m.berth("diff", "--json")
    assert before.returncode == 4 and {r["what"] for r in json.loads(before.stdout)["rows"]} == {"added"}
    m.berth("up", "-d", check=True)
    m.berth("up", check=False)
    same = m.berth("diff")
    assert same.returncode == 0, same.stdout + same.stderr
    (m.folder / "berth.yaml").write_text((m.folder / "berth.yaml").read_text().replace("memory: 1GiB, pool: [0]", "memory: 2GiB, pool: [1]").replace("  b:", "  c:"))
    r = m.berth("diff", "--json")
    assert r.returncode == 4, r.stderr
    rows = {(x["instance"], x["what"]): (x["from"], x["to"]) for x in json.loads(r.stdout)["rows"]}
    assert rows == {("a-0", "cards"): ("GPU 0", "GPU 1"), ("a-0", "bytes"): ("1.00 GiB a card", "2.00 GiB a card"), ("b-0", "removed"): ("no GPU, none", ""), ("c-0", "added"): ("", "no GPU, none")}
    m.berth("down", check=True)


def test_shapes_have_the_names_of_the_tables(tmp_path: Path) -> None:
    text = BASE.replace("gpus: 1, memory: 30GiB, pool: [0]", "gpus: 2, memory: 30GiB, {}")
    a, b = plan(tmp_path, "a", text.replace("{}", "tp: 2")), plan(tmp_path, "b", text.replace("{}", "pp: 2"))
    assert [(r["from"], r["to"]) for r in diff(a, b)["rows"] if r["what"] == "shape"] == [("TP=2", "PP=2 (14,14 layers)")]


# ---- pictures ----

@pytest.mark.parametrize(("example", "fleet"), [("forensics", "4xA100-SXM4-40GB"), ("activations", "4xA100-SXM4-40GB"), ("thinking", "2xA100-SXM4-80GB+1xRTX-4090"), ("tinker", "4xRTX-4090")])
def test_the_picture_shows_the_bytes_of_the_plan(tmp_path: Path, example: str, fleet: str) -> None:
    out = tmp_path / "p.svg"
    args = ["plan", "-f", EXAMPLES / example / "berth.yaml", "--gpus", fleet]
    berth(*args, "--svg", out)
    text = out.read_text()
    berth(*args, "--svg", out)
    assert out.read_text() == text                                   # same plan, same picture
    assert not re.findall(r"(?:href|src|url)\s*=|@import|<script|https?://(?!www\.w3\.org/2000/svg)", text)
    root = ET.fromstring(text)
    made = json.loads(berth(*args, "--json").stdout)
    gpus = made["fleet"]["gpus"]
    scale = 500 / max(g["total_bytes"] for g in gpus)
    widths: dict[str, list[float]] = {}
    for rect in root.iter(f"{SVG}rect"):
        title = rect.find(f"{SVG}title")
        if title is not None:
            widths.setdefault(re.split(r"[ :]", title.text)[0], []).append(float(rect.get("width")))
    for ph in made["phases"]:
        for i in ph["instances"]:
            if i["ranks"]:
                expect = sum(r["bytes"] for p in made["phases"] for j in p["instances"] if j["id"] == i["id"] for r in j["ranks"]) * scale
                assert sum(widths[i["id"]]) == pytest.approx(expect, abs=0.02 * len(widths[i["id"]]) + 0.01), i["id"]
    high, wide = float(root.get("height")), float(root.get("width"))
    for el in root.iter():
        assert float(el.get("y") or 0) <= high and float(el.get("x") or 0) <= wide
    assert "prefers-color-scheme: dark" in text


def test_the_picture_has_room_for_long_names(tmp_path: Path) -> None:
    """The longest names there are: of a card, of workloads; and more without a card than a line holds."""
    long, tool = "server-" + "a" * 34, "tool-" + "b" * 36
    (tmp_path / "berth.yaml").write_text(f"""name: n
gpus: 1xRTX-PRO-6000-Blackwell-Max-Q-Workstation-Edition+1xRTX-4060-Ti
workloads:
  {long}: {{engine: vllm, model: Qwen/Qwen2.5-7B-Instruct}}
  small: {{kind: service, command: [x], memory: 1GiB}}
  {tool}: {{kind: job, command: [x], gpus: 0, slots: 7}}
""")
    berth("plan", "-f", tmp_path / "berth.yaml", "--svg", tmp_path / "p.svg")
    root = ET.fromstring((tmp_path / "p.svg").read_text())
    wide, most = float(root.get("width")), 8.2                       # pixels of a letter in a wide font of that size
    texts = {el.text: el for el in root.iter(f"{SVG}text")}
    for text, el in texts.items():
        at, words = float(el.get("x")), most * len(text)
        assert (at - words if el.get("class", "").startswith("r") else wide - at - words) > -20, text
    assert texts["GPU 0  RTX-PRO-6000-Blackwell-Max-Q-Workstation-Edition"].get("class") == "r"
    assert f"{tool}-0, {tool}-1 and 5 more" in texts
    assert long in texts and "small" in texts and tool not in texts  # in the legend: who has a bar


def test_no_picture_of_what_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "berth.yaml").write_text("name: n\ngpus: 1xRTX-4090\nworkloads: {a: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct}}\n")
    berth("plan", "-f", tmp_path / "berth.yaml", "--svg", tmp_path / "p.svg", code=3)
    assert not (tmp_path / "p.svg").exists()
    berth("plan", "-f", tmp_path / "berth.yaml", "--svg", tmp_path / "p.svg", "--variants", code=2)
