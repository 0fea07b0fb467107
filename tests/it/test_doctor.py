"""doctor: each thing that can be wrong is told from its neighbours, with a cure."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S, Machine, alive, eventually
from plans import SLEEP, House, instance, plan


def doctor(folder: Path, *args: str, env: dict[str, str] | None = None, code: int | None = None) -> dict[str, list[dict]]:
    full = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"} | {"BERTH_RUNTIME_DIR": str(folder / "run"), "BERTH_STATE_DIR": str(folder / "state")} | (env or {})
    done = subprocess.run([BERTH, "doctor", "--json", *args], capture_output=True, text=True, env=full, check=False)
    told = json.loads(done.stdout)
    assert done.returncode == (0 if told["ok"] else 5) and told["kind"] == "doctor"
    if code is not None:
        assert done.returncode == code, done.stdout
    rows: dict[str, list[dict]] = {}
    for f in told["findings"]:
        rows.setdefault(f["check"], []).append(f)
    return rows


def root(folder: Path, cards: int, driver: bool) -> dict[str, str]:
    at = folder / "root"
    (at / "dev" / "shm").mkdir(parents=True)
    for i in range(cards):
        bus = at / "sys" / "bus" / "pci" / "devices" / f"0000:0{i}:00.0"
        bus.mkdir(parents=True)
        (bus / "vendor").write_text("0x10de\n")
        (bus / "class").write_text("0x030200\n")
    if driver:
        (at / "proc" / "driver" / "nvidia").mkdir(parents=True)
        (at / "proc" / "driver" / "nvidia" / "version").write_text("NVRM version: 580.65.06\n")
    return {"BERTH_DOCTOR_ROOT": str(at)}


@pytest.mark.skipif(Path("/proc/driver/nvidia/version").exists(), reason="this machine has a driver")
@pytest.mark.parametrize(("cards", "driver", "state", "words"), [
    (0, False, "note", "no NVIDIA card in this machine"),
    (2, False, "bad", "2 NVIDIA cards on the PCI bus and no driver loaded"),
    (1, True, "bad", "the driver is loaded and does not answer"),
])
def test_no_card_no_driver_no_answer(tmp_path: Path, cards: int, driver: bool, state: str, words: str) -> None:
    row = doctor(tmp_path, env=root(tmp_path, cards, driver))["cards"][0]
    assert row["state"] == state and words in row["text"] and row["cure"]


def test_the_machine_around_the_cards(tmp_path: Path) -> None:
    """/dev/shm that is not there, ports that outgoing connections may take, a runtime folder that goes with the last login."""
    env = root(tmp_path, 0, False)
    at = tmp_path / "root"
    (at / "dev" / "shm").rmdir()
    (at / "proc" / "sys" / "net" / "ipv4").mkdir(parents=True)
    (at / "proc" / "sys" / "net" / "ipv4" / "ip_local_port_range").write_text("10000\t60999\n")
    rows = doctor(tmp_path, env=env, code=5)
    assert rows["/dev/shm"][0]["state"] == "bad" and "--shm-size" in rows["/dev/shm"][0]["cure"]
    assert any(r["state"] == "note" and "from 10000 on" in r["text"] and "sysctl" in r["cure"] for r in rows["ports"])
    assert "linger" not in rows
    env |= {"BERTH_RUNTIME_DIR": "/run/user/4711/berth"}
    assert "enable-linger" in doctor(tmp_path, env=env)["linger"][0]["cure"]
    linger = at / "var" / "lib" / "systemd" / "linger"
    linger.mkdir(parents=True)
    (linger / pwd.getpwuid(os.getuid()).pw_name).touch()
    assert doctor(tmp_path, env=env)["linger"][0]["state"] == "ok"


def test_simulated_cards_answer(machine: Callable[..., Machine]) -> None:
    m = machine("2xA100-SXM4-40GB")
    assert "2 cards, NVML answers: NVIDIA A100-SXM4-40GB" in doctor(m.folder, env=m.env)["cards"][0]["text"]


def test_folders_that_cannot_be_written(tmp_path: Path) -> None:
    rows = doctor(tmp_path, env={"BERTH_STATE_DIR": "/proc/nowhere"})
    assert rows["state folder"][0]["state"] == "bad" or os.geteuid() == 0       # root may write anywhere, says access()
    assert rows["runtime folder"][0]["state"] == "ok"


def test_engines_in_path_are_found_with_their_version(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "vllm"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (program.parent / "vllm.version").write_text("0.32.0\n")
    row = doctor(tmp_path, env={"PATH": f"{program.parent}:{os.environ['PATH']}"})["engine"][0]
    assert row["state"] == "ok" and "vllm 0.32.0" in row["text"]


def test_strays_are_named_and_ended(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "inst" / "p" / "a-0"
    with subprocess.Popen(SLEEP, env={**os.environ, "BERTH_KEEPER": str(folder)}, stdout=subprocess.DEVNULL) as ours, \
         subprocess.Popen(SLEEP, env={**os.environ, "BERTH_KEEPER": "/elsewhere/inst/p/a-0"}, stdout=subprocess.DEVNULL) as others:
        try:
            eventually("its environment to be there", lambda: doctor(tmp_path)["strays"][0]["state"] == "bad")
            rows = doctor(tmp_path, code=5)["strays"]
            assert len(rows) == 1 and f"pid {ours.pid} " in rows[0]["text"] and "--fix" in rows[0]["cure"]
            assert "ended pid" in doctor(tmp_path, "--fix")["strays"][0]["text"]
            assert ours.wait(DEADLINE_S) == -signal.SIGKILL and alive(others.pid)
            assert doctor(tmp_path)["strays"][0]["state"] == "ok"
        finally:
            ours.kill()
            others.kill()


@pytest.mark.parametrize("mark", ["run/", "run", "run/inst", "run/inst/", "run/inst/..", "run/inst//a-0", "run/t/p/a-0"])
def test_a_mark_that_names_no_instance_is_not_ours(tmp_path: Path, mark: str) -> None:
    with subprocess.Popen(SLEEP, env={**os.environ, "BERTH_KEEPER": f"{tmp_path}/{mark}"}, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout and other.stdout.readline()                              # its environment is there
            for more in ([], ["--fix"]):
                assert doctor(tmp_path, *more)["strays"][0]["text"] == "nothing is left of earlier runs"
            assert alive(other.pid)
        finally:
            other.kill()


def test_strays_that_wrote_over_their_environment_are_found_by_their_session(tmp_path: Path) -> None:
    """As vLLM's engine core and workers do; daemon and keeper are dead, so nobody sweeps."""
    house = House(tmp_path, {**os.environ, "BERTH_CGROUP": "off"})
    unmarked = ["sh", "-c", "env -i sleep 1000 & echo $!; exec env -i sleep 1001"]
    try:
        assert house.up(plan("p", instance("a-0", unmarked)), "-d").returncode == 0
        one = eventually("both", lambda: (i := house.ps()["a-0"]) and len(i["pids"]) == 2 and i)
        house.kill_daemon()
        os.kill(one["keeper"], signal.SIGKILL)
        rows = eventually("its keeper's end to be seen", lambda: (r := doctor(tmp_path, env=house.env)["strays"]) and r[0]["state"] == "bad" and r)
        assert sorted(r["text"].split()[1] for r in rows) == sorted(str(p) for p in one["pids"])
        assert len(doctor(tmp_path, "--fix", env=house.env)["strays"]) == 2
        eventually("their end", lambda: not any(alive(p) for p in one["pids"]))
        assert doctor(tmp_path, env=house.env)["strays"][0]["state"] == "ok"
    finally:
        house.close()


def test_people_get_a_table(tmp_path: Path) -> None:
    done = subprocess.run([BERTH, "doctor"], capture_output=True, text=True, check=False, env={**os.environ, "BERTH_RUNTIME_DIR": str(tmp_path / "run")})
    assert done.returncode in (0, 5) and all(word in done.stdout for word in ("cards", "/dev/shm", "strays", "ports"))


@pytest.mark.parametrize(("kind", "state", "says"), [("file", "note", "it is no folder"), ("dangling", "note", "No such file"), ("own", "note", "is not for everybody"),
                                                     ("link", "note", "is not for everybody"), ("open", "ok", "are kept apart in")])
def test_a_lock_folder_is_told_of(kind: str, state: str, says: str, tmp_path: Path) -> None:
    """One that does not do stops nobody: here it is said."""
    at, own = tmp_path / "locks", tmp_path / "own"
    own.mkdir(mode=0o700)
    if kind == "file":
        at.write_text("mine")
    elif kind in ("link", "dangling"):
        at.symlink_to(own if kind == "link" else tmp_path / "nowhere")
    else:
        at.mkdir()
        at.chmod(0o1777 if kind == "open" else 0o700)
    row = doctor(tmp_path, env={**root(tmp_path, 0, False), "BERTH_LOCK_DIR": str(at)})["locks"][0]
    assert row["state"] == state and says in row["text"] and str(at) in row["text"] and bool(row["cure"]) == (state != "ok")
