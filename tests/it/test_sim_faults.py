"""`berth sim ctl`: what goes wrong with the simulated machine, and what berth's own probe, gate and verify say of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import DEADLINE_S, Machine, alive, eventually, flat
from plans import python
from test_run_gpu import GIB, TENANT, Cards

FLEET = "4xA100-SXM4-40GB"
NAME = "NVIDIA A100-SXM4-40GB"


def ctl(m: Machine, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = m.berth("sim", "ctl", *words)
    assert done.returncode == code, done.stderr + done.stdout
    return done


def state(m: Machine) -> dict:
    return m.json("sim", "ctl")


def there(m: Machine) -> list[str]:
    return [g["uuid"] for g in m.json("gpus")["gpus"]]


def notes(m: Machine) -> str:
    return "\n".join(m.json("gpus")["notes"])


@pytest.fixture
def cards(machine: Callable[..., Machine]) -> Iterator[Cards]:
    one = Cards(machine("2xA100-SXM4-40GB", "--release-delay", "20ms"))
    yield one
    one.close()


def tenant(m: Machine, *held: str, **env: str) -> subprocess.Popen[str]:
    p = m.popen(*python(TENANT, *held), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    assert p.stdout and p.stdout.readline() == "up\n"
    return p


def end(*processes: subprocess.Popen[str]) -> None:
    for p in processes:
        p.kill()
        p.communicate()


def test_every_action_is_refused_by_name_when_it_is_wrong(machine):
    m = machine("1xA100-SXM4-40GB+1xRTX-4090")
    for words, says in [(["explode"], "nothing called"), (["lose"], "berth sim ctl lose CARD"), (["lose", "7"], "0 to 1"), (["xid", "0", "x"], "Xid"),
                        (["ecc", "0", "red"], "corrected"), (["ecc", "1", "corrected"], "has no ECC"), (["hang", "0", "10"], "10"),
                        (["fail", "0", "sadness"], "no NVML error"), (["shrink", "0", "80GiB"], "cannot be made"), (["stranger", "0", "80GiB"], "in use"),
                        (["linger", "soon"], "soon"), (["stick", "1"], "holds no memory"), (["mig", "0", "5g.40gb"], "MIG profile"),
                        (["mig", "0", "4g.20gb,4g.20gb"], "seven slices"), (["mig", "1", "1g.5gb"], "no MIG mode"), (["heal", "0", "1"], "heal [CARD]")]:
        done = m.berth("sim", "ctl", *words)
        assert done.returncode in (1, 2, 3) and says in done.stderr, (words, done.stderr)
    assert [c["trouble"] for c in state(m)["gpus"]] == ["", ""]
    outside = m.berth("sim", "ctl", env={"BERTH_SIM_STATE": ""})
    assert outside.returncode == 1 and "no simulated machine" in outside.stderr
    assert "falls off the bus" in m.berth("sim", "ctl", "--help").stdout


def test_a_card_falls_off_the_bus(machine):
    m = machine(FLEET)
    a, b, c, d = there(m)
    near, gone = tenant(m, f"1:{GIB}"), tenant(m, f"2:{GIB}")
    ctl(m, "lose", "2")
    assert there(m) == [a, b, d] and "card 2 is left out: GPU is lost" in notes(m)
    assert "GPU is lost" in m.berth("gpus").stdout
    code = "import ctypes as c, os; cu = c.CDLL('libcuda.so.1'); print(cu.cuInit(0))"
    assert m.run(sys.executable, "-c", code, check=True).stdout == "999\n"
    assert m.run(sys.executable, "-c", code, env={"CUDA_VISIBLE_DEVICES": "0,1"}, check=True).stdout == "0\n"
    ctl(m, "heal", "2")
    assert there(m) == [a, b, c, d] and notes(m) == ""
    end(near, gone)


def test_verify_says_whose_card_is_gone(cards: Cards) -> None:
    assert cards.up(cards.tenant("a-0", (0, GIB), planned=3 * GIB), cards.tenant("b-0", (1, GIB), planned=3 * GIB)).returncode == 0
    ctl(cards.machine, "lose", "1")
    code, told = eventually("verify to see it", lambda: (v := cards.verify())[0] and v)  # type: ignore[misc]
    assert code == 4 and not told["ok"] and {r["instance"]: r["verdict"] for r in told["rows"]} == {"a-0": "inside", "b-0": "gone"}
    table = cards.berth("verify")
    assert table.returncode == 4 and "gone" in table.stdout and "ok:" not in table.stdout
    eventually("ps to mark it, two samples in a row without it", lambda: "GPU 1 is not there any more" in flat(cards.berth("ps").stdout))
    ctl(cards.machine, "heal")
    eventually("it to be well again", lambda: cards.verify()[0] == 0)


def test_calls_of_a_process_whose_card_is_lost_fail(machine):
    m = machine("1xA100-SXM4-40GB")
    code = """
import ctypes as c, sys
cu = c.CDLL("libcuda.so.1")
ctx, p, f, t = c.c_void_p(), c.c_uint64(), c.c_size_t(), c.c_size_t()
print(cu.cuInit(0), cu.cuDevicePrimaryCtxRetain(c.byref(ctx), 0), cu.cuCtxSetCurrent(ctx), flush=True)
sys.stdin.readline()
print(cu.cuMemAlloc_v2(c.byref(p), c.c_size_t(1)), cu.cuMemGetInfo_v2(c.byref(f), c.byref(t)), cu.cuCtxSynchronize(), cu.cuStreamSynchronize(None), flush=True)
"""
    p = m.popen(sys.executable, "-c", code, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert p.stdout.readline() == "0 0 0\n"
    ctl(m, "lose", "0")
    assert p.communicate("\n")[0] == "999 999 999 999\n"


EVENTS = r"""
import json, sys
import pynvml as n
n.nvmlInit()
s, hs = n.nvmlEventSetCreate(), [n.nvmlDeviceGetHandleByIndex(i) for i in range(2)]
for h in hs:
    n.nvmlDeviceRegisterEvents(h, n.nvmlDeviceGetSupportedEventTypes(h), s)
try:
    n.nvmlEventSetWait_v2(s, 0)
    print("too early")
except n.NVMLError_Timeout:
    print("ready", flush=True)
sys.stdin.readline()
got = []
while True:
    try:
        e = n.nvmlEventSetWait_v2(s, 0)
    except n.NVMLError_Timeout:
        break
    got.append([[i for i, h in enumerate(hs) if h.value == e.device.value] if hasattr(e.device, "value") else e.device, e.eventType, e.eventData])
ecc = [n.nvmlDeviceGetTotalEccErrors(hs[1], k, n.NVML_VOLATILE_ECC) for k in (n.NVML_MEMORY_ERROR_TYPE_CORRECTED, n.NVML_MEMORY_ERROR_TYPE_UNCORRECTED)]
print(json.dumps([[(t, d) for _, t, d in got], ecc]))
n.nvmlEventSetFree(s)
"""


def test_xid_and_ecc_are_told_to_event_sets(machine):
    pytest.importorskip("pynvml")
    m = machine("2xA100-SXM4-40GB")
    p = m.popen(sys.executable, "-W", "ignore", "-c", EVENTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert p.stdout.readline() == "ready\n"
    ctl(m, "xid", "0", "13")
    ctl(m, "ecc", "1", "corrected", "5")
    ctl(m, "ecc", "1", "uncorrected", "2")
    out = json.loads(p.communicate("\n")[0])
    assert out == [[[8, 13], [1, 0], [2, 0], [8, 48]], [5, 2]]
    assert "5 corrected, 2 not" in ctl(m).stdout


def test_a_driver_that_hangs_is_said(machine):
    m = machine(FLEET)
    ctl(m, "hang", "1")
    done = m.berth("gpus", env={"BERTH_DRIVER_WAIT": "300ms"})
    assert done.returncode == 1 and "driver has not answered for 300ms" in done.stderr and "nvidia-smi" in done.stderr
    error = json.loads(m.berth("gpus", "--json", env={"BERTH_DRIVER_WAIT": "300ms"}).stdout)
    assert error["kind"] == "error"
    ctl(m, "hang", "1", "100ms")                       # and one that only takes its time
    assert len(there(m)) == 4
    ctl(m, "hang", "all")
    waiting = m.popen("berth", "gpus", "--json", stdout=subprocess.PIPE)
    ctl(m, "heal")
    assert len(json.loads(waiting.communicate(timeout=DEADLINE_S)[0])["gpus"]) == 4


def test_the_daemon_outlives_a_driver_that_hangs(cards: Cards) -> None:
    assert cards.up(cards.tenant("a-0", (0, GIB), planned=3 * GIB)).returncode == 0
    pid = cards.ps()["a-0"]["pids"][0]
    ctl(cards.machine, "hang", "all")
    said = eventually("verify to say so", lambda: (v := cards.berth("verify")).returncode != 0 and v)
    assert "silent" in said.stderr + said.stdout, said
    assert cards.ps()["a-0"]["pids"] == [pid] and alive(pid)
    ctl(cards.machine, "heal")
    eventually("the probe to be there again", lambda: cards.berth("verify").returncode == 0)
    assert cards.ps()["a-0"]["pids"] == [pid]


def test_calls_that_fail(machine):
    m = machine(FLEET)
    a, b, c, d = there(m)
    ctl(m, "fail", "3", "unknown")
    assert there(m) == [a, b, c] and "card 3 is left out: Unknown Error" in notes(m)
    ctl(m, "heal", "3")
    ctl(m, "fail", "0", "no-permission", "2")
    assert "this user or container may not use it" in notes(m)
    assert "NVML answers 4 1 times more" in ctl(m).stdout       # the handle took one
    assert there(m) == [b, c, d]                                # and the next look the other
    assert there(m) == [a, b, c, d]


def test_a_card_that_does_not_say_what_is_in_use_is_not_empty(machine):
    """Handle, UUID, name, PCI info... then memory: a fault that comes in the middle."""
    m = machine("1xA100-SXM4-40GB")
    holder = tenant(m, f"0:{30 * GIB}")
    code = """
import ctypes as c, json
ml = c.CDLL("libnvidia-ml.so.1"); ml.nvmlInit_v2()
d, b = c.c_void_p(), c.create_string_buffer(96)
print(ml.nvmlDeviceGetHandleByIndex_v2(0, c.byref(d)), flush=True)
input()
print(ml.nvmlDeviceGetMemoryInfo(d, b), ml.nvmlDeviceGetUUID(d, b, 96))
"""
    p = m.popen(sys.executable, "-c", code, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert p.stdout.readline() == "0\n"
    ctl(m, "fail", "0", "999", "1")
    assert p.communicate("\n")[0] == "999 0\n"
    end(holder)


def test_less_memory_than_the_name_says(machine):
    m = machine("2xA100-SXM4-40GB")
    ctl(m, "shrink", "1", "20GiB")
    whole, small = m.json("gpus")["gpus"]
    assert small["name"] == NAME and small["nvml_total_bytes"] == 20 * GIB
    assert small["total_bytes"] < 20 * GIB and small["total_source"] == "nvml-less-2%" and whole["total_source"] == "catalog"
    code = "import ctypes as c; cu = c.CDLL('libcuda.so.1'); n = c.c_size_t(); cu.cuInit(0); cu.cuDeviceTotalMem_v2(c.byref(n), 1); print(n.value)"
    assert int(m.run(sys.executable, "-c", code, check=True).stdout) < 20 * GIB
    ctl(m, "heal", "1")
    assert m.json("gpus")["gpus"][1]["nvml_total_bytes"] == 40 * GIB


def test_a_plan_for_whole_cards_waits_on_a_smaller_one(cards: Cards) -> None:
    ctl(cards.machine, "shrink", "0", "20GiB")
    up = cards.up(cards.tenant("a-0", (0, 30 * GIB), planned=32 * GIB), env={"BERTH_MEMORY_WAIT": "1s"})
    assert up.returncode == 1 and "GPU 0: 32.00 GiB needed, 20.00 GiB free" in up.stderr
    cards.assert_empty()


def test_another_users_process_appears(cards: Cards) -> None:
    m = cards.machine
    assert cards.up(cards.tenant("a-0", (0, GIB), planned=3 * GIB)).returncode == 0
    said = ctl(m, "stranger", "0", "12GiB").stdout
    pid = int(said.split()[1])
    proc = next(p for p in m.json("gpus")["gpus"][0]["procs"] if p["pid"] == pid)
    assert proc["bytes"] == 12 * GIB and "train.py" in proc["command"]
    if os.geteuid() == 0:
        assert "nobody" in m.berth("gpus").stdout
    code, told = eventually("verify to see it", lambda: (v := cards.verify()) and v[1].get("foreign") and v)  # type: ignore[misc]
    assert code == 0 and [(f["pid"], f["bytes"]) for f in told["foreign"]] == [(pid, 12 * GIB)]
    up = cards.up(cards.tenant("b-0", (0, 0), planned=30 * GIB), name="two", env={"BERTH_MEMORY_WAIT": "1s"})
    assert up.returncode == 1 and f"pid {pid}" in up.stderr
    os.kill(pid, signal.SIGKILL)
    eventually("its bytes to be back", lambda: cards.machine.used()[0] < 3 * GIB)


def test_memory_that_comes_back_late_or_never(cards: Cards) -> None:
    m = cards.machine
    assert cards.up(cards.tenant("a-0", (0, 10 * GIB), planned=12 * GIB), env={"BERTH_RELEASE_WAIT": "500ms"}).returncode == 0
    ctl(m, "linger", "never")
    os.kill(cards.ps()["a-0"]["pids"][0], signal.SIGKILL)
    down = cards.berth("down")
    used = m.json("gpus")["gpus"][0]
    assert used["used_bytes"] > 10 * GIB and used["procs"] == []         # in use by nobody
    assert "never comes back" in ctl(m).stdout
    ctl(m, "heal")
    assert m.used() == [0, 0]
    assert down.returncode in (0, 1)


def test_a_stuck_process(machine):
    m = machine("1xA100-SXM4-40GB", "--release-delay", "1ms")
    code = TENANT.replace("time.sleep(1000)", "sys.stdin.readline(); print(cuda.cuCtxSynchronize(), flush=True); time.sleep(1000)")
    p = m.popen(*python(code, f"0:{GIB}"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert p.stdout.readline() == "up\n"
    ctl(m, "stick", str(p.pid))
    p.stdin.write("\n")
    p.stdin.flush()
    assert state(m)["gpus"][0]["procs"][0]["stuck"] is True
    p.kill()
    p.wait()
    listed = m.json("gpus")["gpus"][0]
    assert [q["pid"] for q in listed["procs"]] == [p.pid] and listed["used_bytes"] > GIB        # dead, and still there
    ctl(m, "heal")
    eventually("the bytes to be back", lambda: m.used() == [0])
    assert p.stdout.read() == ""                       # the call had not returned


def test_mig_instances(machine):
    pytest.importorskip("pynvml")
    m = machine("2xA100-SXM4-40GB")
    ctl(m, "mig", "0", "3g.20gb,2g.10gb,1g.5gb")
    code = """
import json
import pynvml as n
n.nvmlInit()
h = n.nvmlDeviceGetHandleByIndex(0)
migs = []
for i in range(n.nvmlDeviceGetMaxMigDeviceCount(h)):
    try:
        migs.append(n.nvmlDeviceGetMigDeviceHandleByIndex(h, i))
    except n.NVMLError_NotFound:
        pass
parent = n.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(migs[0])
print(json.dumps({"mode": n.nvmlDeviceGetMigMode(h)[0], "count": n.nvmlDeviceGetCount(), "names": [n.nvmlDeviceGetName(x) for x in migs],
  "uuids": [n.nvmlDeviceGetUUID(x) for x in migs], "gi": [n.nvmlDeviceGetGpuInstanceId(x) for x in migs], "parent": n.nvmlDeviceGetIndex(parent),
  "total": [n.nvmlDeviceGetMemoryInfo(x).total >> 20 for x in migs], "sms": [n.nvmlDeviceGetAttributes_v2(x).multiprocessorCount for x in migs],
  "procs": [[(p.pid, p.gpuInstanceId) for p in n.nvmlDeviceGetComputeRunningProcesses(x)] for x in [h, *migs]]}))
"""

    def look() -> dict:
        return json.loads(m.run(sys.executable, "-W", "ignore", "-c", code, check=True).stdout)

    got = look()
    assert (got["mode"], got["count"], got["parent"], got["gi"]) == (1, 2, 0, [1, 2, 3])
    assert got["names"] == [f"{NAME} MIG 3g.20gb", f"{NAME} MIG 2g.10gb", f"{NAME} MIG 1g.5gb"]
    assert got["total"][0] == 19968 and got["sms"] == [42, 28, 14]
    assert all(u.startswith("MIG-") for u in got["uuids"]) and len(set(got["uuids"])) == 3
    devices = ("import ctypes as c; cu = c.CDLL('libcuda.so.1'); n = c.c_int(); t = c.c_size_t(); print(cu.cuInit(0), cu.cuDeviceGetCount(c.byref(n)), n.value,"
               " cu.cuDeviceTotalMem_v2(c.byref(t), 0), t.value >> 30)")
    seen = {v: m.run(sys.executable, "-c", devices, env=e, check=True).stdout.split() for v, e in
            [("unset", {}), ("second", {"CUDA_VISIBLE_DEVICES": got["uuids"][1]}), ("both", {"CUDA_VISIBLE_DEVICES": f"{got['uuids'][2]},{got['uuids'][1]}"}),
             ("whole", {"CUDA_VISIBLE_DEVICES": "1"}), ("stranger", {"CUDA_VISIBLE_DEVICES": "MIG-00000000"})]}
    assert seen == {"unset": ["0", "0", "1", "0", "19"], "second": ["0", "0", "1", "0", "9"], "both": ["0", "0", "1", "0", "4"],
                    "whole": ["0", "0", "1", "0", "39"], "stranger": ["100", "3", "0", "3", "0"]}
    p = tenant(m, f"0:{GIB}", CUDA_VISIBLE_DEVICES=got["uuids"][1])
    assert look()["procs"] == [[[p.pid, 2]], [], [[p.pid, 2]], []]
    big = m.run(*python(TENANT, f"0:{11 * GIB}"), env={"CUDA_VISIBLE_DEVICES": got["uuids"][1]})
    assert big.returncode == 1 and "cuMemAlloc_v2: 2" in big.stderr                          # the instance's memory, not the card's
    assert "in MIG mode" in notes(m) and [u[:4] for u in there(m)] == ["GPU-"] + ["MIG-"] * 3
    assert "processes use this machine" in ctl(m, "mig", "0", "off", code=75).stderr
    end(p)
    ctl(m, "mig", "0", "off")
    assert len(there(m)) == 2 and notes(m) == ""


def test_the_dead_are_found_though_nobody_asks(machine: Callable[..., Machine]) -> None:
    """`berth sim` looks itself: else a card would seem full to the next who comes, however long the last one is dead. Read in the machine's file, which looks for nobody."""
    m = machine("1xRTX-4090")
    code = ("import ctypes as t, time; c = t.CDLL('libcuda.so.1'); x = t.c_void_p(); p = t.c_uint64(); assert not c.cuInit(0) and not c.cuDevicePrimaryCtxRetain(t.byref(x), 0) and "
            "not c.cuCtxSetCurrent(x) and not c.cuMemAlloc_v2(t.byref(p), t.c_size_t(12345 << 20)); print('held', flush=True); time.sleep(1000)")
    holder = m.popen("python3", "-c", code, stdout=subprocess.PIPE)
    assert holder.stdout and holder.stdout.readline() == "held\n"
    used, file = sum(m.used()).to_bytes(8, "little"), Path(m.env["BERTH_SIM_STATE"])
    assert used in file.read_bytes()
    holder.kill()
    holder.wait()
    eventually("the bytes to come back", lambda: used not in file.read_bytes())
