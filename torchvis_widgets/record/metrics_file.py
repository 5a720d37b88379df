"""metrics.sqlite: metrics(step, epoch, time, name, value, branch), names(id, name), marks, edits; NULL is NaN."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from torchvis_widgets.record.database import connect, has_table, insert, reading, transaction
from torchvis_widgets.record.edits import TABLE, Edited, put_edits
from torchvis_widgets.record.marks import Mark

__all__ = ["MetricsFile", "Row", "has_metrics", "read_marks", "read_metrics"]

Row = tuple[int, float, float, int, float, int]  # step, epoch, time, id of the name, value, branch

_TABLES = """
CREATE TABLE IF NOT EXISTS names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS metrics (step INTEGER, epoch REAL, time REAL, name INTEGER, value REAL, branch INTEGER);
CREATE TABLE IF NOT EXISTS marks (
    id INTEGER PRIMARY KEY, step INTEGER, epoch REAL, time REAL, kind TEXT, text TEXT, layer TEXT,
    branch INTEGER
);
"""


class MetricsFile:
    """The file of a run that is being written; one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path)
        # Readers never block the writer; after a kill everything committed is there.
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.executescript(_TABLES + TABLE)

    def write(self, rows: list[Row], names: list[str], marks: Mapping[int, Mark], edits: Mapping[int, Edited]) -> None:
        """Appends rows, and the names that are new with them, and puts marks and edits in their places, all or nothing.

        Raises sqlite3.Error; then nothing of it is in the file.
        """
        fields = [(number, m.step, m.epoch, m.time, m.kind, m.text, m.layer, m.branch) for number, m in marks.items()]
        with transaction(self._connection):
            self._connection.executemany("INSERT INTO names (name) VALUES (?)", [(name,) for name in names])
            insert(self._connection, "metrics", rows)
            self._connection.executemany("INSERT OR REPLACE INTO marks VALUES (?,?,?,?,?,?,?,?)", fields)
            put_edits(self._connection, edits)

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
    """Returns the names, the rows (N, 6) after row id `after`, and the last row id. Raises sqlite3.Error.

    A row is step, epoch, time, place of the name in the list counted from 1, value, branch.
    """
    with reading(path) as connection:
        if not has_table(connection, "metrics"):
            return [], np.empty((0, 6)), after
        # Rows first: the names they need were stored with them or before.
        found = connection.execute(
            "SELECT step, epoch, time, name, value, branch, rowid FROM metrics WHERE rowid > ? ORDER BY rowid", (after,)
        )
        # In parts, as 100,000 tuples at once keep the garbage collector busy. None becomes NaN.
        parts = [np.array(part, dtype=np.float64) for part in iter(lambda: found.fetchmany(5000), [])]
        names = [name for (name,) in connection.execute("SELECT name FROM names ORDER BY id")]
    table = np.concatenate([np.empty((0, 7)), *parts])
    return names, table[:, :6], int(table[-1, 6]) if len(table) else after


def read_marks(path: Path) -> list[Mark]:
    """Returns the marks, none of a file from before there were any. Raises sqlite3.Error."""
    with reading(path) as connection:
        if not has_table(connection, "marks"):
            return []
        found = connection.execute("SELECT step, epoch, time, kind, text, layer, branch FROM marks ORDER BY id")
        return [Mark(*fields) for fields in found]


def has_metrics(path: Path) -> bool:
    """Says whether a metrics file holds any value. Raises sqlite3.Error."""
    with reading(path) as connection:
        return connection.execute("SELECT 1 FROM metrics LIMIT 1").fetchone() is not None
