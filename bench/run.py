"""The supervisor: how soon, and at what cost. Usage: bench/run.py [path/to/berth] [--instances N] [--idle SECONDS] [--part kills|many|flood]
       [--supervisord PROGRAM] [--runit FOLDER]

Plans written by hand, plain commands, no card: what is measured is the daemon and its keepers, not an engine. Beside it supervisord and runit do the same where
they are found (a program; a folder with runsvdir, runsv and svlogd; default: those on PATH).

  noticed   kill -9 of a service's leader until the journal's first event after it (`releasing`); its clock has whole milliseconds, and they are rounded up
  decision  the same kill until the event `backing-off`: it will start again, and when
  again     the same kill until the service's new process runs (it writes the time down); berth waits 1 s by design, runit only when it ran less than 1 s
  idle      CPU time of /proc/PID/stat over --idle seconds, in % of one core. `all` has the keepers (runit: every runsv), whose ticks of 10 ms are summed
  adoption  kill -9 of the daemon until a new `berth ps --json` (which starts the next daemon) says ready for all
  flood     one service that is `yes` with lines of 100 bytes: what the one who reads its pipe takes in, and what that costs

Other work on the same cores makes every figure worse; the load is printed. Exits 1 when something does not do what it is timed at, not for a figure missed."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

KILLS = 20
ADOPTIONS = 5
FLOOD_S = 10
DEADLINE_S = 120
LOG_BYTES = 8 * 2**20
TICKS = os.sysconf("SC_CLK_TCK")
SETTLE_S = 3


class Failed(Exception):
    pass


def until(what: str, check: Callable[[], object], every_s: float = 0.005) -> None:
    end = time.monotonic() + DEADLINE_S
    while not check():
        if time.monotonic() > end:
            raise Failed(f"gave up waiting for {what}")
        time.sleep(every_s)


# ---- what the kernel says of a process ----

def stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def lives(pid: int) -> bool:
    fields = stat(pid)
    return bool(fields) and fields[0] not in "ZX"


def cpu_s(pids: list[int]) -> float:
    return sum(int(f[11]) + int(f[12]) for f in map(stat, pids) if f) / TICKS


def children(pid: int) -> list[int]:
    return [int(c) for t in Path(f"/proc/{pid}/task").iterdir() for c in (t / "children").read_text().split()]


def kib(pid: int, file: str, key: str) -> int:
    return int(next(line.split()[1] for line in Path(f"/proc/{pid}/{file}").read_text().splitlines() if line.startswith(key + ":")))


def rss_mb(pid: int) -> float:
    return kib(pid, "status", "VmRSS") * 1024 / 1e6


def pss_mb(pids: list[int]) -> float:
    return sum(kib(p, "smaps_rollup", "Pss") for p in pids) * 1024 / 1e6


def read_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/io").read_text().split()[1])


# ---- three who keep services running ----

class Keeper:
    """A folder, and services in it. Each writes its pid and the time into started/ID whenever it starts, and sleeps."""

    name = ""

    def __init__(self, folder: Path):
        self.folder = folder
        self.started = folder / "started"
        self.started.mkdir(parents=True)

    def command(self, ident: str) -> list[str]:
        return ["/bin/bash", "-c", f"echo $$ $EPOCHREALTIME >> {self.started}/{ident}; exec sleep 100000"]

    def lines(self, ident: str) -> list[tuple[int, float]]:
        path = self.started / ident
        return [(int(line.split()[0]), float(line.split()[1])) for line in path.read_text().splitlines()] if path.exists() else []

    def up(self, services: dict[str, list[str]]) -> None:
        raise NotImplementedError

    def down(self) -> None:
        raise NotImplementedError

    def main(self) -> int:
        """The pid of the one that is asked."""
        raise NotImplementedError

    def helpers(self) -> list[int]:
        return []

    def reader(self) -> int:
        """Who reads the pipe of the only service."""
        return self.main()

    def all_started(self, idents: list[str]) -> None:
        until(f"{self.name}: all to have started", lambda: all(self.lines(i) for i in idents))

    def all_gone(self, idents: list[str]) -> None:
        for ident in idents:
            for pid, _ in self.lines(ident):
                until(f"{self.name}: {ident} to be gone", lambda pid=pid: not lives(pid))


class Berth(Keeper):
    name = "berth"
    program = ""

    def call(self, *args: str, may_fail: bool = False) -> str:
        env = os.environ | {"BERTH_RUNTIME_DIR": str(self.folder / "run"), "BERTH_STATE_DIR": str(self.folder / "state")}
        done = subprocess.run([self.program, *args], env=env, cwd=self.folder, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        if done.returncode and not may_fail:
            raise Failed(f"berth {' '.join(args)}: {done.stderr.strip()[-400:]}")
        return done.stdout

    def up(self, services: dict[str, list[str]]) -> None:
        launch = {"env": {}, "env_from": [], "cwd": "/", "ports": [], "endpoint": None, "ready": {"kind": "exec"}, "engine": "command", "stop_grace_ms": 3000,
                  "restart": {"policy": "on-failure", "max": 5}, "retries": 0}
        instances = [{"id": i, "workload": i, "kind": "service", "replica": 0, "ranks": [], "host": [{"numa": 0, "bytes": 0}], "after": {}, "on_drift": "warn",
                      "launch": {"argv": argv, **launch}} for i, argv in services.items()]
        plan = {"schema": 1, "kind": "plan", "name": "bench", "berth_version": "0.1.0", "spec_dir": "/", "fleet": {"source": "nvml", "live": True, "gpus": []},
                "phases": [{"name": "all", "instances": instances}], "refusals": []}
        (self.folder / "plan.json").write_text(json.dumps(plan))
        self.call("up", "--plan", str(self.folder / "plan.json"), "-d")

    def down(self) -> None:
        self.call("down", may_fail=not (self.folder / "run").exists())

    def ps(self) -> list[dict]:
        return json.loads(self.call("ps", "--json"))["instances"]

    def main(self) -> int:
        """The pid that holds the lock of the runtime folder."""
        inode = (self.folder / "run" / "daemon.lock").stat().st_ino
        return next(int(f[4]) for f in map(str.split, Path("/proc/locks").read_text().splitlines()) if f[1] == "FLOCK" and f[5].endswith(f":{inode}"))

    def helpers(self) -> list[int]:
        return [one["keeper"] for one in self.ps()]

    def reader(self) -> int:
        return self.helpers()[0]

    def event_s(self, ident: str, killed_s: float, state: str = "") -> float:
        """CLOCK_MONOTONIC of the first event of an instance after a moment: any, or the one of a state."""
        events = [json.loads(line) for line in self.call("events", "--json").splitlines()]
        return min(e["mono_s"] + 0.001 for e in events if e["event"] == "inst" and e["instance"]["id"] == ident and e["mono_s"] + 0.001 > killed_s
                   and state in ("", e["instance"]["state"]))


class Supervisord(Keeper):
    name = "supervisord"
    program = ""

    def up(self, services: dict[str, list[str]]) -> None:
        text = f"[supervisord]\nnodaemon=true\nlogfile={self.folder}/log\npidfile={self.folder}/pid\nchildlogdir={self.folder}\nminfds=4096\nuser={os.getuid()}\n"
        for ident, argv in services.items():
            text += f"[program:{ident}]\ncommand=/bin/sh {self.script(ident, argv)}\nstartsecs=0\nautorestart=true\nstdout_logfile_maxbytes={LOG_BYTES}\nstdout_logfile_backups=1\n"
        (self.folder / "conf").write_text(text)
        self.process = subprocess.Popen([self.program, "-c", str(self.folder / "conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def script(self, ident: str, argv: list[str]) -> Path:
        path = self.folder / f"{ident}.sh"
        path.write_text("exec " + " ".join(f"'{a}'" for a in argv) + "\n")
        return path

    def down(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(DEADLINE_S)

    def main(self) -> int:
        return self.process.pid


class Runit(Keeper):
    name = "runit"
    program = ""

    def up(self, services: dict[str, list[str]]) -> None:
        for ident, argv in services.items():
            self.script(self.folder / "sv" / ident / "run", argv)
            if ident == "flood":             # it has a log, as it has with the others
                logs = self.folder / "logs"
                logs.mkdir()
                (logs / "config").write_text(f"s{LOG_BYTES}\nn1\n")
                self.script(self.folder / "sv" / ident / "log" / "run", [f"{self.program}/svlogd", str(logs)])
        env = {**os.environ, "PATH": f"{self.program}:{os.environ['PATH']}"}
        self.process = subprocess.Popen([f"{self.program}/runsvdir", str(self.folder / "sv")], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def script(self, path: Path, argv: list[str]) -> None:
        path.parent.mkdir(parents=True)
        path.write_text("#!/bin/sh\nexec " + " ".join(f"'{a}'" for a in argv) + "\n")
        path.chmod(0o755)

    def down(self) -> None:
        mine = children(self.process.pid)
        self.process.send_signal(signal.SIGHUP)          # TERM to every runsv, and ends
        self.process.wait(DEADLINE_S)
        until("every runsv to end", lambda: not any(map(lives, mine)))

    def main(self) -> int:
        return self.process.pid

    def helpers(self) -> list[int]:
        return children(self.process.pid)

    def reader(self) -> int:
        runsv = self.helpers()[0]
        return next(p for p in children(runsv) if Path(f"/proc/{p}/comm").read_text().strip() == "svlogd")


# ---- what is measured ----

def kills(k: Keeper, row: dict[str, str]) -> None:
    """One kill of each of KILLS services that have run for a while, one after the other."""
    idents = [f"s-{i}" for i in range(KILLS)]
    k.up({i: k.command(i) for i in idents})
    k.all_started(idents)
    time.sleep(SETTLE_S)
    noticed, decided, again = [], [], []
    for i, ident in enumerate(idents):
        pid = k.lines(ident)[-1][0]
        time.sleep(0.05 + 0.037 * (i % 14))      # at every moment of a beat of 500 ms, if there is one
        wall, mono = time.time(), time.monotonic()
        os.kill(pid, signal.SIGKILL)
        until(f"{k.name}: {ident} again", lambda ident=ident: len(k.lines(ident)) > 1)
        again.append(k.lines(ident)[-1][1] - wall)
        if isinstance(k, Berth):
            noticed.append(k.event_s(ident, mono) - mono)
            decided.append(k.event_s(ident, mono, "backing-off") - mono)
    k.down()
    k.all_gone(idents)
    for what, took in (("noticed", noticed), ("decision", decided), ("again", again)):
        if took:
            row[f"{what}, median (worst) of {KILLS}"] = f"{1000 * statistics.median(took):.1f} ({1000 * max(took):.1f}) ms"


def adoptions(b: Berth, n: int) -> list[float]:
    took = []
    for _ in range(ADOPTIONS):
        pid = b.main()
        os.kill(pid, signal.SIGKILL)
        until("the daemon to be gone", lambda pid=pid: not lives(pid))
        start = time.monotonic()
        until("all to be ready", lambda: sum(one["state"] == "ready" for one in b.ps()) == n)
        took.append(time.monotonic() - start)
    return took


def many(k: Keeper, n: int, idle_s: float, row: dict[str, str]) -> None:
    idents = [f"s-{i}" for i in range(n)]
    start = time.monotonic()
    k.up({i: k.command(i) for i in idents})
    k.all_started(idents)
    row[f"{n} up"] = f"{time.monotonic() - start:.2f} s"
    time.sleep(SETTLE_S)
    every = [k.main(), *k.helpers()]
    time.sleep(SETTLE_S)
    main0, all0, start = cpu_s(every[:1]), cpu_s(every), time.monotonic()
    time.sleep(idle_s)
    wall = time.monotonic() - start
    row[f"{n} idle: CPU"] = f"{100 * (cpu_s(every[:1]) - main0) / wall:.2f} %"
    row[f"{n} idle: CPU, all"] = f"{100 * (cpu_s(every) - all0) / wall:.2f} %"
    row[f"{n} idle: RSS"] = f"{rss_mb(k.main()):.1f} MB"
    row[f"{n} idle: PSS, all"] = f"{pss_mb(every):.1f} MB"
    if isinstance(k, Berth):
        took = adoptions(k, n)
        row[f"adoption of {n}, median (worst) of {ADOPTIONS}"] = f"{1000 * statistics.median(took):.0f} ({1000 * max(took):.0f}) ms"
        row[f"RSS after {ADOPTIONS} adoptions"] = f"{rss_mb(k.main()):.1f} MB"
    start = time.monotonic()
    k.down()
    k.all_gone(idents)
    row[f"{n} down"] = f"{time.monotonic() - start:.2f} s"


def flood(k: Keeper, row: dict[str, str]) -> None:
    k.up({"flood": [shutil.which("yes") or "/usr/bin/yes", "x" * 99]})
    time.sleep(SETTLE_S + 5)                     # runsvdir looks every 5 s
    main, reader = k.main(), k.reader()
    cpu0, read0, bytes0, start = cpu_s([main]), cpu_s([reader]), read_bytes(reader), time.monotonic()
    worst = rss_mb(main)
    while time.monotonic() - start < FLOOD_S:
        time.sleep(0.5)
        worst = max(worst, rss_mb(main))
    wall = time.monotonic() - start
    if read_bytes(reader) - bytes0 < LOG_BYTES:
        raise Failed(f"{k.name}: nobody reads the flood")
    row["flood: read"] = f"{(read_bytes(reader) - bytes0) / wall / 1e6:.0f} MB/s"
    row["flood: CPU"] = f"{100 * (cpu_s([main]) - cpu0) / wall:.2f} %"
    row["flood: CPU of the reader"] = f"{100 * (cpu_s([reader]) - read0) / wall:.0f} %"
    row["flood: RSS, most"] = f"{worst:.1f} MB"
    row["flood: RSS of the reader"] = f"{rss_mb(reader):.1f} MB"
    if isinstance(k, Berth):
        took = []
        for _ in range(KILLS):
            start = time.monotonic()
            k.ps()
            took.append(time.monotonic() - start)
        row["flood: ps, median (worst)"] = f"{1000 * statistics.median(took):.0f} ({1000 * max(took):.0f}) ms"
    k.down()


def measure(kind: type[Keeper], folder: Path, args: argparse.Namespace) -> dict[str, str]:
    row: dict[str, str] = {}
    parts = {"kills": kills, "many": lambda k, row: many(k, args.instances, args.idle, row), "flood": flood}
    for name, part in parts.items():
        if args.part not in (None, name):
            continue
        k = kind(folder / f"{kind.name}-{name}")
        try:
            part(k, row)
        except BaseException:
            with contextlib.suppress(Exception):     # it may not have started; what failed first is what is told
                k.down()
            raise
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("berth", nargs="?", default="build/src/cmd/berth")
    parser.add_argument("--instances", type=int, default=200)
    parser.add_argument("--idle", type=float, default=20)
    parser.add_argument("--part", choices=["kills", "many", "flood"])
    parser.add_argument("--supervisord", default=shutil.which("supervisord"))
    parser.add_argument("--runit", default=os.path.dirname(shutil.which("runsvdir") or ""))
    args = parser.parse_args()
    Berth.program, Supervisord.program, Runit.program = str(Path(args.berth).resolve()), args.supervisord or "", args.runit and str(Path(args.runit).resolve())
    rows = {}
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    with tempfile.TemporaryDirectory(prefix="bench-run-") as folder:
        for kind in (Berth, Supervisord, Runit):
            if not kind.program:
                print(f"{kind.name}: not here")
                continue
            try:
                rows[kind.name] = measure(kind, Path(folder), args)
            except Failed as e:
                print(f"bench/run.py: {e}", file=sys.stderr)
                return 1
    print(f"load {os.getloadavg()[0]:.1f} at the end\n")
    labels = list(dict.fromkeys(label for kind in ("berth", "supervisord", "runit") for label in rows.get(kind, {})))
    print(f"{'':40}" + "".join(f"{name:>22}" for name in rows))
    for label in labels:
        print(f"{label:40}" + "".join(f"{rows[name].get(label, '-'):>22}" for name in rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
