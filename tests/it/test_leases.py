"""Ports: two daemons that share a machine give no port twice, also before anybody listens on it. Nothing here listens: only the leases keep them apart."""

from __future__ import annotations

import json
import os
import random
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import DEADLINE_S
from plans import PORT, SLEEP, House, instance, plan

EACH = 6


def claimed(port: int) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        try:
            s.bind(f"\0berth-port-{port}")
        except OSError:
            return True
    return False


def row_of_ports(n: int) -> int:
    """The first of n in a row that nobody has: below those that berth leases by itself."""
    while True:
        first = random.randrange(10240, 21000 - n)
        with socket.socket() as s:
            try:
                for port in range(first, first + n):
                    with socket.socket() as s:
                        s.bind(("127.0.0.1", port))
            except OSError:
                continue
        if not any(claimed(port) for port in range(first, first + n)):
            return first


@pytest.fixture
def houses(tmp_path: Path) -> Iterator[tuple[House, House, int]]:
    """Two daemons, and a range with exactly as many ports as both need together."""
    first = row_of_ports(2 * EACH)
    two = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        two.append(House(tmp_path / name, {**os.environ, "BERTH_PORTS": f"{first}-{first + 2 * EACH - 1}"}))
    yield two[0], two[1], first
    for house in two:
        house.close()


def some(name: str, n: int = EACH, **more) -> dict:
    return plan(name, *(instance(f"w{i}-0", SLEEP, ports=PORT, **more) for i in range(n)))


def ports_of(house: House) -> list[int]:
    return [row["port"] for path in house.runtime.glob("inst/*/*/launch.json") for row in json.loads(path.read_text())["ports"]]


def test_two_daemons_that_start_at_once_share_a_range_to_its_last_port(houses: tuple[House, House, int]) -> None:
    a, b, first = houses
    for house in (a, b):
        house.write(some("set"))
    both = [house.popen("up", "--plan", house.folder / "plan.json", "-d") for house in (a, b)]
    for up in both:
        out, _ = up.communicate(timeout=DEADLINE_S)
        assert up.returncode == 0, out
    assert sorted(ports_of(a) + ports_of(b)) == list(range(first, first + 2 * EACH))
    more = a.berth("up", "--plan", a.write(some("more", 1), "more.json"), "-d")
    assert more.returncode == 75, more.stderr
    assert f"no 1 free port between {first} and {first + 2 * EACH - 1}" in more.stderr
    gone = ports_of(b)
    assert b.berth("down").returncode == 0
    assert a.berth("up", "--plan", a.folder / "more.json", "-d").returncode == 0
    assert set(ports_of(a)) & set(gone)


def test_a_leased_port_outlives_its_daemon(houses: tuple[House, House, int]) -> None:
    a, b, first = houses
    assert a.up(some("set"), "-d").returncode == 0
    taken = ports_of(a)
    assert len(set(taken)) == EACH
    a.kill_daemon()
    assert all(claimed(port) for port in taken)      # its keepers have them
    assert b.up(some("set"), "-d").returncode == 0
    assert sorted(taken + ports_of(b)) == list(range(first, first + 2 * EACH))
    assert a.berth("restart", "w0-0").returncode == 0        # the next daemon has the same port for it again
    assert sorted(ports_of(a)) == sorted(taken)
    for house in (a, b):
        assert house.berth("down").returncode == 0
    assert not any(claimed(port) for port in range(first, first + 2 * EACH))


def test_a_port_by_name_that_another_daemon_has_leased_is_refused_with_its_holder(houses: tuple[House, House, int]) -> None:
    a, b, first = houses
    row = [{"name": "port", "want": first + 1, "block": 1}]
    assert a.up(plan("one", instance("w-0", SLEEP, ports=row)), "-d").returncode == 0
    late = b.up(plan("two", instance("w-0", SLEEP, ports=row)), "-d")
    assert late.returncode == 1
    holder = re.search(rf"w-0: port {first + 1} is leased by another berth, pid (\d+) \(", late.stderr)
    assert holder, late.stderr
    assert int(holder[1]) in (a.daemon(), *a.processes())    # the daemon, or the keeper that it gave the claim to
    assert "another `port:`" in late.stderr


def test_ports_that_are_no_range_are_told(houses: tuple[House, House, int]) -> None:
    a = houses[0]
    for bad in ("21000", "22000-21000", "0-10", "1-70000", "1-10x", "a-b"):
        told = a.up(some("set", 1), "-d", env={"BERTH_PORTS": bad})
        assert told.returncode == 1, (bad, told.stderr)
        assert f'BERTH_PORTS: "{bad}" is no range of ports' in told.stderr
