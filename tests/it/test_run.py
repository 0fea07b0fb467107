"""up, down, ps, logs, restart, verify, and the keeper: real processes, plans written by hand, no GPU."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S, alive, eventually, free_port
from plans import HTTP, PORT, SLEEP, House, instance, plan, python, web

NOISE = python("import os\nb = b'x' * 65535 + b'\\n'\nwhile True: os.write(1, b); os.write(2, b)")
STUBBORN = python("import signal, time\nfor s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(s, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(1000)")
ESCAPER = python("""
import os, signal, sys, time
for depth in range(2):                   # out of the session, then orphaned
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open(f'{os.environ["TMPDIR"]}/../escaped-{depth}', 'w').write(str(os.getpid()))
        if depth == 1: time.sleep(1000)
        if os.fork(): os._exit(0)
        time.sleep(1000)
time.sleep(1000)
""")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    yield one
    one.close()


# ---- the keeper alone ----

Keep = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def keeper() -> Iterator[Keep]:
    running: list[subprocess.Popen[bytes]] = []

    def start(folder: Path, argv: list[str], **more) -> subprocess.Popen[bytes]:
        folder.mkdir()
        (folder / "launch.json").write_text(json.dumps({"project": "p", "id": "a-0", "argv": argv, "cwd": "/", "url": "", "log_max_bytes": 65536, "restarts": 0, "wall_ms": 0,
                                                        "ports": [], **more}))
        running.append(subprocess.Popen([BERTH, "keeper", folder], stderr=subprocess.PIPE, env={**os.environ, "TMPDIR": str(folder), "BERTH_KEEPER": str(folder)}))
        return running[-1]

    yield start
    for k in running:                    # twice: the second one does not wait
        if k.poll() is None:
            k.terminate()
            eventually("the keeper to end", lambda k=k: k.poll() is not None or k.terminate())


def control(folder: Path, *messages: dict) -> list[dict]:
    with socket.socket(socket.AF_UNIX) as s:
        at = os.open(folder, os.O_RDONLY)
        s.connect(f"/proc/self/fd/{at}/sock")
        os.close(at)
        answers = []
        with s.makefile("rw") as f:
            for m in messages:
                f.write(json.dumps(m) + "\n")
                f.flush()
                answers.append(json.loads(f.readline()))
        return answers


def log_of(folder: Path) -> list[str]:
    return [line.split(" ", 2)[2] for line in (folder / "log").read_text(errors="replace").splitlines()]


@pytest.mark.parametrize("cgroup", ["", "off"])
def test_keeper_records_exit_and_both_streams(keeper: Keep, tmp_path: Path, cgroup: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BERTH_CGROUP", cgroup)
    k = keeper(tmp_path / "k", python("import sys; print('to out'); print('to err', file=sys.stderr); print('no newline', end=''); sys.exit(7)"))
    assert k.wait(DEADLINE_S) == 0
    x = json.loads((tmp_path / "k/exit.json").read_text())
    assert (x["status"], x["signal"], x["asked"]) == (7, 0, False)
    assert {"to out", "to err", "no newline"} <= set(log_of(tmp_path / "k"))


@pytest.mark.parametrize("cgroup", ["", "off"])
def test_keeper_stops_a_tree_that_does_not_want_to(keeper: Keep, tmp_path: Path, cgroup: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BERTH_CGROUP", cgroup)
    folder = tmp_path / "k"
    k = keeper(folder, ESCAPER)
    # TMPDIR/.. is tmp_path here: two that left the session, one of them with another parent
    eventually("both children to be out",
               lambda: all((f := tmp_path / f"escaped-{i}").exists() and f.read_text() for i in range(2)) and (folder / "child.json").exists())
    pids = [int((tmp_path / f"escaped-{i}").read_text()) for i in range(2)]
    leader = json.loads((folder / "child.json").read_text())["pid"]
    assert control(folder, {"op": "stop", "steps": [{"signal": 15, "whom": "leader", "wait_ms": 300}, {"signal": 9, "whom": "tree", "wait_ms": 1000}]}) == [{"ok": True}]
    assert k.wait(DEADLINE_S) == 0
    assert json.loads((folder / "exit.json").read_text())["asked"] is True
    assert not any(alive(p) for p in [leader, pids[1]])


def test_keeper_sweeps_what_a_dead_leader_left(keeper: Keep, tmp_path: Path) -> None:
    code = ("import os, time\nif os.fork() == 0:\n    open(os.environ['TMPDIR'] + '/left', 'w').write(str(os.getpid())); time.sleep(1000)\n"
            "while not os.path.exists(os.environ['TMPDIR'] + '/left') or not os.stat(os.environ['TMPDIR'] + '/left').st_size: time.sleep(0.02)\nos._exit(0)")
    k = keeper(tmp_path / "k", python(code))
    eventually("the child to be there", lambda: (tmp_path / "k/left").exists() and (tmp_path / "k/left").read_text())
    left = int((tmp_path / "k/left").read_text())
    assert k.wait(DEADLINE_S) == 0
    assert not alive(left)
    assert json.loads((tmp_path / "k/exit.json").read_text())["asked"] is False


def test_keeper_neither_blocks_nor_grows(keeper: Keep, tmp_path: Path) -> None:
    folder = tmp_path / "k"
    k = keeper(folder, NOISE)
    eventually("the log to have been rotated", lambda: (folder / "log.1").exists())

    def resident_kib() -> int:
        return int(next(line for line in Path(f"/proc/{k.pid}/status").read_text().splitlines() if line.startswith("VmRSS")).split()[1])

    before = resident_kib()
    for _ in range(20):
        last = (folder / "log.1").stat().st_mtime_ns
        eventually("it to be rotated again and again", lambda at=last: (folder / "log.1").exists() and (folder / "log.1").stat().st_mtime_ns != at)
    assert resident_kib() < before + 4096
    control(folder, {"op": "stop", "steps": [{"signal": 9, "whom": "tree", "wait_ms": 1000}]})
    assert k.wait(DEADLINE_S) == 0
    assert (folder / "log").stat().st_size + (folder / "log.1").stat().st_size < 4 * 65536 * 2
    assert json.loads((folder / "exit.json").read_text())["signal"] == 9


def test_keeper_says_which_step_failed(keeper: Keep, tmp_path: Path) -> None:
    for argv, cwd, words in ([["no-such-program"], "/", "exec no-such-program"], [["/etc/passwd"], "/", "exec /etc/passwd: Permission denied"], [["true"], "/no/such", "chdir to /no/such"]):
        folder = tmp_path / words.replace("/", "_").replace(" ", "_")[:30]
        k = keeper(folder, argv, cwd=cwd)
        assert k.wait(DEADLINE_S) == 1
        assert words in json.loads((folder / "exit.json").read_text())["failed"]


def test_keeper_gives_the_workload_clean_signals(keeper: Keep, tmp_path: Path) -> None:
    k = keeper(tmp_path / "k", python("print(open('/proc/self/status').read())"))
    assert k.wait(DEADLINE_S) == 0
    status = dict(line.split(":\t", 1) for line in log_of(tmp_path / "k") if ":\t" in line)
    assert int(status["SigBlk"], 16) == 0
    pythons_own = {signal.SIGPIPE, signal.SIGXFSZ}
    glibcs_own = {32, 33}                # thread cancellation and setuid: glibc lets no program touch them, so an inherited disposition stays
    ignored = {n for n in range(1, 65) if int(status["SigIgn"], 16) >> (n - 1) & 1}
    assert ignored <= pythons_own | glibcs_own


def test_keeper_knows_no_nonsense(keeper: Keep, tmp_path: Path) -> None:
    k = keeper(tmp_path / "k", SLEEP)
    eventually("the keeper to listen", lambda: (tmp_path / "k/child.json").exists())
    answers = control(tmp_path / "k", {"op": "dance"}, {"op": "stop", "steps": [{"signal": 15, "whom": "nobody", "wait_ms": 1}]}, {"op": "stop", "steps": []})
    assert all("error" in a for a in answers)
    assert k.poll() is None
    k.terminate()                        # the polite way out for a person
    assert k.wait(DEADLINE_S) == 0


def test_keeper_refuses_a_second_one(keeper: Keep, tmp_path: Path) -> None:
    k = keeper(tmp_path / "k", SLEEP)
    eventually("the keeper to have its folder", lambda: (tmp_path / "k/keeper.json").exists())
    second = subprocess.run([BERTH, "keeper", tmp_path / "k"], capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert second.returncode == 1 and "another keeper" in second.stderr
    assert not (tmp_path / "k/exit.json").exists()
    k.terminate()
    assert k.wait(DEADLINE_S) == 0


# ---- a set ----

def test_up_ps_logs_down(house: House) -> None:
    job = instance("job-0", python("import sys, urllib.request as u; print('status', u.urlopen(sys.argv[1]).status)", "{url:web}"), "job", after={"web": "ready"})
    up = house.up(plan("set", web("web-0"), job), "-d")
    assert up.returncode == 0, up.stderr
    assert house.until("job-0", "done")["exit"]["status"] == 0
    ps = house.ps()
    assert ps["web-0"]["state"] == "ready" and ps["web-0"]["want"] == "ready" and len(ps["web-0"]["pids"]) == 1
    assert ps["web-0"]["endpoint"]["http"].startswith("http://127.0.0.1:")
    assert "web-0" in house.berth("ps").stdout
    assert house.berth("logs", "job").stdout.splitlines()[0] == "status 200"
    followed = house.berth("logs", "-f", "job-0")
    assert followed.returncode == 0 and "status 200" in followed.stdout
    down = house.berth("down")
    assert down.returncode == 0 and "set is down" in down.stdout
    house.assert_empty()
    assert "status 200" in house.berth("logs", "job").stdout         # kept after down


def test_nothing_up(house: House) -> None:
    assert house.berth("ps").stdout == "nothing is up\n"
    assert json.loads(house.berth("ps", "--json").stdout)["instances"] == []
    for verb in (["down"], ["verify"], ["restart", "x"], ["logs"]):
        done = house.berth(*verb)
        assert done.returncode == 1 and "nothing is up" in done.stderr, verb
    assert not house.runtime.exists()


def test_up_twice(house: House) -> None:
    one = plan("set", instance("a-0", SLEEP))
    assert house.up(one, "-d").returncode == 0
    again = house.up(one, "-d")
    assert again.returncode == 1 and "already up" in again.stderr and "berth down" in again.stderr
    assert house.state("a-0") == "ready"


def test_two_projects(house: House) -> None:
    assert house.up(plan("one", instance("a-0", SLEEP)), "-d").returncode == 0
    assert house.up(plan("two", instance("a-0", SLEEP)), "-d").returncode == 0
    assert json.loads(house.berth("ps", "--json", "two").stdout)["project"] == "two"
    which = house.berth("down")
    assert which.returncode == 2 and "one, two" in which.stderr
    assert house.berth("down", "one").returncode == 0
    assert house.berth("down", "nobody").returncode == 1
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_command_missing(house: House) -> None:
    up = house.up(plan("set", instance("a-0", SLEEP), instance("b-0", ["no-such-program"])), "-d")
    assert up.returncode == 1
    assert "b-0 failed: exec no-such-program: no such program in PATH" in up.stderr
    house.assert_empty()                 # never a half-started set


def test_dies_at_once(house: House) -> None:
    up = house.up(plan("set", instance("b-0", python("import sys; print('my last words'); sys.exit(3)"), ready={"kind": "log", "pattern": "never"})), "-d")
    assert up.returncode == 1
    assert "exit status 3 before it was ready" in up.stderr and "| my last words" in up.stderr
    house.assert_empty()


def test_exit_0_unasked_is_a_failure(house: House) -> None:
    up = house.up(plan("set", instance("b-0", python("print('bye')"), ready={"kind": "log", "pattern": "never"})), "-d")
    assert up.returncode == 1 and "exit status 0 before it was ready" in up.stderr
    house.assert_empty()


def test_failed_up_can_be_kept(house: House) -> None:
    up = house.up(plan("set", instance("a-0", SLEEP), instance("b-0", ["false"], ready={"kind": "log", "pattern": "never"})), "-d", "--keep")
    assert up.returncode == 1
    ps = house.ps()
    assert ps["a-0"]["state"] == "ready" and ps["b-0"]["state"] == "failed" and ps["b-0"]["exit"]["status"] == 1
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_port_taken_names_its_holder(house: House) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        up = house.up(plan("set", instance("a-0", SLEEP, ports=[{"name": "port", "want": port, "block": 1}], endpoint=HTTP)), "-d")
        assert up.returncode == 1
        assert f"port {port} is in use by pid {os.getpid()} (" in up.stderr and "python" in up.stderr
    house.assert_empty()


def test_port_of_another_project(house: House) -> None:
    wants = {"ports": [{"name": "port", "want": free_port(), "block": 1}], "endpoint": HTTP}
    assert house.up(plan("one", instance("a-0", SLEEP, **wants)), "-d").returncode == 0
    up = house.up(plan("two", instance("b-0", SLEEP, **wants)), "-d")
    assert up.returncode == 1 and "is leased to a-0 of project one" in up.stderr


def test_listener_must_be_ours(house: House) -> None:
    """A stranger takes the port while the workload loads: its answers are not believed."""
    up = house.popen("up", "--plan", house.write(plan("set", instance("a-0", SLEEP, ports=PORT, endpoint=HTTP, ready={"kind": "port"}))))
    eventually("it to be starting", lambda: house.runtime.exists() and house.ps().get("a-0", {}).get("pids"))
    port = int(house.ps()["a-0"]["endpoint"]["http"].rsplit(":", 1)[1])
    with socket.create_server(("127.0.0.1", port)):
        out, _ = up.communicate(timeout=DEADLINE_S)
    assert up.returncode == 1 and "its listener is not ours" in out and f"pid {os.getpid()}" in out
    house.assert_empty()


def test_ctrl_c_leaves_nothing(house: House) -> None:
    up = house.popen("up", "--plan", house.write(plan("set", web("web-0"), instance("a-0", SLEEP, after={"web": "ready"}))))
    house_is_up = eventually("both to be ready", lambda: house.runtime.exists() and len(ps := house.ps()) == 2 and all(i["state"] == "ready" for i in ps.values()))
    assert house_is_up
    up.send_signal(signal.SIGINT)
    assert up.wait(DEADLINE_S) == 130
    house.assert_empty()


def test_ctrl_c_while_it_starts(house: House) -> None:
    up = house.popen("up", "--plan", house.write(plan("set", instance("a-0", STUBBORN, ready={"kind": "log", "pattern": "never"}, stop_grace_ms=60000))))
    eventually("it to be deaf to signals", lambda: house.runtime.exists() and house.ps().get("a-0", {}).get("state") == "starting" and "up\n" in house.berth("logs", "a").stdout)
    up.send_signal(signal.SIGINT)
    eventually("it to be stopping", lambda: house.ps().get("a-0", {}).get("state") == "stopping")
    up.send_signal(signal.SIGINT)        # a second one does not wait for the minute
    assert up.wait(DEADLINE_S) == 130
    house.assert_empty()


def test_stubborn_ends(house: House) -> None:
    assert house.up(plan("set", instance("a-0", STUBBORN, ready={"kind": "log", "pattern": "^up$"}, stop_grace_ms=200)), "-d").returncode == 0
    pid = house.ps()["a-0"]["pids"][0]
    assert house.berth("down").returncode == 0
    assert not alive(pid)
    house.assert_empty()


def test_stop_order_is_the_order_of_needs(house: House, tmp_path: Path) -> None:
    note = "import signal, sys, time\ndef end(*_):\n    open(sys.argv[1], 'a').write(sys.argv[2] + '\\n'); sys.exit(0)\nsignal.signal(signal.SIGTERM, end)\nprint('up', flush=True)\nwhile True: time.sleep(0.02)"
    up = {"ready": {"kind": "log", "pattern": "^up$"}}
    set_ = plan("set", instance("client-0", python(note, str(tmp_path / "order"), "client"), after={"middle": "ready"}, **up),
                instance("middle-0", python(note, str(tmp_path / "order"), "middle"), after={"base": "ready"}, **up),
                instance("base-0", python(note, str(tmp_path / "order"), "base"), **up))
    assert house.up(set_, "-d").returncode == 0
    assert house.berth("down").returncode == 0
    assert (tmp_path / "order").read_text().split() == ["client", "middle", "base"]


def test_job_status_to_the_user(house: House) -> None:
    fine = instance("good-0", python("print('fine')"), "job")
    bad = instance("bad-0", python("import sys; sys.exit(42)"), "job", after={"good": "done"})
    assert house.up(plan("set", instance("a-0", SLEEP), fine), "--exit-with", "good").returncode == 0
    house.assert_empty()
    assert house.up(plan("set", instance("a-0", SLEEP), fine, bad), "--exit-with", "bad").returncode == 42
    house.assert_empty()
    assert house.up(plan("set", instance("a-0", SLEEP), fine), "--wait-jobs").returncode == 0
    assert house.up(plan("set", fine), timeout=DEADLINE_S).returncode == 0             # only jobs: nothing is left to stay for
    house.assert_empty()


def test_job_retries(house: House, tmp_path: Path) -> None:
    code = f"import sys; p = {str(tmp_path / 'tries')!r}; open(p, 'a').write('x'); sys.exit(len(open(p).read()) < 2)"
    assert house.up(plan("set", instance("job-0", python(code), "job", retries=1))).returncode == 0
    assert (tmp_path / "tries").read_text() == "xx"


def test_restart_verb_and_policy(house: House) -> None:
    assert house.up(plan("set", instance("a-0", SLEEP, ready={"kind": "log", "pattern": "^up$"}), instance("b-0", SLEEP)), "-d").returncode == 0
    before = house.ps()
    done = house.berth("restart", "a")
    assert done.returncode == 0, done.stderr
    after = house.ps()
    assert after["a-0"]["pids"] != before["a-0"]["pids"] and after["b-0"]["pids"] == before["b-0"]["pids"] and after["a-0"]["restarts"] == 0
    os.kill(after["a-0"]["pids"][0], signal.SIGKILL)         # by itself, after a back-off
    eventually("it to be started again", lambda: (i := house.ps()["a-0"])["state"] == "ready" and i["pids"] and i["pids"] != after["a-0"]["pids"])
    assert house.ps()["a-0"]["restarts"] == 1
    bad = house.berth("restart", "c")
    assert bad.returncode == 1 and "a-0, b-0" in bad.stderr


def test_placeholders_and_environment(house: House) -> None:
    code = "import json, os, sys; print(json.dumps([sys.argv[1:], {k: os.environ.get(k) for k in ('A', 'B', 'TOKEN', 'TMPDIR', 'BERTH_INSTANCE')}]))"
    argv = python(code, "{port}", "{extra}", "{tmp}", "{url:web}", "{none}", '{"json": 1}')
    one = instance("a-0", argv, "job", ports=[*PORT, {"name": "extra", "want": 0, "block": 4}], env={"A": "at {port}", "B": "2"}, env_from=["TOKEN"])
    assert house.up(plan("set", one, web("web-0")), "--exit-with", "a", env={"TOKEN": "secret", "B": "1"}).returncode == 0
    args, env = json.loads(house.berth("logs", "a").stdout.splitlines()[0])
    assert args[0].isdigit() and args[1].isdigit() and args[2] == env["TMPDIR"] and args[3].startswith("http://127.0.0.1:") and args[4:] == ["{none}", '{"json": 1}']
    assert env == {"A": f"at {args[0]}", "B": "2", "TOKEN": "secret", "TMPDIR": args[2], "BERTH_INSTANCE": "set/a-0"}


def test_a_socket_fits_into_tmpdir_whatever_the_names(tmp_path: Path) -> None:
    code = "import os, socket; s = socket.socket(socket.AF_UNIX); s.bind(os.environ['TMPDIR'] + '/' + 'x' * 36); print(os.environ['TMPDIR'], flush=True)"
    for folder in (tmp_path, tmp_path / ("d" * 80)):
        folder.mkdir(exist_ok=True)
        house = House(folder)
        try:
            done = house.up(plan("p" * 40, instance("i" * 40 + "-0", python(code), "job")))
            assert done.returncode == 0, done.stderr
            assert not Path(house.berth("logs").stdout.strip()).exists()
        finally:
            house.close()


def test_readiness_by_file_and_missing_dependency(house: House) -> None:
    touch = instance("a-0", python("import os, time; open(os.environ['TMPDIR'] + '/here', 'w'); time.sleep(1000)"), ready={"kind": "file", "path": "{tmp}/here"})
    late = instance("b-0", SLEEP, after={"job": "done"})
    up = house.up(plan("set", touch, late, instance("job-0", ["false"], "job")), "-d")
    assert up.returncode == 1 and "job-0 failed: exit status 1" in up.stderr
    house.assert_empty()


def test_stall(house: House) -> None:
    up = house.up(plan("set", instance("a-0", SLEEP, ready={"kind": "log", "pattern": "never"})), "-d", env={"BERTH_STALL": "1s"})
    assert up.returncode == 1 and "no sign of progress" in up.stderr
    house.assert_empty()


@pytest.mark.parametrize(("change", "words"), [
    (lambda p: p.update(kind="estimate"), "not \"plan\""),
    (lambda p: p.update(name="../x"), "plan.name"),
    (lambda p: p.update(refusals=[{"code": "c", "text": "too big"}]), "too big"),
    (lambda p: p["fleet"].update(live=False, gpus=[{"uuid": "virtual-0", "index": 0, "total_bytes": 1}]), "named fleet"),
    (lambda p: p["phases"].append(p["phases"][0]), "twice"),
    (lambda p: p["phases"].append({"name": "two", "instances": [dict(p["phases"][0]["instances"][0], kind="job")]}), "another workload, kind or engine"),
    (lambda p: p["phases"][0]["instances"][0].update(after={"b": "ready"}), "no workload b"),
    (lambda p: p["phases"][0]["instances"][0].update(after={"a": "ready"}), "circle"),
    (lambda p: p["phases"][0]["instances"].append(p["phases"][0]["instances"][0]), "twice"),
    (lambda p: p["phases"][0]["instances"][0]["launch"].update(argv=[]), "argv"),
    (lambda p: p["phases"][0]["instances"][0]["launch"].update(ready={"kind": "log", "pattern": "("}), "a parenthesis is not closed"),
    (lambda p: p["phases"][0]["instances"][0]["launch"].update(engine="warp"), "no engine"),
    (lambda p: p["phases"][0]["instances"][0]["launch"].update(argv=["x", "{url:nobody}"]), "no such workload"),
    (lambda p: p["phases"][0]["instances"][0]["launch"].update(endpoint={"http": "http://10.0.0.1:80"}, ready={"kind": "http", "path": "/"}), "loopback"),
])
def test_bad_plans(house: House, change, words: str) -> None:
    bad = plan("set", instance("a-0", SLEEP))
    change(bad)
    up = house.up(bad, "-d")
    assert up.returncode in (1, 2, 3) and words in up.stderr, up.stderr


def test_plan_that_is_none(house: House) -> None:
    for text in ("", "{", "[]", "{}", "null", '{"schema": 1, "schema": 1}', "\0" * 100):
        up = house.berth("up", "--plan", house.write(text), "-d")
        assert up.returncode == 1 and up.stderr.startswith("berth up: "), text
    assert house.berth("up", "--plan", house.folder / "missing").returncode == 1


def test_long_runtime_path(tmp_path: Path) -> None:
    house = House(tmp_path / ("d" * 60) / ("e" * 60))
    house.folder.mkdir(parents=True)
    try:
        assert house.up(plan("set", instance("a-0", SLEEP)), "-d").returncode == 0
        assert house.berth("down").returncode == 0
        house.assert_empty()
    finally:
        house.close()
