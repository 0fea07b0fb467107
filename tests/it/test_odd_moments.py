"""Two things at once, or one at a moment that nobody thinks of: a keeper that dies before its first word, two `up`, a park of what starts, a boundary in the middle
of a restart, folders that are files. Real processes, no GPU but where it says so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import BUILD, DEADLINE_S, alive, eventually
from plans import HTTP, PORT, SLEEP, House, instance, plan, python
from test_phases import leader, now_in, phased
from test_run_gpu import GIB, TENANT, Cards
from test_switch import slow

READY_BY_LOG = {"ready": {"kind": "log", "pattern": "^up$"}}


# ---- a keeper that dies before it has said that its child runs ----

def held(house: House, tmp_path: Path) -> Path:
    """Every workload waits between fork and exec while this file is there."""
    library, gate = BUILD / "tests" / "libberth_test_hold.so", tmp_path / "hold"
    assert library.exists(), f"{library} is not built"
    house.env |= {"LD_PRELOAD": str(library), "BERTH_TEST_HOLD": str(gate)}
    return gate


def who(house: House, ident: str, file: str) -> int:
    return json.loads((house.runtime / "inst" / "p" / ident / f"{file}.json").read_text())["pid"]


def test_a_keeper_dies_before_its_first_word(house: House, tmp_path: Path) -> None:
    gate = held(house, tmp_path)
    gate.touch()
    up = house.popen("up", "-d", "--plan", house.write(plan("p", instance("a-0", SLEEP, **READY_BY_LOG))))
    eventually("the child", lambda: (house.runtime / "inst" / "p" / "a-0" / "child.json").exists())
    keeper, child = who(house, "a-0", "keeper"), who(house, "a-0", "child")
    os.kill(keeper, signal.SIGKILL)
    assert up.wait(DEADLINE_S) == 1                  # never ready and dead: no second try
    assert up.stdout and "its keeper was killed" in up.stdout.read()
    assert not alive(child)                          # though it is no workload yet
    house.assert_empty()


def test_a_keeper_dies_before_the_first_word_of_a_restart(house: House, tmp_path: Path) -> None:
    gate = held(house, tmp_path)
    assert house.up(plan("p", instance("a-0", SLEEP, **READY_BY_LOG)), "-d").returncode == 0
    first = who(house, "a-0", "child")
    gate.touch()
    os.kill(first, signal.SIGKILL)
    eventually("the next child", lambda: (house.runtime / "inst/p/a-0/child.json").exists() and who(house, "a-0", "child") != first)
    child = who(house, "a-0", "child")
    os.kill(who(house, "a-0", "keeper"), signal.SIGKILL)
    gate.unlink()
    eventually("a life after that", lambda: (row := house.ps()["a-0"])["state"] == "ready" and not {first, child} & set(row["pids"]))
    assert not alive(child) and house.ps()["a-0"]["restarts"] == 2
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_daemon_and_keeper_die_before_its_first_word(house: House, tmp_path: Path) -> None:
    gate = held(house, tmp_path)
    gate.touch()
    up = house.popen("up", "-d", "--plan", house.write(plan("p", instance("a-0", SLEEP, **READY_BY_LOG))))
    eventually("the child", lambda: (house.runtime / "inst" / "p" / "a-0" / "child.json").exists())
    keeper, child = who(house, "a-0", "keeper"), who(house, "a-0", "child")
    house.kill_daemon()
    os.kill(keeper, signal.SIGKILL)
    gate.unlink()
    up.wait(DEADLINE_S)                              # the next daemon decides: it begins again, or it has failed
    eventually("the first child to be gone", lambda: not alive(child))
    house.berth("down")
    house.assert_empty()


# ---- two at once ----

@pytest.mark.parametrize("late_s", [0, 0.02, 0.1])
def test_two_up_of_one_project_at_once(house: House, late_s: float) -> None:
    path = house.write(plan("p", *[instance(f"s-{i}", SLEEP, **READY_BY_LOG) for i in range(3)]))
    first = house.popen("up", "-d", "--plan", path)
    try:
        first.wait(late_s)
    except subprocess.TimeoutExpired:
        pass
    second = house.popen("up", "-d", "--plan", path)
    ends = sorted([first.wait(DEADLINE_S), second.wait(DEADLINE_S)])
    assert ends == [0, 1]
    refused = first if first.returncode else second
    assert refused.stdout and "is already up" in refused.stdout.read()
    assert {r["state"] for r in house.ps().values()} == {"ready"} and len(house.ps()) == 3
    assert len(house.processes()) == 6               # a keeper and a workload each
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_two_down_and_an_up_at_once(house: House) -> None:
    path = house.write(plan("p", instance("a-0", SLEEP, **READY_BY_LOG)))
    assert house.berth("up", "-d", "--plan", path).returncode == 0
    all_of_them = [house.popen("down"), house.popen("down"), house.popen("up", "-d", "--plan", path)]
    codes = [p.wait(DEADLINE_S) for p in all_of_them]
    assert 0 in codes[:2] and codes[2] in (0, 1)
    house.berth("down")
    house.assert_empty()


# ---- at a moment that is none ----

def test_what_starts_is_not_parked(house: House, tmp_path: Path) -> None:
    code = python("import os, sys, time\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.02)\nprint('up', flush=True)\ntime.sleep(1000)", str(tmp_path / "go"))
    up = house.popen("up", "-d", "--plan", house.write(plan("p", instance("a-0", code, **READY_BY_LOG))))
    eventually("it to be starting", lambda: house.runtime.exists() and house.ps().get("a-0", {}).get("state") == "starting")
    for level in ("sleep", "stop"):
        done = house.berth("park", "a", "--level", level)
        assert done.returncode == 1 and "a-0 is starting: only what is ready can be parked" in done.stderr
    (tmp_path / "go").touch()
    assert up.wait(DEADLINE_S) == 0 and house.state("a-0") == "ready"
    assert house.berth("park", "a", "--level", "stop").returncode == 0 and house.state("a-0") == "down"


@pytest.mark.parametrize("killed", [False, True])
def test_up_does_not_wait_for_one_that_was_stopped_by_hand_meanwhile(house: House, tmp_path: Path, killed: bool) -> None:
    code = python("import os, sys, time\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.02)\nprint('up', flush=True)\ntime.sleep(1000)", str(tmp_path / "go"))
    up = house.popen("up", "-d", "--plan", house.write(plan("p", instance("a-0", SLEEP, **READY_BY_LOG), instance("b-0", code, **READY_BY_LOG))))
    eventually("a-0 to be ready", lambda: house.runtime.exists() and house.ps().get("a-0", {}).get("state") == "ready")
    assert house.berth("park", "a", "--level", "stop").returncode == 0
    if killed:
        house.kill_daemon()
    (tmp_path / "go").touch()
    assert up.wait(DEADLINE_S) == 0
    assert {i: r["state"] for i, r in house.ps().items()} == {"a-0": "down", "b-0": "ready"}


@pytest.mark.parametrize("killed", [False, True])
def test_a_boundary_in_the_middle_of_a_restart(house: House, tmp_path: Path, killed: bool) -> None:
    a, b = instance("a-0", slow(tmp_path, "go"), stop_grace_ms=600000, **READY_BY_LOG), instance("b-0", SLEEP)
    assert house.up(phased("p", one=[a], two=[b]), "-d").returncode == 0
    first = leader(house, "a-0")
    restart = house.popen("restart", "a")
    house.until("a-0", "stopping")
    going = house.popen("phase", "two")
    eventually("it to be going", lambda: json.loads(house.berth("phase", "--json").stdout)["to"] == "two")
    if killed:
        house.kill_daemon()
    (tmp_path / "go").touch()
    assert going.wait(DEADLINE_S) == 0
    restart.wait(DEADLINE_S)
    now_in(house, "two")
    assert house.until("b-0", "ready") and house.state("a-0") == "down" and not alive(first)
    assert house.berth("phase", "one").returncode == 0 and house.state("a-0") == "ready"
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_a_restart_of_what_is_of_another_phase_is_refused(house: House) -> None:
    assert house.up(phased("p", one=[instance("a-0", SLEEP)], two=[instance("b-0", SLEEP)]), "-d").returncode == 0
    done = house.berth("restart", "b")
    assert done.returncode == 1 and "b-0 has no place in this phase" in done.stderr


# ---- folders that are none ----

@pytest.mark.parametrize("what", ["folder", "pipe"])
def test_a_journal_that_is_no_file_is_told_as_that(house: House, what: str) -> None:
    db = house.folder / "state" / "berth.db"
    db.parent.mkdir(mode=0o700)
    db.mkdir() if what == "folder" else os.mkfifo(db)
    assert house.up(plan("p", instance("a-0", SLEEP)), "-d").returncode == 0
    words = f"berth.db: it is {'a folder' if what == 'folder' else 'a device, pipe or socket'} and no file"
    assert words in (house.runtime / "daemon.log").read_text()
    done = house.berth("events")
    assert done.returncode == 1 and words in done.stderr
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_a_journal_that_can_be_written_again_tells_what_is_missing(house: House) -> None:
    db = house.folder / "state" / "berth.db"
    db.parent.mkdir(mode=0o700)
    db.mkdir()
    assert house.up(plan("p", instance("a-0", SLEEP), instance("b-0", SLEEP)), "-d").returncode == 0
    db.rmdir()
    made = eventually("the journal", lambda: (said := house.berth("events", "--json", "--since", "0")).returncode == 0 and said.stdout)
    rows = [json.loads(line) for line in str(made).splitlines()]
    assert rows[0]["event"] == "gap" and rows[0]["states"] == {"a-0": "ready", "b-0": "ready"} and rows[0]["missed"] >= 6
    assert "changes could not be written down" in house.berth("events", "--since", "0").stdout
    assert house.berth("down").returncode == 0


@pytest.mark.parametrize("kind", ["file", "link", "dangling", "unwritable"])
def test_a_lock_folder_that_is_none(cards: Cards, kind: str) -> None:
    """The start window is advice: without it everything starts, and it is said once."""
    at, real = cards.folder / "locks", cards.folder / "real"
    if kind == "file":
        at.write_text("mine")
    elif kind == "unwritable":
        at = Path("/proc/self/fdinfo")               # also root makes no file there
    else:
        at.symlink_to(real)
    if kind == "link":
        real.mkdir()
    done = cards.up(cards.tenant("a-0", (0, GIB), planned=2 * GIB), env={"BERTH_LOCK_DIR": str(at)})
    assert done.returncode == 0, done.stderr
    log = (cards.runtime / "daemon.log").read_text()
    assert log.count("starts are not kept apart from those of other users") == (0 if kind == "link" else 1)
    assert kind != "file" or at.read_text() == "mine"
    assert kind != "link" or [p.name for p in real.iterdir()] == [f"berth-start-{cards.cards[0]['uuid']}.lock"]
    assert cards.berth("down").returncode == 0 and cards.machine.used() == [0, 0]


# ---- alive: /health alone is not believed, of any engine that tells its tokens ----

METRICS = {"vllm": ("vllm:num_requests_running", "vllm:generation_tokens_total"), "llama-server": ("llamacpp:requests_processing", "llamacpp:n_decode_total")}
# argv: port, the two names, a folder: `stuck` in it: a request runs and no token comes
TALKER = """
import http.server, os, sys, time
port, running, tokens, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        stuck = os.path.exists(folder + "/stuck")
        body = f'{running}{{model="m"}} 2\\n{tokens}{{model="m"}} {7 if stuck else int(time.monotonic() * 1000)}\\n' if self.path == "/metrics" else '{"data": []}'
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body.encode())
    def do_POST(self): self.send_response(404); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.mark.parametrize("engine", list(METRICS))
def test_health_without_tokens_is_not_believed(house: House, tmp_path: Path, engine: str) -> None:
    house.env["BERTH_TOKENS_STALL"] = "1s"
    server = instance("llm-0", python(TALKER, "{port}", *METRICS[engine], str(tmp_path)), "server", ports=PORT, endpoint=HTTP, ready={"kind": "http", "path": "/health"}, engine=engine)
    assert house.up(plan("p", server), "-d").returncode == 0
    first = house.ps()["llm-0"]["pids"]
    for _ in range(3):                               # tokens that advance are work, however long one request takes
        house.berth("verify")
    assert house.ps()["llm-0"]["pids"] == first
    (tmp_path / "stuck").touch()
    eventually("it to be ended", lambda: not alive(first[0]))
    (tmp_path / "stuck").unlink()
    eventually("its next life", lambda: (row := house.ps()["llm-0"])["state"] == "ready" and row["restarts"] == 1)
    assert "2 requests run and no token has come for 1.0 s" in (house.runtime / "daemon.log").read_text()


# ---- shared memory ----

def test_shared_memory_whose_name_somebody_else_has_now_stays(house: House) -> None:
    name = f"berth-test-{os.getpid()}"
    path = Path("/dev/shm") / name
    code = (f"import mmap, os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nfd = os.open('{path}', os.O_RDWR | os.O_CREAT)\n"
            "os.ftruncate(fd, 4096)\nm = mmap.mmap(fd, 4096)\nprint('up', flush=True)\ntime.sleep(1000)")
    try:
        assert house.up(plan("p", instance("m-0", python(code), stop_grace_ms=100, **READY_BY_LOG)), "-d").returncode == 0
        noted = house.runtime / "inst" / "p" / "m-0" / "shm"
        eventually("it to be noted", lambda: noted.exists() and name in noted.read_text())
        path.unlink()
        path.write_bytes(b"another's")               # and it is not mapped by anybody
        assert house.berth("down").returncode == 0
        assert path.read_bytes() == b"another's"
    finally:
        path.unlink(missing_ok=True)


# ---- drift ----

def test_a_helper_that_left_the_session_is_drift_and_is_stopped_with_it(cards: Cards) -> None:
    """Its bytes are on a card of nobody's plan; the leader and the helper do not listen to SIGTERM."""
    code = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execv(sys.executable, [sys.executable, "-u", "-c", sys.argv[1], f"1:{1 << 30}"])
os.execv(sys.executable, [sys.executable, "-u", "-c", sys.argv[1], f"0:{1 << 30}"])
"""
    deaf = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + TENANT
    one = instance("a-0", python(code, deaf), ranks=[{"gpu": cards.cards[0]["uuid"], "index": 0, "bytes": 4 * GIB}], stop_grace_ms=200, **READY_BY_LOG) | {"on_drift": "stop"}
    assert cards.up(one, cards.tenant("b-0", (0, GIB), planned=4 * GIB)).returncode == 0
    cards.until("a-0", "down")
    assert "held on a card that the plan did not give it" in (cards.ps()["a-0"]["why"] or ""), cards.ps()["a-0"]["why"]
    eventually("both cards to have no more than b's bytes", lambda: cards.machine.used()[1] == 0 and cards.machine.used()[0] < 3 * GIB)
    assert cards.state("b-0") == "ready" and cards.verify()[0] == 0


def test_drift_while_it_is_stopped_is_no_drift(cards: Cards) -> None:
    """A card that is lost, and found again, under an instance: told as that, and the verdict comes back."""
    assert cards.up(cards.tenant("a-0", (0, GIB), planned=2 * GIB)).returncode == 0
    assert cards.berth("sim", "ctl", "lose", "0").returncode == 0
    eventually("it to be told", lambda: cards.ps()["a-0"]["drift"])
    assert cards.verify()[0] == 4
    assert cards.berth("sim", "ctl", "heal").returncode == 0
    eventually("the verdict to come back", lambda: cards.ps()["a-0"]["drift"] is None and cards.verify()[0] == 0)
    assert cards.berth("down").returncode == 0 and cards.machine.used() == [0, 0]
