"""spool - the queue between vision and the analyst: a folder whose files move by rename, which is atomic.

    inbox/    NAME.png    handed in, waits for vision
    looking/  NAME.png    vision has it
    seen/     NAME.png    vision has finished with it
    queue/    NAME.json   its finding, waits for the analyst
    asking/   NAME.json   the analyst has it
    done/     NAME.json   the finding with its verdict

Files appear whole (written beside, then renamed) and one process at a time owns looking/ and one owns asking/ (`own`), so
whoever starts finds what a killed predecessor left and puts it back: each image gets its verdict, none gets two. Chosen before
SQLite because `ls` shows where everything is. It survives killed processes; a power cut may take the last files (no fsync).
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import IO

Finding = dict[str, object]


class SpoolError(Exception):
    """The work folder cannot be used; the message says why."""


class Spool:
    FOLDERS = ("inbox", "looking", "seen", "queue", "asking", "done")

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.inbox, self.looking, self.seen, self.queue, self.asking, self.done = (self.folder / f for f in self.FOLDERS)
        self._locks: list[IO[bytes]] = []
        try:
            for name in self.FOLDERS:
                (self.folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as why:
            raise SpoolError(f"work folder {self.folder}: {why.strerror} (set FORENSICS_WORK to a folder that you may write)") from None

    def own(self, role: str) -> None:
        """Be the one `role` of this folder until the process ends; the kernel lets go for us, however it ends."""
        lock = open(self.folder / f"{role}.lock", "wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise SpoolError(f"another {role} works on {self.folder}: stop it, or set FORENSICS_WORK to another folder") from None
        self._locks.append(lock)

    def owned(self, role: str) -> bool:
        """Does some process own `role` now?"""
        try:
            with open(self.folder / f"{role}.lock", "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return False
        except FileNotFoundError:
            return False
        except OSError:
            return True

    # The side of whoever hands images in.

    def submit(self, image: Path, name: str) -> None:
        """Hand in a copy of `image` under `name` (no suffix)."""
        beside = self.inbox / f".{name}.png"
        shutil.copyfile(image, beside)
        beside.rename(self.inbox / f"{name}.png")

    # Vision's side.

    def recover_images(self) -> int:
        """Put back what a dead vision had begun; what it had finished but not moved away goes to seen/. Returns how many were put back."""
        again = 0
        for path in _files(self.looking, ".png"):
            finished = any((folder / f"{path.stem}.json").exists() for folder in (self.queue, self.asking, self.done))
            path.rename((self.seen if finished else self.inbox) / path.name)
            again += not finished
        return again

    def take_image(self) -> Path | None:
        """Claim the first image by name, or None."""
        for path in _files(self.inbox, ".png"):
            try:
                return path.rename(self.looking / path.name)
            except FileNotFoundError:
                continue  # taken back by whoever handed it in
        return None

    def return_image(self, image: Path) -> None:
        image.rename(self.inbox / image.name)

    def report(self, image: Path, finding: Finding) -> None:
        """The finding first, the image away second: a death in between is seen by recover_images()."""
        _write(self.queue / f"{image.stem}.json", finding)
        image.rename(self.seen / image.name)

    # The analyst's side.

    def recover_findings(self) -> int:
        """Put back what a dead analyst (or we, on our way out) had taken; returns how many."""
        again = 0
        for path in _files(self.asking, ".json"):
            if (self.done / path.name).exists():
                path.unlink()
            else:
                path.rename(self.queue / path.name)
                again += 1
        return again

    def take_findings(self, most: int) -> list[Finding]:
        """Claim up to `most` findings; each carries its "image" name."""
        taken = []
        for path in _files(self.queue, ".json")[:most]:
            mine = path.rename(self.asking / path.name)
            taken.append(json.loads(mine.read_text()))
        return taken

    def conclude(self, finding: Finding) -> None:
        """Store the finding with its verdict."""
        name = f"{finding['image']}.json"
        _write(self.done / name, finding)
        (self.asking / name).unlink()

    def unfinished(self) -> int:
        """Images handed in that have no verdict yet."""
        waiting = [self.inbox, self.looking, self.queue, self.asking]
        names = {p.stem for folder in waiting for suffix in (".png", ".json") for p in _files(folder, suffix)}
        return sum(not (self.done / f"{name}.json").exists() for name in names)


def short(name: str) -> str:
    """image-003 of 17c0ffee-serial-image-003; a name of another shape stays as it is."""
    return name[max(name.rfind("image-"), 0) :]


def _files(folder: Path, suffix: str) -> list[Path]:
    """Whole files only: a name that begins with a dot is still being written."""
    names = [e.name for e in os.scandir(folder) if e.name.endswith(suffix) and not e.name.startswith(".")]
    return [folder / name for name in sorted(names)]


def _write(path: Path, what: Finding) -> None:
    beside = path.with_name(f".{path.name}")
    beside.write_text(json.dumps(what, indent=1) + "\n")
    beside.rename(path)
