"""Planning on cards that are in use: by this project, by another one, by strangers."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S, Machine, eventually

SPEC = "name: {name}\nworkloads:\n  hold: {{kind: service, command: [sleep, '1000'], gpus: 1, memory: {memory}, pool: [0]}}\n"
CARD = 42285268992
MARGIN = 512 * 2**20


@pytest.fixture
def m(machine) -> Machine:
    one: Machine = machine("1xA100-SXM4-40GB")
    (one.folder / "a.yaml").write_text(SPEC.format(name="a", memory="10GiB"))
    (one.folder / "b.yaml").write_text(SPEC.format(name="b", memory="20GiB"))
    (one.folder / "c.yaml").write_text(SPEC.format(name="c", memory="12GiB"))
    return one


def others(m: Machine, spec: str) -> int:
    return m.json("plan", "-f", spec)["fleet"]["gpus"][0]["others_bytes"]


def test_up_twice_names_what_is_up(m: Machine):
    m.berth("up", "-d", "-f", "a.yaml", check=True)
    again = m.berth("up", "-d", "-f", "a.yaml")
    assert again.returncode == 1 and "a is up already: hold-0 ready" in again.stderr and "berth down a" in again.stderr
    assert m.berth("down", "a").returncode == 0
    assert m.berth("down").returncode == 1                       # nothing is up


def test_bytes_promised_to_another_project_are_others(m: Machine):
    m.berth("up", "-d", "-f", "a.yaml", check=True)
    assert others(m, "b.yaml") == 10 * 2**30                     # not allocated yet, and still not ours to give
    assert others(m, "a.yaml") == 0                              # its own do not stand in its way
    m.berth("up", "-d", "-f", "b.yaml", check=True)
    refused = m.berth("up", "-d", "-f", "c.yaml")
    assert refused.returncode == 3 and "c" not in {i["project"] for i in m.json("ps")["instances"]}
    assert m.json("plan", "-f", "c.yaml", "--ignore-others")["refusals"] == []
    m.berth("down", "a")
    m.berth("up", "-d", "-f", "c.yaml", check=True)
    for name in ("b", "c"):
        assert m.berth("down", name).returncode == 0


def test_a_strangers_bytes_are_others(m: Machine):
    code = ("import ctypes, sys; c = ctypes.CDLL('libcuda.so.1'); c.cuInit(0); x = ctypes.c_void_p(); c.cuDevicePrimaryCtxRetain(ctypes.byref(x), 0);"
            "c.cuCtxSetCurrent(x); p = ctypes.c_ulonglong(); assert c.cuMemAlloc_v2(ctypes.byref(p), ctypes.c_size_t(25 << 30)) == 0; print('held', flush=True); sys.stdin.read()")
    stranger = m.popen("python3", "-c", code, stdin=-1, stdout=-1)
    try:
        assert stranger.stdout and stranger.stdout.readline() == "held\n"
        assert others(m, "a.yaml") > 25 * 2**30
        refused = m.berth("up", "-d", "-f", "b.yaml")
        assert refused.returncode == 3 and "lack" in refused.stderr
    finally:
        stranger.kill()
        stranger.wait()


def test_no_spec_is_a_usage_error(m: Machine):
    done = m.berth("up", "-d", "-f", "nowhere.yaml")
    assert done.returncode == 2 and "nowhere.yaml" in done.stderr


def test_a_new_daemon_still_waits_for_the_bytes(machine):
    m: Machine = machine("1xA100-SXM4-40GB", "--release-delay", "2s")
    (m.folder / "s.yaml").write_text("name: s\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-0.5B-Instruct, memory: 12GiB, context: {want: 4096}}\n")
    m.berth("up", "-d", "-f", "s.yaml", check=True)
    held = m.used()[0]
    rows = m.json("verify")["rows"]
    assert rows[0]["actual_bytes"] == held > 2**33               # the figure of now: a sample from before the last allocation would be smaller
    for pid in [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()]:
        try:
            parts = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            ours = f"BERTH_RUNTIME_DIR={m.env['BERTH_RUNTIME_DIR']}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if ours and parts[1:2] == [b"daemon"]:
            os.kill(pid, signal.SIGKILL)
    eventually("the next daemon to have taken it up", lambda: m.json("ps")["instances"][0]["state"] == "ready")
    m.berth("down", check=True)
    assert m.used() == [0], "down came back before the bytes did"


def test_a_whole_card_is_not_one_that_strangers_hold(machine) -> None:
    m: Machine = machine("2xA100-SXM4-40GB")
    (m.folder / "w.yaml").write_text("name: w\nworkloads:\n  train: {kind: job, command: [x], gpus: 1}\n")
    assert m.berth("sim", "ctl", "stranger", "0", "30GiB").returncode == 0

    def card(*more: str) -> int:
        return m.json("plan", "-f", "w.yaml", *more)["phases"][0]["instances"][0]["ranks"][0]["index"]

    assert card() == 1
    assert card("--ignore-others") == 0                              # then all are whole, and the first of equals is taken
    assert card("--gpus", "0") == 0                                  # no other: what is left of it
    (m.folder / "w.yaml").write_text("name: w\nworkloads:\n  train: {kind: job, command: [x], gpus: 1, slots: 2}\n")
    assert len(m.json("plan", "-f", "w.yaml")["phases"][0]["instances"]) == 2


@pytest.mark.parametrize("lost", [False, True])
def test_a_plan_of_a_card_that_is_not_here_does_not_wait_for_it(machine, lost: bool) -> None:
    m: Machine = machine("2xA100-SXM4-40GB")
    (m.folder / "a.yaml").write_text(SPEC.format(name="a", memory="10GiB"))
    m.berth("plan", "-f", "a.yaml", "--out", "a.plan", check=True)
    uuid = m.json("gpus")["gpus"][0]["uuid"]
    if lost:
        assert m.berth("sim", "ctl", "lose", "0").returncode == 0
    else:
        plan = m.folder / "a.plan"
        plan.write_text(plan.read_text().replace(uuid, uuid[:4] + "zz" + uuid[6:]))
    done = m.berth("up", "-d", "--plan", "a.plan", env={"BERTH_MEMORY_WAIT": "1h"})      # bytes may come free, a card does not
    assert done.returncode == 1 and "of the plan is not on this machine" in done.stderr and "a new `berth up` plans for these, one with --plan does not" in done.stderr, done.stderr
    assert m.json("ps")["instances"] == []


def test_a_card_that_is_lost_before_a_start_is_told_in_words_that_hold_without_plan(machine) -> None:
    m: Machine = machine("2xA100-SXM4-40GB")
    wait = f"while [ ! -e {m.folder}/go ]; do sleep 0.05; done"
    (m.folder / "a.yaml").write_text("name: a\nworkloads:\n  first: {kind: job, command: [sh, -c, '" + wait + "'], gpus: 0}\n"
                                     "  then: {kind: job, command: [sleep, '1000'], gpus: 1, memory: 10GiB, pool: [0], after: {first: done}}\n")
    up = m.popen(BERTH, "up", "-f", "a.yaml", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def source() -> str:
        rows = [i["ranks"][0]["actual"]["source"] for i in m.json("ps")["instances"] if i["id"] == "then-0"]
        return rows[0] if rows else ""

    try:
        eventually("a sample with the card", lambda: source() not in ("", "the card is not there any more"))
        assert m.berth("sim", "ctl", "lose", "0").returncode == 0
        eventually("a sample without it", lambda: source() == "the card is not there any more")
        (m.folder / "go").touch()
        said = up.communicate(timeout=DEADLINE_S)[0]
    finally:
        m.berth("down")
        up.kill()
    assert "of the plan is not on this machine" in said and "a new `berth up` plans for these, one with --plan does not" in said, said
