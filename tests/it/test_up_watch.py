"""What `berth up` makes of the daemon's messages, whenever they come: a socket that speaks the daemon's part, so that the order is ours."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from plans import House, instance, plan

DIES: dict = {"dies": True}              # in what is sent back: the connection ends after the rest


class Daemon(threading.Thread):
    """Answers one connection after another; each is a dict from operation to what is sent back. A step that is None ends the connection."""

    def __init__(self, path: Path, conversations: list[dict[str, list[dict] | None]]):
        super().__init__(daemon=True)
        self.seen: list[str] = []
        self.requests: list[dict] = []
        self.conversations = conversations
        path.parent.mkdir(mode=0o700)
        self.listener = socket.socket(socket.AF_UNIX)
        at = os.open(path.parent, os.O_RDONLY)
        self.listener.bind(f"/proc/self/fd/{at}/{path.name}")       # a socket's path ends at 107 bytes, whatever TMPDIR is
        os.close(at)
        self.listener.listen()
        self.start()

    def talk(self, peer: socket.socket, says: dict[str, list[dict] | None]) -> bool:
        """False: nobody said anything. That was only somebody who looked whether a daemon is there."""
        asked = False
        for line in peer.makefile():
            asked = True
            request = json.loads(line)
            self.seen.append(request["op"])
            self.requests.append(request)
            for message in [m for m in says.get(request["op"]) or [] if m is not DIES]:
                if "ok" in message:
                    message = {"id": request["id"], **message}
                peer.sendall((json.dumps(message) + "\n").encode())
            if says.get(request["op"]) is None or DIES in says[request["op"]]:
                return True
        return asked

    def run(self) -> None:
        for says in self.conversations:
            said = False
            while not said:
                peer, _ = self.listener.accept()
                with peer:
                    said = self.talk(peer, says)
        self.listener.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield House(tmp_path)                # nothing is started: the daemon is ours


def job(state: str, status: int | None = None) -> dict:
    end = None if status is None else {"status": status, "signal": None, "text": f"exit {status}"}
    return {"id": "x-0", "workload": "x", "kind": "job", "state": state, "exit": end, "ranks": [], "pids": []}


def happens(state: str, status: int | None = None) -> dict:
    return {"event": "inst", "instance": job(state, status)}


ACCEPTED = {"ok": True, "project": "p", "instances": [job("starting")]}
PS = {"ok": True, "project": "p", "phase": "all", "instances": [job("running")], "reserved": []}
UP = {"event": "up", "project": "p"}
GONE: list[dict] | None = [{"ok": True}, {"event": "gone", "project": "p"}]


def up(house: House, *conversations: dict[str, list[dict] | None]) -> tuple[Daemon, int, str]:
    daemon = Daemon(house.runtime / "daemon.sock", list(conversations))
    done = house.up(plan("p", instance("x-0", ["true"], "job")))
    return daemon, done.returncode, done.stderr


def test_the_last_end_may_come_while_the_table_is_asked_for(house: House) -> None:
    daemon, status, errors = up(house, {"up": [ACCEPTED, UP], "ps": [happens("done", 0), PS], "down": GONE})
    assert status == 0, errors
    assert daemon.seen == ["up", "ps", "down"]


def test_an_end_between_two_daemons_is_in_the_answer_of_the_next(house: House) -> None:
    over = {"ok": True, "project": "p", "settled": True, "instances": [job("failed", 3)]}
    daemon, status, errors = up(house, {"up": [ACCEPTED, UP], "ps": None}, {"follow": [over], "ps": [PS], "down": GONE})
    assert status == 1, errors
    assert daemon.seen == ["up", "ps", "follow", "down"]


def test_a_project_that_ended_between_two_daemons_is_said(house: House) -> None:
    refusal = {"ok": False, "error": {"code": "wrong-state", "message": "project p is not up; up: nothing"}}
    daemon, status, errors = up(house, {"up": [ACCEPTED, UP], "ps": None}, {"follow": [refusal]})
    assert status != 0 and "project p is not up" in errors
    assert daemon.seen == ["up", "ps", "follow"]


def test_a_failed_start_whose_daemon_died_in_the_going_down_is_a_failure(house: House) -> None:
    over = {"ok": True, "project": "p", "settled": False, "instances": [job("down", 0)]}
    daemon, status, _ = up(house, {"up": [ACCEPTED, DIES]}, {"follow": [over, {"event": "gone", "project": "p", "failed": True}]})
    assert status == 1 and daemon.seen == ["up", "follow"]
