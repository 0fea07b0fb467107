"""Real engines under berth, on the CPU: where they are, and a house to run them in. `make test-real` installs them (tests/real/install)."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "it"))
from locks import lock_holder  # noqa: E402

BERTH = Path(os.environ.get("BERTH_BUILD", ROOT / "build")) / "src" / "cmd" / "berth"
CACHE = Path(os.environ.get("BERTH_REAL_CACHE") or Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "berth" / "real")
VLLM = CACHE / "vllm-0.32.0"
LLAMA = CACHE / "llama-0.3.36"
GET = [sys.executable, "-c", "import sys, urllib.request; urllib.request.urlopen(sys.argv[1])"]       # a bare machine has no curl
DEADLINE_S = 240.0                   # a start of vLLM is half a minute on an idle machine of two cores
GIB = 1 << 30
# What people have in their shell for it; the first one would win over --kv-cache-memory-bytes, so berth leaves it out.
CPU = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_DO_NOT_TRACK": "1"}


def eventually(what: str, check: Callable[[], object], deadline_s: float = DEADLINE_S):
    end = time.monotonic() + deadline_s
    while not (answer := check()):
        assert time.monotonic() < end, f"gave up waiting: {what}"
        time.sleep(0.1)
    return answer


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def shared_memory() -> set[str]:
    return {p.name for p in Path("/dev/shm").iterdir()}


def temporary_of(pid: int) -> Path | None:
    """Its TMPDIR, where it was given one and has not written over its environment."""
    try:
        rows = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    return next((Path(os.fsdecode(row[7:])) for row in rows if row.startswith(b"TMPDIR=/")), None)


class House:
    """Runtime and state folders of one test. close() ends what is left and says what it was."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.runtime = folder / "run"
        self.env = {**os.environ, **CPU, "BERTH_RUNTIME_DIR": str(self.runtime), "BERTH_STATE_DIR": str(folder / "state")}
        self.shm = shared_memory()
        self.tmp = {p.name for p in Path("/tmp").iterdir()}
        self.seen: set[int] = set()
        self.ports: set[int] = set()
        self.temporary: set[Path] = set()

    def berth(self, *args: str | Path, timeout: float = DEADLINE_S) -> subprocess.CompletedProcess[str]:
        return subprocess.run([BERTH, *args], capture_output=True, text=True, timeout=timeout, env=self.env, cwd=self.folder, check=False)

    def popen(self, *args: str) -> subprocess.Popen[str]:
        return subprocess.Popen([BERTH, *args], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.env, cwd=self.folder)

    def spec(self, **workloads: dict) -> None:
        (self.folder / "berth.yaml").write_text(json.dumps({"name": "real", "workloads": workloads}))

    def up(self, *args: str, **workloads: dict) -> subprocess.CompletedProcess[str]:
        self.spec(**workloads)
        return self.berth("up", "-d", *args)

    def ps(self) -> dict[str, dict]:
        done = self.berth("ps", "--json")
        assert done.returncode == 0, done.stderr
        rows = {one["id"]: one for one in json.loads(done.stdout)["instances"]}
        for row in rows.values():
            self.seen.update(row["pids"])
            self.temporary |= {t for p in row["pids"] if (t := temporary_of(p))}
            if row["endpoint"]:
                self.ports.add(int(row["endpoint"]["http"].rsplit(":", 1)[1]))
        return rows

    def started_here(self) -> set[int]:
        """Whose working folder is the spec's: an engine's helpers have it too, however they rename themselves and whatever they do to their environment."""
        found = set()
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and Path(os.readlink(entry / "cwd")) == self.folder and alive(int(entry.name)):
                    found.add(int(entry.name))
            except OSError:
                pass                     # has ended meanwhile
        return found

    def until(self, ident: str, *states: str, restarts: int | None = None) -> dict:
        return eventually(f"{ident} to be {' or '.join(states)}", lambda: (i := self.ps()[ident])["state"] in states and (restarts is None or i["restarts"] == restarts) and i)

    def url(self, ident: str) -> str:
        return self.ps()[ident]["endpoint"]["http"]

    def daemon(self) -> int:
        return lock_holder(self.runtime / "daemon.lock")

    def named(self, ident: str, comm: str) -> list[int]:
        return [p for p in self.ps()[ident]["pids"] if Path(f"/proc/{p}/comm").read_text().startswith(comm)]

    def down(self) -> None:
        done = self.berth("down")
        assert done.returncode == 0, done.stderr
        self.assert_nothing_left()

    def assert_nothing_left(self) -> None:
        """No process, no shared memory, no temporary file, no port."""
        eventually("the runtime folder to be gone", lambda: not self.runtime.exists(), 20)
        assert not [p for p in self.seen if alive(p)] and not self.started_here()
        eventually("its shared memory to be gone", lambda: not {n for n in shared_memory() - self.shm if re.match(r"psm_|sem\.mp-|vllm", n)}, 10)
        assert not {n for n in {p.name for p in Path("/tmp").iterdir()} - self.tmp if re.match(r"vllm|torchinductor|tmp.*ipc", n)} and not [t for t in self.temporary if t.exists()]
        for port in self.ports:
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)      # closed connections may linger; a listener does not let us in
                s.bind(("127.0.0.1", port))
                s.listen()

    def close(self) -> None:
        if self.runtime.exists():
            self.berth("down")
        for pid in self.seen | self.started_here():
            if alive(pid):
                os.kill(pid, 9)


def in_order(text: str, *words: str) -> bool:
    at = 0
    for word in words:
        at = text.find(word, at) + len(word)
        if at < len(word):
            return False
    return True


def ask(url: str, path: str, body: dict | None = None, timeout: float = 120) -> tuple[int, bytes]:
    request = urllib.request.Request(url + path, json.dumps(body).encode() if body is not None else None, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


def run_python(venv: Path, script: Path, *args: str | Path) -> None:
    done = subprocess.run([venv / "bin" / "python", script, *args], capture_output=True, text=True, check=False, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr[-2000:]


def engines() -> None:
    done = subprocess.run([HERE / "install"], stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        sys.exit("the real engines could not be installed (tests/real/install)")
