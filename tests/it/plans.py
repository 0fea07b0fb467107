"""Plan files written by hand, and a place to run them: for tests of `run` that need no planner and no GPU."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from conftest import BERTH, DEADLINE_S, alive, eventually
from locks import lock_holder

PORT = [{"name": "port", "want": 0, "block": 1}]
HTTP = {"http": "http://127.0.0.1:{port}", "unix": None}


def python(code: str, *args: str) -> list[str]:
    return [sys.executable, "-u", "-c", code, *args]


SLEEP = python("import time; print('up', flush=True); time.sleep(1000)")
WEB = [sys.executable, "-u", "-m", "http.server", "{port}", "--bind", "127.0.0.1"]


def instance(ident: str, argv: list[str], kind: str = "service", *, ranks: list[dict] | None = None, after: dict | None = None, **launch) -> dict:
    return {
        "id": ident, "workload": re.sub(r"-\d+$", "", ident), "kind": kind, "replica": 0, "ranks": ranks or [], "host": [{"numa": 0, "bytes": 0}],
        "after": after or {}, "on_drift": "warn",
        "launch": {"argv": argv, "env": {}, "env_from": [], "cwd": "/", "ports": [], "endpoint": None, "ready": {"kind": "exec"}, "engine": "command",
                   "stop_grace_ms": 3000, "restart": {"policy": "on-failure", "max": 5}, "retries": 0, **launch},
    }


def web(ident: str, **more) -> dict:
    return instance(ident, WEB, ports=PORT, endpoint=HTTP, ready={"kind": "http", "path": "/"}, **more)


def plan(name: str, *instances: dict, gpus: list[dict] | None = None, **more) -> dict:
    return {"schema": 1, "kind": "plan", "name": name, "berth_version": "0.1.0", "spec_dir": "/", "fleet": {"source": "nvml", "live": True, "gpus": gpus or []},
            "phases": [{"name": "all", "instances": list(instances)}], "refusals": [], **more}


class House:
    """Runtime and state folders of one test, and berth in them."""

    def __init__(self, folder: Path, env: dict[str, str] | None = None):
        self.folder = folder
        self.runtime = folder / "run"
        self.env = {**(env or os.environ), "BERTH_RUNTIME_DIR": str(self.runtime), "BERTH_STATE_DIR": str(folder / "state")}

    def write(self, value: dict | str, name: str = "plan.json") -> Path:
        path = self.folder / name
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return path

    def berth(self, *args: str | Path, timeout: float = DEADLINE_S, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(BERTH), *map(str, args)], capture_output=True, text=True, timeout=timeout, env={**self.env, **(env or {})}, cwd=self.folder,
                              check=False)

    def up(self, value: dict, *args: str, **more) -> subprocess.CompletedProcess[str]:
        return self.berth("up", "--plan", self.write(value), *args, **more)

    def popen(self, *args: str | Path, **more) -> subprocess.Popen[str]:
        return subprocess.Popen([str(BERTH), *map(str, args)], env=self.env, cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)

    def ps(self) -> dict[str, dict]:
        done = self.berth("ps", "--json")
        assert done.returncode == 0, done.stderr
        return {one["id"]: one for one in json.loads(done.stdout)["instances"]}

    def state(self, ident: str) -> str:
        return self.ps()[ident]["state"]

    def until(self, ident: str, *states: str) -> dict:
        return eventually(f"{ident} to be {' or '.join(states)}", lambda: (self.ps()[ident]["state"] in states) and self.ps()[ident])  # type: ignore[return-value]

    def daemon(self) -> int:
        """The pid behind the socket, as the kernel sees it: it holds the lock."""
        return lock_holder(self.runtime / "daemon.lock")

    def kill_daemon(self) -> None:
        """With SIGKILL, whoever it is now: the last one may have just died, and the next not have the lock yet."""
        pid = eventually("a daemon", self.daemon)
        os.kill(int(pid), signal.SIGKILL)      # type: ignore[call-overload]
        eventually("the daemon to be dead", lambda: not alive(int(pid)))    # type: ignore[call-overload]

    def processes(self) -> list[int]:
        """Everything that still belongs to this house: by its mark, or by its folder in the arguments."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or not alive(int(entry.name)):
                continue
            try:
                text = (entry / "cmdline").read_bytes() + b"\0" + (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"BERTH_KEEPER={self.runtime}".encode() in text or f"keeper\0{self.runtime}".encode() in text:
                found.append(int(entry.name))
        return found

    def close(self) -> None:
        """After a failed test, too, nothing may run on."""
        for project in (self.runtime / "p").glob("*"):       # `down` of several wants a name; what is killed below leaves its TMPDIR
            self.berth("down", project.name)
        for pid in [self.daemon() if (self.runtime / "daemon.lock").exists() else 0, *self.processes()]:
            if pid > 1:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def assert_empty(self) -> None:
        eventually("all processes to be gone", lambda: not self.processes())
        eventually("the runtime folder to be gone", lambda: not self.runtime.exists())
