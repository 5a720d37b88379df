"""Who writes a run directory: the lock that one process holds, and a look at it that takes nothing away."""

from __future__ import annotations

import sys
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["is_held", "take"]

if sys.platform != "win32":
    import fcntl

# A reader's look holds the lock for microseconds; a writer that begins just then tries again.
_PATIENCE, _PERIOD = 0.2, 0.01


def take(path: Path) -> FileLock:
    """Returns the lock of file `path`, held. Raises Timeout where another writer holds it."""
    # Taken by the loop's thread and given back by whichever closes the run.
    lock = FileLock(path, thread_local=False)
    lock.acquire(timeout=_PATIENCE, poll_interval=_PERIOD)
    return lock


def is_held(path: Path) -> bool:
    """Says whether some process, this one included, holds the lock; a killed one's has gone with it."""
    if not path.exists():
        return False
    if sys.platform == "win32":
        lock = FileLock(path, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        return False
    with path.open("rb") as file:  # only read: the directory may be on a read-only mount
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        return False  # closing the file gives the lock back
