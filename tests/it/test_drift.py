"""Drift: what departs from its plan is told once, marked, and stopped where the spec says so."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest
from conftest import Machine, eventually, flat
from plans import python
from test_run_gpu import GIB, TENANT, Cards


@pytest.fixture
def cards(machine: Callable[..., Machine]) -> Iterator[Cards]:
    one = Cards(machine("2xA100-SXM4-40GB"))
    yield one
    one.close()


def events(cards: Cards, kind: str) -> list[dict]:
    return [e for e in map(json.loads, cards.berth("events", "--json", "--since", "0").stdout.splitlines()) if e["event"] == kind]


def test_over_its_bytes_is_told_once_and_marked(cards: Cards) -> None:
    assert cards.up(cards.tenant("a-0", (0, 4 * GIB), planned=2 * GIB), cards.tenant("b-0", (1, 1 * GIB), planned=4 * GIB)).returncode == 0
    eventually("the mark", lambda: cards.ps()["a-0"]["drift"])
    assert "GPU 0: 4." in cards.ps()["a-0"]["drift"] and "2.00 GiB planned" in cards.ps()["a-0"]["drift"] and cards.ps()["b-0"]["drift"] is None
    assert "DRIFT GPU 0" in flat(cards.berth("ps").stdout)
    for _ in range(3):
        cards.verify()                   # each waits for a sample
    told = events(cards, "drift")
    assert [(e["id"], e["drift"]) for e in told] == [("a-0", True)] and cards.state("a-0") == "ready"


def test_on_a_card_that_is_not_its_own(cards: Cards) -> None:
    assert cards.up(cards.tenant("a-0", (0, GIB), (1, GIB), planned=4 * GIB, on=[0])).returncode == 0
    eventually("the mark", lambda: "a card that the plan did not give it" in (cards.ps()["a-0"]["drift"] or ""))


def test_on_drift_stop(cards: Cards) -> None:
    a = cards.tenant("a-0", (0, 4 * GIB), planned=2 * GIB) | {"on_drift": "stop"}
    assert cards.up(a, cards.tenant("b-0", (1, 1 * GIB), planned=4 * GIB)).returncode == 0
    cards.until("a-0", "down")
    assert "stopped (on_drift: stop): GPU 0" in (cards.ps()["a-0"]["why"] or "") and cards.state("b-0") == "ready"
    eventually("its memory to be free", lambda: cards.machine.used()[0] == 0)


def test_a_stranger_is_told_once(cards: Cards) -> None:
    assert cards.up(cards.tenant("a-0", (0, GIB), planned=2 * GIB)).returncode == 0
    stranger = cards.machine.popen(*python(TENANT, f"0:{GIB}"), stdout=subprocess.PIPE)
    try:
        assert stranger.stdout and stranger.stdout.readline() == "up\n"
        eventually("it to be told", lambda: events(cards, "foreign"))
        for _ in range(3):
            cards.verify()
        told = events(cards, "foreign")
        assert len(told) == 1 and told[0]["pid"] == stranger.pid and "none of berth's: 1." in told[0]["text"]
    finally:
        stranger.send_signal(signal.SIGKILL)
        stranger.wait()
