"""Changes of hyperparameters on their way to the disk."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from torchvis_widgets.record.amendable import Amendable
from torchvis_widgets.record.changes import Change, ChangesFile
from torchvis_widgets.record.database import is_locked
from torchvis_widgets.record.drain import Drain
from torchvis_widgets.record.errors import Problems

__all__ = ["ChangesWriter"]


class ChangesWriter(Drain):
    """Takes changes without blocking, and owns the thread that stores them; it starts with the first."""

    def __init__(self, path: Path, problems: Problems) -> None:
        super().__init__("torchvis-changes")
        self._path, self._problems = path, problems
        self._noted: Amendable[Change] = Amendable()
        self._file: ChangesFile | None = None
        self._off = False
        self._drain_lock = threading.Lock()

    @property
    def changes(self) -> list[Change]:
        """Every change so far, in the order in which they were made."""
        return self._noted.all()

    def add(self, change: Change) -> int:
        """Notes a change; returns its number for `amend`."""
        number = self._noted.add(change)
        self.begin()
        return number

    def amend(self, number: int, **fields: object) -> None:
        """Changes fields of one: a slider is still being dragged."""
        self._noted.amend(number, **fields)

    def drain(self) -> None:
        """Puts on the disk what is not there yet; a file that is locked gets it later, one that fails nothing more."""
        with self._drain_lock:
            changes = self._noted.unwritten()
            if self._off or not changes:
                return
            try:
                if not self._path.exists():  # SQLite would make a new file in a directory that is being removed
                    raise FileNotFoundError("it has been deleted")
                self._file = self._file or ChangesFile(self._path)
                self._file.write(changes)
            except (OSError, sqlite3.Error) as error:
                if not is_locked(error):
                    self._off = True
                    self._problems.note("changes", f"changes are no longer written to {self._path}: {error}")
                return
            self._noted.written(changes)

    def is_empty(self) -> bool:
        """Whether all that was noted is stored."""
        return self._off or not self._noted.unwritten()

    def close(self, timeout: float) -> None:
        """Stores what is queued, ends the thread and closes the file."""
        self.end(timeout)
        with self._drain_lock:
            self._off = True
            if self._file is not None:
                self._file.close()
                self._file = None
