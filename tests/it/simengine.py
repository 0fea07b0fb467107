"""One start of the simulated engine, by hand: its log, its port, its processes. For the tests of sim/engine."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

from conftest import DEADLINE_S, Machine, alive, eventually, free_port


class Engine:
    ready_path = "/health"

    def __init__(self, m: Machine, *args: str, env: dict[str, str] | None = None, program: tuple[str, ...] = ("vllm", "serve"), port: int = 0):
        self.port = port or free_port()
        self.log = m.folder / f"engine-{self.port}-{time.monotonic_ns()}.log"
        self.file = self.log.open("w")
        self.proc = m.popen(*program, *args, "--host", "127.0.0.1", "--port", str(self.port), stdout=self.file, stderr=subprocess.STDOUT, env=env,
                            start_new_session=True)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def get(self, path: str, timeout: float = DEADLINE_S) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url(path), timeout=timeout) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()
        except (urllib.error.URLError, OSError):
            return 0, ""

    def post(self, path: str, body: object) -> tuple[int, str]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url(path), data, {"content-type": "application/json"}), timeout=DEADLINE_S) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()
        except (urllib.error.URLError, OSError):
            return 0, ""                 # cut off, or nobody there

    def ready(self) -> "Engine":
        eventually("the engine to be ready", lambda: self.get(self.ready_path)[0] == 200 or self.proc.poll() is not None)
        assert self.proc.poll() is None, self.text()
        return self

    def logged(self, text: str) -> "Engine":
        eventually(f"{text!r} in its log", lambda: text in self.text() or self.proc.poll() is not None)
        assert text in self.text(), self.text()
        return self

    def signal(self, number: int) -> "Engine":
        os.kill(self.proc.pid, number)
        return self

    def text(self) -> str:
        return self.log.read_text()

    def ended(self) -> int:
        return self.proc.wait(DEADLINE_S)

    def family(self) -> list[int]:
        """Pids of the engine's session."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit() and alive(int(entry)):
                try:
                    fields = open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                if int(fields[3]) == self.proc.pid:
                    found.append(int(entry))
        return found

    def pid_of(self, name: str) -> int:
        return next(pid for pid in self.family() if open(f"/proc/{pid}/comm").read().strip() == name[:15])

    def names(self) -> list[str]:
        return [open(f"/proc/{pid}/comm").read().strip() for pid in self.family()]

    def stop(self) -> None:
        for pid in self.family():
            os.kill(pid, signal.SIGKILL)
        self.proc.wait()
        self.file.close()


class Stream(threading.Thread):
    """A streamed completion, read in the background: events as they come, and how it ended."""

    def __init__(self, e: Engine, tokens: int = 4000, path: str = "/v1/completions", **body: object):
        super().__init__(daemon=True)
        self.events: list[str] = []
        self.ended = ""
        ask = {"model": "small", "prompt": "x", "max_tokens": tokens, "stream": True, **body}
        self.reply = urllib.request.urlopen(urllib.request.Request(e.url(path), json.dumps(ask).encode(), {"content-type": "application/json"}), timeout=DEADLINE_S)
        self.start()
        eventually("the first token", lambda: self.events)

    def run(self) -> None:
        try:
            for line in self.reply:
                if line.startswith(b"data: "):
                    self.events.append(line[6:].decode().strip())
            self.ended = "end"
        except Exception as e:  # noqa: BLE001  whatever http.client says of a cut connection
            self.ended = type(e).__name__

    def close(self) -> None:
        self.reply.fp.raw._sock.shutdown(2)          # urllib has no way to hang up while another thread reads


def gib(pattern: str, text: str) -> float:
    found = re.findall(pattern, text)
    assert found, f"no {pattern!r} in:\n{text}"
    return float(found[-1].replace(",", ""))
