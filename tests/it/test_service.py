"""The daemon as a service: sd_notify, taking over from the one that a verb started, the unit that `berth config systemd` prints."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S, alive, eventually
from plans import SLEEP, House, instance, plan


class Manager:
    """What a service manager is to a daemon: the socket that hears from it."""

    def __init__(self, house: House, address: str):
        self.house, self.heard = house, []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0") if address[0] == "@" else address)
        self.socket.setblocking(False)
        self.env = {**house.env, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "400000"}
        self.daemons: list[subprocess.Popen[str]] = []

    def start(self) -> subprocess.Popen[str]:
        self.daemons.append(subprocess.Popen([BERTH, "daemon", "--stay"], env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
        return self.daemons[-1]

    def hears(self, text: str) -> bool:
        try:
            while True:
                self.heard += self.socket.recv(4096).decode().splitlines()
        except BlockingIOError:
            return any(text in line for line in self.heard)

    def until(self, text: str) -> None:
        eventually(f"{text!r} among {self.heard}", lambda: self.hears(text))

    def close(self) -> None:
        for one in self.daemons:
            one.kill()
            one.communicate()
        self.socket.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path, dict(os.environ))
    yield one
    one.close()


@pytest.fixture(params=["path", "abstract"])
def manager(house: House, request: pytest.FixtureRequest) -> Iterator[Manager]:
    short = tempfile.mkdtemp(dir="/tmp")             # a socket's path ends at 107 bytes, whatever TMPDIR is
    one = Manager(house, f"{short}/notify" if request.param == "path" else f"@berth-test-{os.getpid()}-{house.folder.name}")
    yield one
    one.close()
    shutil.rmtree(short)


def test_it_says_that_it_is_ready_what_it_does_and_that_it_lives(house: House, manager: Manager) -> None:
    first = manager.start()
    manager.until("READY=1")
    manager.until("STATUS=nothing is up")
    assert f"MAINPID={first.pid}" in manager.heard
    manager.until("WATCHDOG=1")
    assert house.up(plan("p", instance("w-0", SLEEP)), "-d").returncode == 0
    manager.until("STATUS=1 project, 1 instance: 1 at work, 0 starting, 0 failed")
    pid = house.ps()["w-0"]["pids"][0]
    environ = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"WATCHDOG_USEC" not in environ and b"NOTIFY_SOCKET" not in environ
    assert house.berth("down").returncode == 0
    assert house.berth("down").returncode == 1 and "nothing is up" in house.berth("down").stderr
    assert first.poll() is None                      # it stays though nothing is up
    first.terminate()
    manager.until("STOPPING=1")
    assert first.wait(DEADLINE_S) == 0
    house.assert_empty()


def test_it_takes_over_from_the_one_of_a_verb_and_leaves_to_it(house: House, manager: Manager) -> None:
    assert house.up(plan("p", instance("w-0", SLEEP)), "-d").returncode == 0
    adhoc, before = house.daemon(), house.ps()["w-0"]
    service = manager.start()
    manager.until("READY=1")
    manager.until("1 at work")
    assert house.daemon() == service.pid and not alive(adhoc)
    assert house.ps()["w-0"]["pids"] == before["pids"]
    service.send_signal(signal.SIGKILL)
    service.wait()
    again = house.ps()["w-0"]                        # a verb starts one, which takes over
    assert again["pids"] == before["pids"] and house.daemon() not in (0, service.pid)
    second = manager.start()                         # and the restarted service does
    eventually("it to be the service's", lambda: house.daemon() == second.pid)
    assert house.ps()["w-0"]["pids"] == before["pids"]


def test_it_takes_over_where_nothing_is_up(house: House, manager: Manager) -> None:
    """The one of a verb removes its folder when it ends: the service makes it anew."""
    with subprocess.Popen([BERTH, "daemon"], env=house.env, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as idle:
        eventually("it to listen", lambda: (house.runtime / "daemon.sock").exists())
        service = manager.start()
        manager.until("READY=1")
        assert idle.wait(DEADLINE_S) == 0 and service.poll() is None
    assert house.up(plan("p", instance("w-0", SLEEP)), "-d").returncode == 0
    assert house.berth("down").returncode == 0


def test_two_services_do_not_fight(house: House, manager: Manager) -> None:
    first = manager.start()
    manager.until("READY=1")
    second = manager.start()
    out, _ = second.communicate(timeout=DEADLINE_S)
    assert second.returncode == 1 and f"pid {first.pid} stays there already" in out
    assert first.poll() is None


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    env = {**os.environ, "BERTH_RUNTIME_DIR": str(tmp_path / "a %h b"), "XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_RUNTIME_DIR": str(tmp_path)}
    env.pop("BERTH_STATE_DIR", None)
    shown = subprocess.run([BERTH, "config", "systemd"], capture_output=True, text=True, env=env, check=True)
    assert f'ExecStart="{BERTH}" daemon --stay' in shown.stdout and "Type=notify" in shown.stdout and "KillMode=process" in shown.stdout
    assert f'Environment="BERTH_RUNTIME_DIR={tmp_path}/a %%h b"' in shown.stdout and "enable-linger" in shown.stderr
    done = subprocess.run([BERTH, "config", "systemd", "--install"], capture_output=True, text=True, env=env, check=True)
    unit = tmp_path / "config" / "systemd" / "user" / "berth.service"
    assert unit.read_text() == shown.stdout and str(unit) in done.stdout and "daemon-reload" in done.stdout
    assert subprocess.run([BERTH, "config", "systemd", "--install"], env=env, check=False, capture_output=True).returncode == 0      # the same again
    if shutil.which("systemd-analyze"):
        verify = ["systemd-analyze", "--user", "verify", str(unit)]
        verified = subprocess.run(verify, capture_output=True, text=True, env=env, check=False)
        assert not [line for line in verified.stderr.splitlines() if "berth.service" in line], verified.stderr
        unit.write_text(shown.stdout.replace("[Service]", "[Service]\nNonsense=1"))
        assert "Nonsense" in subprocess.run(verify, capture_output=True, text=True, env=env, check=False).stderr     # it does look
    unit.write_text("mine")
    refused = subprocess.run([BERTH, "config", "systemd", "--install"], capture_output=True, text=True, env=env, check=False)
    assert refused.returncode == 1 and "says something else" in refused.stderr and unit.read_text() == "mine"


def test_config_of_what() -> None:
    for args, words in ((["config"], "say for what: systemd"), (["config", "upstart"], 'there is no "upstart"')):
        done = subprocess.run([BERTH, *args], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and words in done.stderr
