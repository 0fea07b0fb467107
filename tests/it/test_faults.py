"""Every fault at every state of the transition table (faults.py brings one instance into each): nothing is orphaned, no byte is held, the journal is true, and
what is wanted comes back. `make test` takes some of the faults, `make test-faults` (BERTH_FAULTS=all) all of them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator

import pytest
from conftest import BUILD, DEADLINE_S, Machine, alive, eventually
from faults import FLEET, ON_CARDS, STATES, Scene, kill, kill_daemon

Make = Callable[..., Scene]
ALL = os.environ.get("BERTH_FAULTS") == "all"
MAY_FAIL = ("ready", "failed", "parked")


def full(test):  # noqa: ANN001, ANN201
    """One of the full walk: not there otherwise, so that nothing is skipped."""
    return test if ALL else None


@pytest.fixture
def scene(machine: Callable[..., Machine]) -> Iterator[Make]:
    made: list[Scene] = []

    def make(**more) -> Scene:
        made.append(Scene(machine(FLEET), **more))
        return made[-1].up()

    yield make
    for one in made:
        one.close()


def keepers(s: Scene) -> list[int]:
    return [row["keeper"] for row in s.cards.ps().values() if row["keeper"]]


def leaders(s: Scene) -> list[int]:
    return [s.leader(i) for i, row in s.cards.ps().items() if row["pids"]]


def finish(s: Scene, **expected: tuple[str, ...]) -> None:
    s.resolve()
    s.settled(**expected)
    s.assert_true()
    s.down()


def test_every_state_is_there(scene: Make) -> None:
    """The scene itself: without a fault, every state of the table stands in `ps` at the same time, and all goes on from there."""
    s = scene().spread()
    seen = s.there()
    held = {i.removesuffix("-0"): state for i, state in seen.items() if i not in ("short-0", "backing-off-0", "busy-0")}
    assert {k: v for k, v in held.items() if k != v} == {} and set(held) | {"backing-off"} == set(STATES)
    assert seen["short-0"] == "waiting" and "backing-off" in json.dumps(s.cards.berth("events", "--json").stdout)
    finish(s)


@pytest.mark.parametrize("times", [1, 3] if ALL else [1])
def test_the_daemon_is_killed(scene: Make, times: int) -> None:
    s = scene().spread()
    before = s.cards.ps()
    for _ in range(times):
        kill_daemon(s)
        after = s.cards.ps()
    for ident in ("ready-0", "parked-0", "parking-0", "resuming-0", "stopping-0", "starting-0"):
        assert after[ident]["pids"] == before[ident]["pids"], ident  # the work goes on
    s.resolve()
    end = s.settled()
    now = s.cards.ps()
    for ident in ("ready-0", "parked-0", "parking-0", "resuming-0", "starting-0"):
        assert now[ident]["pids"] == before[ident]["pids"], (ident, end)
    s.assert_true()
    assert now["stopping-0"]["restarts"] == 0 == now["starting-0"]["restarts"]
    s.assert_true()
    s.down()


@full
@pytest.mark.parametrize("cgroup", ["", "off"])
def test_the_keepers_are_killed(scene: Make, cgroup: str) -> None:
    """Without a cgroup of its own, the mark in the environment has to find the helpers that left the session."""
    s = scene(BERTH_CGROUP=cgroup).spread()
    for pid in keepers(s):
        kill(pid)
    finish(s, parked=("ready", "parked"), parking=("ready", "parked"))


@full
def test_the_leaders_are_killed(scene: Make) -> None:
    s = scene().spread()
    for pid in leaders(s):
        kill(pid)
    finish(s, parked=("ready", "parked"), parking=("ready", "parked"))


@full
def test_the_helpers_are_killed(scene: Make) -> None:
    s = scene().spread()
    first = set(leaders(s))
    for row in s.cards.ps().values():
        for pid in set(row["pids"]) - first:
            kill(pid)
    finish(s)


def test_daemon_keepers_and_leaders_are_killed_at_once(scene: Make) -> None:
    s = scene().spread()
    pids = [*keepers(s), *leaders(s)]
    kill_daemon(s)
    for pid in pids:
        kill(pid)
    finish(s, parked=("ready", "parked"), parking=("ready", "parked"))


def test_sigterm_is_ignored(scene: Make) -> None:
    """`down` of all at once, with every gate shut: who does not listen gets SIGKILL, its helpers with it."""
    s = scene().spread()
    s.put("all", "deaf")
    s.ctl("heal")                            # the bytes of releasing-0; nothing else stands in the way
    down = s.cards.popen("down")
    eventually("it to go down", lambda: "stopping" in s.there().values())
    assert s.cards.berth("down").returncode == 0         # the second one shortens what would be ten minutes
    assert down.wait(DEADLINE_S) == 0
    s.resolve()                              # of the test's own: a stranger on a card, a port
    s.empty()
    assert set(s.journal().values()) == {"down"}


@full
def test_they_hang_at_the_start(scene: Make) -> None:
    s = scene(BERTH_STALL="2s").spread()
    s.put("all", "hang")
    for pid in leaders(s):
        kill(pid)
    s.until("ready-0", "starting")
    eventually("one that hangs to be given up", lambda: "no sign of progress" in (s.cards.runtime / "daemon.log").read_text())
    finish(s, parked=("ready", "parked"), parking=("ready", "parked"))


@full
def test_they_hang_at_work(scene: Make) -> None:
    s = scene(grace_ms=500, BERTH_HANG="5s").spread()
    stopped = leaders(s)
    for pid in stopped:
        kill(pid, signal.SIGSTOP)
    eventually("the hang to be noticed", lambda: "though it lives" in (s.cards.runtime / "daemon.log").read_text())
    for ident in ("starting-0", "parking-0", "resuming-0", "stopping-0"):         # what they do has limits of its own, long ones here
        kill(s.leader(ident), signal.SIGCONT)
    finish(s, parked=("parked", "ready"), parking=("ready", "parked"))
    assert not any(alive(p) for p in stopped)            # also those that never went on


@full
def test_they_crash_in_a_loop(scene: Make) -> None:
    s = scene().spread()
    s.put("all", "crash")
    for pid in leaders(s):
        kill(pid)
    eventually("the second death", lambda: s.cards.ps()["ready-0"]["restarts"] >= 2)
    finish(s, **{k.replace("-", "_"): MAY_FAIL for k in ON_CARDS if k not in ("down", "failed")})


@full
def test_their_cards_are_too_small_at_the_load(scene: Make) -> None:
    s = scene().spread()
    s.put("all", "greedy")
    for pid in leaders(s):
        kill(pid)
    eventually("the driver's refusal in a log", lambda: "cuMemAlloc_v2: 2" in (s.cards.runtime / "inst/set/ready-0/log").read_text())
    finish(s, **{k.replace("-", "_"): MAY_FAIL for k in ON_CARDS if k not in ("down", "failed")})


@full
def test_their_memory_comes_back_late(scene: Make) -> None:
    s = scene().spread()
    s.ctl("linger", "1s")
    for pid in leaders(s):
        kill(pid)
    finish(s, parked=("ready", "parked"), parking=("ready", "parked"))


@full
def test_their_memory_never_comes_back(scene: Make) -> None:
    """After the limit it is said, and who starts next waits for room: there is room beside the lost bytes."""
    s = scene(BERTH_RELEASE_WAIT="2s").spread()
    s.ctl("linger", "never")
    for pid in leaders(s):
        kill(pid)
    eventually("it to be said", lambda: "are not back yet" in (s.cards.runtime / "daemon.log").read_text())
    finish(s, parked=("ready", "parked"), parking=("ready", "parked"))


@pytest.mark.parametrize("how", [("hang", "all"), ("fail", "all", "unknown")] if ALL else [("hang", "all")])
def test_the_driver_hangs_or_fails(scene: Make, how: tuple[str, ...]) -> None:
    s = scene().spread()
    s.ctl(*how)
    for pid in leaders(s):
        kill(pid)
    s.until("ready-0", "releasing")          # nobody says that its bytes are back
    finish(s, parked=("ready", "parked"), parking=("ready", "parked"))


@full
@pytest.mark.parametrize("seconds", [-86400, 86400])
def test_the_clock_jumps(scene: Make, seconds: int) -> None:
    """A day back, or forth, for every process of berth at once, twice: also the lines of a next start's log are older than those of the last one then."""
    clock = BUILD / "tests" / "libberth_test_clock.so"
    assert clock.exists(), f"{clock} is not built"
    s = scene(LD_PRELOAD=str(clock), BERTH_TEST_CLOCK="clock").spread()
    assert s.cards.berth("verify").returncode in (0, 4)
    for by in (seconds, 2 * seconds):
        (s.gates / "clock").write_text(str(by))
        for pid in leaders(s):
            kill(pid)
        s.until("ready-0", "ready")
        assert s.cards.berth("verify").returncode in (0, 4)
    finish(s, parked=("ready", "parked"), parking=("ready", "parked"))
