"""The daemon, keepers and workloads may be killed at any moment: nothing is lost, nothing is left."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S, alive, eventually
from plans import SLEEP, House, instance, plan, python, web

READY_BY_LOG = {"ready": {"kind": "log", "pattern": "^up$"}}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    yield one
    one.close()


def test_daemon_killed_and_adopted(house: House) -> None:
    assert house.up(plan("set", web("web-0"), instance("a-0", SLEEP, **READY_BY_LOG), instance("job-0", ["true"], "job")), "-d").returncode == 0
    house.until("job-0", "done")
    before, first = house.ps(), house.daemon()
    house.kill_daemon()
    assert all(alive(p) for i in before.values() for p in i["pids"])
    after = house.ps()                   # any verb starts the next one
    assert house.daemon() not in (0, first)
    eventually("everything to be taken up", lambda: {i: (v["state"], v["pids"]) for i, v in house.ps().items()} == {i: (v["state"], v["pids"]) for i, v in before.items()})
    assert abs(after["web-0"]["since"] - before["web-0"]["since"]) < 5 and after["web-0"]["endpoint"] == before["web-0"]["endpoint"]
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_a_runtime_folder_that_cannot_be_made_is_told_as_that(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    done = subprocess.run([BERTH, "daemon"], capture_output=True, text=True, timeout=DEADLINE_S, check=False,
                          env={**os.environ, "BERTH_RUNTIME_DIR": str(tmp_path / "link" / "run")})
    assert done.returncode == 1 and f"create folder {tmp_path}/link" in done.stderr and "No such file" in done.stderr, done.stderr


def test_what_ended_meanwhile_is_noticed(house: House) -> None:
    assert house.up(plan("set", instance("a-0", SLEEP, **READY_BY_LOG), instance("b-0", SLEEP, restart={"policy": "never", "max": 0})),
                    "-d").returncode == 0
    before = house.ps()
    house.kill_daemon()
    for ident in ("a-0", "b-0"):
        os.kill(before[ident]["pids"][0], signal.SIGKILL)
        eventually("the keeper to have written its last word", lambda i=ident: (house.runtime / "inst/set" / i / "exit.json").exists())
    assert house.until("b-0", "failed")["exit"]["signal"] == 9       # its policy says never
    eventually("a-0 to be started again", lambda: (i := house.ps()["a-0"])["state"] == "ready" and i["pids"] and i["pids"] != before["a-0"]["pids"])
    assert house.ps()["a-0"]["restarts"] == 1


def test_daemon_killed_while_things_start_and_stop(house: House, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    slow = python(f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.02)\nprint('up', flush=True); time.sleep(1000)")
    up = house.popen("up", "--plan", house.write(plan("set", instance("a-0", slow, **READY_BY_LOG), instance("b-0", SLEEP, after={"a": "ready"}))))
    eventually("a-0 to be starting", lambda: house.runtime.exists() and house.ps().get("a-0", {}).get("pids"))
    pids = house.ps()["a-0"]["pids"]
    house.kill_daemon()
    gate.touch()
    house.until("b-0", "ready")          # `up` itself, watching, brought the next daemon
    assert house.ps()["a-0"]["pids"] == pids
    house.kill_daemon()
    up.send_signal(signal.SIGINT)
    assert up.wait(DEADLINE_S) == 130
    house.assert_empty()


def test_daemon_killed_in_the_middle_of_down(house: House) -> None:
    code = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(1000)"
    assert house.up(plan("set", instance("a-0", python(code), stop_grace_ms=5000, **READY_BY_LOG), instance("b-0", SLEEP)), "-d").returncode == 0
    down = house.popen("down")
    house.until("a-0", "stopping")
    house.kill_daemon()
    assert down.wait(DEADLINE_S) == 0            # the next one finishes what was begun
    house.assert_empty()


@pytest.mark.parametrize("cgroup", ["", "off"])
def test_keeper_killed(house: House, cgroup: str) -> None:
    house.env["BERTH_CGROUP"] = cgroup   # "off": the mark in the environment has to find who left the session
    family = python("import os, time\nfor i in range(3):\n    if os.fork() == 0:\n        if i == 1: os.setsid()\n        time.sleep(1000)\nprint('up', flush=True); time.sleep(1000)")
    assert house.up(plan("set", instance("a-0", family, **READY_BY_LOG)), "-d").returncode == 0
    before = eventually("the whole family", lambda: (i := house.ps()["a-0"]) and len(i["pids"]) == 4 and i)
    assert isinstance(before, dict)
    os.kill(before["keeper"], signal.SIGKILL)
    eventually("the tree to be swept and started again", lambda: (i := house.ps()["a-0"])["state"] == "ready" and i["keeper"] and i["keeper"] != before["keeper"])
    assert not any(alive(p) for p in before["pids"])
    assert house.ps()["a-0"]["restarts"] == 1
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_keeper_killed_without_a_daemon(house: House) -> None:
    assert house.up(plan("set", instance("a-0", SLEEP, restart={"policy": "never", "max": 0}, **READY_BY_LOG)), "-d").returncode == 0
    before = house.ps()["a-0"]
    house.kill_daemon()
    os.kill(before["keeper"], signal.SIGKILL)
    after = house.until("a-0", "failed")
    assert "its keeper was killed" in after["exit"]["text"]
    assert not any(alive(p) for p in before["pids"])


def test_child_killed_gives_up_in_the_end(house: House) -> None:
    assert house.up(plan("set", instance("a-0", SLEEP, restart={"policy": "on-failure", "max": 1}, **READY_BY_LOG)), "-d").returncode == 0
    first = house.ps()["a-0"]["pids"]
    os.kill(first[0], signal.SIGKILL)
    eventually("the second life", lambda: (i := house.ps()["a-0"])["state"] == "ready" and i["pids"] and i["pids"] != first)
    os.kill(house.ps()["a-0"]["pids"][0], signal.SIGKILL)
    failed = house.until("a-0", "failed")
    assert failed["exit"]["signal"] == 9 and failed["restarts"] == 1
    assert house.berth("restart", "a-0").returncode == 0             # a person may still want it


def test_verify_names_what_is_not_at_work(house: House) -> None:
    code = "import os, sys, time\nif os.path.exists(sys.argv[1]): raise SystemExit(3)\nopen(sys.argv[1], 'w'); print('up', flush=True); time.sleep(1000)"
    assert house.up(plan("set", instance("a-0", python(code, str(house.folder / "was")), restart={"policy": "on-failure", "max": 1}, **READY_BY_LOG),
                         instance("b-0", SLEEP)), "-d").returncode == 0
    assert json.loads(house.berth("verify", "--json").stdout)["not_at_work"] == []
    os.kill(house.ps()["a-0"]["pids"][0], signal.SIGKILL)
    house.until("a-0", "failed")
    rows = json.loads(house.berth("verify", "--json").stdout)["not_at_work"]
    assert [(r["instance"], r["state"], r["restarts"], r["why"]) for r in rows] == [("a-0", "failed", 1, "exit status 3")]
    assert "not at work: a-0, failed: exit status 3" in house.berth("verify").stdout


def test_daemon_told_to_end_leaves_the_work(house: House) -> None:
    assert house.up(plan("set", instance("a-0", SLEEP)), "-d").returncode == 0
    pids, daemon = house.ps()["a-0"]["pids"], house.daemon()
    os.kill(daemon, signal.SIGTERM)
    eventually("the daemon to end", lambda: not alive(daemon))
    assert house.ps()["a-0"]["pids"] == pids


def test_nobody_holds_what_is_not_theirs(house: House) -> None:
    """Workload, keeper and daemon hold no pipe of the verb; keeper and workload no socket of the daemon. Otherwise `up -d | cat` never ends."""
    up = house.popen("up", "-d", "--plan", house.write(plan("set", instance("a-0", SLEEP, **READY_BY_LOG))))
    out, _ = up.communicate(timeout=DEADLINE_S)  # end of file: nobody else has the pipe
    assert up.returncode == 0, out
    i = house.ps()["a-0"]

    def fds(pid: int) -> dict[str, str]:
        found = {}
        for f in Path(f"/proc/{pid}/fd").iterdir():
            try:
                found[f.name] = os.readlink(f)
            except FileNotFoundError:
                pass                     # closed meanwhile
        return found
    assert set(fds(i["pids"][0])) == {"0", "1", "2"}
    listeners = [v for v in fds(i["keeper"]).values() if v.startswith("socket:")]
    assert len(listeners) == 2           # its own socket, and the daemon's connection to it


def test_secrets_are_not_written(house: House) -> None:
    one = instance("a-0", SLEEP, env_from=["HF_TOKEN"], **READY_BY_LOG)
    assert house.up(plan("set", one), "-d", env={"HF_TOKEN": "hf_very_secret"}).returncode == 0
    for path in house.runtime.rglob("*"):
        try:
            assert not path.is_file() or b"hf_very_secret" not in path.read_bytes(), path
        except FileNotFoundError:
            pass                         # renamed meanwhile: it is looked at under its name
    house.kill_daemon()                   # and yet a restart under the next daemon has it: the keeper remembers
    first = house.until("a-0", "ready")["pids"]
    assert house.berth("restart", "a-0").returncode == 0
    again = house.ps()["a-0"]["pids"]
    assert again != first
    assert b"HF_TOKEN=hf_very_secret" in Path(f"/proc/{again[0]}/environ").read_bytes()


def test_private(house: House) -> None:
    assert house.up(plan("set", instance("a-0", SLEEP)), "-d").returncode == 0
    assert house.runtime.stat().st_mode & 0o777 == 0o700
    assert (house.runtime / "daemon.sock").stat().st_mode & 0o777 == 0o600
    for path in (house.runtime / "p").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_another_boot_is_recognised(house: House) -> None:
    assert house.up(plan("set", instance("a-0", SLEEP)), "-d").returncode == 0
    house.kill_daemon()
    for pid in house.processes():
        os.kill(pid, signal.SIGKILL)
    (house.runtime / "p/set/boot").write_text("another boot")
    assert house.ps() == {}              # what was wanted yesterday is not started behind anybody's back
    assert not (house.runtime / "p/set").exists()


def test_nonsense_on_the_socket(house: House) -> None:
    assert house.up(plan("set", instance("a-0", SLEEP)), "-d").returncode == 0

    def say(raw: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as s:
            at = os.open(house.runtime, os.O_RDONLY)
            s.connect(f"/proc/self/fd/{at}/daemon.sock")
            os.close(at)
            s.sendall(raw)
            s.shutdown(socket.SHUT_WR)
            got = b""
            while chunk := s.recv(65536):
                got += chunk
            return got

    assert say(b"nonsense\n") == b""
    assert say(b"[1]\n") == b""
    say(b"\0" * 1000000)
    for request, words in (({"id": 1, "op": "ps"}, "version"), ({"v": 9, "id": 1, "op": "ps"}, "version 9"), ({"v": 1, "op": "ps"}, "no id"), ({"v": 1, "id": 1}, "op"),
                           ({"v": 1, "id": 1, "op": "dance"}, "dance"), ({"v": 1, "id": 1, "op": "up"}, "plan"), ({"v": 1, "id": 1, "op": "up", "plan": 5}, "plan"),
                           ({"v": 1, "id": 1, "op": "down", "project": {}}, "project"), ({"v": 1, "id": 1, "op": "restart"}, "what")):
        with socket.socket(socket.AF_UNIX) as s:
            at = os.open(house.runtime, os.O_RDONLY)
            s.connect(f"/proc/self/fd/{at}/daemon.sock")
            os.close(at)
            s.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(s.makefile().readline())
            assert answer["ok"] is False and words in answer["error"]["message"], (request, answer)
    assert house.state("a-0") == "ready"


def test_runtime_folder_of_others_is_refused(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.runtime.mkdir(mode=0o755)
    up = house.up(plan("set", instance("a-0", SLEEP)), "-d")
    assert up.returncode == 1 and str(house.runtime) in up.stderr
    assert BERTH.exists()
