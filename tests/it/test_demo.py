"""make demo as a person runs it: it ends well, shows what it promises, and leaves nothing behind, also when stopped half way."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S, ENGINE, ROOT, alive, eventually

DEMO = ROOT / "examples" / "forensics" / "demo.sh"


class Demo:
    def __init__(self, tmp: Path):
        self.tmp = tmp
        self.out = tmp.parent / f"{tmp.name}.log"
        env = {k: v for k, v in os.environ.items() if not k.startswith("BERTH_")}
        self.file = self.out.open("w")
        self.proc = subprocess.Popen([DEMO, BERTH, ENGINE], stdout=self.file, stderr=subprocess.STDOUT, start_new_session=True,
                                     env={**env, "TMPDIR": str(tmp), "BERTH_SIM_SPEED": "10", "LC_ALL": "C.UTF-8"})

    def text(self) -> str:
        return self.out.read_text()

    def wait(self) -> int:
        try:
            return self.proc.wait(DEADLINE_S)
        finally:
            self.file.close()


def strays(tmp: Path) -> list[str]:
    """Processes that still know the demo's folder by their working directory, program or environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid() or not alive(int(entry.name)):
            continue
        try:
            if str(tmp) in os.readlink(entry / "cwd") or f"TMPDIR={tmp}".encode() in (entry / "environ").read_bytes():
                found.append(f"{entry.name}: {(entry / 'cmdline').read_text()}")
        except OSError:
            continue
    return found


@pytest.fixture
def demo(tmp_path: Path):
    tmp = tmp_path / "t"
    tmp.mkdir()
    d = Demo(tmp)
    yield d
    if d.proc.poll() is None:
        os.killpg(d.proc.pid, signal.SIGKILL)
        d.proc.wait()


def nothing_left(d: Demo) -> None:
    eventually("all processes of the demo to be gone", lambda: not strays(d.tmp), 20)
    assert list(d.tmp.iterdir()) == []


def test_demo(demo: Demo):
    assert demo.wait() == 0, demo.text()
    text = demo.text()
    assert "NVIDIA A100-SXM4-40GB" in text
    assert "Total number of attention heads (40) must be divisible by tensor parallel size (3)" in re.sub(r"\s+", " ", text)
    assert re.search(r"PP=3.*21,22,21", text)
    assert "inside" in text and "over" not in re.findall(r"^vision-0.*$", text, re.M)[-1]
    table = re.findall(r"^\s*(1|10)\s+(serial|overlapped)\s+([\d.]+)\s", text, re.M)
    assert sorted((n, mode) for n, mode, _ in table) == [("1", "overlapped"), ("1", "serial"), ("10", "overlapped"), ("10", "serial")], text
    cards = re.findall(r"^  \d  NVIDIA A100-SXM4-40GB +39\.38 GiB +(\S+ \S+) ", text[text.rindex("8. Down"):], re.M)
    assert cards == ["0 B"] * 4, text
    nothing_left(demo)


@pytest.mark.parametrize("moment", ["5. Up", "7. Images"])
def test_stopped_half_way_leaves_nothing(demo: Demo, moment: str):
    eventually(f"the demo to reach {moment}", lambda: moment in demo.text() or demo.proc.poll() is not None, 120)
    assert demo.proc.poll() is None, demo.text()
    os.killpg(demo.proc.pid, signal.SIGINT)          # what a terminal does on Ctrl-C
    assert demo.wait() != 0
    nothing_left(demo)
