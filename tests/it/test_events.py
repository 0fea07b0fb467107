"""events: every change numbered and journaled, followed live, kept when the journal cannot be."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import DEADLINE_S, eventually
from plans import SLEEP, House, instance, plan, python


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    yield one
    one.close()


def events(house: House, *args: str) -> list[dict]:
    done = house.berth("events", "--json", *args)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def moves(rows: list[dict], ident: str) -> list[str]:
    return [f"{r['from']}->{r['instance']['state']}" for r in rows if r["event"] == "inst" and r["instance"]["id"] == ident]


def test_a_whole_life_is_written_down_with_numbers_and_clocks(house: House) -> None:
    assert house.up(plan("p", instance("a-0", SLEEP)), "-d").returncode == 0
    assert house.berth("down").returncode == 0
    rows = events(house, "--since", "0")
    assert [r["seq"] for r in rows] == sorted({r["seq"] for r in rows})
    assert rows[0]["event"] == "begun" and rows[-1]["event"] == "gone" and all(r["kind"] == "event" and r["project"] == "p" and r["boot"] and r["mono_s"] > 0 for r in rows)
    assert moves(rows, "a-0") == ["pending->waiting", "waiting->starting", "starting->ready", "ready->stopping", "stopping->releasing", "releasing->down"]
    assert events(house, "--since", str(rows[-2]["seq"])) == rows[-1:]
    assert events(house, "other") == []
    told = house.berth("events").stdout
    assert "p/a-0  starting -> ready" in told and told.splitlines()[-1].endswith("p  gone")


def test_followed_over_the_death_of_the_daemon(house: House) -> None:
    assert house.up(plan("p", instance("a-0", SLEEP)), "-d").returncode == 0
    reader = house.popen("events", "--json", "-f")
    try:
        assert reader.stdout
        first = json.loads(reader.stdout.readline())
        assert first["event"] == "begun"
        house.kill_daemon()
        house.ps()
        assert house.berth("restart", "a").returncode == 0
        assert house.berth("down").returncode == 0
        rows = [first, *(json.loads(line) for line in reader.stdout)]
        assert reader.wait(DEADLINE_S) == 0
    finally:
        reader.kill()
        reader.wait()
    assert [r["seq"] for r in rows] == sorted({r["seq"] for r in rows}) and rows[-1]["event"] == "gone"
    assert "releasing->waiting" in moves(rows, "a-0")


def test_a_failure_is_told_with_its_reason(house: House) -> None:
    assert house.up(plan("p", instance("a-0", python("import sys; print('no such layer'); sys.exit(3)"), "job"))).returncode == 1
    failed = next(r for r in events(house) if r["event"] == "failed")
    assert failed["id"] == "a-0" and "exit status 3" in failed["message"] and failed["lines"] == ["no such layer"]


def test_without_a_journal_everything_runs(house: House) -> None:
    state = house.folder / "state"
    state.mkdir(mode=0o700)
    (state / "berth.db").mkdir()         # cannot be opened, nor made anew
    assert house.up(plan("p", instance("a-0", SLEEP)), "-d").returncode == 0
    assert house.state("a-0") == "ready"
    log = (house.runtime / "daemon.log").read_text()
    assert log.count("what runs is not touched by that") == 1
    done = house.berth("events")
    assert done.returncode == 1 and "berth.db" in done.stderr
    assert house.berth("down").returncode == 0


def test_the_journal_is_a_plain_database(house: House) -> None:
    assert house.up(plan("p", instance("a-0", python("pass"), "job"))).returncode == 0
    with sqlite3.connect(house.folder / "state" / "berth.db") as db:
        assert db.execute("select count(*) from events where project = 'p' and event = 'inst'").fetchone()[0] >= 4
    eventually("the house to be empty", lambda: not house.runtime.exists())
