"""The verbs that ask for a change and wait for it, when the daemon dies in the middle: a socket speaks the daemons' part, so that the order is ours."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from plans import House
from test_up_watch import DIES, Daemon


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield House(tmp_path)                # nothing is started: the daemons are ours


def server(state: str) -> dict:
    return {"id": "llm-0", "workload": "llm", "kind": "server", "state": state, "ranks": [], "pids": []}


def becomes(state: str) -> dict:
    return {"event": "inst", "project": "p", "instance": server(state)}


def stands(state: str, **more) -> dict:
    return {"ok": True, "project": "p", "settled": True, "phase": "one", "failed": False, "instances": [server(state)], **more}


ACCEPTED = {"ok": True, "project": "p", "instances": ["llm-0"]}
NOT_UP = {"ok": False, "error": {"code": "wrong-state", "message": "project p is not up; up: nothing"}}
GONE = {"event": "gone", "project": "p", "failed": False}


def verb(house: House, *args: str, daemons: list[dict]) -> tuple[Daemon, subprocess.CompletedProcess[str]]:
    daemon = Daemon(house.runtime / "daemon.sock", daemons)
    return daemon, house.berth(*args)


@pytest.mark.parametrize(("args", "there"), [(("restart", "llm"), "ready"), (("park", "llm"), "parked"), (("resume", "llm"), "ready"), (("park", "llm", "--level", "stop"), "down")])
def test_it_came_about_between_two_daemons(house: House, args: tuple[str, ...], there: str) -> None:
    daemon, done = verb(house, *args, daemons=[{args[0]: [becomes("stopping"), ACCEPTED, DIES]}, {"follow": [stands(there)]}])
    assert done.returncode == 0, done.stderr
    assert daemon.seen == [args[0], "follow"]


@pytest.mark.parametrize("args", [("restart", "llm"), ("park", "llm"), ("resume", "llm")])
def test_a_request_without_an_answer_is_made_anew_and_says_so(house: House, args: tuple[str, ...]) -> None:
    there = "parked" if args[0] == "park" else "ready"
    daemon, done = verb(house, *args, daemons=[{args[0]: None}, {args[0]: [ACCEPTED], "follow": [stands(there)]}])
    assert done.returncode == 0, done.stderr
    assert daemon.seen == [args[0], args[0], "follow"]
    assert [r.get("again", False) for r in daemon.requests[:2]] == [False, True]


@pytest.mark.parametrize(("args", "state"), [(("park", "llm"), "ready"), (("restart", "llm"), "failed"), (("resume", "llm"), "down")])
def test_it_failed_between_two_daemons(house: House, args: tuple[str, ...], state: str) -> None:
    _, done = verb(house, *args, daemons=[{args[0]: [ACCEPTED, DIES]}, {"follow": [stands(state)]}])
    assert done.returncode == 1, done.stdout


def test_what_is_under_way_still_is_waited_for(house: House) -> None:
    daemon, done = verb(house, "restart", "llm", daemons=[{"restart": [ACCEPTED, DIES]}, {"follow": [stands("starting"), DIES]}, {"follow": [stands("waiting"), becomes("ready")]}])
    assert done.returncode == 0, done.stderr
    assert daemon.seen == ["restart", "follow", "follow"]


def test_the_project_may_end_between_two_daemons(house: House) -> None:
    _, done = verb(house, "restart", "llm", daemons=[{"restart": [ACCEPTED, DIES]}, {"follow": [NOT_UP]}])
    assert done.returncode == 1 and "project p is not up" in done.stderr


def test_gone_before_the_answer(house: House) -> None:
    _, done = verb(house, "restart", "llm", daemons=[{"restart": [GONE, NOT_UP]}])
    assert done.returncode == 1 and "project p is not up" in done.stderr


def test_gone_after_the_answer(house: House) -> None:
    _, done = verb(house, "park", "llm", daemons=[{"park": [ACCEPTED, GONE]}])
    assert done.returncode == 1


def test_a_phase_entered_between_two_daemons(house: House) -> None:
    going = {"ok": True, "project": "p", "phase": "one", "to": "two", "phases": ["one", "two"], "settled": False}
    there = {**going, "phase": "two", "to": None, "settled": True}
    daemon, done = verb(house, "phase", "two", "--json", daemons=[{"phase": [going, DIES]}, {"follow": [stands("ready", phase="two")]}, {"phase": [there]}])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["phase"] == "two" and daemon.seen == ["phase", "follow", "phase"]


def test_a_phase_that_somebody_else_left_between_two_daemons(house: House) -> None:
    going = {"ok": True, "project": "p", "phase": "one", "to": "two", "phases": ["one", "two"], "settled": False}
    _, done = verb(house, "phase", "two", daemons=[{"phase": [going, DIES]}, {"follow": [stands("ready")]}, {"phase": [{**going, "to": None, "settled": True}]}])
    assert done.returncode == 1 and "another request sent p to phase one meanwhile" in done.stderr


def test_down_is_no_haste_when_it_is_asked_anew(house: House) -> None:
    daemon, done = verb(house, "down", daemons=[{"down": None}, {"down": [GONE, {"ok": True, "project": "p", "last": False}]}])
    assert done.returncode == 0 and done.stdout == "p is down\n", done.stderr
    assert [r.get("again", False) for r in daemon.requests] == [False, True]


def test_down_that_was_over_before_the_answer(house: House) -> None:
    daemon, done = verb(house, "down", "p", daemons=[{"down": [GONE, DIES]}, {"down": [NOT_UP]}])
    assert done.returncode == 0 and done.stdout == "p is down\n", done.stderr
    assert daemon.seen == ["down", "down"]


def test_down_of_what_is_not_up_is_an_error(house: House) -> None:
    _, done = verb(house, "down", "p", daemons=[{"down": [NOT_UP]}])
    assert done.returncode == 1 and "project p is not up" in done.stderr


def event(seq: int, state: str) -> dict:
    return {**becomes(state), "from": "pending", "seq": seq, "wall_s": 1.0, "mono_s": 1.0, "boot": "b"}


def test_events_of_a_journal_that_was_made_anew_are_shown(house: House) -> None:
    Daemon(house.runtime / "daemon.sock", [{"watch": [{"ok": True, "seq": 7}, event(8, "ready"), DIES]}, {"watch": [{"ok": True, "seq": 0}, event(1, "down"), DIES]}])
    reader = house.popen("events", "-f", "--json")
    told: list[dict] = []
    try:
        assert reader.stdout
        while len(told) < 2:
            line = reader.stdout.readline()
            assert line
            told += [json.loads(line)] if line.startswith("{") else []
    finally:
        reader.kill()
        reader.wait()
    assert [e["seq"] for e in told] == [8, 1]
