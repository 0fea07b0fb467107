"""`berth sim` by hand: a shell at a terminal, what it says, and that nothing stays."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S


class Terminal:
    def __init__(self, argv: list[str], env: dict[str, str]):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, env)
        self.text = ""

    def until(self, pattern: str) -> str:
        """Everything since the last call, once the pattern is in it."""
        end = time.monotonic() + DEADLINE_S
        while not re.search(pattern, self.text):
            assert time.monotonic() < end, f"no {pattern!r} in {self.text!r}"
            if select.select([self.fd], [], [], 0.5)[0]:
                try:
                    raw = os.read(self.fd, 65536)
                except OSError:
                    raw = b""
                assert raw or re.search(pattern, self.text), f"ended; no {pattern!r} in {self.text!r}"
                self.text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", raw.decode("utf-8", "replace"))
        said, self.text = self.text, ""
        return said

    def type(self, line: str) -> None:
        os.write(self.fd, line.encode() + b"\n")

    def end(self) -> int:
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize(("argv", "shell"), [([], "/bin/bash"), (["--", "bash"], "/bin/false"), (["--", "sh"], "/bin/false")])
def test_a_shell_on_a_simulated_machine(tmp_path: Path, argv: list[str], shell: str):
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "xterm", "SHELL": shell, "TMPDIR": str(tmp_path), "LC_ALL": "C", "HISTFILE": ""}
    t = Terminal([str(BERTH), "sim", "2xRTX-4090", *argv], env)
    hello = t.until(r"\(sim 2xRTX-4090\).*[$#] $")
    assert "SIMULATED" in hello and "vllm serve MODEL" in hello and "simulated engine" in hello and "berth sim ctl" in hello
    t.type("berth gpus; echo done-$?")
    assert t.until(r"done-0\s").count("NVIDIA GeForce RTX 4090") == 2
    t.type("vllm --version; echo done-$?")
    assert "0.32.0" in t.until(r"done-0\s")
    t.type("exit 7")
    assert t.end() == 7
    assert list(tmp_path.iterdir()) == []


def test_a_prompt_keeps_the_users_own(tmp_path: Path):
    (tmp_path / ".bashrc").write_text("PS1='mine> '\n")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "xterm", "SHELL": "/bin/bash"}
    t = Terminal([str(BERTH), "sim", "1xT4"], env)
    t.until(r"\(sim 1xT4\) mine> $")
    t.type("exit")
    assert t.end() == 0


def test_without_a_terminal_a_command_is_wanted():
    done = subprocess.run([BERTH, "sim", "1xT4"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "no terminal for a shell" in done.stderr


def test_nothing_is_said_to_a_script():
    done = subprocess.run([BERTH, "sim", "1xT4", "--", "sh", "-c", "command -v vllm && sglang --version && llama-server --version"], capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0 and "/bin/vllm\n0.5.23\n" in done.stdout and "0.5.0" in done.stdout + done.stderr
    assert done.stderr.startswith("berth sim: 1xT4 is SIMULATED") and "berth gpus" not in done.stderr
