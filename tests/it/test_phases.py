"""Phases: walked by jobs, gone to by hand, taken up by the next daemon. Real processes, plans written by hand, no GPU."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import alive, eventually, flat, free_port
from plans import SLEEP, House, instance, plan, python, web


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    yield one
    one.close()


def phased(name: str, **phases: list[dict]) -> dict:
    return {**plan(name), "phases": [{"name": n, "instances": list(rows)} for n, rows in phases.items()]}


def gate(tmp_path: Path, name: str) -> list[str]:
    """A job that ends when its file is there."""
    return python("import os, sys, time\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.02)", str(tmp_path / name))


def phase(house: House) -> dict:
    done = house.berth("phase", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def now_in(house: House, name: str) -> None:
    eventually(f"phase {name}", lambda: (p := phase(house))["phase"] == name and p["to"] is None)


def leader(house: House, ident: str) -> int:
    return json.loads((house.runtime / "inst" / "p" / ident / "child.json").read_text())["pid"]


def test_a_phase_ends_with_its_jobs_and_what_stays_is_not_restarted(house: House, tmp_path: Path) -> None:
    both, first, second = web("both-0"), instance("first-0", SLEEP), instance("second-0", SLEEP)
    work = instance("work-0", gate(tmp_path, "go"), "job")
    assert house.up(phased("p", one=[both, first, work], two=[both, second]), "-d").returncode == 0
    ps = house.ps()
    assert {i: r["state"] for i, r in ps.items()} == {"both-0": "ready", "first-0": "ready", "work-0": "running", "second-0": "pending"}
    assert ps["both-0"]["phases"] == ["one", "two"] and not ps["second-0"]["in_phase"]
    assert "of phase two" in flat(house.berth("ps").stdout)
    stays, leaves = leader(house, "both-0"), leader(house, "first-0")
    (tmp_path / "go").touch()
    now_in(house, "two")
    house.until("second-0", "ready")
    assert house.state("work-0") == "done" and house.state("first-0") == "down"
    assert leader(house, "both-0") == stays and alive(stays) and not alive(leaves)
    assert house.berth("down").returncode == 0 and not alive(stays)


def test_other_bytes_or_another_command_is_another_start(house: House, tmp_path: Path) -> None:
    before, after = instance("it-0", SLEEP), instance("it-0", [*SLEEP, "larger"])
    assert house.up(phased("p", one=[before], two=[after]), "-d").returncode == 0
    first = leader(house, "it-0")
    done = house.berth("phase", "two")
    assert done.returncode == 0 and "p is in phase two" in done.stdout, done.stderr
    assert "-- entering phase two (2 of 2)" in done.stderr
    assert leader(house, "it-0") != first and not alive(first)
    done = house.berth("phase", "one")
    assert done.returncode == 0 and phase(house)["phase"] == "one"
    assert b"larger" not in Path(f"/proc/{leader(house, 'it-0')}/cmdline").read_bytes()


def test_a_phase_without_jobs_stays_and_one_whose_jobs_are_done_is_passed_over(house: House, tmp_path: Path) -> None:
    quick = instance("quick-0", python("pass"), "job")
    slow = instance("slow-0", gate(tmp_path, "go"), "job")
    never = instance("never-0", python(f"open({str(tmp_path / 'started')!r}, 'w'); import time; time.sleep(1000)"))
    last = instance("last-0", SLEEP)
    assert house.up(phased("p", one=[quick, slow], two=[quick, never], three=[last]), "-d").returncode == 0
    (tmp_path / "go").touch()
    now_in(house, "three")
    house.until("last-0", "ready")
    assert not (tmp_path / "started").exists() and house.state("never-0") == "pending"
    assert house.berth("phase").stdout.splitlines()[-1].startswith("* 3  three")


def test_up_watches_the_walk_and_ends_with_the_last_job(house: House) -> None:
    a, b = instance("a-0", python("print('a')"), "job"), instance("b-0", python("print('b')"), "job")
    done = house.up(phased("p", one=[a], two=[b]))
    assert done.returncode == 0, done.stderr
    assert done.stderr.index("leaving for phase two") < done.stderr.index("entering phase two") < done.stderr.rindex("b-0")
    assert not house.runtime.exists()


def test_a_failed_job_ends_the_walk(house: House) -> None:
    bad, later = instance("bad-0", python("import sys; print('no such layer'); sys.exit(3)"), "job"), instance("later-0", SLEEP)
    done = house.up(phased("p", one=[bad, instance("s-0", SLEEP)], two=[later]))
    assert done.returncode == 1 and "bad-0 failed" in done.stderr and "no such layer" in done.stderr, done.stderr
    assert not house.runtime.exists()


def test_two_phases_may_have_one_port(house: House) -> None:
    port = free_port()
    ports = [{"name": "port", "want": port, "block": 1}]
    done = house.up(phased("p", one=[web("a-0") | {"launch": {**web("a-0")["launch"], "ports": ports}}],
                           two=[web("b-0") | {"launch": {**web("b-0")["launch"], "ports": ports}}]), "-d")
    assert done.returncode == 0, done.stderr
    assert house.berth("phase", "two").returncode == 0
    assert house.until("b-0", "ready")["endpoint"]["http"] == f"http://127.0.0.1:{port}"


def test_the_next_daemon_goes_on_in_the_phase(house: House, tmp_path: Path) -> None:
    a, b = instance("a-0", SLEEP), instance("b-0", gate(tmp_path, "go"), "job")
    assert house.up(phased("p", one=[a], two=[b], three=[a]), "-d").returncode == 0
    assert house.berth("phase", "two", "-d").returncode == 0
    house.kill_daemon()          # at some moment of the boundary
    now_in(house, "two")
    house.until("b-0", "running")
    assert house.state("a-0") in ("down", "pending")
    house.kill_daemon()
    (tmp_path / "go").touch()
    now_in(house, "three")
    house.until("a-0", "ready")
    assert house.state("b-0") == "done"


def test_phase_says_what_it_cannot(house: House) -> None:
    assert house.up(phased("p", one=[instance("a-0", SLEEP)], two=[instance("b-0", SLEEP)]), "-d").returncode == 0
    done = house.berth("phase", "tow")
    assert done.returncode == 1 and 'no phase "tow"' in done.stderr and "one, two" in done.stderr
    assert house.berth("phase", "one").returncode == 0           # there already
    assert house.berth("phase", "a", "b").returncode == 2
