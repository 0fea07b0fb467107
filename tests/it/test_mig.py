"""MIG instances as cards: listed with their own bytes, given to workloads of one rank by their uuid, watched one by one."""

from __future__ import annotations

import json
from collections.abc import Callable

from conftest import BERTH, Machine, eventually
from test_cpu import GIB, tiny
from test_up_engines import install

SPEC = """
name: cut
workloads:
  a: {engine: vllm, model: ./m, dtype: bfloat16, context: 2048, memory: 40%, share: never}
  b: {engine: vllm, model: ./m, dtype: bfloat16, context: 2048, memory: 40%, share: never}
  c: {engine: vllm, model: ./m, dtype: bfloat16, context: 2048, memory: 40%, share: never}
"""


def cut(m: Machine, card: int, profiles: str) -> None:
    done = m.berth("sim", "ctl", "mig", str(card), profiles)
    assert done.returncode == 0, done.stderr


def model(m: Machine) -> None:
    tiny(m.folder / "m", 2048)
    words = {f"w{i}": i for i in range(1000)}
    (m.folder / "m" / "tokenizer.json").write_text(json.dumps({"version": "1.0", "model": {"type": "WordLevel", "vocab": words, "unk_token": "w0"}}))


def test_instances_are_listed_behind_the_cards(machine: Callable[..., Machine]) -> None:
    m = machine("2xA100-SXM4-40GB")
    cut(m, 0, "3g.20gb,1g.5gb")
    found = m.json("gpus")
    cards = found["gpus"]
    assert [c["index"] for c in cards] == [1, 2, 3]
    assert [c.get("mig_of") is None for c in cards] == [True, False, False]
    assert cards[1]["uuid"].startswith("MIG-") and 19 * GIB < cards[1]["total_bytes"] < 20 * GIB < cards[0]["total_bytes"]
    assert any("GPU 0" in n and "2 instances" in n for n in found["notes"])
    (m.folder / "fleet.json").write_text(m.berth("gpus", "--json").stdout)
    again = m.json("gpus", "--gpus", "fleet.json")["gpus"]
    assert [(c["uuid"], c["total_bytes"], c.get("mig_of")) for c in again] == [(c["uuid"], c["total_bytes"], c.get("mig_of")) for c in cards]


def test_each_server_runs_on_an_instance_of_its_own(machine: Callable[..., Machine]) -> None:
    m = machine("1xA100-SXM4-40GB")
    cut(m, 0, "3g.20gb,2g.10gb,1g.5gb")
    model(m)
    (m.folder / "berth.yaml").write_text(SPEC)
    cards = {c["uuid"]: c for c in m.json("gpus")["gpus"]}
    planned = m.json("plan")["phases"][0]["instances"]
    assert {i["ranks"][0]["gpu"] for i in planned} == set(cards)
    for i in planned:
        assert i["launch"]["env"]["CUDA_VISIBLE_DEVICES"] == i["ranks"][0]["gpu"]
        assert i["ranks"][0]["bytes"] <= cards[i["ranks"][0]["gpu"]]["total_bytes"] * 0.4 + 1
    done = m.berth("up", "-d")
    assert done.returncode == 0, done.stdout + done.stderr
    checked = m.json("verify")
    assert checked["ok"] and len(checked["rows"]) == 3, checked
    for row in checked["rows"]:
        assert 0 < row["actual_bytes"] <= row["planned_bytes"] < cards[row["gpu"]]["total_bytes"]
    assert m.berth("down").returncode == 0
    eventually("the bytes to come back", lambda: not any(m.used()))


def test_two_ranks_take_whole_cards(machine: Callable[..., Machine]) -> None:
    m = machine("2xA100-SXM4-40GB")
    cut(m, 0, "3g.20gb,3g.20gb")
    model(m)
    (m.folder / "berth.yaml").write_text("name: two\nworkloads:\n  a: {engine: vllm, model: ./m, tp: 2}\n")
    told = m.berth("plan")
    assert told.returncode == 3
    assert "1 whole card and 2 MIG instances, of which a process sees one" in told.stdout + told.stderr
    (m.folder / "berth.yaml").write_text("name: two\nworkloads:\n  a: {kind: service, command: [x], gpus: 2, memory: 1GiB}\n")
    assert m.berth("plan").returncode == 3
    (m.folder / "berth.yaml").write_text("name: two\nworkloads:\n  a: {kind: service, command: [x], gpus: 1, memory: 1GiB, replicas: 3, share: never}\n")
    assert m.berth("plan").returncode == 0


def test_an_old_vllm_reads_numbers(machine: Callable[..., Machine]) -> None:
    """Before 0.24 vLLM fails on a uuid (its PR 45026): cards are numbers there, and instances, which have none, are left alone."""
    m = machine("2xA100-SXM4-40GB")
    install(m, vllm="0.21.0")
    model(m)
    (m.folder / "berth.yaml").write_text("name: old\nworkloads:\n  a: {engine: vllm, model: ./m, dtype: bfloat16, context: 2048, pool: [1]}\n")
    assert m.json("plan")["phases"][0]["instances"][0]["launch"]["env"]["CUDA_VISIBLE_DEVICES"] == "1"
    assert m.berth("up", "-d").returncode == 0
    assert m.json("verify")["ok"]
    assert m.berth("down").returncode == 0
    eventually("the bytes to come back", lambda: not any(m.used()))
    eventually("the card to be idle", lambda: m.berth("sim", "ctl", "mig", "1", "3g.20gb").returncode == 0)
    (m.folder / "berth.yaml").write_text("name: old\nworkloads:\n  a: {engine: vllm, model: ./m, dtype: bfloat16, context: 2048, pool: [2]}\n")
    told = m.run(BERTH, "plan")
    assert told.returncode == 3 and "0.24 and later take them" in told.stdout + told.stderr


def test_what_no_instance_holds_is_offered_the_whole_card(machine: Callable[..., Machine]) -> None:
    m = machine("1xA100-SXM4-40GB")
    cut(m, 0, "3g.20gb,2g.10gb")
    spec = "name: big\nworkloads:\n  a: {engine: vllm, engine_version: 0.24.0, model: Qwen/Qwen2.5-SIZEB-Instruct}\n"
    for size, fleet, text in (("14", "1xA100-SXM4-40GB", "without MIG, on the whole card, it fits"), ("32", "1xA100-SXM4-80GB", "it fits on 1 x NVIDIA A100-SXM4-80GB")):
        (m.folder / "berth.yaml").write_text(spec.replace("SIZE", size))
        refused = m.berth("plan", "--json")
        ways = {v["set"][0]["value"]: v["text"] for v in json.loads(refused.stdout)["advice"] if v["set"][0]["path"] == "gpus"}
        assert refused.returncode == 3 and ways == {fleet: text}
        assert m.berth("plan", "--gpus", fleet).returncode == 0
