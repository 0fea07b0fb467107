"""What was asked for outlives the daemon that was asked: stops, restarts, parks that were under way go on, and mean what they were to mean."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator

import pytest
from conftest import Machine, alive, eventually
from plans import SLEEP, House, instance, plan, python
from test_park import phased as parked_set, server
from test_phases import now_in, phased
from test_run_gpu import Cards

READY_BY_LOG = {"ready": {"kind": "log", "pattern": "^up$"}}
# ends when it is told to and the gate is there; then it says that it was let
SLOW = """
import os, signal, sys, time
gate, told = sys.argv[1], sys.argv[2]
def end(*_):
    print("told", flush=True)
    while not os.path.exists(gate): time.sleep(0.02)
    open(told, "a").write("ended by itself\\n")
    os._exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
while True: time.sleep(1)
"""


@pytest.fixture
def cards(machine: Callable[..., Machine]) -> Iterator[Cards]:
    one = Cards(machine("1xA100-SXM4-40GB"))
    yield one
    one.close()


def slow(house: House, ident: str, **more) -> dict:
    return instance(ident, python(SLOW, str(house.folder / "gate"), str(house.folder / "told")), stop_grace_ms=600000, **{**READY_BY_LOG, **more})


def kill_daemon(house: House) -> None:
    pid = house.daemon()
    assert pid > 1
    os.kill(pid, signal.SIGKILL)
    eventually("the daemon to be dead", lambda: not alive(pid))


def told_to_stop(house: House, ident: str) -> None:
    eventually(f"{ident} to be told", lambda: "told" in (house.runtime / "inst" / "p" / ident / "log").read_text())


def moves(house: House, ident: str) -> list[str]:
    """Its states as the journal has them; what a new daemon found stands in brackets."""
    found = []
    for row in map(json.loads, house.berth("events", "--json", "--since", "0").stdout.splitlines()):
        if row["event"] == "adopted":
            found.append(f"[{row['states'][ident]}]")
        if row["event"] == "inst" and row["instance"]["id"] == ident:
            found.append(row["instance"]["state"])
    return found


def test_stopped_for_a_phase_is_no_death(house: House) -> None:
    assert house.up(phased("p", one=[slow(house, "a-0")], two=[instance("b-0", SLEEP)]), "-d").returncode == 0
    going = house.popen("phase", "two")
    told_to_stop(house, "a-0")
    kill_daemon(house)
    assert house.state("a-0") == "stopping"
    (house.folder / "gate").touch()
    now_in(house, "two")
    house.until("b-0", "ready")
    out, _ = going.communicate(timeout=60)
    assert going.returncode == 0, out
    assert house.ps()["a-0"]["restarts"] == 0
    assert moves(house, "a-0")[-4:] == ["stopping", "[stopping]", "releasing", "down"]
    assert house.berth("phase", "one").returncode == 0 and house.state("a-0") == "ready"


def test_stopped_for_a_phase_that_came_back_before_anybody_noticed(house: House) -> None:
    value = phased("p", one=[slow(house, "a-0")], two=[instance("b-0", SLEEP)])
    assert house.up(value, "-d").returncode == 0
    first = house.ps()["a-0"]["pids"]
    going = house.popen("phase", "two")
    told_to_stop(house, "a-0")
    going.kill()                         # before the daemon: it would bring another one
    going.wait()
    kill_daemon(house)
    (house.runtime / "p/p/phase-to").unlink()         # the last daemon had turned round
    (house.folder / "gate").touch()
    again = eventually("its next life", lambda: (i := house.ps()["a-0"])["state"] == "ready" and i["pids"] != first and i)
    assert isinstance(again, dict) and again["restarts"] == 0


def test_a_restart_under_way_goes_on(house: House) -> None:
    assert house.up(plan("p", slow(house, "a-0")), "-d").returncode == 0
    first = house.ps()["a-0"]["pids"]
    restart = house.popen("restart", "a-0")
    told_to_stop(house, "a-0")
    kill_daemon(house)
    house.until("a-0", "stopping")
    (house.folder / "gate").touch()
    out, _ = restart.communicate(timeout=60)
    assert restart.returncode == 0, out
    now = house.ps()["a-0"]
    assert now["state"] == "ready" and now["pids"] != first and now["restarts"] == 0
    assert (house.folder / "told").read_text() == "ended by itself\n"


def test_a_restart_of_what_had_failed_goes_on(house: House) -> None:
    flag = house.folder / "flag"
    code = f"import os, time\nif not os.path.exists({str(flag)!r}): raise SystemExit(3)\nprint('up', flush=True); time.sleep(1000)"
    assert house.up(plan("p", instance("a-0", python(code), **READY_BY_LOG), instance("b-0", SLEEP)), "-d", "--keep").returncode == 1
    house.until("a-0", "failed")
    flag.touch()
    kill_daemon(house)
    (house.runtime / "inst/p/a-0/wish").write_text("anew\n")         # the last daemon was killed before it could start
    house.until("a-0", "ready")


def test_what_was_stopped_by_hand_stays_stopped(house: House) -> None:
    assert house.up(plan("p", instance("a-0", SLEEP), instance("b-0", SLEEP)), "-d").returncode == 0
    assert house.berth("park", "a", "--level", "stop").returncode == 0
    kill_daemon(house)
    assert house.until("a-0", "down")["want"] == "down"
    assert moves(house, "a-0")[-4:] == ["down", "[stopping]", "releasing", "down"]
    assert house.berth("resume", "a").returncode == 0 and house.state("a-0") == "ready"
    kill_daemon(house)
    assert house.state("a-0") == "ready"


def test_down_is_not_hurried_by_a_daemon_that_dies(house: House) -> None:
    assert house.up(plan("p", slow(house, "a-0")), "-d").returncode == 0
    down = house.popen("down")
    told_to_stop(house, "a-0")
    first = house.daemon()
    kill_daemon(house)
    eventually("the next daemon", lambda: (house.runtime / "daemon.lock").exists() and house.daemon() not in (0, first))
    assert house.state("a-0") == "stopping"
    (house.folder / "gate").touch()
    assert down.wait(60) == 0
    assert (house.folder / "told").read_text() == "ended by itself\n"
    house.assert_empty()


def test_ctrl_c_is_not_hurried_by_a_daemon_that_dies(house: House) -> None:
    up = house.popen("up", "--plan", house.write(plan("p", slow(house, "a-0"))))
    eventually("up", lambda: house.runtime.exists() and house.ps().get("a-0", {}).get("state") == "ready")
    up.send_signal(signal.SIGINT)
    told_to_stop(house, "a-0")
    first = house.daemon()
    kill_daemon(house)
    eventually("the next daemon", lambda: (house.runtime / "daemon.lock").exists() and house.daemon() not in (0, first))
    assert house.state("a-0") == "stopping"
    (house.folder / "gate").touch()
    assert up.wait(60) == 130
    assert (house.folder / "told").read_text() == "ended by itself\n"


def test_a_start_that_was_cut_off_begins_again(house: House) -> None:
    """The daemon died after it wrote what to start, and before a keeper was there."""
    assert house.up(plan("p", instance("a-0", SLEEP, **READY_BY_LOG)), "-d").returncode == 0
    kill_daemon(house)
    for pid in house.processes():
        os.kill(pid, signal.SIGKILL)
    for name in ("keeper.json", "child.json", "exit.json", "ready"):
        (house.runtime / "inst/p/a-0" / name).unlink(missing_ok=True)
    assert house.until("a-0", "ready")["restarts"] == 0
    assert moves(house, "a-0")[-5:] == ["[starting]", "releasing", "waiting", "starting", "ready"]


def test_deaths_in_a_row_are_counted_over_daemons(house: House) -> None:
    assert house.up(plan("p", instance("a-0", SLEEP, restart={"policy": "on-failure", "max": 1}, **READY_BY_LOG)), "-d").returncode == 0
    first = house.ps()["a-0"]["pids"]
    os.kill(first[0], signal.SIGKILL)
    eventually("the second life", lambda: (i := house.ps()["a-0"])["state"] == "ready" and i["restarts"] == 1)
    launch = house.runtime / "inst/p/a-0/launch.json"
    assert json.loads(launch.read_text())["deaths"] == 1
    kill_daemon(house)
    launch.write_text(json.dumps(json.loads(launch.read_text()) | {"deaths": 0}))         # a minute of steady work had forgiven it
    assert house.ps()["a-0"]["restarts"] == 1
    os.kill(house.ps()["a-0"]["pids"][0], signal.SIGKILL)
    eventually("the third life", lambda: (i := house.ps()["a-0"])["state"] == "ready" and i["restarts"] == 2)
    kill_daemon(house)
    os.kill(house.ps()["a-0"]["pids"][0], signal.SIGKILL)
    house.until("a-0", "failed")


def test_parked_by_a_phase_and_on_its_way_back(cards: Cards) -> None:
    """The daemon died when the phase was entered, before its engine was asked; and again when it had been."""
    value = parked_set(cards, server(cards))
    assert cards.berth("up", "--plan", cards.write(value), "-d").returncode == 0
    leader = cards.ps()["llm-0"]["pids"][0]
    assert cards.berth("phase", "train").returncode == 0 and cards.state("llm-0") == "parked"
    parked = cards.runtime / "inst/set/llm-0/parked"
    assert parked.read_text() == "sleep plan"
    kill_daemon(cards)
    os.kill(json.loads((cards.runtime / "inst/set/train-0/child.json").read_text())["pid"], signal.SIGKILL)
    eventually("the other's last word", lambda: (cards.runtime / "inst/set/train-0/exit.json").exists())
    (cards.runtime / "p/set/phase").write_text("again")
    cards.until("llm-0", "ready")
    assert cards.ps()["llm-0"]["pids"][0] == leader
    kill_daemon(cards)
    parked.write_text("sleep plan back")
    cards.until("llm-0", "ready")
    assert cards.ps()["llm-0"]["pids"][0] == leader and not parked.exists()
    assert moves(cards, "llm-0")[-2:] == ["[resuming]", "ready"]


def test_a_resume_by_hand_that_no_daemon_had_begun(cards: Cards) -> None:
    assert cards.up(server(cards)).returncode == 0
    assert cards.berth("park", "llm").returncode == 0
    assert (cards.runtime / "inst/set/llm-0/parked").read_text() == "sleep hand"
    kill_daemon(cards)
    assert cards.until("llm-0", "parked")["want"] == "parked"
    kill_daemon(cards)
    (cards.runtime / "inst/set/llm-0/parked").write_text("sleep plan")
    cards.until("llm-0", "ready")


def test_restart_of_what_has_no_place_in_the_phase_is_refused(house: House) -> None:
    assert house.up(phased("p", one=[instance("a-0", SLEEP)], two=[instance("b-0", SLEEP)]), "-d").returncode == 0
    done = house.berth("restart", "b")
    assert done.returncode == 1 and "b-0 has no place in this phase" in done.stderr
    assert house.state("b-0") == "pending"


def test_numbers_of_events_only_grow(house: House) -> None:
    """Also where the journal could not be written for a while: who follows would drop what comes with a smaller number."""
    assert house.up(plan("p", instance("a-0", SLEEP)), "-d").returncode == 0
    last = json.loads(house.berth("events", "--json").stdout.splitlines()[-1])["seq"]
    kill_daemon(house)
    reader = house.popen("events", "-f", "--json", "--since", str(last))
    try:
        assert reader.stdout
        first = json.loads(reader.stdout.readline())
        assert first["event"] == "adopted" and first["seq"] == last + 1 and first["states"] == {"a-0": "ready"}
    finally:
        reader.kill()
        reader.wait()


def test_a_torn_journal_stops_neither_work_nor_following(house: House) -> None:
    assert house.up(plan("p", instance("a-0", SLEEP)), "-d").returncode == 0
    kill_daemon(house)
    db = house.folder / "state/berth.db"
    for name in ("berth.db-wal", "berth.db-shm"):
        (house.folder / "state" / name).unlink(missing_ok=True)
    db.write_bytes(b"SQLite format 3\0" + os.urandom(8192))
    reader = house.popen("events", "-f", "--json")
    try:
        assert house.state("a-0") == "ready"
        assert house.berth("restart", "a").returncode == 0
        assert reader.stdout
        states = []
        while "ready" not in states:
            line = reader.stdout.readline()
            assert line, states
            if line.startswith("{"):
                states.append((json.loads(line).get("instance") or {}).get("state"))
    finally:
        reader.kill()
        reader.wait()
    assert house.berth("down").returncode == 0
