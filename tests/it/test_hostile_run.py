"""Broken, hostile and badly timed things against what runs: records, journals, phases. Real processes, no GPU."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S, alive, eventually
from plans import SLEEP, House, instance, plan, python, web
from test_phases import gate, now_in, phase, phased
from test_tasks import NOTE, lines, matrix, slots


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    yield one
    one.close()


def record(tmp_path: Path) -> Path:
    return tmp_path / "state" / "projects" / "p" / "done"


def up_tasks(house: House, tmp_path: Path, n: list, *args: str, **more):
    return house.up(plan("p", *slots("x", 1, [*NOTE, str(tmp_path / "ran"), "{job.n}"], {"matrix": matrix(n=n)})), *args, **more)


def test_a_torn_record_costs_its_last_line_and_not_the_next_one(house: House, tmp_path: Path) -> None:
    assert up_tasks(house, tmp_path, [0, 1]).returncode == 0
    record(tmp_path).write_bytes(record(tmp_path).read_bytes()[:-20])     # the crash cut task 1's line
    assert up_tasks(house, tmp_path, [0, 1]).returncode == 0
    assert lines(tmp_path / "ran") == ["0", "1", "1"]
    again = up_tasks(house, tmp_path, [0, 1])
    assert again.returncode == 0 and lines(tmp_path / "ran") == ["0", "1", "1"], again.stderr


def test_a_record_that_is_no_file_is_an_error_and_never_a_hang(house: House, tmp_path: Path) -> None:
    record(tmp_path).parent.mkdir(parents=True)
    os.mkfifo(record(tmp_path))
    done = up_tasks(house, tmp_path, [0, 1], timeout=DEADLINE_S)
    assert done.returncode != 0 and str(record(tmp_path)) in done.stderr, done.stderr
    record(tmp_path).unlink()
    record(tmp_path).mkdir()
    done = up_tasks(house, tmp_path, [0, 1], timeout=DEADLINE_S)
    assert done.returncode != 0 and str(record(tmp_path)) in done.stderr, done.stderr


def test_values_with_every_odd_character_are_one_argument_each(house: House, tmp_path: Path) -> None:
    odd = ["a\nb", "{job.n}", "{job.", "'\"$(id)`", "\x1b[31m", "x" * 2000, "", "\u2028é"]
    code = "import sys, json\nopen(sys.argv[1], 'a').write(json.dumps(sys.argv[2:]) + '\\n')"
    value = plan("p", *slots("x", 1, python(code, str(tmp_path / "ran"), "{job.n}"), {"matrix": matrix(n=odd)}))
    done = house.up(value)
    assert done.returncode == 0, done.stderr
    assert [json.loads(x) for x in (tmp_path / "ran").read_text().splitlines()] == [[x] for x in odd]
    assert "\x1b[31m" not in done.stderr + done.stdout
    assert "every task" in house.up(value).stdout


@pytest.mark.parametrize("what", ["cut", "empty", "noise", "folder", "gone", "forgotten", "env", "limit"])
def test_a_project_whose_plan_cannot_be_read_is_told_and_not_started_twice(house: House, what: str) -> None:
    """What it started runs on: nobody may say that nothing is up, forget it, or start it beside itself. Each names the file that is damaged."""
    value = plan("p", instance("s-0", SLEEP))
    assert house.up(value, "-d").returncode == 0
    pid = house.ps()["s-0"]["pids"][0]
    file = house.runtime / "p" / "p" / ("env" if what in ("env", "limit") else "plan.json")
    whole = file.read_bytes()
    tmp = Path(next(row[7:] for row in Path(f"/proc/{pid}/environ").read_text().split("\0") if row.startswith("TMPDIR=")))
    assert tmp.is_dir()
    house.kill_daemon()
    file.unlink()
    if what == "folder":
        file.mkdir()
    elif what == "forgotten":
        shutil.rmtree(file.parent)
    elif what not in ("env", "gone"):
        file.write_bytes({"cut": whole[:200], "empty": b"", "noise": bytes(range(256)), "limit": b"BERTH_STALL=soon\0" + whole}[what])
    seen = house.berth("doctor", "--json")               # no daemon lives, and none is started
    assert seen.returncode == 5 and "was started for" in seen.stdout and f"taken up again: {'open ' * (what in ('env', 'gone', 'forgotten'))}" in seen.stdout and str(file) in seen.stdout
    assert alive(pid) and not house.daemon()
    for verb in (["ps"], ["down"], ["down", "p"], ["verify"], ["up", "-d", "--plan", house.write(value)]):
        done = house.berth(*verb)
        assert done.returncode == 1 and "project p was up and cannot be taken up again" in done.stderr and "berth doctor --fix" in done.stderr, (verb, done)
        assert done.stderr.count(str(file)) == 1 and ("plan.json" in done.stderr.split("again: ")[1]) == (file.name == "plan.json"), done.stderr
    assert [row["project"] for row in json.loads(house.berth("ps", "--json").stdout)["unreadable"]] == ["p"]
    assert alive(pid)
    seen = house.berth("doctor", "--json")
    assert seen.returncode == 5 and "was started for" in seen.stdout and str(file) in seen.stdout and "nobody keeps" not in seen.stdout and alive(pid)
    assert "project p is forgotten" in house.berth("doctor", "--fix").stdout and not (house.runtime / "inst" / "p").exists()
    eventually("it to be gone", lambda: not alive(pid))
    assert house.berth("ps").stdout == "nothing is up\n" and not tmp.exists()
    assert house.up(value, "-d").returncode == 0 and house.state("s-0") == "ready" and house.berth("ps").returncode == 0
    assert house.berth("down").returncode == 0
    house.assert_empty()


@pytest.mark.parametrize("damage", ["plan.json", "env"])
def test_what_a_living_daemon_keeps_is_no_stray(house: House, damage: str) -> None:
    """It has plan and environment in memory: what became of the files is the next daemon's."""
    assert house.up(plan("p", instance("s-0", SLEEP)), "-d").returncode == 0
    pid = house.ps()["s-0"]["pids"][0]
    file = house.runtime / "p" / "p" / damage
    whole = file.read_bytes()
    for text in (whole[:50], None):
        file.unlink() if text is None else file.write_bytes(text)
        for more in ([], ["--fix"]):
            done = house.berth("doctor", *more)
            assert "nothing is left of earlier runs" in done.stdout, done.stdout
    assert house.ps()["s-0"]["pids"] == [pid] and alive(pid)
    os.kill(house.daemon(), signal.SIGSTOP)              # one that does not answer is not asked again and again, and keeps what it has
    try:
        assert "the daemon lives and does not answer" in house.berth("doctor", "--fix").stdout
    finally:
        os.kill(house.daemon(), signal.SIGCONT)
    assert house.ps()["s-0"]["pids"] == [pid] and alive(pid)
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_a_project_whose_plan_can_be_read_again_is_taken_up(house: House) -> None:
    assert house.up(plan("p", instance("s-0", SLEEP)), "-d").returncode == 0
    pid = house.ps()["s-0"]["pids"][0]
    file = house.runtime / "p" / "p" / "plan.json"
    whole = file.read_bytes()
    house.kill_daemon()
    file.write_bytes(whole[:200])
    assert house.berth("ps").returncode == 1
    house.kill_daemon()
    file.write_bytes(whole)
    assert house.ps()["s-0"]["pids"] == [pid]
    assert house.berth("down").returncode == 0
    house.assert_empty()


@pytest.mark.parametrize("damage", ["launch.json cut", "launch.json gone", "keeper.json cut", "keeper.json gone", "child.json cut"])
def test_what_runs_with_a_damaged_folder_is_not_lost_and_not_started_beside_itself(house: House, damage: str) -> None:
    """Who cannot be told how it was started is ended and begins anew; a keeper that cannot be read about is found among the processes."""
    assert house.up(plan("p", instance("s-0", SLEEP)), "-d").returncode == 0
    pid = house.ps()["s-0"]["pids"][0]
    name, how = damage.split()
    file = house.runtime / "inst" / "p" / "s-0" / name
    house.kill_daemon()
    file.write_bytes(file.read_bytes()[:20])
    if how == "gone":
        file.unlink()
    house.until("s-0", "stopping", "ready")              # and not: failed, as another keeper has it
    anew = name == "launch.json"
    eventually("it to be ready", lambda: (row := house.ps()["s-0"])["state"] == "ready" and row["pids"] and (row["pids"] == [pid]) != anew)
    assert alive(pid) != anew
    assert house.berth("down").returncode == 0 and not alive(pid)
    house.assert_empty()


def limited(house: House, soft: int, hard: int, *args: str | Path, **more) -> subprocess.CompletedProcess[str]:
    """A verb under a limit of open files; the daemon that it starts has it too."""
    return subprocess.run([BERTH, *args], capture_output=True, text=True, timeout=DEADLINE_S, env=house.env, cwd=house.folder, check=False,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)), **more)  # noqa: PLW1509


@pytest.mark.parametrize("hard", [16, 20, 40])
def test_a_daemon_does_not_begin_with_too_few_files(house: House, hard: int) -> None:
    """It would read /proc as empty, and end what runs as if its keepers were dead."""
    done = limited(house, hard, hard, "up", "-d", "--plan", house.write(plan("p", instance("s-0", SLEEP))))
    assert done.returncode == 1 and f"at most {hard} files may be open at once, and the daemon needs 64" in done.stderr and "ulimit -Hn" in done.stderr, done.stderr
    assert house.berth("ps").stdout == "nothing is up\n"


def test_a_workload_has_the_soft_limit_of_files_that_it_would_have_had(house: House) -> None:
    says = python("import resource, time; print('limit', resource.getrlimit(resource.RLIMIT_NOFILE), flush=True); time.sleep(1000)")
    assert limited(house, 30, 300, "up", "-d", "--plan", house.write(plan("p", *[instance(f"s-{i}", says) for i in range(20)]))).returncode == 0
    assert "limit (30, 300)" in eventually("its word", lambda: house.berth("logs", "s-19").stdout)
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_more_than_it_may_have_files_for_is_not_started_and_harms_nobody(house: House) -> None:
    assert limited(house, 64, 64, "up", "-d", "--plan", house.write(plan("p", instance("s-0", SLEEP), web("w-0")))).returncode == 0
    before = {ident: one["pids"] for ident, one in house.ps().items()}
    many = house.up(plan("q", *[web(f"t-{i}") for i in range(60)]), "-d")
    assert many.returncode == 1 and "more files, and looking after 60 instances takes up to 200" in many.stderr and "ulimit -Hn" in many.stderr, many.stderr
    assert {ident: one["pids"] for ident, one in house.ps().items()} == before
    assert all(one["state"] == "ready" and not one["restarts"] for one in house.ps().values())
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_a_switch_to_more_than_it_may_have_files_for_is_refused_and_changes_nothing(house: House) -> None:
    small = plan("p", *[instance(f"s-{i}", SLEEP) for i in range(10)])
    assert limited(house, 90, 90, "up", "-d", "--plan", house.write(small)).returncode == 0
    before = {ident: one["pids"] for ident, one in house.ps().items()}
    many = house.up(plan("p", *[web(f"t-{i}") for i in range(60)]), "-d", "--switch")
    assert many.returncode == 1 and "more files, and looking after 50 instances takes up to 180" in many.stderr, many.stderr
    assert {ident: one["pids"] for ident, one in house.ps().items()} == before
    over = house.up(plan("p", *[instance(f"t-{i}", SLEEP) for i in range(12)]), "-d", "--switch")        # it gets the files of those that go
    assert over.returncode == 0, over.stderr
    assert {one["state"] for one in house.ps().values()} == {"ready"} and len(house.ps()) == 12
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_how_a_job_ended_is_not_guessed_while_no_file_can_be_opened(house: House, tmp_path: Path) -> None:
    """Its end is heard at once, and how it ended stands in a file."""
    job = instance("j-0", gate(tmp_path, "go"), "job")
    assert limited(house, 64, 64, "up", "-d", "--plan", house.write(plan("p", job, instance("s-0", SLEEP)))).returncode == 0
    house.until("j-0", "running")
    mine = set(house.processes()) - {house.daemon()}
    with ExitStack() as held:
        def one_more() -> bool:
            client = held.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            with suppress(BlockingIOError):          # those before it are not taken up yet
                client.connect(str(house.runtime / "daemon.sock"))
            return "too many open files" in (house.runtime / "daemon.log").read_text()

        eventually("no file to be left", one_more)
        (tmp_path / "go").touch()
        eventually("the job and its keeper to be gone", lambda: len([pid for pid in mine if alive(pid)]) <= len(mine) - 2)
        time.sleep(0.5)              # the daemon hears of it
    house.until("j-0", "done")
    assert "nobody knows how" not in house.berth("events").stdout
    assert house.state("s-0") == "ready"
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_a_journal_that_another_program_locks_holds_up_one_event_and_not_each(house: House, tmp_path: Path) -> None:
    assert house.up(plan("p", instance("s-0", SLEEP)), "-d").returncode == 0
    db = sqlite3.connect(tmp_path / "state" / "berth.db", isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    # 150 x 4 events, each held up for 0.2 s, would be over the deadline
    done = house.up(plan("q", *[instance(f"t-{i}", ["/bin/sleep", "1000"]) for i in range(150)]), "-d", timeout=100)
    assert done.returncode == 0, done.stderr
    assert "the journal: " in (house.runtime / "daemon.log").read_text()
    db.execute("ROLLBACK")
    db.close()
    assert house.berth("down", "p").returncode == 0 and house.berth("down", "q").returncode == 0


def test_phases_back_and_forth_while_the_daemon_dies(house: House, tmp_path: Path) -> None:
    slow = python("import signal, time\nsignal.signal(signal.SIGTERM, lambda *a: (time.sleep(0.3), exit(0)))\nprint('up', flush=True)\nwhile True: time.sleep(1)")
    both = instance("both-0", SLEEP)
    value = phased("p", one=[both, instance("a-0", slow)], two=[both, instance("b-0", slow)], three=[instance("c-0", slow)])
    assert house.up(value, "-d").returncode == 0
    for k, pause in enumerate([0, 0.05, 0.15, 0.3, 0.4, 0.6]):
        to, back = ("two", "one") if k % 2 == 0 else ("three", "two")
        x = house.popen("phase", to)
        time.sleep(pause)
        house.kill_daemon()
        y = house.popen("phase", back)
        z = house.popen("phase", to)
        said = {one: one.communicate(timeout=DEADLINE_S)[0] for one in (x, y, z)}
        eventually("settled", lambda: phase(house)["to"] is None)
        at = phase(house)["phase"]
        assert any(one.returncode == 0 for one in (x, y, z)), said.values()
        want = {"one": {"both-0", "a-0"}, "two": {"both-0", "b-0"}, "three": {"c-0"}}[at]
        eventually("states", lambda: {i for i, r in house.ps().items() if r["state"] == "ready"} == want)
    p = house.popen("phase", "one")
    time.sleep(0.1)
    assert house.berth("down").returncode == 0
    p.communicate(timeout=DEADLINE_S)
    house.assert_empty()


def test_down_and_a_dead_keeper_in_a_boundary(house: House, tmp_path: Path) -> None:
    slow = python("import signal, time\nsignal.signal(signal.SIGTERM, lambda *a: (time.sleep(0.5), exit(0)))\nprint('up', flush=True)\nwhile True: time.sleep(1)")
    value = phased("p", one=[instance("a-0", slow), instance("w-0", gate(tmp_path, "go"), "job")], two=[instance("b-0", slow)])
    assert house.up(value, "-d").returncode == 0
    keeper = json.loads((house.runtime / "inst" / "p" / "a-0" / "keeper.json").read_text())["pid"]
    x = house.popen("phase", "two")
    eventually("stopping", lambda: house.state("a-0") == "stopping")
    os.kill(keeper, signal.SIGKILL)
    house.kill_daemon()
    now_in(house, "two")
    house.until("b-0", "ready")
    x.communicate(timeout=DEADLINE_S)
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_a_hundred_thousand_tasks_are_one_queue(house: House) -> None:
    value = plan("p", *slots("x", 1, python("import time; time.sleep(1000)", "{job.a}", "{job.b}"), {"matrix": matrix(a=range(1000), b=range(100))}))
    done = house.up(value, "-d")
    assert done.returncode == 0 and house.ps()["x-0"]["task"]["name"] == "a=0 b=0", done.stderr


def test_a_keeper_that_was_stopped_goes_on_when_its_workload_is_to_end(house: House) -> None:
    assert house.up(plan("p", instance("s-0", SLEEP)), "-d").returncode == 0
    pid = house.ps()["s-0"]["pids"][0]
    os.kill(json.loads((house.runtime / "inst/p/s-0/keeper.json").read_text())["pid"], signal.SIGSTOP)
    assert house.berth("down").returncode == 0 and not alive(pid)
    house.assert_empty()


def test_who_asks_a_daemon_that_was_stopped_is_told_so(house: House) -> None:
    assert house.up(plan("p", instance("s-0", SLEEP)), "-d").returncode == 0
    daemon = house.daemon()
    os.kill(daemon, signal.SIGSTOP)
    ps = house.popen("ps")
    try:
        assert ps.stdout and "the daemon does not answer" in ps.stdout.readline()
    finally:
        os.kill(daemon, signal.SIGCONT)
    assert ps.wait(DEADLINE_S) == 0 and "s-0" in ps.stdout.read()
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_a_large_environment_hides_nobody(house: House, tmp_path: Path) -> None:
    """Who left the session of a workload whose keeper was killed is found by its mark alone, wherever in its environment that stands."""
    house.env |= {f"LARGE_{i}": "x" * 120_000 for i in range(4)} | {"BERTH_CGROUP": "off"}
    away = python("import os, sys, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork():\n        os._exit(0)\n    open(sys.argv[1], 'a').write(f'{os.getpid()}\\n')\ntime.sleep(1000)", str(tmp_path / "away"))
    assert house.up(plan("p", instance("s-0", away)), "-d").returncode == 0
    first = int(eventually("the child", lambda: (tmp_path / "away").exists() and (tmp_path / "away").read_text().splitlines())[0])       # type: ignore[index]
    os.kill(json.loads((house.runtime / "inst/p/s-0/keeper.json").read_text())["pid"], signal.SIGKILL)
    eventually("the child to be gone", lambda: not alive(first))
    house.until("s-0", "ready")
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_a_file_that_stood_there_before_the_start_says_nothing(house: House, tmp_path: Path) -> None:
    """Also one that was written within the same second, or has a time of its own."""
    says, gate = tmp_path / "says", tmp_path / "gate"
    gate.touch()
    work = python("import os, sys, time\nwhile not os.path.exists(sys.argv[2]): time.sleep(0.02)\nopen(sys.argv[1], 'w').write('x')\ntime.sleep(1000)", str(says), str(gate))
    assert house.up(plan("p", instance("s-0", work, ready={"kind": "file", "path": str(says)})), "-d").returncode == 0
    gate.unlink()
    os.utime(says, (time.time() + 1000, time.time() + 1000))
    again = house.popen("restart", "s-0")
    house.until("s-0", "starting")
    for _ in range(10):                                  # ten looks of the daemon, at least
        assert house.state("s-0") == "starting"
        time.sleep(0.1)
    gate.touch()
    house.until("s-0", "ready")
    assert again.wait(DEADLINE_S) == 0
    assert house.berth("down").returncode == 0
    house.assert_empty()


@pytest.mark.parametrize("name", ["BERTH_HANG", "BERTH_STALL", "BERTH_TOKENS_STALL", "BERTH_START_MAX"])
def test_a_limit_that_nothing_can_keep_is_refused(house: House, name: str) -> None:
    house.env[name] = "0s"
    done = house.up(plan("p", web("w-0")), "-d")
    assert done.returncode != 0 and name in done.stderr and "less than a second" in done.stderr, done.stderr
    house.env[name] = "100000000h"                       # as good as none
    assert house.up(plan("p", web("w-0")), "-d").returncode == 0
    time.sleep(1.5)                                      # a look at what is ready
    assert house.state("w-0") == "ready"
    assert house.berth("down").returncode == 0
    house.assert_empty()


@pytest.mark.parametrize("delay", [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4])
@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_at_every_moment_of_up(house: House, tmp_path: Path, delay: float, sig: int) -> None:
    p = house.popen("up", "--plan", house.write(plan("p", *[instance(f"s-{i}", SLEEP) for i in range(4)])))
    time.sleep(delay)
    p.send_signal(sig)
    p.communicate(timeout=DEADLINE_S)
    eventually("all gone", lambda: not house.processes())
    eventually("folder gone", lambda: not house.runtime.exists())
