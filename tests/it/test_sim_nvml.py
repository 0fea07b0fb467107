"""The simulated libnvidia-ml.so.1 as the field's own tools see it: nvidia-ml-py, gpustat, nvitop and nvtop (Debian's package, unpacked for the test where it is not installed)."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import BUILD, DEADLINE_S, ROOT, eventually

GiB = 1 << 30
LIBRARY = BUILD / "sim" / "libnvidia-ml.so.1"
HOLDER = r"""
import ctypes as c, sys
cu = c.CDLL("libcuda.so.1")
ctx, ptr = c.c_void_p(), c.c_uint64()
assert cu.cuInit(0) == 0 and cu.cuDevicePrimaryCtxRetain(c.byref(ctx), int(sys.argv[1])) == 0 and cu.cuCtxSetCurrent(ctx) == 0
assert cu.cuMemAlloc_v2(c.byref(ptr), c.c_size_t(int(sys.argv[2]))) == 0
print("ready", flush=True)
while not sys.stdin.closed:
    for _ in range(1000 if sys.argv[3] == "busy" else 0):
        cu.cuMemsetD8_v2(ptr, c.c_ubyte(0), c.c_size_t(100 << 20))
    if sys.argv[3] != "busy" and not sys.stdin.readline():
        break
"""


def holder(m, card: int, size: int, how: str = "still") -> subprocess.Popen:
    p = m.popen(sys.executable, "-c", HOLDER, str(card), str(size), how, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"})
    assert p.stdout.readline() == "ready\n"
    return p


def tool(name: str) -> list[str]:
    path = Path(sys.executable).parent / name
    if not path.exists():
        pytest.skip(f"{name} is not installed: tests/requirements.txt has it")
    return [str(path)]


def exported() -> set[str]:
    done = subprocess.run(["nm", "-D", "--defined-only", LIBRARY], capture_output=True, text=True, check=True)
    return {line.split()[-1] for line in done.stdout.splitlines()}


def in_docs() -> dict[str, set[str]]:
    """Column of the table of functions -> names."""
    text = (ROOT / "docs" / "sim.md").read_text().split("<!-- every exported function", 1)[1].split("\n## ", 1)[0]
    found: dict[str, set[str]] = {"answered": set(), "not supported": set(), "no permission": set()}
    for line in text.splitlines():
        cells = line.split("|")
        if len(cells) == 6:
            for column, cell in zip(found, cells[2:5]):
                names = {"nvml" + n for n in re.findall(r"`([A-Z]\w+)`", cell) if n not in ("NOT_SUPPORTED", "NO_PERMISSION")}
                assert not names & set().union(*found.values()), names
                found[column] |= names
    return found


def test_the_table_of_the_docs_is_what_is_exported():
    table = in_docs()
    assert set().union(*table.values()) == exported()
    assert len(exported()) == 396


def test_what_is_not_there_says_so(machine):
    table = in_docs()
    code = """
import ctypes as c, json, sys
ml = c.CDLL("libnvidia-ml.so.1")
names = json.load(sys.stdin)
got = {"before": [getattr(ml, n)(None, None, None, None) for n in names]}
assert ml.nvmlInit_v2() == 0
got["after"] = [getattr(ml, n)(None, None, None, None) for n in names]
print(json.dumps(got))
"""
    for column, want in (("not supported", 3), ("no permission", 4)):
        names = sorted(table[column])
        m = machine("1xH100-80GB-HBM3")
        p = m.popen(sys.executable, "-c", code, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        out = json.loads(p.communicate(json.dumps(names))[0])
        assert out["before"] == [1] * len(names)
        assert dict(zip(names, out["after"])) == dict.fromkeys(names, want)


# Every getter of one card that nvidia-ml-py has, called as its users call it: none may break the process, and each answers or refuses by name.
EVERYTHING = r"""
import inspect, json
import pynvml as n
n.nvmlInit()
h = n.nvmlDeviceGetHandleByIndex(0)
got = {}
for name, f in sorted(vars(n).items()):
    if not name.startswith("nvmlDeviceGet") or not inspect.isfunction(f):
        continue
    if [p.name for p in inspect.signature(f).parameters.values() if p.default is p.empty] not in (["handle"], ["device"]):
        continue
    try:
        f(h)
        got[name] = "ok"
    except n.NVMLError as e:
        got[name] = type(e).__name__
print(json.dumps(got))
"""


@pytest.mark.parametrize("card", ["A100-SXM4-40GB", "H100-80GB-HBM3", "RTX-4090", "T4"])
def test_every_getter_answers_or_refuses_by_name(machine, card):
    pytest.importorskip("pynvml")
    got = json.loads(machine(f"1x{card}").run(sys.executable, "-W", "ignore", "-c", EVERYTHING, check=True).stdout)
    assert len(got) > 90
    refusals = {name: why for name, why in got.items() if why not in ("ok", "NVMLError_NotSupported", "NVMLError_FunctionNotFound")}
    assert refusals == {}
    for name in ("Name", "UUID", "MemoryInfo", "UtilizationRates", "PowerUsage", "PciInfo", "Architecture", "VbiosVersion", "ComputeRunningProcesses"):
        assert got["nvmlDeviceGet" + name] == "ok", name


def test_gpustat_shows_the_fleet(machine):
    m = machine("2xH100-80GB-HBM3+1xRTX-4090")
    p = holder(m, 2, 20 * GiB)
    out = json.loads(m.run(*tool("gpustat"), "--json", check=True).stdout)
    assert [g["name"] for g in out["gpus"]] == ["NVIDIA H100 80GB HBM3"] * 2 + ["NVIDIA GeForce RTX 4090"]
    assert [g["uuid"] for g in out["gpus"]] == [g["uuid"] for g in m.json("gpus")["gpus"]]
    assert [g["memory.total"] for g in out["gpus"]] == [81559, 81559, 24564]
    assert [[q["pid"] for q in g["processes"]] for g in out["gpus"]] == [[], [], [p.pid]]
    assert 20 * 1024 <= out["gpus"][2]["processes"][0]["gpu_memory_usage"] < 21 * 1024
    assert out["gpus"][0]["enforced.power.limit"] == 700 and 20 < out["gpus"][0]["temperature.gpu"] < 40
    p.communicate("")


def test_nvitop_shows_the_fleet_and_who_works(machine):
    m = machine("1xH100-80GB-HBM3+1xRTX-4090")
    p = holder(m, 1, 20 * GiB, "busy")
    command = [*tool("nvitop"), "-1", "--no-unicode"]
    text = m.run(*command, env={"COLUMNS": "120"}, check=True).stdout
    assert "580.95.05" in text and "CUDA Driver Version: 13.0" in text
    assert re.search(r"0\s+H100 80GB HBM3\s+On \| 00000000:01:00.0", text), text
    assert re.search(r"1\s+GeForce RTX 4090\s+Off \| 00000000:04:00.0", text), text
    assert "700W" in text and "450W" in text
    rows = [line for line in text.splitlines() if str(p.pid) in line]
    assert rows and re.search(r"\|\s+1\s+%d C" % p.pid, rows[0]) and "20.4" in rows[0]
    eventually("the process to be seen at work", lambda: re.search(r"%d C\s+\S+\s+\S+GiB\s+[1-9]" % p.pid, m.run(*command, env={"COLUMNS": "120"}).stdout))
    p.kill()
    p.communicate()


def screen_of(argv: list[str], env: dict[str, str], wanted: str, deadline_s: float = DEADLINE_S) -> str:
    """What a curses program writes to its terminal until `wanted` is there, escapes taken out."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execvpe(argv[0], argv, {**env, "TERM": "xterm", "LINES": "50", "COLUMNS": "160"})
    text, end = "", time.monotonic() + deadline_s
    try:
        while wanted not in text and time.monotonic() < end:
            if select.select([fd], [], [], 0.5)[0]:
                try:
                    raw = os.read(fd, 65536).decode("utf-8", "replace")
                except OSError:
                    break                # it has ended
                text += re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|\([A-Z0-9]|[=>])", "", raw)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(fd)
    return text


def find_nvtop() -> str:
    if named := os.environ.get("BERTH_NVTOP"):
        return named
    got = subprocess.run([ROOT / ".ci/nvtop", BUILD / "nvtop"], capture_output=True, text=True, timeout=120, check=False)
    if got.returncode:
        pytest.skip("no nvtop: " + (got.stderr.strip().splitlines() or ["?"])[-1])
    return got.stdout.strip()


def test_nvtop_shows_the_fleet(machine):
    nvtop = find_nvtop()
    m = machine("2xH100-80GB-HBM3")
    p = holder(m, 1, 20 * GiB)
    text = screen_of([nvtop], m.env, str(p.pid))
    assert text.count("NVIDIA H100 80GB HBM3") >= 2 and "PCIe" in text and "79.647Gi" in text
    assert str(p.pid) in text
    p.communicate("")


def test_values_by_number_agree_with_those_by_name(machine):
    pytest.importorskip("pynvml")
    code = """
import json
import pynvml as n
n.nvmlInit()
h = n.nvmlDeviceGetHandleByIndex(0)
ids = [n.NVML_FI_DEV_NVLINK_LINK_COUNT, n.NVML_FI_DEV_POWER_INSTANT, n.NVML_FI_DEV_ECC_CURRENT, n.NVML_FI_DEV_MEMORY_TEMP, (n.NVML_FI_DEV_NVLINK_GET_STATE, 3)]
v = n.nvmlDeviceGetFieldValues(h, ids)
print(json.dumps([[x.nvmlReturn for x in v], [x.value.uiVal for x in v[:3]], v[4].value.uiVal, n.nvmlDeviceGetPowerUsage(h), n.nvmlDeviceGetEccMode(h)[0]]))
"""
    codes, (links, power, ecc), state, power_by_name, ecc_by_name = json.loads(machine("2xA100-SXM4-40GB").run(sys.executable, "-c", code, check=True).stdout)
    assert codes == [0, 0, 0, 3, 0]
    assert (links, power, ecc, state) == (12, power_by_name, ecc_by_name, 1)
