"""berth on a real NVIDIA card: `make test-gpu`. Without a driver every test skips.

They ask little of the machine: a few GiB on one card, whoever else works there, and nothing but Python, the driver and nvidia-ml-py. tests/it/test_gpu_suite.py
runs this file on the simulated machine, so that it is known to work before a card is at hand, and so that both machines are held to the same sentences.
$BERTH_GPU_RECORD names a file: what was measured is added to it, a JSON line each.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "it"))

from conftest import eventually  # noqa: E402
from plans import House, instance, plan, python  # noqa: E402

MiB, GiB = 1 << 20, 1 << 30
SLACK = 64 * MiB                     # what a driver may keep, or another process of the machine move meanwhile
CONTEXT_MAX = 1 * GiB                # no known card's CUDA context takes more
# Holds argv[1] bytes of the first card it sees.
TENANT = """
import ctypes, sys, time
cuda = ctypes.CDLL("libcuda.so.1")
def ask(name, *args):
    code = getattr(cuda, name)(*args)
    if code: sys.exit(f"{name}: {code}")
device, context, pointer = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
free, total = ctypes.c_size_t(), ctypes.c_size_t()
ask("cuInit", 0)
ask("cuDeviceGet", ctypes.byref(device), 0)
ask("cuCtxCreate_v2", ctypes.byref(context), 0, device)
ask("cuMemAlloc_v2", ctypes.byref(pointer), ctypes.c_size_t(int(sys.argv[1])))
ask("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
print("up", free.value, total.value, flush=True)
time.sleep(1000)
"""
READY = {"ready": {"kind": "log", "pattern": "^up "}}


def driver() -> None:
    """Skips where there is no driver, and where the driver has no card."""
    try:
        if ctypes.CDLL("libcuda.so.1").cuInit(0) == 100:
            pytest.skip("the driver has no card")
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError as why:
        pytest.skip(f"no NVIDIA driver: {why}")


class Card(House):
    """The card with the most free memory, and a house for berth's folders."""

    def __init__(self, folder: Path):
        import pynvml as n

        super().__init__(folder)
        n.nvmlInit()
        self.n = n
        self.all = [n.nvmlDeviceGetHandleByIndex(i) for i in range(n.nvmlDeviceGetCount())]
        self.handle = max(self.all, key=lambda h: n.nvmlDeviceGetMemoryInfo(h).free)
        self.uuid = n.nvmlDeviceGetUUID(self.handle)
        self.index = self.all.index(self.handle)
        self.name = n.nvmlDeviceGetName(self.handle)
        if self.free() < 6 * GiB:
            pytest.skip(f"no card has 6 GiB free: {self.name} has {self.free() / GiB:.1f}")

    def free(self) -> int:
        return int(self.n.nvmlDeviceGetMemoryInfo(self.handle).free)

    def listed(self, pid: int) -> int | None:
        """The bytes NVML names for that process; None: it does not list it (a container's own pid namespace does that)."""
        return next((p.usedGpuMemory for p in self.n.nvmlDeviceGetComputeRunningProcesses(self.handle) if p.pid == pid), None)

    def stranger(self, size: int) -> subprocess.Popen[str]:
        p = subprocess.Popen(python(TENANT, str(size)), env={**self.env, "CUDA_VISIBLE_DEVICES": self.uuid}, stdout=subprocess.PIPE, text=True)
        assert p.stdout is not None
        self.said = p.stdout.readline()
        assert self.said.startswith("up "), self.said
        return p

    def tenant(self, size: int, planned: int) -> dict:
        one = instance("tenant-0", python(TENANT, str(size)), ranks=[{"gpu": self.uuid, "index": self.index, "bytes": planned}], **READY)
        one["launch"]["env"] = {"CUDA_VISIBLE_DEVICES": self.uuid}
        return one

    def start(self, size: int, planned: int, **more):
        row = next(g for g in self.gpus() if g["uuid"] == self.uuid)
        gpus = [{k: row[k] for k in ("uuid", "index", "name", "total_bytes")}]
        return self.up(plan("card", self.tenant(size, planned), gpus=gpus), "-d", **more)

    def gpus(self) -> list[dict]:
        return json.loads(self.berth("gpus", "--json").stdout)["gpus"]

    def verify(self) -> tuple[int, dict]:
        done = self.berth("verify", "--json")
        return done.returncode, json.loads(done.stdout)

    def row(self) -> tuple[int, dict]:
        """verify's exit code and its row of the tenant, when the driver's bytes are in it."""
        def seen():
            code, told = self.verify()
            rows = told.get("rows") or []
            return rows and (rows[0]["actual_bytes"] or rows[0]["verdict"] == "unattributable") and (code, rows[0])
        return eventually("verify to see the tenant", seen)  # type: ignore[return-value]

    def record(self, **what) -> None:
        if path := os.environ.get("BERTH_GPU_RECORD"):
            with Path(path).open("a") as f:
                f.write(json.dumps({"card": self.name, "driver": self.n.nvmlSystemGetDriverVersion(), **what}) + "\n")


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Card]:
    driver()
    one = Card(tmp_path)
    yield one
    one.close()


def test_gpus_says_what_nvml_says(card: Card) -> None:
    rows = card.gpus()
    assert [g["uuid"] for g in rows] == [card.n.nvmlDeviceGetUUID(h) for h in card.all]
    for row, h in zip(rows, card.all, strict=True):
        assert row["name"] == card.n.nvmlDeviceGetName(h)
        assert row["nvml_total_bytes"] == card.n.nvmlDeviceGetMemoryInfo(h).total
        assert row["compute_capability"] == ".".join(map(str, card.n.nvmlDeviceGetCudaComputeCapability(h)))


def test_the_catalog_knows_the_card(card: Card) -> None:
    row = next(g for g in card.gpus() if g["uuid"] == card.uuid)
    if not row["key"]:
        pytest.skip(f"the catalog has no {card.name}")
    named = json.loads(card.berth("gpus", "--gpus", f"1x{row['key']}", "--json").stdout)["gpus"][0]
    card.record(what="totals", nvml=row["nvml_total_bytes"], cuda=row["total_bytes"], catalog_nvml=named["nvml_total_bytes"], catalog_cuda=named["total_bytes"])
    assert abs(named["nvml_total_bytes"] - row["nvml_total_bytes"]) <= row["nvml_total_bytes"] // 200
    assert abs(named["total_bytes"] - row["total_bytes"]) <= row["total_bytes"] // 200


def test_the_total_that_plans_use_is_cuda_s(card: Card) -> None:
    """What cuMemGetInfo calls total is less than NVML's; a plan in NVML's bytes would not start."""
    p = card.stranger(GiB)
    try:
        row = next(g for g in card.gpus() if g["uuid"] == card.uuid)
        _, free, total = card.said.split()
        card.record(what="total", planned=row["total_bytes"], cuda=int(total), cuda_free=int(free), source=row["total_source"])
        assert abs(row["total_bytes"] - int(total)) <= SLACK
    finally:
        p.kill()
        p.wait()


def test_bytes_are_seen_verified_and_freed(card: Card) -> None:
    before = card.free()
    up = card.start(2 * GiB, 2 * GiB + CONTEXT_MAX)
    assert up.returncode == 0, up.stderr
    code, row = card.row()
    assert code == 0
    if row["verdict"] == "unattributable":           # NVML hides pids here: no figure may be made up
        assert row["actual_bytes"] is None or row["actual_bytes"] == 0
    else:
        assert row["verdict"] == "inside" and 2 * GiB < row["actual_bytes"] < 2 * GiB + CONTEXT_MAX
        assert row["actual_bytes"] == card.listed(row["pids"][0])
    card.record(what="context", bytes=row["actual_bytes"] and row["actual_bytes"] - 2 * GiB, taken=before - card.free() - 2 * GiB)
    down = time.monotonic()
    assert card.berth("down").returncode == 0
    card.record(what="down", seconds=round(time.monotonic() - down, 3), missing=before - card.free())
    assert card.free() > before - SLACK              # free when down returns, not some time after
    card.assert_empty()


def test_over_its_bytes(card: Card) -> None:
    assert card.start(3 * GiB, 2 * GiB).returncode == 0
    code, row = card.row()
    if row["verdict"] == "unattributable":
        pytest.skip("the driver does not say which process holds what")
    assert code == 4 and row["verdict"] == "over" and row["actual_bytes"] > 3 * GiB


def test_a_killed_process_gives_its_memory_back(card: Card) -> None:
    """Restarted: the memory barrier has let it through a second time."""
    before = card.free()
    assert card.start(2 * GiB, 2 * GiB + CONTEXT_MAX).returncode == 0
    pid = card.ps()["tenant-0"]["pids"][0]
    os.kill(pid, signal.SIGKILL)
    again = eventually("another life", lambda: (t := card.ps()["tenant-0"])["state"] == "ready" and t["pids"] and t["pids"][0] != pid and t)
    assert isinstance(again, dict) and again["restarts"] == 1
    assert card.berth("down").returncode == 0 and card.free() > before - SLACK


def test_the_barrier_names_a_stranger(card: Card) -> None:
    p = card.stranger(card.free() - 3 * GiB)
    try:
        up = card.start(2 * GiB, 4 * GiB, env={"BERTH_MEMORY_WAIT": "1s"})
        assert up.returncode == 1 and f"GPU {card.index}: 4.00 GiB needed" in up.stderr, up.stderr
        if card.listed(p.pid):
            assert f"pid {p.pid}" in up.stderr
    finally:
        p.kill()
        p.wait()
    eventually("the stranger's memory to come back", lambda: card.free() > 5 * GiB)
    up = card.start(2 * GiB, 4 * GiB)
    assert up.returncode == 0, up.stderr


def test_a_plan_of_a_spec_runs_on_it(card: Card) -> None:
    """From the spec to verify, with berth's own choice of the card."""
    (card.folder / "tenant.py").write_text(TENANT)
    (card.folder / "berth.yaml").write_text(
        f"name: card\nworkloads:\n  t: {{kind: service, command: [{sys.executable}, -u, tenant.py, '{2 * GiB}'], gpus: 1, memory: 3GiB, ready: {{log: '^up '}}}}\n")
    up = card.berth("up", "-d", "-f", card.folder / "berth.yaml")
    assert up.returncode == 0, up.stderr
    status, row = card.row()
    assert status == 0 and row["verdict"] in ("inside", "unattributable") and row["planned_bytes"] == 3 * GiB
