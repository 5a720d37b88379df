"""metrics.sqlite: tables metrics(step, epoch, time, name, value) and names(id, name); NULL stands for NaN."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["MetricsFile", "Row", "has_metrics", "read_metrics"]

Row = tuple[int, float, float, int, float]  # step, epoch, time, id of the name, value

# One statement for many rows: sqlite3 gives the interpreter away once a statement, and gets it back only when a busy
# training thread lets go. 1,000 rows of 5 stay far below SQLite's limit of 32,766 variables.
_ROWS_A_STATEMENT = 1000
_TABLES = """
CREATE TABLE IF NOT EXISTS names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS metrics (step INTEGER, epoch REAL, time REAL, name INTEGER, value REAL);
"""


class MetricsFile:
    """The file of a run that is being written; one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # Readers never block the writer; after a kill everything committed is there.
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_TABLES)

    def write(self, rows: list[Row], names: list[str]) -> None:
        """Appends rows, and the names that are new with them, in one transaction. Raises sqlite3.Error."""
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT INTO names (name) VALUES (?)", [(name,) for name in names])
        for start in range(0, len(rows), _ROWS_A_STATEMENT):
            part = rows[start : start + _ROWS_A_STATEMENT]
            places = ",".join(["(?,?,?,?,?)"] * len(part))
            self._connection.execute(f"INSERT INTO metrics VALUES {places}", list(chain.from_iterable(part)))
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Folds the write-ahead log into the file, so that a copy of that one file, or a read-only one, is complete."""
        with suppress(sqlite3.OperationalError):  # a reader has it open; the log then stays beside the file
            self._connection.execute("PRAGMA journal_mode=DELETE")
        self._connection.close()

    def abandon(self) -> None:
        """Closes after a failure."""
        with suppress(sqlite3.Error):
            self._connection.close()


def read_metrics(path: Path, after: int = 0) -> tuple[list[str], NDArray[np.float64], int]:
    """Returns the names, the rows (N, 5) after row id `after`, and the last row id. Raises sqlite3.Error.

    A row is step, epoch, time, place of the name in the list counted from 1, value.
    """
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        # Rows first: the names they need were stored with them or before.
        found = connection.execute(
            "SELECT step, epoch, time, name, value, rowid FROM metrics WHERE rowid > ? ORDER BY rowid", (after,)
        )
        # In parts, as 100,000 tuples at once keep the garbage collector busy. None becomes NaN.
        parts = [np.array(part, dtype=np.float64) for part in iter(lambda: found.fetchmany(5000), [])]
        names = [name for (name,) in connection.execute("SELECT name FROM names ORDER BY id")]
    table = np.concatenate([np.empty((0, 6)), *parts])
    return names, table[:, :5], int(table[-1, 5]) if len(table) else after


def has_metrics(path: Path) -> bool:
    """Says whether a metrics file holds any value. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT 1 FROM metrics LIMIT 1").fetchone() is not None
