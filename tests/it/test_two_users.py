"""Two users on one machine: their starts on one card come one after the other, and neither plans with what the other holds."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S, Machine, alive, eventually
from plans import House, instance, plan
from test_run_gpu import GIB, TENANT, Cards

PYTHON = shutil.which("python3", path="/usr/bin:/bin") or ""           # this test's own may lie in a folder that only we may enter
OTHER = 65534                                        # nobody
SLOW = TENANT.replace("print(\"up\"", "import os\nwhile not os.path.exists(os.environ[\"GO\"]): time.sleep(0.02)\nprint(\"up\"")


class Person(House):
    """A user of the simulated machine, with a runtime folder and a daemon of their own."""

    def __init__(self, cards: Cards, name: str, uid: int):
        folder = cards.folder / name
        folder.mkdir()
        os.chown(folder, uid, uid)
        tools = cards.folder / "tools"
        super().__init__(folder, {**cards.machine.env, "LD_LIBRARY_PATH": str(tools), "BERTH_LOCK_DIR": str(cards.folder / "locks"), "GO": str(folder / "go"), "HOME": str(folder)})
        self.cards, self.uid, self.program = cards, uid, str(tools / "berth")

    def popen_as(self, *args: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen([self.program, *map(str, args)], env=self.env, cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, user=self.uid,
                                group=self.uid, extra_groups=[])

    def berth(self, *args: str | Path, timeout: float = DEADLINE_S, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.program, *map(str, args)], capture_output=True, text=True, timeout=timeout, env={**self.env, **(env or {})}, cwd=self.folder, check=False,
                              user=self.uid, group=self.uid, extra_groups=[])

    def plan_of(self, ident: str, held: int, planned: int) -> Path:
        card = self.cards.cards[0]
        one = instance(ident, [PYTHON, "-u", "-c", SLOW, f"0:{held}"], ranks=[{"gpu": card["uuid"], "index": 0, "bytes": planned}], ready={"kind": "log", "pattern": "^up$"})
        path = self.write(plan("p", one, gpus=self.cards.gpus()))
        path.chmod(0o644)
        return path

    def go(self) -> None:
        (self.folder / "go").touch()


def starting(who: Person, ident: str) -> None:
    eventually(f"{ident} to be starting", lambda: who.ps().get(ident, {}).get("state") == "starting")


@pytest.fixture
def people(machine: Callable[..., Machine]) -> Iterator[tuple[Person, Person]]:
    if os.getuid() != 0 or not PYTHON:
        pytest.skip("to be two users takes root and a Python for everybody")
    cards = Cards(machine("1xA100-SXM4-40GB"))
    (cards.folder / "tools").mkdir()                 # of what is built in /root nobody else may run anything
    for built in (BERTH, *(Path(cards.env["LD_LIBRARY_PATH"].split(":")[0]) / name for name in ("libcuda.so.1", "libnvidia-ml.so.1"))):
        shutil.copy(built, cards.folder / "tools" / built.name)
    for path in [cards.folder, *cards.folder.parents]:
        if str(path).startswith("/tmp/"):
            path.chmod(path.stat().st_mode | 0o055)
    state = Path(cards.env["BERTH_SIM_STATE"])
    for path in (state.parent, *state.parent.parents):
        if str(path).startswith("/tmp/"):
            path.chmod(path.stat().st_mode | 0o055)
    state.chmod(0o666)
    (cards.folder / "locks").mkdir()
    (cards.folder / "locks").chmod(0o1777)
    pair = Person(cards, "ann", 0), Person(cards, "bob", OTHER)
    yield pair
    for one in pair:
        one.go()
        one.close()
    cards.close()


def test_the_second_waits_until_the_first_has_measured(people: tuple[Person, Person]) -> None:
    ann, bob = people
    up = bob.popen_as("up", "--plan", bob.plan_of("b-0", 4 * GIB, 6 * GIB), "-d")
    starting(bob, "b-0")
    second = ann.popen_as("up", "--plan", ann.plan_of("a-0", 4 * GIB, 6 * GIB), "-d")
    waits = eventually("the other's start to be seen", lambda: (i := ann.ps().get("a-0")) and i["why"] and i)
    assert isinstance(waits, dict) and waits["state"] == "waiting" and "p/b-0" in waits["why"] and "of nobody) has measured the memory of GPU-" in waits["why"]
    bob.go()
    assert up.wait(DEADLINE_S) == 0
    starting(ann, "a-0")
    ann.go()
    assert second.wait(DEADLINE_S) == 0
    assert ann.berth("down").returncode == 0 and bob.berth("down").returncode == 0
    assert ann.cards.machine.used() == [0]


def test_what_the_first_took_is_not_there_for_the_second(people: tuple[Person, Person]) -> None:
    ann, bob = people
    bob.go()
    assert bob.berth("up", "--plan", bob.plan_of("b-0", 30 * GIB, 32 * GIB), "-d").returncode == 0
    (ann.folder / "berth.yaml").write_text("name: x\nworkloads: {j: {kind: job, command: [sleep, '1'], gpus: 1, memory: 20GiB}}\n")
    refused = ann.berth("up", "-d")
    assert refused.returncode == 3, refused.stderr
    late = ann.berth("up", "--plan", ann.plan_of("a-0", 4 * GIB, 20 * GIB), "-d", env={"BERTH_MEMORY_WAIT": "1s"})
    assert late.returncode == 1 and "20.00 GiB needed" in late.stderr and "(nobody)" in late.stderr, late.stderr


def test_a_killed_daemon_gives_the_card_back(people: tuple[Person, Person]) -> None:
    ann, bob = people
    first = bob.popen_as("up", "--plan", bob.plan_of("b-0", 4 * GIB, 6 * GIB), "-d")
    starting(bob, "b-0")
    first.kill()
    first.wait()
    daemon = bob.daemon()
    os.kill(daemon, signal.SIGKILL)
    eventually("it to be gone", lambda: not alive(daemon))
    ann.go()
    assert ann.berth("up", "--plan", ann.plan_of("a-0", 4 * GIB, 6 * GIB), "-d").returncode == 0


def test_a_folder_that_cannot_be_used_does_not_stop_anybody(people: tuple[Person, Person]) -> None:
    _, bob = people
    bob.go()
    done = bob.berth("up", "--plan", bob.plan_of("b-0", 4 * GIB, 6 * GIB), "-d", env={"BERTH_LOCK_DIR": str(bob.folder / "nowhere")})
    assert done.returncode == 0
    assert "starts are not kept apart from those of other users" in (bob.runtime / "daemon.log").read_text()


def test_a_planted_link_is_not_followed(people: tuple[Person, Person]) -> None:
    ann, bob = people
    target = ann.folder / "precious"
    target.write_text("mine")
    os.symlink(target, ann.folder.parent / "locks" / f"berth-start-{ann.cards.cards[0]['uuid']}.lock")
    ann.go()
    assert ann.berth("up", "--plan", ann.plan_of("a-0", 4 * GIB, 6 * GIB), "-d").returncode == 0
    assert target.read_text() == "mine"
