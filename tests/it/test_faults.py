"""Every fault at every state of the transition table: TABLE says for each pair where it ends. faults.py holds one instance in each state, a fault is let go for all of
them at once, and then the whole row is looked at. After each row: no process and no byte is left, the journal is a walk through the product's own table that ends where
`ps` says. `make test-faults` (BERTH_FAULTS=all) walks the whole product, `make test` the rows of DIAGONAL."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator

import pytest
from conftest import DEADLINE_S, Machine, alive, eventually
from faults import ENDS, FLEET, STATES, Scene

# p pending, R ready, W running, P parked, D down, d done, F failed; "=": and still the process that it was. `short` waits for memory, `waiting` for another;
# `busy` is a job. What was ready once comes back; what a person stopped, what was done and what had failed stays so.
TABLE = """
fault              pending waiting short starting ready parking parked resuming stopping releasing backing-off done failed down busy
nothing            p       R       R     R=       R=    P=      P=     R=       R        R         R           d    F      D    W=
daemon             p       R       R     R=       R=    P=      P=     R=       R        R         R           d    F      D    W=
daemon-thrice      p       R       R     R=       R=    P=      P=     R=       R        R         R           d    F      D    W=
keepers            p       R       R     R        R     R       R      R        R        R         R           d    F      D    W
keepers-no-cgroup  p       R       R     R        R     R       R      R        R        R         R           d    F      D    W
leaders            p       R       R     R        R     R       R      R        R        R         R           d    F      D    W
helpers            p       R       R     R=       R=    P=      P=     R=       R        R         R           d    F      D    W=
all-at-once        p       R       R     R        R     R       R      R        R        R         R           d    F      D    W
sigterm-ignored    D       D       D     D        D     D       D      D        D        D         D           D    D      D    D
hang-at-start      p       R       R     R        R     R       R      R        R        R         R           d    F      D    W
hang-at-work       p       R       R     R=       R     P=      P=     R=       R        R         R           d    F      D    W=
crash-loop         p       R       R     R        R     R       R      R        R        R         R           d    F      D    W
port-stolen        p       R       R     R        R     R       R      R        R        R         R           d    F      D    W=
no-memory-at-load  p       R       R     R        R     R       R      R        R        R         R           d    F      D    W
memory-late        p       R       R     R        R     R       R      R        R        R         R           d    F      D    W
memory-never       p       R       R     R        R     R       R      R        R        R         R           d    F      D    W
driver-hangs       p       R       R     R        R     R       R      R        R        R         R           d    F      D    W
driver-fails       p       R       R     R        R     R       R      R        R        R         R           d    F      D    W
disk-full          p       R       R     R        R     R       R      R        R        R         R           d    F      D    W
disk-full-daemon   p       R       R     R=       R=    P=      P=     R=       R        R         R           d    F      D    W=
clock-back         p       R       R     R        R     R       R      R        R        R         R           d    F      D    W
clock-forth        p       R       R     R        R     R       R      R        R        R         R           d    F      D    W
log-flooded        p       R       R     R=       R=    P=      P=     R=       R        R         R           d    F      D    W=
"""
HEAD, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
PRODUCT = {row[0]: dict(zip([f"{state}-0" for state in HEAD[1:]], row[1:], strict=True)) for row in ROWS}
DIAGONAL = ("nothing", "daemon", "all-at-once", "sigterm-ignored", "driver-hangs", "disk-full", "port-stolen")
WALK = tuple(PRODUCT) if os.environ.get("BERTH_FAULTS") == "all" else DIAGONAL

Fault = Callable[[Scene], object]
FAULTS: dict[str, tuple[Fault, dict[str, str], Callable[[Scene], object]]] = {}


def fault(name: str, before: Callable[[Scene], object] = lambda s: None, **limits: str) -> Callable[[Fault], Fault]:
    """limits: of the scene's environment; before: what it needs before `up`."""
    def add(run: Fault) -> Fault:
        FAULTS[name] = run, limits, before
        return run
    return add


@fault("nothing")
def nothing(s: Scene) -> None:
    """The scene itself: every state of the table stands in `ps` at the same time."""
    seen = {i.removesuffix("-0"): row["state"] for i, row in s.before.items()}
    assert {k: v for k, v in seen.items() if k != v and k not in ("short", "backing-off", "busy")} == {} and set(STATES) <= set(seen)
    assert seen["short"] == "waiting" and "backing-off" in s.cards.berth("events", "--json").stdout


@fault("daemon")
def daemon(s: Scene) -> None:
    s.kill_daemon()


@fault("daemon-thrice")
def daemon_thrice(s: Scene) -> None:
    for _ in range(3):
        s.kill_daemon()
        s.cards.ps()


@fault("keepers")
def keepers(s: Scene) -> None:
    s.killed |= {p for row in s.cards.ps().values() for p in row["pids"]}        # their trees are swept with them
    s.kill(s.keepers())


@fault("keepers-no-cgroup", BERTH_CGROUP="off")
def keepers_without_a_cgroup(s: Scene) -> None:
    """The mark in the environment has to find the helpers that left the session."""
    keepers(s)


@fault("leaders")
def leaders(s: Scene) -> None:
    s.kill(s.leaders())


@fault("helpers")
def helpers(s: Scene) -> None:
    s.kill(s.helpers())


@fault("all-at-once")
def all_at_once(s: Scene) -> None:
    pids = [*s.keepers(), *s.leaders()]
    s.kill_daemon()
    s.kill(pids)


@fault("sigterm-ignored")
def sigterm_ignored(s: Scene) -> None:
    """`down` of all at once, with every gate shut: who does not listen gets SIGKILL, its helpers with it."""
    s.put("all", "deaf")
    s.ctl("heal")                            # the bytes of releasing-0; nothing else stands in the way
    down = s.cards.popen("down")
    eventually("it to go down", lambda: "stopping" in s.there().values())
    assert s.cards.berth("down").returncode == 0         # the second one shortens what would be ten minutes
    assert down.wait(DEADLINE_S) == 0


@fault("hang-at-start", BERTH_STALL="2s")
def hang_at_start(s: Scene) -> None:
    s.put("all", "hang")
    s.kill(s.leaders())
    s.until("ready-0", "starting")
    eventually("one that hangs to be given up", lambda: "no sign of progress" in s.daemon_log())


@fault("hang-at-work", grace="500", BERTH_HANG="5s")
def hang_at_work(s: Scene) -> None:
    stopped = s.leaders()
    s.kill(stopped, signal.SIGSTOP)
    eventually("the hang to be noticed", lambda: "ready-0: no answer" in s.daemon_log() and "though it lives" in s.daemon_log())
    for ident in ("starting-0", "parking-0", "resuming-0", "stopping-0", "busy-0"):      # what they do has limits of its own, long ones here
        s.kill([s.leader(ident)], signal.SIGCONT)
    s.killed.add(s.before["ready-0"]["pids"][0])


@fault("crash-loop")
def crash_loop(s: Scene) -> None:
    s.put("all", "crash")
    s.kill(s.leaders())
    eventually("the second death", lambda: s.cards.ps()["ready-0"]["restarts"] >= 2)


@fault("port-stolen")
def port_stolen(s: Scene) -> None:
    """Of whoever lets go of it, or has not taken it yet."""
    s.put("all", "hang")                     # nobody listens again before the thief does
    rows = {i: row for i, row in s.cards.ps().items() if row["endpoint"] and row["state"] not in ("down", "failed", "pending")}
    s.kill([s.leader(i) for i, row in rows.items() if row["pids"] and i != "starting-0"])
    for row in rows.values():
        s.steal(int(row["endpoint"]["http"].rsplit(":", 1)[1]))
    s.take("all", "hang")
    s.take("starting-0", "hold-start")
    eventually("it to be noticed", lambda: f"is in use by pid {os.getpid()}" in str(s.cards.ps()["ready-0"]["why"]))
    s.killed.add(s.before["starting-0"]["pids"][0])


@fault("no-memory-at-load")
def no_memory_at_load(s: Scene) -> None:
    s.put("all", "greedy")
    s.kill(s.leaders())
    eventually("the driver's refusal in a log", lambda: "cuMemAlloc_v2: 2" in (s.cards.runtime / "inst/set/ready-0/log").read_text())


@fault("memory-late")
def memory_late(s: Scene) -> None:
    s.ctl("linger", "1s")
    s.kill(s.leaders())
    s.until("ready-0", "starting", "ready")


@fault("memory-never", BERTH_RELEASE_WAIT="2s")
def memory_never(s: Scene) -> None:
    """After the limit it is said, and who starts next waits for room: there is room beside the lost bytes."""
    s.ctl("linger", "never")
    s.kill(s.leaders())
    eventually("it to be said", lambda: "are not back yet" in s.daemon_log())


@fault("driver-hangs")
def driver_hangs(s: Scene) -> None:
    s.ctl("hang", "all")
    s.kill(s.leaders())
    s.until("ready-0", "releasing")          # nobody says that its bytes are back


@fault("driver-fails")
def driver_fails(s: Scene) -> None:
    s.ctl("fail", "all", "unknown")
    s.kill(s.leaders())
    s.until("ready-0", "releasing")


def on_a_disk(s: Scene) -> None:
    s.preload("disk", BERTH_TEST_DISK=str(s.gates / "disk.full"), BERTH_TEST_DISK_OF=f"{s.cards.runtime}:{s.cards.env['BERTH_STATE_DIR']}")


@fault("disk-full", before=on_a_disk)
def disk_full(s: Scene) -> None:
    """Full while everything dies and is to be started again: that needs files. What cannot be written is not what decides."""
    s.put("disk", "full")
    s.kill(s.leaders())
    eventually("a start that finds no room", lambda: "No space left on device" in str(s.cards.ps()["ready-0"]["why"]))


@fault("disk-full-daemon", before=on_a_disk)
def disk_full_and_the_daemon_dies(s: Scene) -> None:
    s.put("disk", "full")
    s.kill_daemon()
    s.cards.ps()                             # the next one takes over without a byte to spare


@fault("clock-back", before=lambda s: s.preload("clock", BERTH_TEST_CLOCK=str(s.gates / "clock")))
def clock_back(s: Scene, day: int = -86400) -> None:
    """For every process of berth at once, twice: also the lines of a next start's log are older than those of the last one then."""
    assert s.cards.berth("verify").returncode in (0, 4)
    for by in (day, 2 * day):
        (s.gates / "clock").write_text(str(by))
        s.kill(s.leaders())
        eventually("the next life", lambda: (row := s.cards.ps()["ready-0"])["state"] == "ready" and not set(row["pids"]) & s.killed)
        assert s.cards.berth("verify").returncode in (0, 4)


@fault("clock-forth", before=lambda s: s.preload("clock", BERTH_TEST_CLOCK=str(s.gates / "clock")))
def clock_forth(s: Scene) -> None:
    clock_back(s, 86400)


@fault("log-flooded")
def log_flooded(s: Scene) -> None:
    """64 MiB of each at once: nobody is blocked, the daemon goes on answering, and neither it nor a keeper grows by it."""
    live = [i for i, row in s.before.items() if row["pids"] and row["endpoint"]]
    assert len(live) >= 6
    s.put("all", "flood")
    eventually("all of it to be read", lambda: all((s.gates / f"{i}.flooded").exists() for i in live))
    assert s.resident(s.cards.daemon()) < 48 << 20
    assert max(s.resident(k) for k in s.keepers()) < 16 << 20
    for ident in live:
        assert sum(f.stat().st_size for f in (s.cards.runtime / "inst/set" / ident).glob("log*")) <= 17 << 20


@pytest.fixture
def scene(machine: Callable[..., Machine]) -> Iterator[Callable[[str], Scene]]:
    made: list[Scene] = []

    def make(name: str) -> Scene:
        _, limits, before = FAULTS[name]
        made.append(Scene(machine(FLEET), grace_ms=int(limits.get("grace", 600000)), **{k: v for k, v in limits.items() if k.isupper()}))
        before(made[-1])
        return made[-1].up()

    yield make
    for one in made:
        one.close()


def test_the_table_is_whole() -> None:
    assert list(PRODUCT) == list(FAULTS) and set(DIAGONAL) <= set(FAULTS)
    assert set(STATES) | {"short", "busy"} == set(HEAD[1:])
    assert all(cell[0] in ENDS for row in PRODUCT.values() for cell in row.values())


@pytest.mark.parametrize("name", WALK)
def test_fault(scene: Callable[[str], Scene], name: str) -> None:
    s = scene(name).spread()
    s.before = s.cards.ps()
    FAULTS[name][0](s)
    s.resolve()
    ends = PRODUCT[name]
    if set(ends.values()) != {"D"}:
        s.settled(ends)
        s.assert_true()
        s.down()
    s.empty()
    assert set(s.journal().values()) == {"down"}
    assert not any(alive(p) for row in s.before.values() for p in row["pids"])
