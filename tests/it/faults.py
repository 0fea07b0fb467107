"""A set with one instance in every state of the transition table at once, all held there by gates, and the rules that hold whatever happens to it.

The instances are one program (ACTOR) on a simulated card each. Files in the scene's folder are its gates and its faults: it looks at them, so that the order
of what happens is the test's and no test waits for a time."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

from conftest import BUILD, ROOT, Machine, alive, eventually
from plans import HTTP, PORT, instance, plan, python
from test_run_gpu import GIB, TENANT, Cards

# argv: name, folder of gates, port, bytes. NAME.KIND in the folder: `shut` gates are in `held`; faults are `crash`, `hang`, `deaf`, `greedy`, `flood`
ACTOR = TENANT.split("for spec")[0] + """
import http.server, signal, threading
name, folder, port, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
def has(kind): return os.path.exists(f"{folder}/{name}.{kind}") or os.path.exists(f"{folder}/all.{kind}")
def wait(kind, says):
    while has(kind):
        if says: print(says, flush=True)
        time.sleep(0.05)
if os.fork() == 0:                       # a helper that leaves the session, as engines' helpers do
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True: time.sleep(1000)
def end(*_):
    if has("deaf"): return
    wait("hold-stop", "")
    os._exit(0)
signal.signal(signal.SIGTERM, end)
def flood():                             # 64 MiB as fast as they are read: four times what its log may hold, and a thousand pipes full
    line = b"x" * 65535 + b"\\n"
    while True:
        while not has("flood"): time.sleep(0.05)
        for _ in range(1024): os.write(1, line)
        open(f"{folder}/{name}.flooded", "w").close()
        while has("flood"): time.sleep(0.05)
threading.Thread(target=flood, daemon=True).start()
if has("crash"): sys.exit("it dies at once")
while has("hang"): time.sleep(0.05)      # no word, no CPU time worth the name
device, context, pointer = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
ask("cuDeviceGet", ctypes.byref(device), 0)
ask("cuCtxCreate_v2", ctypes.byref(context), 0, device)
want = size * 100 if has("greedy") else size
ask("cuMemAlloc_v2", ctypes.byref(pointer), ctypes.c_size_t(want))
wait("hold-start", "loading")
one = threading.Lock()
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, code):
        self.send_response(code); self.send_header("Content-Length", "0"); self.end_headers()
    def do_GET(self): self.answer(200)
    def do_POST(self):
        if self.path.startswith("/sleep"): wait("hold-park", "")
        if self.path == "/wake_up": wait("hold-resume", "")
        with one:                        # asked twice, by two daemons: once is enough
            ask("cuCtxSetCurrent", context)
            if self.path.startswith("/sleep") and pointer.value: ask("cuMemFree_v2", pointer); pointer.value = 0
            if self.path == "/wake_up" and not pointer.value: ask("cuMemAlloc_v2", ctypes.byref(pointer), ctypes.c_size_t(size))
        self.answer(200)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""

STATES = ("pending", "waiting", "starting", "ready", "parking", "parked", "resuming", "stopping", "releasing", "backing-off", "done", "failed", "down")
ON_CARDS = ("starting", "waiting", "short", "ready", "parking", "parked", "resuming", "stopping", "releasing", "backing-off", "failed", "down")
SIZE = 2 * GIB
ENDS = {"p": "pending", "R": "ready", "W": "running", "P": "parked", "D": "down", "d": "done", "F": "failed"}
FLEET = f"{len(ON_CARDS)}xA100-SXM4-40GB"
# what a wait inside berth may take: long, because a loaded machine may take its time; a test that has to see the end of one makes it short
LIMITS = {"BERTH_MEMORY_WAIT": "10m", "BERTH_STALL": "10m", "BERTH_HANG": "10m", "BERTH_RELEASE_WAIT": "10m", "BERTH_PARK_WAIT": "10m"}


def legal_moves() -> set[tuple[str, str]]:
    """(from, to) of every cell of the product's own table."""
    text = (ROOT / "src/run/life.c").read_text()
    names = dict(re.findall(r'\[ST\((\w+)\)\] = "([\w-]+)"', text))
    table = text[text.index("cells[BT_ST__N]"):text.index("};", text.index("cells[BT_ST__N]"))]
    moves, at = set(), ""
    for start, to in re.findall(r"\[ST\((\w+)\)\]\s*= \{|\[EV\(\w+\)\]\s*= \{ ST\((\w+)\)", table):
        at = start or at
        if to:
            moves.add((names[at], names[to]))
    assert len(moves) > 30 and ("ready", "releasing") in moves
    return moves


class Scene:
    def __init__(self, machine: Machine, grace_ms: int = 600000, **limits: str):
        self.grace_ms = grace_ms             # of those that need not be held in `stopping`
        self.cards = Cards(machine)
        self.machine = machine
        self.folder = machine.folder
        self.gates = self.folder / "gates"
        self.gates.mkdir()
        self.cards.env |= LIMITS | limits
        self.strangers: list[subprocess.Popen[str]] = []
        self.thieves: list[socket.socket] = []
        self.killed: set[int] = set()        # what a fault ended is not what stands at the end
        self.before: dict[str, dict] = {}

    def preload(self, name: str, **env: str) -> "Scene":
        """One of tests/*.c in every process of the scene."""
        library = BUILD / "tests" / f"libberth_test_{name}.so"
        assert library.exists(), f"{library} is not built"
        self.cards.env |= {"LD_PRELOAD": str(library)} | env
        return self

    # ---- gates and faults ----

    def put(self, name: str, kind: str) -> None:
        (self.gates / f"{name}.{kind}").touch()

    def take(self, name: str, kind: str) -> None:
        (self.gates / f"{name}.{kind}").unlink(missing_ok=True)

    def ctl(self, *args: str) -> None:
        done = self.cards.berth("sim", "ctl", *args)
        assert done.returncode == 0, done.stderr

    # ---- the set ----

    def actor(self, state: str, card: int, **more) -> dict:
        name = f"{state}-0"
        c = self.cards.cards[card]
        planned = 30 * GIB if state == "short" else 4 * GIB
        engine = {"engine": "vllm"} if state in ("parking", "parked", "resuming") else {}
        restart = {"policy": "never", "max": 0} if state == "failed" else {"policy": "on-failure", "max": 8}
        return instance(name, python(ACTOR, name, str(self.gates), "{port}", str(SIZE)), "server", ranks=[{"gpu": c["uuid"], "index": c["index"], "bytes": planned}],
                        ports=PORT, endpoint=HTTP, ready={"kind": "http", "path": "/health"}, restart=restart,
                        stop_grace_ms=600000 if state in ("stopping", "short") else self.grace_ms,
                        env={"CUDA_VISIBLE_DEVICES": c["uuid"]}, **engine, **more)

    def plan(self) -> dict:
        rows = [self.actor(s, i, **({"after": {"starting": "ready"}} if s == "waiting" else {})) for i, s in enumerate(ON_CARDS)]
        rows.append(instance("done-0", [sys.executable, "-c", "pass"], "job"))
        rows.append(instance("busy-0", ["/bin/sleep", "1000"], "job", retries=8))           # or the phase would be over
        value = plan("set", *rows, gpus=self.cards.gpus())
        value["phases"].append({"name": "later", "instances": [instance("pending-0", ["/bin/sleep", "1000"])]})
        return value

    def up(self) -> "Scene":
        done = self.cards.berth("up", "--plan", self.cards.write(self.plan()), "-d")
        assert done.returncode == 0, done.stderr
        return self

    def state(self, ident: str) -> str:
        return self.cards.ps()[ident]["state"]

    def leader(self, ident: str) -> int:
        return int(json.loads((self.cards.runtime / "inst" / "set" / ident / "child.json").read_text())["pid"])

    def until(self, ident: str, *states: str) -> dict:
        try:
            return self.cards.until(ident, *states)
        except BaseException:
            self.tell()
            raise

    def tell(self) -> None:
        """Of a failed test: how everything stands."""
        for ident, row in self.cards.ps().items():
            print(ident, row["state"], "want", row["want"], row["pids"], row["why"], file=sys.stderr)
        print((self.cards.runtime / "daemon.log").read_text(), file=sys.stderr)

    def berth(self, *args: str) -> None:
        done = self.cards.berth(*args)
        assert done.returncode == 0, done.stderr

    def stranger(self, card: int, size: int) -> None:
        c = self.cards.cards[card]
        self.strangers.append(self.machine.popen(*python(TENANT, f"0:{size}"), env={"CUDA_VISIBLE_DEVICES": c["uuid"]}, stdout=subprocess.PIPE))
        assert self.strangers[-1].stdout and self.strangers[-1].stdout.readline() == "up\n"

    def spread(self) -> "Scene":
        """From everything ready to one instance in every state. Those that hold only for a moment come last."""
        self.until("done-0", "done")
        os.kill(self.leader("failed-0"), signal.SIGKILL)
        self.berth("park", "down", "--level", "stop")
        self.berth("park", "parked")
        self.berth("park", "resuming")
        self.put("resuming-0", "hold-resume")
        self.berth("resume", "resuming", "-d")
        self.put("parking-0", "hold-park")
        self.berth("park", "parking", "-d")
        self.put("starting-0", "hold-start")
        self.berth("restart", "starting", "-d")
        self.until("starting-0", "starting")
        self.berth("restart", "waiting", "-d")
        self.put("short-0", "hold-stop")
        self.berth("restart", "short", "-d")
        self.stranger(ON_CARDS.index("short"), 20 * GIB)
        self.take("short-0", "hold-stop")
        self.put("stopping-0", "hold-stop")
        self.berth("restart", "stopping", "-d")
        self.until("failed-0", "failed")
        self.until("resuming-0", "resuming")
        eventually("short-0 to miss its memory", lambda: "needed" in str(self.cards.ps()["short-0"]["why"]))
        for _ in range(3):                           # the third death in a row is followed by 4 s
            self.until("backing-off-0", "ready")
            os.kill(self.leader("backing-off-0"), signal.SIGKILL)
            self.until("backing-off-0", "backing-off", "waiting")
        self.ctl("linger", "never")
        os.kill(self.leader("releasing-0"), signal.SIGKILL)
        self.until("releasing-0", "releasing")
        self.ctl("linger", "300ms")
        return self

    def there(self) -> dict[str, str]:
        return {ident: row["state"] for ident, row in self.cards.ps().items()}

    def resolve(self) -> None:
        """All gates open, all faults over."""
        for file in self.gates.iterdir():
            file.unlink(missing_ok=True)
        for thief in self.thieves:
            thief.close()
        for one in self.strangers:
            one.kill()
            one.wait()
        self.ctl("heal")

    # ---- what is where, and what happens to it ----

    def leaders(self) -> list[int]:
        return [self.leader(i) for i, row in self.cards.ps().items() if row["pids"]]

    def keepers(self) -> list[int]:
        return [row["keeper"] for row in self.cards.ps().values() if row["keeper"]]

    def helpers(self) -> list[int]:
        return [pid for row in self.cards.ps().values() for pid in row["pids"] if pid not in set(self.leaders())]

    def kill(self, pids: list[int], sig: int = signal.SIGKILL) -> None:
        if sig == signal.SIGKILL:
            self.killed |= set(pids)
        for pid in pids:
            kill(pid, sig)

    def kill_daemon(self) -> None:
        pid = self.cards.daemon()
        if pid > 1:
            kill(pid)
            eventually("the daemon to be dead", lambda: not alive(pid))

    def daemon_log(self) -> str:
        return (self.cards.runtime / "daemon.log").read_text()

    def resident(self, pid: int) -> int:
        return int(next(line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))) * 1024

    def steal(self, port: int) -> None:
        """Listen where it wants to."""
        thief = socket.socket()
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.thieves.append(thief)

        def got() -> bool:
            try:
                thief.bind(("127.0.0.1", port))
            except OSError:
                return False
            thief.listen()
            return True

        eventually(f"port {port} to be stolen", got)

    # ---- the rules ----

    def settled(self, ends: dict[str, str]) -> None:
        """Wait until every instance is where its cell of the table says."""
        seen: dict[str, dict] = {}

        def there(ident: str, cell: str) -> bool:
            row = seen[ident]
            same = set(row["pids"]) >= set(self.before[ident]["pids"]) - self.killed if cell.endswith("=") else not set(row["pids"]) & self.killed
            return row["state"] == ENDS[cell[0]] and same

        def over() -> bool:
            seen.update(self.cards.ps())
            return all(there(i, cell) for i, cell in ends.items())

        try:
            eventually("every instance to be where it ends", over)
        except BaseException:
            print("not there:", {i: (seen[i]["state"], seen[i]["pids"], cell) for i, cell in ends.items() if not there(i, cell)}, file=sys.stderr)
            self.tell()
            raise

    def journal(self, project: str = "set") -> dict[str, str]:
        """Every change is a cell of the table and begins where the last one ended, or where a hole that is told says; returns the last state of each."""
        done = self.cards.berth("events", "--json", "--since", "0")
        assert done.returncode == 0, done.stderr
        legal, last = legal_moves(), {}
        word = {"running": "ready"}
        seq = 0
        for row in map(json.loads, done.stdout.splitlines()):
            assert row["seq"] > seq
            seq = row["seq"]
            if row["project"] != project:
                continue
            if row["event"] in ("adopted", "gap"):
                last = {i: word.get(s, s) for i, s in row["states"].items()}
            if row["event"] != "inst":
                continue
            ident, to = row["instance"]["id"], word.get(row["instance"]["state"], row["instance"]["state"])
            move = (row["from"], to)
            assert last.get(ident, "pending") == row["from"], (ident, last.get(ident), move)
            assert move in legal, (ident, move)
            last[ident] = to
        return last

    def assert_true(self) -> None:
        """What the journal says last is what ps says, and no event came that has no cell."""
        def same() -> bool:
            before = self.there()
            said = self.journal()
            return before == self.there() and all(said.get(i, "pending") == {"running": "ready"}.get(s, s) for i, s in before.items())

        eventually("journal and ps to say the same", same)
        assert "has no cell" not in (self.cards.runtime / "daemon.log").read_text()

    def down(self) -> None:
        """0 orphans, 0 bytes, nothing left."""
        done = self.cards.berth("down")
        assert done.returncode == 0, done.stderr
        self.empty()
        assert set(self.journal().values()) == {"down"}

    def empty(self) -> None:
        eventually("every process to be gone", lambda: not self.cards.processes())
        eventually("every byte to be back", lambda: not any(self.machine.used()))
        eventually("the folder to be gone", lambda: not self.cards.runtime.exists())

    def close(self) -> None:
        for one in self.strangers:
            if one.poll() is None:
                one.kill()
                one.wait()
        for thief in self.thieves:
            thief.close()
        for file in self.gates.iterdir():
            file.unlink(missing_ok=True)
        self.cards.close()


def kill(pid: int, sig: int = signal.SIGKILL) -> None:
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        pass                                         # it may have ended by itself: that is one of the moments, too
