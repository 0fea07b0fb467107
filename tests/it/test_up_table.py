"""`berth up` on a terminal: the table of what is up stays at the end of the output and is drawn again in its place."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S, eventually
from plans import SLEEP, House, instance, plan


class Screen:
    """A terminal of 20 lines, and what stands on it: printed text, CR, LF, cursor up, erase below and to the end of the line."""

    def __init__(self, house: House, *args: str, columns: int = 60):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 20, columns, 0, 0))
        self.proc = subprocess.Popen([BERTH, "up", *args], env={**house.env, "NO_COLOR": "1", "LC_ALL": "C"}, cwd=house.folder, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        os.set_blocking(self.master, False)
        self.raw, self.done = b"", 0
        self.lines, self.row, self.column = [""], 0, 0

    def read(self) -> list[str]:
        try:
            while chunk := os.read(self.master, 65536):
                self.raw += chunk
        except OSError:
            pass                                     # nothing now, or the other end is closed
        while self.done < len(self.raw):
            self.take()
        return self.lines

    def take(self) -> None:
        c = self.raw[self.done:self.done + 1]
        if c == b"\033":
            end = next((i for i in range(self.done + 2, len(self.raw)) if self.raw[i:i + 1].isalpha()), None)
            assert end is not None and self.raw[self.done + 1:self.done + 2] == b"["
            number, what = self.raw[self.done + 2:end], self.raw[end:end + 1]
            if what == b"A":
                self.row -= int(number)
                assert self.row >= 0
            elif what == b"J":
                self.lines[self.row] = self.lines[self.row][:self.column]
                del self.lines[self.row + 1:]
            elif what == b"K":
                self.lines[self.row] = self.lines[self.row][:self.column]
            self.done = end + 1
            return
        if c == b"\n":
            self.row += 1
            if self.row == len(self.lines):
                self.lines.append("")
        elif c == b"\r":
            self.column = 0
        else:
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[:self.column] + c.decode("latin-1") + line[self.column + 1:]
            self.column += 1
        self.done += 1

    def close(self) -> None:
        self.proc.kill()
        self.proc.wait()
        os.close(self.master)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path, dict(os.environ))
    yield one
    one.close()


def rows(screen: Screen) -> list[str]:
    return [line for line in screen.read() if line.startswith(("a-0 ", "b-0 "))]


def test_the_table_is_drawn_again_in_its_place(house: House) -> None:
    screen = Screen(house, "--plan", str(house.write(plan("p", instance("a-0", SLEEP), instance("b-0", SLEEP, stop_grace_ms=200)))), columns=100)
    try:
        eventually("the table", lambda: len(rows(screen)) == 2 and "p is up. Ctrl-C takes it down." in screen.read())
        drawn = screen.raw.count(b"instance ")
        eventually("it to be drawn again", lambda: screen.read() and screen.raw.count(b"instance ") >= drawn + 2)
        assert sum(line.startswith("instance ") for line in screen.read()) == 1 and len(rows(screen)) == 2
        os.kill(house.ps()["b-0"]["pids"][0], signal.SIGKILL)
        eventually("its next life in the table", lambda: any("(started again 1 time)" in row and "ready" in row for row in rows(screen)))
        text = screen.read()
        table = next(i for i, line in enumerate(text) if line.startswith("instance "))
        assert sum(line.startswith("instance ") for line in text) == 1 and any("backing-off" in line for line in text[:table])     # what happened stands above
        screen.proc.send_signal(signal.SIGINT)
        assert screen.proc.wait(DEADLINE_S) == 130
        text = screen.read()
        assert any("taking p down" in line for line in text) and not any(line.startswith("instance ") for line in text)
    finally:
        screen.close()


def test_lines_are_cut_at_the_width(house: House) -> None:
    screen = Screen(house, "--plan", str(house.write(plan("p", instance("a-0", SLEEP)))), columns=30)
    try:
        eventually("the table", lambda: len(rows(screen)) == 1)
        eventually("it to be drawn again", lambda: screen.read() and screen.raw.count(b"instance ") >= 3)
        assert sum(line.startswith("instance ") for line in screen.read()) == 1
        assert all(len(line) < 30 for line in screen.read() if line.startswith(("instance", "a-0", "---")))
    finally:
        screen.close()


def test_more_than_the_terminal_holds_is_printed_once(house: House) -> None:
    screen = Screen(house, "--plan", str(house.write(plan("p", *(instance(f"a-{i}", SLEEP) for i in range(25))))))
    try:
        eventually("the table", lambda: any(line.startswith("p is up") for line in screen.read()))
        os.kill(house.ps()["a-7"]["pids"][0], signal.SIGKILL)
        eventually("its next life to be told", lambda: house.ps()["a-7"]["restarts"] == 1 and house.ps()["a-7"]["state"] == "ready")
        eventually("it to be printed", lambda: screen.read() and screen.raw.count(b"a-7 ") >= 4)
        assert screen.raw.count(b"instance ") == 1 and b"\033[J" not in screen.raw
    finally:
        screen.close()
