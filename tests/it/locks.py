"""Who holds a lock, for tests that wait until somebody does; the real engines' tests ask it, too."""

from __future__ import annotations

import os
from pathlib import Path


def lock_holder(lock: Path) -> int:
    """Whose flock it is; 0: nobody's. The kernel's list names inodes, of which two file systems may have the same: who has the file open is asked, too."""
    there = lock.stat()
    for line in Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        if fields[1] == "FLOCK" and fields[5].endswith(f":{there.st_ino}") and has_open(int(fields[4]), there):
            return int(fields[4])
    return 0


def has_open(pid: int, there: os.stat_result) -> bool:
    try:
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:                      # it has ended meanwhile
        return False
    for one in descriptors:
        try:
            if os.path.samestat(one.stat(), there):
                return True
        except OSError:
            continue
    return False
