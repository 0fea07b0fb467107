"""What all black-box tests share: the programs under test, and a simulated machine that several commands can use in turn.

$BERTH_BUILD names the build folder (default: build). A program that is not built fails the run: a skip would hide it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from plans import House
    from test_run_gpu import Cards

# Ignored signals are inherited: SIGINT and SIGQUIT in the background of a script, SIGHUP under nohup. What is tested here is to see them; a handler ends with exec.
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, {signal.SIGINT: signal.default_int_handler, signal.SIGQUIT: signal.SIG_DFL}.get(number, lambda *_: None))

os.environ.pop("COLUMNS", None)      # tables are as wide as a pipe's, not as the terminal that the tests run in
os.environ.setdefault("HF_HUB_OFFLINE", "1")      # no test asks the real hub; test_hub.py brings its own

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BERTH_BUILD", ROOT / "build"))
BERTH = Path(os.environ.get("BERTH", BUILD / "src" / "cmd" / "berth"))
ENGINE = BUILD / "sim" / "engine" / "berth-sim-engine"
LONGEST = ("test_faults", "test_examples_up", "test_drain", "test_sim_life", "test_hostile_run", "test_odd_moments", "test_park")      # of all files, in this order
DEADLINE_S = 180.0                   # only a test that fails waits so long: a machine may be loaded by ten others


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config.option, "loadscopereorder"):    # pytest-xdist would begin with the files of the most tests
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest first: the others fill what is left beside them."""
    rank = {name: i for i, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


def pytest_sessionstart(session: pytest.Session) -> None:
    for program in (BERTH, ENGINE):
        if not os.access(program, os.X_OK):
            pytest.exit(f"{program} is not built: run make first, or name the build folder with BERTH_BUILD", returncode=2)


def flat(text: str) -> str:
    """Without line breaks: where a table's last column is folded depends on how long things have run."""
    return " ".join(text.split())


def eventually(what: str, check: Callable[[], object], deadline_s: float = DEADLINE_S) -> object:
    """The first true answer of check(); fails with `what` when none comes in time."""
    end = time.monotonic() + deadline_s
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            pytest.fail(f"gave up waiting: {what}")
        time.sleep(0.02)


def free_port() -> int:
    """Below the ports that berth leases and those of outgoing connections, at random: nobody takes it before the test does, not another test either."""
    while True:
        port = random.randrange(10240, 21000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def alive(pid: int) -> bool:
    """Runs still; a zombie nobody has reaped yet is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Machine:
    """A simulated machine: run commands on it, then close it. Its own runtime and state folders come with it."""

    def __init__(self, fleet: str, folder: Path, *options: str):
        self.folder = folder
        tools = folder / "bin"
        tools.mkdir()
        (tools / "vllm").symlink_to(ENGINE)
        (tools / "vllm.version").write_text("0.32.0\n")
        (tools / "berth").symlink_to(BERTH)
        env_file = folder / "env"
        base = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "BERTH_SIM_SPEED": os.environ.get("BERTH_SIM_SPEED", "20"), "PYTHONUNBUFFERED": "1"}
        self.holder = subprocess.Popen(
            [BERTH, "sim", *options, fleet, "--", "sh", "-c", f"env -0 >{env_file}.part && mv {env_file}.part {env_file}; exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=base, text=True)
        eventually("berth sim to start", lambda: env_file.exists() or self.holder.poll() is not None)
        if self.holder.poll() is not None:
            pytest.fail(f"berth sim ended: {self.holder.stderr.read() if self.holder.stderr else ''}")
        self.env = dict(pair.split("=", 1) for pair in env_file.read_text().split("\0") if "=" in pair)

    def run(self, *command: str | Path, check: bool = False, cwd: Path | None = None, env: dict[str, str] | None = None,
            timeout: float = DEADLINE_S) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=timeout, cwd=cwd or self.folder,
                              env={**self.env, **(env or {})}, check=False)
        if check and done.returncode != 0:
            pytest.fail(f"{command} -> {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def berth(self, *args: str | Path, **more) -> subprocess.CompletedProcess[str]:
        return self.run(BERTH, *args, **more)

    def json(self, *args: str | Path, **more) -> dict:
        return json.loads(self.berth(*args, "--json", **more).stdout)

    def popen(self, *command: str | Path, env: dict[str, str] | None = None, **more) -> subprocess.Popen[str]:
        return subprocess.Popen([str(c) for c in command], env={**self.env, **(env or {})}, cwd=more.pop("cwd", self.folder), text=True, **more)

    def used(self) -> list[int]:
        """Bytes in use on each card, as the driver says."""
        return [card.get("used_bytes") or 0 for card in self.json("gpus")["gpus"]]

    def close(self) -> None:
        if self.holder.stdin:
            self.holder.stdin.close()
        try:
            self.holder.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.holder.send_signal(signal.SIGKILL)
            self.holder.wait()


@pytest.fixture
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Machine]]:
    """machine("4xA100-SXM4-40GB") gives a Machine; all are closed after the test."""
    made: list[Machine] = []

    def make(fleet: str, *options: str) -> Machine:
        made.append(Machine(fleet, tmp_path_factory.mktemp("m"), *options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A place to run plan files in, without a GPU. A test file that wants another one has a fixture of this name of its own."""
    from plans import House      # plans.py stands on this file
    one = House(tmp_path)
    yield one
    one.close()


@pytest.fixture
def cards(machine: Callable[..., Machine]) -> Iterator[Cards]:
    """The same on a simulated machine of two cards."""
    from test_run_gpu import Cards
    one = Cards(machine("2xA100-SXM4-40GB"))
    yield one
    one.close()
