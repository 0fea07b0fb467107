"""The simulated driver as programs meet it: libcuda.so.1 and libnvidia-ml.so.1 by ctypes in processes of their own, and the real nvidia-ml-py."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import BUILD, DEADLINE_S, eventually

DRIVER = BUILD / "sim"
MKSTATE = DRIVER / "sim-mkstate"
MiB, GiB = 1 << 20, 1 << 30
CONTEXT = 400 * MiB
A100 = f"NVIDIA A100-SXM4-40GB,8.0,{40 * GiB},{39 * GiB},{CONTEXT},400,600,1"
RTX4090 = f"NVIDIA GeForce RTX 4090,8.9,{24 * GiB},0,0,450,0,0"
L4 = f"NVIDIA L4,8.9,{23034 * MiB},23686283264,0,72,0,0"
OOM, NOT_INITIALIZED, NO_DEVICE, INVALID_CONTEXT, INVALID_VALUE = 2, 3, 100, 201, 1

# A program that uses the driver as it is told: one JSON list a line in, the result's code and its out-parameters back.
ACTOR = r"""
import ctypes as c, json, os, sys
cu = c.CDLL("libcuda.so.1")
U64, I, P, N = c.c_uint64, c.c_int, c.c_void_p, c.c_size_t

def out(f, kinds, *args):
    boxes = [k(0x5a5a) if k is not P else P(None) for k in kinds]
    rc = f(*[c.byref(b) for b in boxes], *args)
    return [rc, *[b.value for b in boxes]]

def context(dev=0):
    rc, ctx = out(cu.cuDevicePrimaryCtxRetain, [P], I(dev))
    return rc or cu.cuCtxSetCurrent(P(ctx))

class Prop(c.Structure):
    _fields_ = [("type", I), ("handles", I), ("where", I), ("id", I), ("win", P), ("flags", c.c_ubyte * 8)]

def uuid(dev=0):
    b = (c.c_ubyte * 16)()
    rc = cu.cuDeviceGetUuid_v2(b, I(dev))
    h = bytes(b).hex()
    return [rc, f"GPU-{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"]

def text(f, *args):
    b = c.create_string_buffer(128)
    return [f(b, I(128), *args), b.value.decode()]

def copy_out(ptr, n):
    b = c.create_string_buffer(b"x" * n, n)
    return [cu.cuMemcpyDtoH_v2(b, U64(ptr), N(n)), b.raw.decode("latin1")]

def proc(name, version, flags):
    fn, status = P(None), I(77)
    rc = cu.cuGetProcAddress_v2(name.encode(), c.byref(fn), I(version), U64(flags), c.byref(status))
    names = [s for s in sys.argv[1].split(",") if s and c.cast(getattr(cu, s), P).value == fn.value]
    return [rc, names, status.value]

def in_child(f):
    r, w = os.pipe()
    if os.fork() == 0:
        os.write(w, json.dumps(f()).encode())
        os._exit(0)
    os.wait()
    return json.loads(os.read(r, 4096))

do = {
    "init": lambda: cu.cuInit(0),
    "count": lambda: out(cu.cuDeviceGetCount, [I]),
    "uuid": uuid,
    "name": lambda dev=0: text(cu.cuDeviceGetName, I(dev)),
    "pci": lambda dev=0: text(cu.cuDeviceGetPCIBusId, I(dev)),
    "by_pci": lambda s: out(cu.cuDeviceGetByPCIBusId, [I], s.encode()),
    "total": lambda dev=0: out(cu.cuDeviceTotalMem_v2, [N], I(dev)),
    "attribute": lambda a, dev=0: out(cu.cuDeviceGetAttribute, [I], I(a), I(dev)),
    "peer": lambda a, b: out(cu.cuDeviceCanAccessPeer, [I], I(a), I(b)),
    "context": context,
    "release": lambda dev=0: cu.cuDevicePrimaryCtxRelease_v2(I(dev)),
    "reset": lambda dev=0: cu.cuDevicePrimaryCtxReset_v2(I(dev)),
    "create": lambda dev=0: out(cu.cuCtxCreate_v2, [P], I(0), I(dev)),
    "destroy": lambda ctx: cu.cuCtxDestroy_v2(P(ctx)),
    "set": lambda ctx: cu.cuCtxSetCurrent(P(ctx)),
    "info": lambda: out(cu.cuMemGetInfo_v2, [N, N]),
    "alloc": lambda n: out(cu.cuMemAlloc_v2, [U64], N(n)),
    "free": lambda p: cu.cuMemFree_v2(U64(p)),
    "pitch": lambda w, h, e: out(cu.cuMemAllocPitch_v2, [U64, N], N(w), N(h), I(e)),
    "managed": lambda n: out(cu.cuMemAllocManaged, [U64], N(n), I(1)),
    "async": lambda n: out(cu.cuMemAllocAsync, [U64], N(n), P(None)),
    "free_async": lambda p: cu.cuMemFreeAsync(U64(p), P(None)),
    "sync": lambda: cu.cuCtxSynchronize(),
    "mem_create": lambda n, where=1, dev=0: out(cu.cuMemCreate, [U64], N(n), c.byref(Prop(1, 0, where, dev)), U64(0)),
    "mem_release": lambda h: cu.cuMemRelease(U64(h)),
    "reserve": lambda n: out(cu.cuMemAddressReserve, [U64], N(n), N(0), U64(0), U64(0)),
    "unreserve": lambda p, n: cu.cuMemAddressFree(U64(p), N(n)),
    "map": lambda p, n, h: cu.cuMemMap(U64(p), N(n), N(0), U64(h), U64(0)),
    "unmap": lambda p, n: cu.cuMemUnmap(U64(p), N(n)),
    "fill": lambda p, n: cu.cuMemsetD8_v2(U64(p), c.c_ubyte(7), N(n)),
    "copy_out": copy_out,
    "proc": proc,
    "child_count": lambda: in_child(lambda: [cu.cuInit(0), *out(cu.cuDeviceGetCount, [I])]),
    "exit": lambda: sys.exit(0),
}
for line in sys.stdin:
    name, *args = json.loads(line)
    print(json.dumps(do[name](*args)), flush=True)
"""

TRACED = "cuMemAlloc,cuMemAlloc_v2,cuCtxCreate_v2,cuCtxCreate_v3,cuCtxCreate_v4,cuMemAllocAsync,cuMemAllocAsync_ptsz,cuGetProcAddress,cuGetProcAddress_v2,cuMemFree_v2"


class Actor:
    def __init__(self, env: dict[str, str]):
        self.proc = subprocess.Popen([sys.executable, "-c", ACTOR, TRACED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True)

    def __call__(self, name: str, *args: object):
        self.proc.stdin.write(json.dumps([name, *args]) + "\n")
        self.proc.stdin.flush()
        return json.loads(self.proc.stdout.readline())

    def ok(self, name: str, *args: object):
        """The out-parameters of a call that must work."""
        answer = self(name, *args)
        rc, *values = answer if isinstance(answer, list) else [answer]
        assert rc == 0, (name, args, answer)
        return values[0] if len(values) == 1 else values

    def start(self, dev: int = 0) -> "Actor":
        self.ok("init")
        self.ok("context", dev)
        return self

    def used(self) -> int:
        free, total = self.ok("info")
        return total - free


class Box:
    """A simulated machine and the processes on it."""

    def __init__(self, folder: Path, cards: list[str], linger_ms: int):
        self.actors: list[Actor] = []
        state = folder / "state"
        subprocess.run([MKSTATE, state, "test", str(linger_ms), *cards], check=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CUDA_")}
        self.env = {**kept, "BERTH_SIM_STATE": str(state), "LD_LIBRARY_PATH": str(DRIVER)}

    def actor(self, **env: str) -> Actor:
        self.actors.append(Actor({**self.env, **env}))
        return self.actors[-1]

    def nvml(self, script: str, *args: object):
        """What a program with nvidia-ml-py (as n) assigns to `answer`."""
        pytest.importorskip("pynvml")
        code = f"import json, sys\nimport pynvml as n\na = [json.loads(x) for x in sys.argv[1:]]\nn.nvmlInit()\n{script}\nprint(json.dumps(answer))"
        done = subprocess.run([sys.executable, "-W", "ignore", "-c", code, *map(json.dumps, args)], env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def holders(self, card: int = 0) -> dict[int, int]:
        return {int(k): v for k, v in self.nvml(
            "answer = {p.pid: p.usedGpuMemory for p in n.nvmlDeviceGetComputeRunningProcesses(n.nvmlDeviceGetHandleByIndex(a[0]))}", card).items()}


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Callable[..., Box]]:
    made: list[Box] = []

    def make(*cards: str, linger_ms: int = 50) -> Box:
        made.append(Box(tmp_path, list(cards), linger_ms))
        return made[-1]

    yield make
    for one in made:
        for actor in one.actors:
            actor.proc.stdin.close()
            actor.proc.stdout.close()
            actor.proc.wait(DEADLINE_S)


# Without a machine, and before cuInit.

def test_no_machine_is_no_device(box):
    b = box(A100)
    del b.env["BERTH_SIM_STATE"]
    a = b.actor()
    assert a("init") == NO_DEVICE
    assert a("count")[0] == NOT_INITIALIZED


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"\0" * 4_000_000])
def test_a_broken_state_file_is_no_device(box, tmp_path, content):
    b = box(A100)
    (tmp_path / "state").write_bytes(content)
    assert b.actor()("init") == NO_DEVICE


def test_a_fork_child_of_an_initialised_process_may_not_go_on(box):
    a = box(A100).actor()
    assert a("child_count") == [0, 0, 1]
    a.ok("init")
    assert a("child_count")[:2] == [NOT_INITIALIZED, NOT_INITIALIZED]
    assert a.ok("count") == 1


# Devices.

def test_a_device_is_its_card(box):
    a = box(A100, A100).actor()
    a.ok("init")
    assert a.ok("count") == 2
    assert a.ok("name", 0) == "NVIDIA A100-SXM4-40GB"
    assert a.ok("total", 0) == 39 * GiB
    assert [a.ok("attribute", n) for n in (75, 76, 16, 10)] == [8, 0, 108, 32]
    assert a.ok("peer", 0, 1) == 1 and a.ok("peer", 0, 0) == 0
    assert a.ok("uuid", 0) != a.ok("uuid", 1)
    for dev in (0, 1):
        assert a.ok("by_pci", a.ok("pci", dev)) == dev
    assert a("by_pci", "0000:ff:00.0")[0] == 101
    assert a("by_pci", "nonsense")[0] == INVALID_VALUE
    assert a("uuid", 2)[0] == 101 and a("attribute", 100000)[0] == INVALID_VALUE


def test_cuda_order_is_fastest_first_and_nvml_order_is_pci(box):
    b = box(L4, A100, RTX4090)
    names = ["NVIDIA GeForce RTX 4090", "NVIDIA L4", "NVIDIA A100-SXM4-40GB"]
    a = b.actor()
    a.ok("init")
    assert [a.ok("name", i) for i in range(3)] == names
    a = b.actor(CUDA_DEVICE_ORDER="PCI_BUS_ID")
    a.ok("init")
    assert [a.ok("name", i) for i in range(3)] == ["NVIDIA L4", "NVIDIA A100-SXM4-40GB", "NVIDIA GeForce RTX 4090"]


def test_visible_devices_filter_cuda_and_not_nvml(box):
    b = box(A100, A100, A100)
    a = b.actor()
    a.ok("init")
    uuids = [a.ok("uuid", i) for i in range(3)]
    for value, want in [("2,0", [2, 0]), (uuids[1], [1]), (uuids[1][:12] + "," + uuids[0], [1, 0]), ("1,7,2", [1])]:
        a = b.actor(CUDA_VISIBLE_DEVICES=value)
        a.ok("init")
        assert [a.ok("uuid", i) for i in range(a.ok("count"))] == [uuids[i] for i in want], value
    for value in ("", "-1", "1,1", "GPU-0000000000000"):
        assert b.actor(CUDA_VISIBLE_DEVICES=value)("init") == NO_DEVICE, value
    b.env["CUDA_VISIBLE_DEVICES"] = "1"
    assert b.nvml("answer = [n.nvmlDeviceGetUUID(n.nvmlDeviceGetHandleByIndex(i)) for i in range(n.nvmlDeviceGetCount())]") == uuids


def test_bytes_are_charged_to_the_visible_card(box):
    b = box(A100, A100)
    b.actor(CUDA_VISIBLE_DEVICES="1").start().ok("alloc", GiB)
    assert b.holders(0) == {}
    assert list(b.holders(1).values()) == [CONTEXT + GiB]


# Contexts and allocations.

def test_a_context_costs_and_gives_back(box):
    b = box(A100)
    a = b.actor()
    a.ok("init")
    assert a("info")[0] == INVALID_CONTEXT and a("alloc", 1)[0] == INVALID_CONTEXT
    watcher = b.actor().start()
    assert watcher.used() == CONTEXT
    a.ok("context")
    a.ok("context")                                    # a second retain costs nothing
    assert watcher.used() == 2 * CONTEXT
    own = a.ok("create")
    assert watcher.used() == 3 * CONTEXT
    a.ok("alloc", GiB)
    assert watcher.used() == 3 * CONTEXT + GiB
    a.ok("destroy", own)                               # and all that was allocated in it
    assert watcher.used() == 2 * CONTEXT
    assert a("destroy", own) == INVALID_CONTEXT and a("destroy", 12345) == INVALID_CONTEXT
    a.ok("alloc", GiB)
    a.ok("release")
    assert watcher.used() == 2 * CONTEXT + GiB
    a.ok("release")
    assert watcher.used() == CONTEXT
    assert a("alloc", 1)[0] == 709                     # the thread's context is destroyed
    assert a("release") == INVALID_CONTEXT


def test_reset_frees_and_a_process_can_start_again(box):
    a = box(A100).actor().start()
    a.ok("alloc", 5 * GiB)
    a.ok("reset")
    a.ok("context")
    assert a.used() == CONTEXT


def test_large_allocations_take_granules_and_small_ones_share(box):
    a = box(A100).actor().start()
    base = a.used()
    for size, taken in [(2 * MiB, 2), (2 * MiB + 1, 4), (MiB, 2), (GiB, 1024)]:
        p = a.ok("alloc", size)
        assert a.used() - base == taken * MiB, size
        a.ok("free", p)
        assert a.used() == base
    small = [a.ok("alloc", 1000) for _ in range(2048)]         # 1024 bytes each: one granule holds them all
    assert a.used() - base == 2 * MiB
    assert len(set(small)) == 2048 and all(p % 512 == 0 for p in small)
    a.ok("alloc", 1)
    assert a.used() - base == 4 * MiB
    for p in small:
        a.ok("free", p)
    assert a.used() - base == 2 * MiB
    assert a("free", small[0]) == INVALID_VALUE                # twice
    assert a("free", 0x1234) == INVALID_VALUE and a("free", 0) == 0
    assert a("alloc", 0)[0] == INVALID_VALUE


def test_out_of_memory_is_2_and_writes_nothing(box):
    a = box(A100).actor().start()
    free, total = a.ok("info")
    assert (free, total) == (39 * GiB - CONTEXT, 39 * GiB)
    for how in ("alloc", "async", "mem_create"):
        assert a(how, free + 2 * MiB) == [OOM, 0x5a5a], how
        assert a.ok("info") == [free, total]
    p = a.ok("alloc", free)                                    # to the last byte
    assert a.ok("info")[0] == 0
    assert a("alloc", 1)[0] == OOM
    a.ok("free", p)
    assert a.ok("info")[0] == free
    assert a("alloc", (1 << 64) - 1)[0] == OOM


def test_pitch_and_managed(box):
    a = box(A100).actor().start()
    base = a.used()
    p, pitch = a.ok("pitch", 1000, 4096, 4)
    assert pitch == 1024 and a.used() - base == 4 * MiB
    assert a("pitch", 1000, 4096, 3)[0] == INVALID_VALUE
    assert a("pitch", 1 << 40, 1 << 40, 4)[0] == OOM
    a.ok("free", p)
    m = a.ok("managed", 100 * GiB)                             # more than the card has: resident nowhere
    assert a.used() == base
    a.ok("fill", m, 4096)
    assert a("copy_out", m, 4) == [0, "\x07" * 4]
    a.ok("free", m)


def test_copies_check_device_addresses_and_never_touch_them(box):
    a = box(A100).actor().start()
    p = a.ok("alloc", 4 * MiB)
    a.ok("fill", p, 4 * MiB)
    assert a("fill", p, 4 * MiB + 1) == INVALID_VALUE
    assert a("copy_out", p + 4 * MiB - 8, 8) == [0, "\0" * 8]          # device memory has no content: zeros
    assert a("copy_out", p + 4 * MiB - 7, 8) == [INVALID_VALUE, "x" * 8]
    a.ok("free", p)
    assert a("copy_out", p, 8)[0] == INVALID_VALUE


def test_pools_keep_until_somebody_waits(box):
    a = box(A100).actor().start()
    base = a.used()
    p = a.ok("async", 100 * MiB)
    q = a.ok("async", 1)
    reserved = a.used() - base
    assert 100 * MiB < reserved <= 160 * MiB
    a.ok("free_async", p)
    assert a.used() - base == reserved
    a.ok("sync")
    assert a.used() - base == 2 * MiB
    a.ok("free", q)                                            # cuMemFree takes a pool's pointer, and waits
    assert a.used() == base


def test_vmm_bytes_live_as_long_as_references_or_mappings(box):
    a = box(A100).actor()
    a.ok("init")                                               # no current context needed
    n = 20 * MiB
    h = a.ok("mem_create", n)
    assert a("mem_create", n + 1)[0] == INVALID_VALUE          # not a multiple of the granularity
    assert a("mem_create", n, 2)[0] == 0                       # host memory is free of charge
    va = a.ok("reserve", 4 * n)
    a.ok("map", va + n, n, h)
    assert a("map", va + n, n, h) == 208
    assert a("map", va + 4 * n, n, h) == INVALID_VALUE
    assert a("unreserve", va, 4 * n) == INVALID_VALUE          # something is mapped
    a.ok("context")
    assert a.used() == CONTEXT + n
    a.ok("fill", va + n, n)
    assert a("fill", va, n) == INVALID_VALUE
    a.ok("mem_release", h)
    assert a.used() == CONTEXT + n                             # the mapping holds it
    assert a("mem_release", h) == INVALID_VALUE
    assert a("unmap", va + n, n - 2 * MiB) == INVALID_VALUE    # whole mappings only
    a.ok("unmap", va + n, n)
    assert a.used() == CONTEXT
    a.ok("unreserve", va, 4 * n)
    a.ok("mem_create", n)
    a.ok("reset")                                              # dies with no context
    a.ok("context")
    assert a.used() == CONTEXT + n


# Two processes, and the dead.

def test_two_processes_share_a_card_and_nvml_sees_both(box):
    b = box(A100)
    one, two = b.actor().start(), b.actor().start()
    one.ok("alloc", 20 * GiB)
    two.ok("alloc", 10 * GiB)
    assert b.holders() == {one.proc.pid: CONTEXT + 20 * GiB, two.proc.pid: CONTEXT + 10 * GiB}
    assert one.used() == two.used() == 2 * CONTEXT + 30 * GiB
    assert two("alloc", 10 * GiB)[0] == OOM
    m = b.nvml("h = n.nvmlDeviceGetHandleByIndex(0)\nx, y = n.nvmlDeviceGetMemoryInfo(h), n.nvmlDeviceGetMemoryInfo(h, version=n.nvmlMemory_v2)\n"
               "answer = [x.total, x.used, x.free, y.total, y.reserved, y.used, y.free]")
    used = 2 * CONTEXT + 30 * GiB
    assert m == [40 * GiB, used + GiB, 39 * GiB - used, 40 * GiB, GiB, used, 39 * GiB - used]


def test_kill_9_gives_back_after_the_delay(box):
    b = box(A100, linger_ms=600_000)
    victim, other = b.actor().start(), b.actor().start()
    victim.ok("alloc", 30 * GiB)
    victim.proc.kill()
    victim.proc.wait()
    assert other("alloc", 20 * GiB)[0] == OOM                  # dead, and its bytes still linger
    assert other.used() == 2 * CONTEXT + 30 * GiB
    assert list(b.holders()) == [other.proc.pid]


def test_kill_9_gives_back(box):
    b = box(A100, linger_ms=50)
    victim, other = b.actor().start(), b.actor().start()
    victim.ok("alloc", 30 * GiB)
    os.kill(victim.proc.pid, signal.SIGKILL)                   # and nobody waits for it: a zombie holds nothing either
    eventually("the bytes to come back", lambda: other("alloc", 20 * GiB)[0] == 0)
    assert other.used() == CONTEXT + 20 * GiB


def test_an_orderly_exit_gives_back_at_once(box):
    b = box(A100, linger_ms=600_000)
    leaver, other = b.actor().start(), b.actor().start()
    leaver.ok("alloc", 30 * GiB)
    leaver.proc.stdin.close()
    leaver.proc.wait(DEADLINE_S)
    assert other.used() == CONTEXT
    other.ok("alloc", 30 * GiB)


# cuGetProcAddress.

def test_get_proc_address_picks_the_abi(box):
    a = box(A100).actor()
    rows = [
        ("cuMemAlloc", 2000, 0, ["cuMemAlloc"], 0), ("cuMemAlloc", 3020, 0, ["cuMemAlloc_v2"], 0), ("cuMemAlloc", 13000, 0, ["cuMemAlloc_v2"], 0),
        ("cuMemAlloc", 1000, 0, [], 2),
        ("cuCtxCreate", 11030, 0, ["cuCtxCreate_v2"], 0), ("cuCtxCreate", 12040, 0, ["cuCtxCreate_v3"], 0), ("cuCtxCreate", 13000, 0, ["cuCtxCreate_v4"], 0),
        ("cuMemAllocAsync", 11020, 0, ["cuMemAllocAsync"], 0), ("cuMemAllocAsync", 11020, 1, ["cuMemAllocAsync"], 0),
        ("cuMemAllocAsync", 11020, 2, ["cuMemAllocAsync_ptsz"], 0), ("cuMemFree", 12000, 2, ["cuMemFree_v2"], 0),
        ("cuGetProcAddress", 11030, 0, ["cuGetProcAddress"], 0), ("cuGetProcAddress", 12000, 0, ["cuGetProcAddress_v2"], 0),
        ("", 0, 0, [], 1), ("cuNoSuchThing", 12000, 0, [], 1), ("cuMemAlloc_v2", 12000, 0, [], 1),
    ]
    for name, version, flags, want, status in rows:
        assert a("proc", name, version, flags) == [0, want, status], (name, version, flags)
    assert a("proc", "cuInit", 99000, 0)[0] == INVALID_VALUE   # newer than the driver
    assert a("proc", "cuInit", 12000, 7)[0] == INVALID_VALUE


# NVML.

def test_nvml_describes_the_cards(box):
    b = box(A100, RTX4090)
    seen = b.nvml("""
def refuse(f, *args):
    try:
        return f(*args)
    except n.NVMLError as e:
        return e.value
answer = []
for i in range(n.nvmlDeviceGetCount()):
    h = n.nvmlDeviceGetHandleByIndex(i)
    again = n.nvmlDeviceGetHandleByUUID(n.nvmlDeviceGetUUID(h))
    byid = n.nvmlDeviceGetHandleByPciBusId(n.nvmlDeviceGetPciInfo(h).busId)
    answer.append([n.nvmlDeviceGetName(h), n.nvmlDeviceGetIndex(again), n.nvmlDeviceGetIndex(byid), list(n.nvmlDeviceGetCudaComputeCapability(h)),
        n.nvmlDeviceGetEnforcedPowerLimit(h), n.nvmlDeviceGetUtilizationRates(h).gpu, refuse(n.nvmlDeviceGetMigMode, h), refuse(n.nvmlDeviceGetFanSpeed, h),
        n.nvmlDeviceGetBrand(h), refuse(n.nvmlDeviceGetNvLinkState, h, 0), refuse(n.nvmlDeviceGetNvLinkState, h, 99)])
    assert 20 < n.nvmlDeviceGetTemperature(h, n.NVML_TEMPERATURE_GPU) < 40 and 0 < n.nvmlDeviceGetPowerUsage(h) < 100000
""")
    assert seen == [["NVIDIA A100-SXM4-40GB", 0, 0, [8, 0], 400000, 0, [0, 0], 3, 14, 0, 2],
                    ["NVIDIA GeForce RTX 4090", 1, 1, [8, 9], 450000, 0, 3, 30, 15, 3, 2]]


def test_nvlink_and_topology(box):
    b = box(*[A100] * 4)
    assert b.nvml("""
hs = [n.nvmlDeviceGetHandleByIndex(i) for i in range(4)]
ids = [n.nvmlDeviceGetPciInfo(h).busId for h in hs]
ends = [ids.index(n.nvmlDeviceGetNvLinkRemotePciInfo(hs[1], l).busId) for l in range(12)]
answer = [ends, n.nvmlDeviceGetP2PStatus(hs[0], hs[3], n.NVML_P2P_CAPS_INDEX_NVLINK), n.nvmlDeviceGetTopologyCommonAncestor(hs[0], hs[1]),
          n.nvmlDeviceGetTopologyCommonAncestor(hs[0], hs[2]), n.nvmlDeviceGetNvLinkVersion(hs[0], 11)]
""") == [[0] * 4 + [2] * 4 + [3] * 4, 0, 40, 50, 3]


# The protocol beneath nvidia-ml-py, by ctypes: count and room, versions, shutdown, strangers.
NVML_RAW = r"""
import ctypes as c, json
ml = c.CDLL("libnvidia-ml.so.1")
P, U = c.c_void_p, c.c_uint
class V1(c.Structure): _fields_ = [("pid", U), ("used", c.c_ulonglong)]
class V3(c.Structure): _fields_ = [("pid", U), ("used", c.c_ulonglong), ("gi", U), ("ci", U)]
class M2(c.Structure): _fields_ = [("version", U)] + [(f, c.c_ulonglong) for f in ("total", "reserved", "free", "used")]
h, n, got = P(), U(0), {}
got["before init"] = ml.nvmlDeviceGetCount_v2(c.byref(n))
got["init"] = ml.nvmlInit_v2()
ml.nvmlDeviceGetHandleByIndex_v2(U(0), c.byref(h))
n.value = 0
got["no room"] = [ml.nvmlDeviceGetComputeRunningProcesses_v3(h, c.byref(n), None), n.value]
rows = (V3 * 8)(); n.value = 8
got["v3"] = [ml.nvmlDeviceGetComputeRunningProcesses_v3(h, c.byref(n), rows), n.value, rows[0].gi, rows[0].used]
rows = (V1 * 8)(); n.value = 8
got["v1"] = [ml.nvmlDeviceGetComputeRunningProcesses(h, c.byref(n), rows), n.value, rows[1].used]
n.value = 1
got["room for one"] = [ml.nvmlDeviceGetComputeRunningProcesses(h, c.byref(n), rows), n.value]
m = M2(version=0x01000028)
got["wrong version"] = ml.nvmlDeviceGetMemoryInfo_v2(h, c.byref(m))
got["stranger"] = ml.nvmlDeviceGetIndex(P(0x1234), c.byref(n))
got["past the end"] = ml.nvmlDeviceGetIndex(P(h.value + 1), c.byref(n))
got["null"] = ml.nvmlDeviceGetIndex(h, None)
got["short buffer"] = ml.nvmlDeviceGetName(h, c.create_string_buffer(4), U(4))
got["not exported"] = hasattr(ml, "nvmlDeviceGetMemoryLimits_v1")
got["shutdown"] = [ml.nvmlShutdown(), ml.nvmlShutdown(), ml.nvmlDeviceGetCount_v2(c.byref(n))]
print(json.dumps(got))
"""


def test_nvml_protocol(box):
    b = box(A100)
    for size in (GiB, 2 * GiB):
        b.actor().start().ok("alloc", size)
    done = subprocess.run([sys.executable, "-c", NVML_RAW], env=b.env, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {
        "before init": 1, "init": 0, "no room": [7, 2], "v3": [0, 2, 0xFFFFFFFF, CONTEXT + GiB], "v1": [0, 2, CONTEXT + 2 * GiB], "room for one": [7, 2],
        "wrong version": 25, "stranger": 2, "past the end": 2, "null": 2, "short buffer": 7, "not exported": False, "shutdown": [0, 1, 1],
    }


def test_nvml_without_a_machine_has_no_driver(box):
    b = box(A100)
    del b.env["BERTH_SIM_STATE"]
    code = "import ctypes; print(ctypes.CDLL('libnvidia-ml.so.1').nvmlInit_v2())"
    assert subprocess.run([sys.executable, "-c", code], env=b.env, capture_output=True, text=True, check=True).stdout == "9\n"


# The libraries themselves.

@pytest.mark.parametrize(("name", "prefix"), [("libcuda.so.1", "cu"), ("libnvidia-ml.so.1", "nvml")])
def test_nothing_else_is_exported(name, prefix):
    done = subprocess.run(["nm", "-D", "--defined-only", DRIVER / name], capture_output=True, text=True, check=True)
    names = [line.split()[-1] for line in done.stdout.splitlines()]
    assert len(names) > 60 and [n for n in names if not n.startswith(prefix)] == []
    soname = subprocess.run(["readelf", "-d", DRIVER / name], capture_output=True, text=True, check=True).stdout
    assert f"Library soname: [{name}]" in soname
    assert (DRIVER / name.removesuffix(".1")).resolve().name == name
