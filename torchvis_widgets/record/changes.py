"""Changes: hyperparameters that took another value while a model trained, in the table `changes` of metrics.sqlite."""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchvis_widgets.record.database import connect, reading, transaction, version
from torchvis_widgets.record.errors import RunError

__all__ = ["Change", "ChangesFile", "ChangesReader", "Value", "read_changes"]

Value = float | int | bool

_TABLE = """
CREATE TABLE IF NOT EXISTS changes (
    id INTEGER PRIMARY KEY, step INTEGER, epoch REAL, time REAL, name TEXT, before TEXT, after TEXT, by TEXT,
    branch INTEGER
)
"""


@dataclass(frozen=True)
class Change:
    """A hyperparameter that went from `before` to `after` when `step` optimizer steps had been taken.

    by: "user", or what set it instead of the user: a scheduler's class, or "the training code".
    """

    step: int
    epoch: float | None
    time: float
    name: str
    before: Value
    after: Value
    by: str
    branch: int


class ChangesFile:
    """The table of a run that is being written; one thread at a time. Numbers are stored as JSON, to the last bit."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path)
        try:
            self._connection.execute(_TABLE)
        except sqlite3.Error:
            self.close()
            raise

    def write(self, changes: dict[int, Change]) -> None:
        """Puts changes into their places in one transaction. Raises sqlite3.Error; then none of them is stored."""
        rows = [
            (number, c.step, c.epoch, c.time, c.name, json.dumps(c.before), json.dumps(c.after), c.by, c.branch)
            for number, c in changes.items()
        ]
        with transaction(self._connection):
            self._connection.executemany("INSERT OR REPLACE INTO changes VALUES (?,?,?,?,?,?,?,?,?)", rows)

    def close(self) -> None:
        """Closes, also after a failure."""
        with suppress(sqlite3.Error):
            self._connection.close()


class ChangesReader:
    """The changes of a run that is finished or written elsewhere; looks for new ones whenever it is asked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._all: list[Change] = []
        self._version: object | None = None

    @property
    def changes(self) -> list[Change]:
        """Every change so far. Raises RunError for a file that is no database."""
        now = version(self._path)
        if now is None or now != self._version:
            try:
                self._all = read_changes(self._path) if self._path.exists() else []
            except sqlite3.Error as error:
                raise RunError(f"{self._path} cannot be read: {error}") from error
            self._version = now
        return list(self._all)


def read_changes(path: Path) -> list[Change]:
    """Returns the changes in the order in which they were made, none of a file without any. Raises sqlite3.Error."""
    with reading(path) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'changes'").fetchone():
            return []
        columns = "step, epoch, time, name, before, after, by, branch"
        return [_change(*row) for row in connection.execute(f"SELECT {columns} FROM changes ORDER BY id")]


def _change(step: int, epoch: float | None, time: float, name: str, before: str, after: str, *rest: Any) -> Change:
    return Change(step, epoch, time, name, json.loads(before), json.loads(after), *rest)
