"""An instance's cgroup, on a stand-in for the kernel's files (tests/cgroup.c): what lives in RAM alone is held to its plan there."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import BUILD, eventually
from plans import SLEEP, House, instance, plan

MIB = 1 << 20
LIMIT = 512 * MIB


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    library = BUILD / "tests" / "libberth_test_cgroup.so"
    assert library.exists(), f"{library} is not built"
    root = tmp_path / "cgroup"
    root.mkdir()
    (root / "cgroup.subtree_control").touch()
    one.env |= {"BERTH_CGROUP": str(root), "LD_PRELOAD": str(library), "BERTH_TEST_CGROUP": str(root)}
    yield one
    one.close()


def in_ram(ident: str = "a-0", **more) -> dict:
    return instance(ident, SLEEP, ready={"kind": "log", "pattern": "^up$"}, **more) | {"host": [{"numa": 0, "bytes": LIMIT}]}


def folder(house: House, ident: str) -> Path:
    found = list((house.folder / "cgroup").glob(f"berth-p-{ident}-*"))
    assert len(found) == 1, found
    return found[0]


def verify(house: House) -> dict:
    return json.loads(house.berth("verify", "--json").stdout)


def test_ram_is_held_to_its_plan(house: House) -> None:
    assert house.up(plan("p", in_ram(), instance("free-0", SLEEP)), "-d").returncode == 0
    at = folder(house, "a-0")
    assert (at / "memory.max").read_text() == f"{LIMIT}\n" and (at / "memory.oom.group").read_text() == "1\n"
    assert int((at / "cgroup.procs").read_text()) == house.ps()["a-0"]["pids"][0]
    assert (house.folder / "cgroup" / "cgroup.subtree_control").read_text() == "+memory"
    assert (folder(house, "free-0") / "memory.max").read_text() == "max\n"          # nothing was planned for it
    assert [(r["instance"], r["enforced"]) for r in verify(house)["host"]] == [("a-0", True)]
    assert "RAM is enforced (memory.max)" in house.berth("verify").stdout
    house.kill_daemon()
    house.until("a-0", "ready")
    assert verify(house)["host"][0]["enforced"]                                      # the next daemon reads it where it stands
    assert house.berth("down").returncode == 0
    assert not list((house.folder / "cgroup").glob("berth-*"))
    house.assert_empty()


def test_one_that_took_more_is_told_why_it_died(house: House) -> None:
    assert house.up(plan("p", in_ram(restart={"policy": "never", "max": 0})), "-d").returncode == 0
    (folder(house, "a-0") / "memory.events").write_text("low 0\nhigh 0\nmax 31\noom 1\noom_kill 1\n")
    os.kill(house.ps()["a-0"]["pids"][0], signal.SIGKILL)
    row = house.until("a-0", "failed")
    assert row["exit"]["signal"] == 9
    failed = next(e for e in map(json.loads, house.berth("events", "--json").stdout.splitlines()) if e["event"] == "failed")
    assert "more than the 512.00 MiB of RAM of its plan (memory.max" in failed["hint"]
    assert not list((house.folder / "cgroup").glob("berth-*"))


@pytest.mark.parametrize("why", ["no controller", "no cgroup at all", "another limit"])
def test_where_it_cannot_be_held_it_is_watched(house: House, why: str) -> None:
    if why == "no controller":
        house.env["BERTH_TEST_CGROUP_BARE"] = "1"
    elif why == "no cgroup at all":
        del house.env["LD_PRELOAD"]                  # a plain folder: nobody can be put into it
    assert house.up(plan("p", in_ram()), "-d").returncode == 0
    if why == "another limit":
        (folder(house, "a-0") / "memory.max").write_text("max\n")
    assert not verify(house)["host"][0]["enforced"]
    assert "RAM is watched, not enforced" in house.berth("verify").stdout
    eventually("it to be there still", lambda: house.state("a-0") == "ready")
    assert house.berth("down").returncode == 0
    assert not list((house.folder / "cgroup").glob("berth-*"))
    house.assert_empty()
