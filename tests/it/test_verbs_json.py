"""--json of the verbs that change what runs: one object each, in the words of ps; logs an object a line."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import BERTH, Machine, eventually
from plans import SLEEP, House, instance, plan, python


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path, dict(os.environ))
    yield one
    one.close()


def of(done: subprocess.CompletedProcess[str]) -> dict:
    answer = json.loads(done.stdout)
    assert answer["schema"] == 1
    return answer


def test_up_restart_park_and_down(house: House) -> None:
    up = house.up(plan("p", instance("w-0", SLEEP), instance("j-0", python("print('done')"), "job")), "-d", "--json")
    told = of(up)
    assert up.returncode == 0 and told["kind"] == "up" and told["ok"] and told["project"] == "p"
    assert {i["id"] for i in told["instances"]} == {"w-0", "j-0"} and told["instances"][0]["pids"]
    again = of(house.berth("restart", "w", "--json"))
    assert again["kind"] == "restart" and again["ok"] and [(i["id"], i["state"]) for i in again["instances"]] == [("w-0", "ready")]
    detached = of(house.berth("restart", "w-0", "-d", "--json"))
    assert [i["id"] for i in detached["instances"]] == ["w-0"]
    house.until("w-0", "ready")
    parked = of(house.berth("park", "w", "--level", "stop", "--json"))
    assert parked["kind"] == "park" and parked["instances"][0]["state"] == "down"
    assert of(house.berth("resume", "w", "--json"))["kind"] == "resume"
    assert of(house.berth("down", "--json")) == {"schema": 1, "kind": "down", "project": "p"}
    gone = house.berth("down", "--json")
    assert gone.returncode == 1 and of(gone)["kind"] == "error"


def test_up_that_fails_says_of_what(house: House) -> None:
    up = house.up(plan("p", instance("w-0", python("print('oh'); raise SystemExit(3)"), ready={"kind": "log", "pattern": "never"})), "-d", "--json")
    told = of(up)
    assert up.returncode == 1 and told["kind"] == "up" and not told["ok"] and told["exit_code"] == 1
    assert [f["id"] for f in told["failures"]] == ["w-0"] and told["failures"][0]["exit"]["status"] == 3 and any("oh" in line for line in told["failures"][0]["lines"])


def test_up_in_the_foreground_says_when_it_is_up_and_how_it_ended(house: House) -> None:
    done = house.up(plan("p", instance("j-0", python("raise SystemExit(7)"), "job")), "--exit-with", "j", "--json")
    objects, text = [], done.stdout
    while text.strip():
        one, end = json.JSONDecoder().raw_decode(text.lstrip())
        objects.append(one)
        text = text.lstrip()[end:]
    assert done.returncode == 7 and objects[-1]["exit_code"] == 7 and objects[-1]["instances"][0]["exit"]["status"] == 7
    assert [o["kind"] for o in objects] in (["up", "ended"], ["up"])     # a job so short may be over before the set is called up


def test_up_of_what_does_not_fit_prints_the_plan_with_its_refusals(machine: Callable[..., Machine]) -> None:
    m = machine("1xRTX-4090")
    (m.folder / "berth.yaml").write_text("name: p\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, gpus: 1}\n")
    up = m.berth("up", "-d", "--json")
    assert up.returncode == 3 and of(up)["kind"] == "plan" and of(up)["refusals"]


def test_logs_as_json_and_since(house: House) -> None:
    code = "import sys, time; print('first'); print('second', file=sys.stderr); sys.stdout.buffer.write(b'\\xff\\n'); sys.stdout.flush(); time.sleep(1000)"
    assert house.up(plan("p", instance("w-0", python(code), ready={"kind": "log", "pattern": "second"})), "-d").returncode == 0

    def lines() -> list[dict]:
        return [row for row in map(json.loads, house.berth("logs", "--json").stdout.splitlines()) if row["stream"] != "berth"]

    eventually("all three", lambda: len(lines()) == 3)
    assert {(row["kind"], row["project"], row["instance"]) for row in lines()} == {("log", "p", "w-0")}
    assert sorted((row["stream"], row["text"]) for row in lines()) == [("stderr", "second"), ("stdout", "\\xff"), ("stdout", "first")]
    assert "first" in house.berth("logs", "--since", "1h").stdout
    eventually("them to be older than that", lambda: "first" not in house.berth("logs", "--since", "100ms").stdout)
    assert house.berth("logs", "--since", "yesterday").returncode == 2


def test_gpus_as_csv(machine: Callable[..., Machine]) -> None:
    m = machine("2xA100-SXM4-40GB")
    rows = list(csv.DictReader(io.StringIO(m.berth("gpus", "--csv").stdout)))
    shown = m.json("gpus")["gpus"]
    assert [(int(r["index"]), r["uuid"], r["name"], int(r["total_bytes"]), int(r["margin_bytes"])) for r in rows] == \
        [(g["index"], g["uuid"], g["name"], g["total_bytes"], g["margin_bytes"]) for g in shown]
    assert all(int(r["free_bytes"]) == int(r["total_bytes"]) - int(r["others_bytes"]) - int(r["margin_bytes"]) for r in rows)
    assert list(csv.DictReader(io.StringIO(m.berth("gpus", "--csv", "--gpus", "1xRTX-4090").stdout)))[0]["used_bytes"] == ""       # nobody has read it
    assert m.berth("gpus", "--csv", "--json").returncode == 2


@pytest.mark.parametrize(("how", "first"), [("--csv", "time,"), ("--json", '{"schema":1,"kind":"gpus"'), (None, "this machine")])
def test_gpus_again_and_again(machine: Callable[..., Machine], how: str | None, first: str) -> None:
    m = machine("1xA100-SXM4-40GB")
    watch = m.popen(BERTH, "gpus", "--watch", "--every", "100ms", *([how] if how else []), stdout=subprocess.PIPE)
    assert watch.stdout and watch.stdout.readline().startswith(first)
    looks = 0
    while looks < 3:
        line = watch.stdout.readline()
        assert line
        looks += line.startswith("{" if how == "--json" else "this machine") if how != "--csv" else line[0].isdigit()
    watch.terminate()
    watch.wait(20)
    watch.stdout.close()
