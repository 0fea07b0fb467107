"""berth gpus, berth sim and berth probe as a user meets them."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import BERTH as PROGRAM
from conftest import DEADLINE_S, alive, eventually

BERTH = str(PROGRAM)


def berth(*args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BERTH, *args], capture_output=True, text=True, timeout=DEADLINE_S, env={**os.environ, **(env or {})}, check=False)


def in_sim(fleet: str, *command: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return berth("sim", "--release-delay", "20ms", fleet, "--", *command, env=env)


def fleet_of(result: subprocess.CompletedProcess[str]) -> dict:
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


# ---- fleets that need no driver ----


def test_a_named_fleet_as_json():
    fleet = fleet_of(berth("gpus", "--gpus", "4xA100-SXM4-40GB+1xRTX-A6000", "--json"))
    assert (fleet["schema"], fleet["kind"], fleet["source"]) == (1, "gpus", "catalog")
    assert [g["uuid"] for g in fleet["gpus"]] == [f"virtual-{i}" for i in range(5)]
    first, last = fleet["gpus"][0], fleet["gpus"][4]
    assert (first["name"], first["index"], first["node"]) == ("NVIDIA A100-SXM4-40GB", 0, "local")
    assert (first["total_bytes"], first["total_source"]) == (42285268992, "catalog")
    assert first["nvml_total_bytes"] == 40960 << 20
    assert (first["others_bytes"], first["margin_bytes"]) == (0, 512 << 20)
    assert (first["island"], last["island"]) == (0, None)
    assert last["total_source"] == "nvml-less-2%"
    assert fleet["nodes"][0]["ram_bytes"] == 0
    assert all(isinstance(v, int) for g in fleet["gpus"] for k, v in g.items() if k.endswith("_bytes") and v is not None)


def test_a_named_fleet_as_a_table():
    result = berth("gpus", "--gpus", "2xRTX-4090", env={"LC_ALL": "C"})
    assert result.returncode == 0
    assert result.stdout.count("NVIDIA GeForce RTX 4090") == 2
    assert "2 cards" in result.stdout and "23.52 GiB" in result.stdout
    assert "nothing can be started on it" in result.stdout
    assert "\x1b" not in result.stdout


def test_a_saved_fleet_is_a_fleet(tmp_path: Path):
    saved = berth("gpus", "--gpus", "2xH100-SXM+1xL40S", "--json")
    (tmp_path / "fleet.json").write_text(saved.stdout)
    again = fleet_of(berth("gpus", "--gpus", str(tmp_path / "fleet.json"), "--json"))
    assert again["source"] == "file"
    assert again["gpus"] == json.loads(saved.stdout)["gpus"]


@pytest.mark.parametrize(
    ("fleet", "says", "hint"),
    [
        ("0xT4", "asks for 0 cards", "1 to 64"),
        ("1000000000xA100-SXM4-40GB", "asks for 1000000000 cards", "1 to 64"),
        ("4xA100", 'no card called "A100"', "A100-SXM4-40GB"),
        ("2xT4,2xL4", "not one fleet", "`+`"),
        ("/no/such/fleet.json", "/no/such/fleet.json", "berth gpus --json"),
    ],
)
def test_fleets_that_do_not_exist(fleet: str, says: str, hint: str):
    result = berth("gpus", "--gpus", fleet)
    assert result.returncode == 2
    assert says in result.stderr and hint in result.stderr
    as_json = berth("gpus", "--gpus", fleet, "--json")
    assert as_json.returncode == 2
    assert json.loads(as_json.stdout)["kind"] == "error"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"gpus": 3}', '{"gpus": [{"name": "T4", "total_bytes": 1e300}]}', "\0", "[" * 100000])
def test_broken_fleet_files(tmp_path: Path, text: str):
    path = tmp_path / "fleet.json"
    path.write_text(text)
    result = berth("gpus", "--gpus", str(path))
    assert result.returncode == 2, result
    assert "fleet.json" in result.stderr and "try:" in result.stderr


def test_the_catalog_lists_what_can_be_named():
    cards = json.loads(berth("gpus", "--catalog", "--json").stdout)["cards"]
    assert len(cards) > 80
    assert any(c["short_name"] == "A100-SXM4-40GB" and c["total_bytes"] == 42285268992 for c in cards)
    assert "RTX-4090" in berth("gpus", "--catalog").stdout


def test_no_driver_is_an_error_with_a_way_out():
    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        pass
    else:
        pytest.skip("this machine has an NVIDIA driver")
    result = berth("gpus")
    assert result.returncode == 1
    assert "no NVIDIA driver" in result.stderr and "berth sim" in result.stderr
    probe = berth("probe", "--once")
    assert probe.returncode == 1
    assert json.loads(probe.stdout)["gpus"] == [] and "no NVIDIA driver" in json.loads(probe.stdout)["error"]


# ---- the simulated machine ----


def test_a_simulated_machine_is_this_machine_to_berth():
    fleet = fleet_of(in_sim("4xA100-SXM4-40GB", BERTH, "gpus", "--json"))
    assert fleet["source"] == "nvml"
    assert [g["index"] for g in fleet["gpus"]] == [0, 1, 2, 3]
    for gpu in fleet["gpus"]:
        assert gpu["uuid"].startswith("GPU-")
        assert gpu["name"] == "NVIDIA A100-SXM4-40GB"
        assert (gpu["total_bytes"], gpu["total_source"]) == (42285268992, "catalog")
        assert gpu["island"] == 0
        assert gpu["used_bytes"] == 0 and gpu["procs"] == []
    assert len({g["uuid"] for g in fleet["gpus"]}) == 4


def test_islands_follow_the_links_and_not_the_box():
    fleet = fleet_of(in_sim("2xA100-SXM4-40GB+2xRTX-4090", BERTH, "gpus", "--json"))
    assert [g["island"] for g in fleet["gpus"]] == [0, 0, None, None]


def test_cards_of_this_machine_by_index():
    fleet = fleet_of(in_sim("4xRTX-4090", BERTH, "gpus", "--gpus", "3,1", "--json"))
    assert [g["index"] for g in fleet["gpus"]] == [1, 3]
    missing = in_sim("2xRTX-4090", BERTH, "gpus", "--gpus", "0,2")
    assert missing.returncode == 2
    assert 'no card "2"' in missing.stderr and "0 (RTX-4090), 1 (RTX-4090)" in missing.stderr
    twice = in_sim("2xRTX-4090", BERTH, "gpus", "--gpus", "1,1")
    assert twice.returncode == 2 and "named twice" in twice.stderr


def test_cuda_visible_devices_narrows_and_says_so():
    fleet = fleet_of(in_sim("4xRTX-4090", "env", "CUDA_VISIBLE_DEVICES=2,0", BERTH, "gpus", "--json"))
    assert [g["index"] for g in fleet["gpus"]] == [0, 2]
    assert "narrows this machine's 4 cards to 2" in fleet["notes"][0]
    hidden = in_sim("4xRTX-4090", "env", "CUDA_VISIBLE_DEVICES=2,0", BERTH, "gpus", "--gpus", "1")
    assert hidden.returncode == 2
    none = in_sim("2xRTX-4090", "env", "CUDA_VISIBLE_DEVICES=", BERTH, "gpus")
    assert none.returncode == 1 and "CUDA_VISIBLE_DEVICES" in none.stderr


# A process that takes memory of card 0 through the driver, says so and waits for its stdin to close.
HOLDER = """
import ctypes, sys
cuda = ctypes.CDLL("libcuda.so.1")
ctx, ptr, dev = ctypes.c_void_p(), ctypes.c_uint64(), ctypes.c_int()
assert cuda.cuInit(0) == 0
assert cuda.cuDeviceGet(ctypes.byref(dev), 0) == 0
assert cuda.cuCtxCreate_v2(ctypes.byref(ctx), 0, dev) == 0
assert cuda.cuMemAlloc_v2(ctypes.byref(ptr), ctypes.c_size_t(5 << 30)) == 0
print("holding", flush=True)
sys.stdin.read()
"""


def test_who_holds_memory_is_named(tmp_path: Path):
    script = tmp_path / "run.py"
    script.write_text(
        "import json, subprocess, sys\n"
        f"holder = subprocess.Popen([sys.executable, '-c', {HOLDER!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)\n"
        "assert holder.stdout.readline() == 'holding\\n'\n"
        f"seen = json.loads(subprocess.check_output([{BERTH!r}, 'gpus', '--json']))\n"
        f"table = subprocess.check_output([{BERTH!r}, 'gpus'], text=True)\n"
        f"probe = json.loads(subprocess.check_output([{BERTH!r}, 'probe', '--once']))\n"
        "print(json.dumps({'pid': holder.pid, 'gpus': seen['gpus'], 'table': table, 'probe': probe}))\n"
        "holder.stdin.close()\n"
        "holder.wait()\n"
    )
    out = fleet_of(in_sim("2xA100-SXM4-40GB", sys.executable, str(script)))
    held, free = out["gpus"]
    assert held["used_bytes"] >= 5 << 30 and held["others_bytes"] == held["used_bytes"]
    assert free["used_bytes"] == 0
    assert [p["pid"] for p in held["procs"]] == [out["pid"]]
    assert held["procs"][0]["bytes"] >= 5 << 30
    assert str(out["pid"]) in out["table"]
    assert [p["pid"] for p in out["probe"]["gpus"][0]["procs"]] == [out["pid"]]
    assert out["probe"]["gpus"][0]["used_bytes"] == held["used_bytes"]


# ---- berth sim itself ----


def test_sim_passes_the_command_through():
    assert in_sim("1xT4", "sh", "-c", "exit 7").returncode == 7
    assert in_sim("1xT4", "sh", "-c", "kill -KILL $$").returncode == 137
    missing = in_sim("1xT4", "no-such-command-here")
    assert missing.returncode == 127 and "no-such-command-here" in missing.stderr
    assert in_sim("1xT4", "/").returncode == 126
    assert "SIMULATED" in in_sim("1xT4", "true").stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["1xT4"], "no command"),
        (["1xT4", "--"], "no command"),
        (["--", "true"], "no fleet"),
        (["1xT4", "1xL4", "--", "true"], "1xL4"),
        (["auto", "--", "true"], "this machine"),
        (["0,1", "--", "true"], "this machine"),
        (["4xQuux", "--", "true"], "Quux"),
        (["1xT4", "--release-delay", "300", "--", "true"], "300"),
    ],
)
def test_sim_used_wrongly(args: list[str], says: str):
    result = berth("sim", *args)
    assert result.returncode == 2
    assert says in result.stderr


def test_sim_gives_folders_of_its_own_and_removes_them(tmp_path: Path):
    names = ["BERTH_RUNTIME_DIR", "BERTH_STATE_DIR", "BERTH_SIM_STATE", "BERTH_SIM"]
    show = f"import json, os; print(json.dumps({{k: os.environ[k] for k in {names!r}}} | {{'visible': 'CUDA_VISIBLE_DEVICES' in os.environ}}))"
    result = in_sim("1xT4", sys.executable, "-c", show, env={"CUDA_VISIBLE_DEVICES": "7", "TMPDIR": str(tmp_path)})
    env = json.loads(result.stdout)
    assert env["BERTH_SIM"] == "1xT4" and env["visible"] is False
    assert all(env[k].startswith(str(tmp_path)) for k in names[:3])
    assert list(tmp_path.iterdir()) == []


def test_sim_keeps_a_folder_that_it_was_given(tmp_path: Path):
    kept = tmp_path / "machine"
    result = berth("sim", "1xT4", "--state-dir", str(kept), "--", "sh", "-c", 'echo hello > "$BERTH_RUNTIME_DIR/x"')
    assert result.returncode == 0, result.stderr
    assert (kept / "run" / "x").read_text() == "hello\n"
    again = berth("sim", "1xT4", "--state-dir", str(kept), "--", "true")
    assert again.returncode == 0, again.stderr


def test_sim_ends_what_the_command_left_running(tmp_path: Path):
    """A daemon in its own session that ignores SIGTERM, as a stuck one would."""
    stuck = "import os, signal, sys, time; os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN); print(os.getpid(), flush=True); time.sleep(1000)"
    command = f'"{sys.executable}" -c "{stuck}" > "$OUT" & while ! [ -s "$OUT" ]; do :; done'
    out = tmp_path / "pid"
    process = subprocess.Popen([BERTH, "sim", "1xT4", "--", "sh", "-c", command], env={**os.environ, "OUT": str(out)}, stderr=subprocess.PIPE, text=True)
    eventually("the left-over process", lambda: out.exists() and out.read_text().endswith("\n"))
    pid = int(out.read_text())
    assert process.wait(timeout=DEADLINE_S) == 0
    process.stderr.close()
    assert not alive(pid)


def test_sim_ends_what_was_started_from_outside(tmp_path: Path):
    """A process that only has the machine's environment, from another terminal, ends with the machine."""
    machine = subprocess.Popen([BERTH, "sim", "1xT4", "--", "sh", "-c", 'echo "$BERTH_SIM_STATE"; exec cat'], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert machine.stdin is not None and machine.stdout is not None
    state = machine.stdout.readline().strip()
    guest = subprocess.Popen(["sleep", "1000"], env={**os.environ, "BERTH_SIM_STATE": state})
    stranger = subprocess.Popen(["sleep", "1000"], env={**os.environ, "BERTH_SIM_STATE": state + "x"})
    machine.stdin.close()
    assert machine.wait(timeout=DEADLINE_S) == 0
    machine.stdout.close()
    assert guest.wait(timeout=DEADLINE_S) == -signal.SIGTERM
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_what_a_killed_sim_left_goes_with_the_next_one(tmp_path: Path):
    """Its folder stays while something runs on its machine; a folder that somebody keeps stays for ever."""
    env, otherwise = {**os.environ, "TMPDIR": str(tmp_path)}, {**os.environ, "TMPDIR": f"{tmp_path}/./"}
    kept = tmp_path / "berth-sim-folder"
    assert berth("sim", "1xT4", "--state-dir", str(kept), "--", "true", env=env).returncode == 0
    machine = subprocess.Popen([BERTH, "sim", "1xT4", "--", "sh", "-c", 'echo "$BERTH_SIM_STATE"; exec cat'], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=otherwise)
    assert machine.stdin is not None and machine.stdout is not None
    folder = Path(machine.stdout.readline().strip()).parent
    guest = subprocess.Popen(["sleep", "1000"], env={**env, "BERTH_SIM_STATE": f"{folder}/machine"})        # named as its sim does
    assert berth("sim", "1xT4", "--", "true", env=env).returncode == 0 and folder.exists()         # it lives
    machine.kill()
    machine.wait()
    machine.stdin.close()
    machine.stdout.close()
    assert berth("sim", "1xT4", "--", "true", env=env).returncode == 0 and folder.exists()         # somebody is on its machine
    guest.kill()
    guest.wait()
    eventually("its folder to be removed", lambda: berth("sim", "1xT4", "--", "true", env=env).returncode == 0 and not folder.exists())
    assert list(tmp_path.iterdir()) == [kept]


def test_one_folder_is_one_machine(tmp_path: Path):
    kept = tmp_path / "machine"
    result = berth("sim", "1xT4", "--state-dir", str(kept), "--", BERTH, "sim", "1xL4", "--state-dir", str(kept), "--", "true")
    assert result.returncode == 75
    assert "another simulated machine" in result.stderr


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_sim_outlives_its_command_when_signalled(tmp_path: Path, sig: signal.Signals):
    """The command gets the signal, ends in its own way, and sim cleans up after it."""
    code = (
        "import signal, sys, time\n"
        f"signal.signal({int(sig)}, lambda *_: sys.exit(5))\n"
        "print('ready', flush=True)\n"
        "while True: time.sleep(0.1)\n"             # one long sleep may begin after the signal came, before its handler ran
    )
    process = subprocess.Popen([BERTH, "sim", "1xT4", "--", sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)},
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    process.send_signal(sig)
    assert process.wait(timeout=DEADLINE_S) == 5
    process.stdout.close()
    assert list(tmp_path.iterdir()) == []


# ---- berth probe ----


def test_probe_streams_and_ends_when_nobody_reads(tmp_path: Path):
    script = tmp_path / "run.py"
    script.write_text(
        "import json, subprocess, sys\n"
        f"probe = subprocess.Popen([{BERTH!r}, 'probe', '--interval', '20ms'], stdout=subprocess.PIPE, text=True)\n"
        "samples = [json.loads(probe.stdout.readline()) for _ in range(3)]\n"
        "assert all(isinstance(s['t'], float) for s in samples)\n"
        "assert all(len(s['gpus']) == 2 for s in samples)\n"
        "probe.stdout.close()\n"
        f"sys.exit(probe.wait(timeout={DEADLINE_S}))\n"
    )
    result = in_sim("2xT4", sys.executable, str(script))
    assert result.returncode == 0, result.stderr


def test_probe_ends_with_its_parent(tmp_path: Path):
    pids, lines = tmp_path / "pids", tmp_path / "lines"
    inner = f'"{BERTH}" probe --interval 20ms > "{lines}" & echo $! > "{pids}"; while :; do sleep 0.05; done'
    parent = subprocess.Popen(["sh", "-c", inner], stderr=subprocess.DEVNULL, start_new_session=True)
    eventually("a first line", lambda: lines.exists() and lines.read_text().count("\n") > 0)
    pid = int(pids.read_text())
    parent.kill()
    parent.wait(timeout=DEADLINE_S)
    eventually("the probe's end", lambda: not alive(pid))


def test_probe_refuses_a_tight_loop():
    result = berth("probe", "--interval", "1ms")
    assert result.returncode == 2 and "20ms" in result.stderr
