"""The rest of the simulated libcuda.so.1: what a runtime looks up, memory between processes, arrays, graphs, modules, checkpoints, programs linked with it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import BUILD, ROOT, Machine, eventually

GiB, MiB = 1 << 30, 1 << 20
LIBRARY = BUILD / "sim" / "libcuda.so.1"
CARD = "1xA100-SXM4-40GB"

# What every program below starts with; `used` is what the driver shows in use.
START = r"""
import ctypes as c, json, os, sys
cu = c.CDLL("libcuda.so.1")
U64, I, P, N = c.c_uint64, c.c_int, c.c_void_p, c.c_size_t
def new(kind, f, *args):
    box = kind()
    rc = getattr(cu, f)(c.byref(box), *args)
    assert rc == 0, (f, rc)
    return box
def start(dev=0):
    assert cu.cuInit(0) == 0
    ctx = new(P, "cuDevicePrimaryCtxRetain", dev)
    assert cu.cuCtxSetCurrent(ctx) == 0
def used():
    f, t = N(), N()
    assert cu.cuMemGetInfo_v2(c.byref(f), c.byref(t)) == 0
    return t.value - f.value
def ready(*what):
    print(json.dumps(what), flush=True)
    return sys.stdin.readline()
def answer(what):
    print(json.dumps(what), flush=True)
MiB = 1 << 20
"""


def run(m: Machine, code: str, *args: object, **env: str):
    done = m.run(sys.executable, "-c", START + code, *args, env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Program:
    """A program that stops at every ready(...) and tells what it has."""

    def __init__(self, m: Machine, code: str, *args: object, **more):
        self.p = m.popen(sys.executable, "-c", START + code, *args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)
        self.pid = self.p.pid

    def read(self):
        line = self.p.stdout.readline()
        assert line, "the program ended"
        return json.loads(line)

    def go(self, word: str = ""):
        self.p.stdin.write(word + "\n")
        self.p.stdin.flush()

    def end(self):
        self.p.kill()
        self.p.communicate()


def exported() -> dict[int, set[str]]:
    """Offset in the library -> its names."""
    names: dict[int, set[str]] = {}
    for line in subprocess.run(["nm", "-D", "--defined-only", LIBRARY], capture_output=True, text=True, check=True).stdout.splitlines():
        at, _, name = line.split()
        names.setdefault(int(at, 16), set()).add(name)
    return names


# Looking up.

REPLAY = r"""
asked = json.load(sys.stdin)
base = c.cast(cu.cuInit, P).value
out = []
for name, version, flags in asked:
    fn, status = P(), I(77)
    rc = cu.cuGetProcAddress_v2(name.encode(), c.byref(fn), I(version), U64(flags), c.byref(status))
    out.append([rc, (fn.value or 0) - base if fn.value else None, status.value])
answer(out)
"""


@pytest.mark.parametrize("runtime", ["12.9", "13.0"])
def test_all_that_nvidias_runtime_looks_up_is_there(machine, runtime):
    rows = [line.split() for line in (ROOT / "tests" / "data" / "cudart_lookups.txt").read_text().splitlines() if line.startswith(runtime)]
    asked = [("" if name == "-" else name, int(version), int(flags)) for _, name, version, flags in rows]
    assert len(asked) > 400 and sum(flags == 2 for *_, flags in asked) > 60
    p = machine(CARD).popen(sys.executable, "-c", START + REPLAY, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    answers = json.loads(p.communicate(json.dumps(asked))[0])
    names, base = exported(), next(at for at, n in exported().items() if "cuInit" in n)
    every = set().union(*names.values())
    assert answers[0] == [0, None, 1]                  # the empty name: must not crash, and is not there
    for (name, version, flags), (rc, at, status) in zip(asked[1:], answers[1:]):
        assert (rc, status) == (0, 0) and at is not None, (name, version, flags, rc, status)
        found = names[base + at]
        assert any(re.fullmatch(rf"{name}(WithFlags|_v\d+)?(_ptsz|_ptds)?", n) for n in found), (name, version, found)
        plain = {re.sub(r"_pts?[dz]?s?$", "", n) for n in found}
        if flags == 2 and any({f"{n}_ptsz", f"{n}_ptds"} & every for n in plain):
            assert any(n.endswith(("_ptsz", "_ptds")) for n in found), (name, version, found)


def test_a_version_picks_the_abi(machine):
    names, base = exported(), next(at for at, n in exported().items() if "cuInit" in n)
    asked = [("cuMemAlloc", 2000, 0), ("cuMemAlloc", 3020, 0), ("cuCtxCreate", 3020, 0), ("cuCtxCreate", 12040, 0), ("cuCtxCreate", 13000, 0),
             ("cuIpcOpenMemHandle", 4010, 0), ("cuIpcOpenMemHandle", 11000, 0), ("cuGraphInstantiate", 11000, 0), ("cuGraphInstantiate", 12000, 0),
             ("cuMemcpyAsync", 4000, 0), ("cuMemcpyAsync", 7000, 2), ("cuMemAllocAsync", 11010, 0), ("cuNoSuchThing", 12000, 0), ("cuInit", 99000, 0), ("cuInit", 2000, 64)]
    p = machine(CARD).popen(sys.executable, "-c", START + REPLAY, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    got = json.loads(p.communicate(json.dumps(asked))[0])
    want = ["cuMemAlloc", "cuMemAlloc_v2", "cuCtxCreate_v2", "cuCtxCreate_v3", "cuCtxCreate_v4", "cuIpcOpenMemHandle", "cuIpcOpenMemHandle_v2",
            "cuGraphInstantiate_v2", "cuGraphInstantiateWithFlags", "cuMemcpyAsync", "cuMemcpyAsync_ptsz"]
    for (rc, at, status), name in zip(got, want):
        assert (rc, status) == (0, 0) and name in names[base + at], name
    assert got[len(want):] == [[0, None, 2], [0, None, 1], [1, None, 77], [1, None, 77]]


def test_the_table_of_names_is_sorted():
    text = (ROOT / "sim" / "cuda_names.h").read_text()
    rows = re.findall(r"(?:ROW|TWIN)\((cu\w+), \d+, \w+\)", text)
    assert rows == sorted(rows) and len(rows) > 650


def test_the_docs_name_what_is_there_only_in_name():
    none = set(re.findall(r"NONE\((cu\w+)\)", (ROOT / "sim" / "cuda_names.h").read_text()))
    every = set().union(*exported().values())
    assert none < every
    said = (ROOT / "docs" / "sim.md").read_text()
    assert f"{len(every)} names" in said and f"{len(every) - len(none)} of them" in said


def test_the_rest_is_not_supported_and_needs_init(machine):
    code = """
names = json.load(sys.stdin)
before = {getattr(cu, n)(None, None, None, None) for n in names}
cu.cuInit(0)
answer([sorted(before), sorted({getattr(cu, n)(None, None, None, None) for n in names})])
"""
    names = re.findall(r"NONE\((cu\w+)\)", (ROOT / "sim" / "cuda_names.h").read_text())
    p = machine(CARD).popen(sys.executable, "-c", START + code, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert json.loads(p.communicate(json.dumps(names))[0]) == [[3], [801]]


PROGRAM = r"""
#include <stdio.h>
#include <stddef.h>
extern int cuInit(unsigned), cuDeviceGetCount(int *), cuCtxCreate_v2(void **, unsigned, int), cuMemAlloc_v2(unsigned long long *, size_t), cuMemGetInfo_v2(size_t *, size_t *);
int main(void)
{
    int n = 0; void *ctx; unsigned long long p; size_t f = 0, t = 0;
    int rc = cuInit(0) | cuDeviceGetCount(&n) | cuCtxCreate_v2(&ctx, 0, 0) | cuMemAlloc_v2(&p, 1 << 30) | cuMemGetInfo_v2(&f, &t);
    printf("%d %d %zu\n", rc, n, (t - f) >> 30);
    return rc;
}
"""


def test_a_c_program_linked_with_it_runs(machine, tmp_path: Path):
    cc = shutil.which("cc") or shutil.which("gcc")
    if not cc:
        pytest.skip("no C compiler here")
    (tmp_path / "p.c").write_text(PROGRAM)
    env = {k: v for k, v in os.environ.items() if "SAN" not in k}
    linked = subprocess.run([cc, "-o", tmp_path / "p", tmp_path / "p.c", f"-L{BUILD / 'sim'}", "-lcuda", "-Wl,-z,now", "-Wl,--allow-shlib-undefined"], capture_output=True, text=True, env=env, check=False)
    assert linked.returncode == 0, linked.stderr
    assert machine("2xA100-SXM4-40GB").run(tmp_path / "p", check=True).stdout == "0 2 1\n"


BINDINGS = """
import json
from cuda.bindings import driver as d, runtime as r
def ok(answer):
    assert answer[0] == d.CUresult.CUDA_SUCCESS, answer
    return answer[1] if len(answer) == 2 else answer[1:]
ok(d.cuInit(0))
ctx = ok(d.cuDevicePrimaryCtxRetain(1)); ok(d.cuCtxSetCurrent(ctx))
before = ok(d.cuMemGetInfo())[0]
p = ok(d.cuMemAlloc(1 << 30)); s = ok(d.cuStreamCreate(0)); q = ok(d.cuMemAllocAsync(1 << 20, s))
taken = before - ok(d.cuMemGetInfo())[0]
ok(d.cuMemFreeAsync(q, s)); ok(d.cuStreamSynchronize(s)); ok(d.cuMemFree(p))
left = before - ok(d.cuMemGetInfo())[0]
print(json.dumps([ok(d.cuDeviceGetCount()), ok(d.cuDeviceGetName(64, 0)).rstrip(b" \\0").decode(), taken >> 20, left, int(d.cuMemAlloc(1 << 40)[0]), int(r.cudaMalloc(1024)[0])]))
"""


def test_nvidias_own_driver_bindings_run_and_its_runtime_says_that_it_cannot(machine):
    """cuda-bindings looks every entry up; its runtime half is libcudart, which asks for the driver's private tables."""
    pytest.importorskip("cuda.bindings")
    done = machine("2xA100-SXM4-40GB").run(sys.executable, "-c", BINDINGS, check=True)
    assert json.loads(done.stdout) == [2, "NVIDIA A100-SXM4-40GB", 1024 + 32, 0, 2, 500]


# Memory between processes.

OWNER = """
start()
p = new(U64, "cuMemAlloc_v2", N(512 * MiB))
h = c.create_string_buffer(64)
assert cu.cuIpcGetMemHandle(h, U64(p.value + 4096)) == 0
while True:
    word = ready(h.raw.hex()).strip()
    if word == "free":
        answer(cu.cuMemFree_v2(p))
    elif word == "exit":
        sys.exit(0)
"""
IMPORTER = """
class Handle(c.Structure):
    _fields_ = [("b", c.c_char * 64)]
start()
h = Handle.from_buffer_copy(bytes.fromhex(sys.argv[1]))
p, q = U64(), U64()
rc = cu.cuIpcOpenMemHandle_v2(c.byref(p), h, 1)
again = cu.cuIpcOpenMemHandle_v2(c.byref(q), h, 1)
base, size = U64(), N()
cu.cuMemGetAddressRange_v2(c.byref(base), c.byref(size), p)
while True:
    word = ready(rc, again, p.value == q.value, size.value // MiB, p.value - base.value, cu.cuMemFree_v2(base)).strip()
    if word == "close":
        answer([cu.cuIpcCloseMemHandle(p), cu.cuIpcCloseMemHandle(p), cu.cuIpcCloseMemHandle(p)])
    else:
        sys.exit(0)
"""


def test_ipc_memory_lives_as_long_as_anybody_holds_it(machine):
    m = machine(CARD, "--release-delay", "1ms")
    watcher = lambda: m.used()[0] // MiB  # noqa: E731
    empty = watcher()
    owner = Program(m, OWNER)
    handle = owner.read()[0]
    one = watcher()
    importer = Program(m, IMPORTER, handle)
    assert importer.read() == [0, 0, True, 512, 4096, 1]       # opened twice, at one address; the importer may not free it
    context = watcher() - one
    assert 0 < context < 512                                   # the importer pays for its context and nothing else
    owner.go("free")
    assert owner.read() == 0
    assert watcher() == empty + 2 * context + 512              # freed by its owner, and still held
    owner.read()
    owner.go("exit")
    owner.p.wait()
    eventually("the owner's context to go", lambda: watcher() == empty + context + 512)
    importer.go("close")
    assert importer.read() == [0, 0, 1]
    assert watcher() == empty + context
    importer.end()
    dead = Program(m, IMPORTER, handle)
    assert dead.read()[0] == 1                                 # a handle of what is gone
    dead.end()
    owner = Program(m, OWNER)
    importer = Program(m, IMPORTER, owner.read()[0])
    importer.read()
    owner.end()                                                # kill -9
    eventually("the shared bytes to be the importer's alone", lambda: watcher() == empty + context + 512)
    importer.end()
    eventually("all to be back", lambda: watcher() == empty)


def test_ipc_refuses_the_exporter_and_other_kinds_of_memory(machine):
    code = """
class Handle(c.Structure):
    _fields_ = [("b", c.c_char * 64)]
start()
h, h2 = Handle(), Handle()
p, m = new(U64, "cuMemAlloc_v2", N(4 * MiB)), new(U64, "cuMemAllocManaged", N(4 * MiB), 1)
answer([cu.cuIpcGetMemHandle(c.byref(h), p), cu.cuIpcOpenMemHandle_v2(c.byref(U64()), h, 1), cu.cuIpcGetMemHandle(c.byref(h2), m),
        cu.cuIpcOpenMemHandle_v2(c.byref(U64()), h2, 1), cu.cuIpcCloseMemHandle(p)])
"""
    assert run(machine(CARD), code) == [0, 201, 1, 1, 1]


def test_vmm_handles_go_between_processes_as_descriptors(machine):
    code = """
import socket, array
class Prop(c.Structure):
    _fields_ = [("type", I), ("handles", I), ("where", I), ("id", I), ("win", P), ("flags", c.c_ubyte * 8)]
a, b = socket.socketpair()
if os.fork() == 0:                                   # neither has called cuInit yet
    start()
    base = used()
    h = new(U64, "cuMemCreate", N(64 * MiB), c.byref(Prop(1, 1, 1, 0)), U64(0))
    fd = new(I, "cuMemExportToShareableHandle", h, I(1), U64(0))
    socket.send_fds(a, [b"x"], [fd.value])
    a.recv(1)
    rc = cu.cuMemRelease(h)
    a.send(b"y")
    a.recv(1)
    os._exit(rc)
_, fds, _, _ = socket.recv_fds(b, 1, 1)
start()
before = used()
h = new(U64, "cuMemImportFromShareableHandle", P(fds[0]), I(1))
os.close(fds[0])
va = new(U64, "cuMemAddressReserve", N(64 * MiB), N(0), U64(0), U64(0))
mapped = [cu.cuMemMap(va, N(64 * MiB), N(0), h, U64(0))]
imported = used() - before
b.send(b"z"); b.recv(1)
released_by_owner = used() - before
mapped += [cu.cuMemRelease(h), cu.cuMemUnmap(va, N(64 * MiB))]
gone = before - used()
b.send(b"z")
_, status = os.wait()
answer([mapped, imported, released_by_owner, gone // MiB, status, cu.cuMemImportFromShareableHandle(c.byref(h), P(fds[0]), I(1))])
"""
    assert run(machine(CARD), code) == [[0, 0, 0], 0, 0, 64, 0, 1]


# Arrays, modules, graphs, host memory.

def test_arrays_and_mipmaps_take_their_bytes(machine):
    code = """
class A3(c.Structure):
    _fields_ = [("w", N), ("h", N), ("d", N), ("format", c.c_uint), ("channels", c.c_uint), ("flags", c.c_uint)]
start(); base = used(); out = []
a = new(P, "cuArray3DCreate_v2", c.byref(A3(4096, 4096, 0, 0x20, 4, 0)))
out.append((used() - base) // MiB)
d = A3(); out.append([cu.cuArray3DGetDescriptor_v2(c.byref(d), a), d.w, d.channels])
out.append(cu.cuArrayDestroy(a)); out.append(used() - base); out.append(cu.cuArrayDestroy(a))
s = new(P, "cuArray3DCreate_v2", c.byref(A3(4096, 4096, 0, 0x20, 4, 0x40)))
out.append(used() - base)
m = new(P, "cuMipmappedArrayCreate", c.byref(A3(4096, 4096, 0, 0x20, 4, 0)), 4)
out.append((used() - base) // MiB)
l = new(P, "cuMipmappedArrayGetLevel", m, 2); cu.cuArray3DGetDescriptor_v2(c.byref(d), l); out.append([d.w, cu.cuArrayDestroy(l)])
out.append(cu.cuMipmappedArrayDestroy(m)); out.append(used() - base)
out.append(cu.cuArray3DCreate_v2(c.byref(P()), c.byref(A3(1 << 20, 1 << 20, 0, 0x20, 4, 0))))
out.append(cu.cuArray3DCreate_v2(c.byref(P()), c.byref(A3(0, 1, 0, 0x20, 4, 0))))
answer(out)
"""
    assert run(machine(CARD), code) == [256, [0, 4096, 4], 0, 0, 400, 0, 340, [1024, 400], 0, 0, 2, 1]


MODULE = """
import struct
start(); base = used()
elf = bytearray(64); elf[:5] = b"\\x7fELF\\x02"; elf[40:48] = struct.pack("<Q", 9 * MiB); elf[58:60] = struct.pack("<H", 64); elf[60:62] = struct.pack("<H", 10)
m = new(P, "cuModuleLoadData", bytes(elf)); loaded = (used() - base) // MiB
f = new(P, "cuModuleGetFunction", m, b"kernel"); found = (used() - base) // MiB
rc = cu.cuLaunchKernel(f, 1, 1, 1, 128, 1, 1, 0, None, None, None); launched = (used() - base) // MiB
wrong = [cu.cuLaunchKernel(f, 0, 1, 1, 1, 1, 1, 0, None, None, None), cu.cuLaunchKernel(f, 1, 1, 1, 2048, 1, 1, 0, None, None, None),
         cu.cuLaunchKernel(P(1234), 1, 1, 1, 1, 1, 1, 0, None, None, None), cu.cuModuleLoadData(c.byref(P()), b"nonsense" * 10)]
mode = new(I, "cuModuleGetLoadingMode").value
answer([loaded, found, rc, launched, wrong, mode, cu.cuModuleUnload(m), used() - base, cu.cuModuleUnload(m)])
"""


def test_modules_grow_when_their_code_is_first_used(machine):
    m = machine(CARD)
    assert run(m, MODULE) == [0, 0, 0, 10, [1, 1, 400, 200], 2, 0, 0, 400]
    assert run(m, MODULE, CUDA_MODULE_LOADING="EAGER")[:4] == [10, 10, 0, 10]


def test_graphs_reserve_memory_when_they_are_launched(machine):
    code = """
start(); base = used(); mib = lambda: (used() - base) // MiB
s = new(P, "cuStreamCreate", 1)
begin = cu.cuStreamBeginCapture_v2(s, 0)
capturing = I()
cu.cuStreamIsCapturing(s, c.byref(capturing))
p = new(U64, "cuMemAllocAsync", N(100 * MiB), s)
rc = [begin, capturing.value, cu.cuMemsetD8Async(p, c.c_ubyte(0), N(100 * MiB), s), cu.cuMemFreeAsync(p, s)]
g = P(); rc.append(cu.cuStreamEndCapture(s, c.byref(g)))
n = N(); cu.cuGraphGetNodes(g, None, c.byref(n))
captured = mib()
e = new(P, "cuGraphInstantiateWithFlags", g, U64(0)); made = mib()
rc.append(cu.cuGraphLaunch(e, s)); launched = mib()
v = U64(); cu.cuDeviceGetGraphMemAttribute(0, 2, c.byref(v))
rc += [cu.cuGraphLaunch(e, s), cu.cuGraphExecDestroy(e), cu.cuGraphDestroy(g)]
kept = mib(); trim = cu.cuDeviceGraphMemTrim(0)
answer([rc, n.value, captured, made, launched, v.value // MiB, kept, trim, mib(), cu.cuStreamBeginCapture_v2(None, 0)])
"""
    assert run(machine(CARD), code) == [[0, 1, 0, 0, 0, 0, 0, 0, 0], 2, 0, 0, 100, 100, 100, 0, 0, 900]


def test_host_memory_can_be_registered(machine):
    code = """
start(); base = used()
b = c.create_string_buffer(1 << 20); p = P(c.addressof(b))
d = U64()
answer([cu.cuMemHostRegister_v2(p, N(1 << 20), 0), cu.cuMemHostRegister_v2(p, N(1 << 20), 0), cu.cuMemHostGetDevicePointer_v2(c.byref(d), p, 0), d.value == p.value,
        cu.cuMemFree_v2(U64(p.value)), cu.cuMemHostUnregister(p), cu.cuMemHostUnregister(p), used() - base])
"""
    assert run(machine(CARD), code) == [0, 712, 0, True, 1, 0, 713, 0]


RECTANGLES = """
class M2(c.Structure):
    _fields_ = [("sx", N), ("sy", N), ("st", I), ("sh", P), ("sd", U64), ("sa", P), ("sp", N), ("dx", N), ("dy", N), ("dt", I), ("dh", P), ("dd", U64), ("da", P),
                ("dp", N), ("w", N), ("h", N)]
start()
pitch = N(); p = U64(); assert cu.cuMemAllocPitch_v2(c.byref(p), c.byref(pitch), N(1000), N(64), 4) == 0
a, b = c.create_string_buffer(b"abcdefghijkl", 12), c.create_string_buffer(b"............", 12)
host = lambda s, d, **k: M2(st=1, sh=c.addressof(s), dt=1, dh=c.addressof(d), **k)
two = host(a, b, sx=1, sy=1, sp=4, dx=0, dy=0, dp=6, w=2, h=2)
out = [cu.cuMemcpy2D_v2(c.byref(two)), b.raw.decode()]
there = M2(st=1, sh=c.addressof(a), sp=4, dt=2, dd=p.value, dp=pitch.value, w=4, h=3)
out.append(cu.cuMemcpy2D_v2(c.byref(there)))
there.dy = 63; out.append(cu.cuMemcpy2DAsync_v2(c.byref(there), None))       # the second row is past the end
there.dt = 3; out.append(cu.cuMemcpy2D_v2(c.byref(there)))
there.dt = 2; there.dp = 2; out.append(cu.cuMemcpy2D_v2(c.byref(there)))     # rows wider than their pitch
out += [cu.cuMemsetD2D8_v2(p, pitch, c.c_ubyte(0), N(1000), N(64)), cu.cuMemsetD2D8_v2(p, pitch, c.c_ubyte(0), N(1000), N(65)), cu.cuMemsetD2D32_v2(p, pitch, 0, N(300), N(2))]
ctx = new(P, "cuCtxGetCurrent"); q = new(U64, "cuMemAlloc_v2", N(4096))
out += [cu.cuMemcpyPeer(q, ctx, p, ctx, N(4096)), cu.cuMemcpyPeer(q, P(77), p, ctx, N(4096)), cu.cuMemcpyPeer(q, ctx, p, ctx, N(4097))]
s = P(); cu.cuStreamCreateWithPriority(c.byref(s), 1, -9)
flags, priority = I(), I(); cu.cuStreamGetFlags(s, c.byref(flags)); cu.cuStreamGetPriority(s, c.byref(priority))
out += [flags.value, priority.value, cu.cuStreamGetFlags(P(5), c.byref(flags))]
answer(out)
"""


def test_rectangles_peers_and_streams(machine):
    assert run(machine(CARD), RECTANGLES) == [0, "fg....jk....", 0, 1, 801, 1, 0, 1, 1, 0, 201, 1, 1, -5, 400]


# Checkpoints.

TARGET = """
start()
p = new(U64, "cuMemAlloc_v2", N(int(sys.argv[1]) * MiB))
if len(sys.argv) > 2:
    new(U64, "cuMemAllocManaged", N(MiB), 1)
ready(used() // MiB)
answer(cu.cuCtxSynchronize())
sys.stdin.readline()
"""
DRIVER = """
cu.cuInit(0)
pid = int(sys.argv[1]); state = I(-1)
steps = {"lock": cu.cuCheckpointProcessLock, "checkpoint": cu.cuCheckpointProcessCheckpoint, "restore": cu.cuCheckpointProcessRestore, "unlock": cu.cuCheckpointProcessUnlock}
out = []
for word in sys.argv[2:]:
    rc = steps[word](pid, None)
    got = cu.cuCheckpointProcessGetState(pid, c.byref(state))
    out.append([rc, state.value if got == 0 else None])
answer(out)
"""


def test_a_process_is_parked_and_comes_back(machine):
    m = machine(CARD, "--release-delay", "1ms")
    target = Program(m, TARGET, 4096)
    full = target.read()[0]
    assert run(m, DRIVER, target.pid, "checkpoint", "unlock", "lock", "lock", "checkpoint") == [[401, 0], [401, 0], [0, 1], [401, 1], [0, 2]]
    parked = m.json("gpus")["gpus"][0]
    assert (parked["used_bytes"], parked["procs"]) == (0, [])
    target.go()                                                # its next CUDA call waits
    assert run(m, DRIVER, target.pid, "unlock", "restore") == [[401, 2], [0, 1]]
    assert m.used()[0] // MiB == full and m.json("gpus")["gpus"][0]["procs"][0]["pid"] == target.pid
    assert run(m, DRIVER, target.pid, "unlock") == [[0, 0]]
    assert target.read() == 0                                  # and goes on
    target.end()
    assert run(m, DRIVER, target.pid, "lock") == [[1, None]] and run(m, DRIVER, 1, "lock") == [[1, None]]


def test_a_restore_without_room_kills_for_good(machine):
    m = machine(CARD, "--release-delay", "1ms")
    target = Program(m, TARGET, 30 << 10)
    target.read()
    assert run(m, DRIVER, target.pid, "lock", "checkpoint") == [[0, 1], [0, 2]]
    other = Program(m, TARGET, 20 << 10)
    other.read()
    assert run(m, DRIVER, target.pid, "restore", "restore", "unlock") == [[2, 3], [304, 3], [304, 3]]
    target.end()
    other.end()
    eventually("all to be back", lambda: m.used() == [0])


def test_managed_and_shared_memory_cannot_be_parked(machine):
    m = machine(CARD)
    managed, shared = Program(m, TARGET, 1, "managed"), Program(m, OWNER)
    managed.read(), shared.read()
    assert run(m, DRIVER, managed.pid, "lock") == [[801, 0]] and run(m, DRIVER, shared.pid, "lock") == [[801, 0]]
    managed.end()
    shared.end()
