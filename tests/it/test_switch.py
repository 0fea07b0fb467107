"""`up --switch` and `up --variant`: a project goes over to another plan while it runs. What is the same runs on, the rest is stopped and started, in order."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import DEADLINE_S, Machine, alive, eventually, free_port
from plans import SLEEP, House, instance, plan, python, web
from test_phases import gate, leader, phased

READY_BY_LOG = {"ready": {"kind": "log", "pattern": "^up$"}}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    yield one
    one.close()


def slow(tmp_path: Path, name: str) -> list[str]:
    """Ends only when its file is there, after SIGTERM."""
    return python("import os, signal, sys, time\ndef end(*a):\n    while not os.path.exists(sys.argv[1]): time.sleep(0.02)\n    os._exit(0)\n"
                  "signal.signal(signal.SIGTERM, end)\nprint('up', flush=True)\nwhile True: time.sleep(1)", str(tmp_path / name))


def over(house: House, value: dict, *args: str):
    return house.up(value, "--switch", "-d", *args)


def states(house: House) -> dict[str, str]:
    return {i: r["state"] for i, r in house.ps().items()}


def events(house: House) -> list[dict]:
    return [json.loads(line) for line in house.berth("events", "--json", "--since", "0").stdout.splitlines()]


def test_what_is_the_same_runs_on_and_the_rest_comes_and_goes(house: House) -> None:
    same, other, gone, new = web("same-0"), instance("other-0", SLEEP, **READY_BY_LOG), instance("gone-0", SLEEP, **READY_BY_LOG), instance("new-0", SLEEP, **READY_BY_LOG)
    assert house.up(plan("p", same, other, gone), "-d").returncode == 0
    before = {i: leader(house, i) for i in ("same-0", "other-0", "gone-0")}
    url = house.ps()["same-0"]["endpoint"]
    changed = instance("other-0", [*SLEEP, "changed"], **READY_BY_LOG)
    done = over(house, plan("p", same, changed, new))
    assert done.returncode == 0, done.stderr
    assert "goes over to another plan; stopped: other-0, gone-0; as it is: same-0" in done.stderr
    assert states(house) == {"same-0": "ready", "other-0": "ready", "new-0": "ready"}
    assert leader(house, "same-0") == before["same-0"] and alive(before["same-0"]) and house.ps()["same-0"]["endpoint"] == url
    assert not alive(before["other-0"]) and not alive(before["gone-0"])
    assert b"changed" in Path(f"/proc/{leader(house, 'other-0')}/cmdline").read_bytes()
    assert "up" in house.berth("logs", "gone-0").stdout
    back = over(house, plan("p", same, other, gone))
    assert back.returncode == 0 and set(states(house)) == {"same-0", "other-0", "gone-0"}, back.stderr
    assert leader(house, "same-0") == before["same-0"]
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_of_nothing_up_it_is_up(house: House) -> None:
    assert over(house, plan("p", instance("a-0", SLEEP))).returncode == 0
    assert states(house) == {"a-0": "ready"}
    again = house.up(plan("p", instance("a-0", SLEEP)), "-d")
    assert again.returncode == 1 and "already up" in again.stderr


def test_the_same_plan_stops_nothing(house: House) -> None:
    value = plan("p", instance("a-0", SLEEP), web("w-0", after={"a": "ready"}))
    assert house.up(value, "-d").returncode == 0
    before = {i: leader(house, i) for i in states(house)}
    done = over(house, value)
    assert done.returncode == 0 and "stopped: none" in done.stderr
    assert before == {i: leader(house, i) for i in states(house)}


def test_who_waits_for_one_that_is_stopped_is_stopped_before_it(house: House) -> None:
    client = instance("client-0", SLEEP, after={"server": "ready"}, **READY_BY_LOG)
    assert house.up(plan("p", instance("server-0", SLEEP, **READY_BY_LOG), client), "-d").returncode == 0
    first = leader(house, "client-0")
    done = over(house, plan("p", instance("server-0", [*SLEEP, "larger"], **READY_BY_LOG), client))
    assert done.returncode == 0, done.stderr
    assert not alive(first)
    order = [(e["instance"]["id"], e["instance"]["state"]) for e in events(house) if e["event"] == "inst"]
    assert order.index(("client-0", "down")) < order.index(("server-0", "stopping"))


@pytest.mark.parametrize("moment", ["stopping", "asked twice"])
def test_the_daemon_dies_over_it(house: House, tmp_path: Path, moment: str) -> None:
    same, gone, new = instance("same-0", SLEEP), instance("gone-0", slow(tmp_path, "go"), stop_grace_ms=600000, **READY_BY_LOG), instance("new-0", SLEEP)
    assert house.up(plan("p", same, gone), "-d").returncode == 0
    stays = leader(house, "same-0")
    first = house.popen("up", "--switch", "-d", "--plan", house.write(plan("p", same, new)))
    house.until("gone-0", "stopping")
    house.kill_daemon()
    if moment == "asked twice":
        assert states(house)["gone-0"] == "stopping"
        second = house.popen("up", "--switch", "-d", "--plan", house.write(plan("p", same, instance("newer-0", SLEEP)), "second.json"))
        eventually("the second to be told", lambda: sum(e["event"] == "note" and "goes over" in e["text"] for e in events(house)) >= 2)
        house.kill_daemon()
    (tmp_path / "go").touch()
    assert first.wait(DEADLINE_S) == 0
    ends = {"same-0", "new-0"}
    if moment == "asked twice":
        assert second.wait(DEADLINE_S) == 0
        ends = {"same-0", "newer-0"}
    eventually("the new plan", lambda: states(house) == dict.fromkeys(ends, "ready"))
    assert leader(house, "same-0") == stays and alive(stays)
    assert not (house.runtime / "p" / "p" / "next.json").exists() and not (house.runtime / "inst" / "p" / "gone-0").exists()
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_down_in_the_middle(house: House, tmp_path: Path) -> None:
    assert house.up(plan("p", instance("gone-0", slow(tmp_path, "go"), stop_grace_ms=600000, **READY_BY_LOG)), "-d").returncode == 0
    going = house.popen("up", "--switch", "-d", "--plan", house.write(plan("p", instance("new-0", SLEEP))))
    house.until("gone-0", "stopping")
    assert "on its way to another plan" in house.berth("phase", "all").stderr
    down = house.popen("down")
    (tmp_path / "go").touch()
    assert down.wait(DEADLINE_S) == 0
    assert going.wait(DEADLINE_S) != 0
    house.assert_empty()


def test_a_job_that_is_done_is_not_done_again(house: House, tmp_path: Path) -> None:
    job = instance("job-0", python(f"open({str(tmp_path / 'ran')!r}, 'a').write('x')"), "job")
    assert house.up(plan("p", job, instance("a-0", SLEEP)), "-d").returncode == 0
    house.until("job-0", "done")
    assert over(house, plan("p", job, instance("b-0", SLEEP))).returncode == 0
    assert states(house) == {"job-0": "done", "b-0": "ready"} and (tmp_path / "ran").read_text() == "x"
    other = instance("job-0", python(f"open({str(tmp_path / 'ran')!r}, 'a').write('y')"), "job")
    assert over(house, plan("p", other, instance("b-0", SLEEP))).returncode == 0
    house.until("job-0", "done")
    assert (tmp_path / "ran").read_text() == "xy"


def test_what_had_failed_begins_anew_and_what_hangs_in_a_start_goes(house: House, tmp_path: Path) -> None:
    bad = instance("bad-0", python("import sys, time; print('up', flush=True); time.sleep(1000)"), restart={"policy": "never", "max": 0}, **READY_BY_LOG)
    assert house.up(plan("p", bad, instance("a-0", SLEEP)), "-d").returncode == 0
    os.kill(leader(house, "bad-0"), signal.SIGKILL)
    house.until("bad-0", "failed")
    assert over(house, plan("p", bad, instance("a-0", SLEEP))).returncode == 0
    assert states(house) == {"bad-0": "ready", "a-0": "ready"} and house.ps()["bad-0"]["restarts"] == 0
    never = instance("never-0", python("import time; time.sleep(1000)"), stop_grace_ms=500, **READY_BY_LOG)
    hanging = house.popen("up", "--switch", "-d", "--plan", house.write(plan("p", never)))
    eventually("never-0 to be starting", lambda: states(house).get("never-0") == "starting")
    assert over(house, plan("p", instance("a-0", SLEEP))).returncode == 0
    assert states(house) == {"a-0": "ready"}
    assert hanging.wait(DEADLINE_S) == 0             # it follows the project, which is up


def test_another_port_is_another_start(house: House) -> None:
    def listens(port: int) -> dict:
        one = web("w-0")
        one["launch"]["ports"] = [{"name": "port", "want": port, "block": 1}]
        return one

    x, y = free_port(), free_port()
    assert house.up(plan("p", listens(x)), "-d").returncode == 0
    assert over(house, plan("p", listens(y))).returncode == 0
    assert house.ps()["w-0"]["endpoint"]["http"] == f"http://127.0.0.1:{y}"


def test_from_phases_and_into_phases(house: House, tmp_path: Path) -> None:
    both = instance("both-0", SLEEP)
    value = phased("p", one=[both, instance("work-0", gate(tmp_path, "one"), "job")], two=[both, instance("work-1", gate(tmp_path, "two"), "job")])
    assert house.up(value, "-d").returncode == 0
    stays = leader(house, "both-0")
    (tmp_path / "one").touch()
    house.until("work-1", "running")
    done = over(house, phased("p", one=[both, instance("work-0", gate(tmp_path, "one"), "job")], three=[both, instance("late-0", SLEEP)]))
    assert done.returncode == 0, done.stderr
    house.until("late-0", "ready")                   # phase one was done: it is passed over
    assert leader(house, "both-0") == stays
    assert json.loads(house.berth("phase", "--json").stdout)["phases"] == ["one", "three"]


@pytest.mark.parametrize(("change", "words"), [({"phases": []}, "is empty"), ({"name": "../p"}, "name")])
def test_a_plan_that_is_refused_changes_nothing(house: House, change: dict, words: str) -> None:
    value = plan("p", instance("a-0", SLEEP))
    assert house.up(value, "-d").returncode == 0
    before = leader(house, "a-0")
    done = over(house, value | change)
    assert done.returncode != 0 and words in done.stderr, done.stderr
    lost = plan("p", instance("a-0", [*SLEEP, "{url:nobody}"]))
    assert "there is no such workload" in over(house, lost).stderr
    assert states(house) == {"a-0": "ready"} and leader(house, "a-0") == before


def test_a_new_plan_that_does_not_start_ends_like_a_failed_up(house: House) -> None:
    assert house.up(plan("p", instance("a-0", SLEEP)), "-d").returncode == 0
    done = over(house, plan("p", instance("b-0", python("import sys; sys.exit(3)"), **READY_BY_LOG)))
    assert done.returncode == 1 and "b-0 failed" in done.stderr, done.stderr
    house.assert_empty()


def test_the_environment_is_that_of_the_last_up(house: House) -> None:
    one, other = instance("a-0", SLEEP, env_from=["HF_TOKEN"], **READY_BY_LOG), instance("a-0", [*SLEEP, "x"], env_from=["HF_TOKEN"], **READY_BY_LOG)
    assert house.up(plan("p", one), "-d", env={"HF_TOKEN": "first"}).returncode == 0
    house.env["HF_TOKEN"] = "second"
    assert over(house, plan("p", other)).returncode == 0
    assert b"HF_TOKEN=second" in Path(f"/proc/{leader(house, 'a-0')}/environ").read_bytes()
    assert not any(b"HF_TOKEN=second" in f.read_bytes() for f in (house.runtime / "p" / "p").iterdir() if f.is_file())


SPEC = """
name: t
workloads:
  a: {kind: service, command: [sleep, "1000"], gpus: 1, memory: 10GiB}
  b: {kind: service, command: [sleep, "1001"], gpus: 1, memory: 12GiB}
  c: {kind: service, command: [sleep, "1002"], gpus: 1, memory: 14GiB}
variants:
  training: {c: {gpus: 2, memory: 30GiB}}
  less: {a: {optional: true, memory: 500GiB}, b: {memory: 14GiB}}
"""


def test_twins_of_cards_are_taken_where_the_same_runs_already(machine: Callable[..., Machine]) -> None:
    """By itself the plan of `less` gives c card 1, which is the same as card 2 in all but its name."""
    m = machine("3xA100-SXM4-40GB")
    (m.folder / "berth.yaml").write_text(SPEC)

    def rows() -> dict[str, tuple[int, list[int]]]:
        return {r["id"]: (json.loads((Path(m.env["BERTH_RUNTIME_DIR"]) / "inst" / "t" / r["id"] / "child.json").read_text())["pid"], [k["index"] for k in r["ranks"]])
                for r in m.json("ps")["instances"]}

    try:
        assert m.berth("up", "-d").returncode == 0
        first = rows()
        assert [cards for _, cards in first.values()] == [[0], [1], [2]]
        planned = m.json("plan", "--variant", "less")["phases"][0]["instances"]
        assert [i["ranks"][0]["index"] for i in planned if i["id"] == "c-0"] == [1]
        diff = m.json("diff", "--variant", "less")
        assert {r["instance"] for r in diff["rows"]} == {"a-0", "b-0"}
        done = m.berth("up", "--variant", "less", "-d")
        assert done.returncode == 0 and "stopped: a-0, b-0; as it is: c-0" in done.stderr, done.stderr
        assert rows()["c-0"] == first["c-0"] and set(rows()) == {"b-0", "c-0"}
        assert m.berth("verify").returncode == 0
        back = m.berth("up", "--variant", "training", "-d")
        assert back.returncode == 0, back.stderr
        assert len(rows()["c-0"][1]) == 2 and m.json("diff", "--variant", "training")["same"]
    finally:
        m.berth("down")
