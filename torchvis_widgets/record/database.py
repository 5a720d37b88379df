"""What the tables of metrics.sqlite have in common: many rows in few statements, all of them or none."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

__all__ = ["connect", "has_table", "insert", "is_locked", "reading", "transaction", "version"]

_PATIENCE = 0.2  # seconds that a write waits for another one, or for a program which has locked the file
_MOST_VARIABLES = 8000  # of a statement; SQLite takes 32,766
_SETTLED = 2 * 10**9  # nanoseconds; the coarsest clock of a common file system


def connect(path: Path) -> sqlite3.Connection:
    """Opens the file to write; one thread at a time may use the connection."""
    connection = sqlite3.connect(path, timeout=_PATIENCE, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Opens the file to read, and closes it. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        yield connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commits what is done within, or nothing of it where that raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except sqlite3.Error:
        with suppress(sqlite3.Error):  # where the failure has ended the transaction already
            connection.execute("ROLLBACK")
        raise


def insert(connection: sqlite3.Connection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Appends rows of one width to a table.

    One statement for many: sqlite3 gives the interpreter away once a statement, and gets it back only when a busy
    training thread lets go.
    """
    if not rows:
        return
    row, count = f"({','.join('?' * len(rows[0]))})", _MOST_VARIABLES // len(rows[0])
    for start in range(0, len(rows), count):
        part = rows[start : start + count]
        connection.execute(f"INSERT INTO {table} VALUES {','.join([row] * len(part))}", list(chain.from_iterable(part)))


def version(path: Path) -> object | None:
    """Returns what is another one after every write, so that an unchanged file need not be opened.

    None where there is no file, and just after a write: another within the clock's last tick need not show in it.
    """
    stats = [found for file in (path, f"{path}-wal") if (found := _stat(file)) is not None]
    newest = max((stat.st_mtime_ns for stat in stats), default=0)
    if not stats or time.time_ns() - newest < _SETTLED:
        return None
    return tuple((stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats)


def _stat(file: Path | str) -> os.stat_result | None:
    try:
        return os.stat(file)  # noqa: PTH116  # three times as fast as Path's, and asked for at every frame
    except FileNotFoundError:
        return None


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    """Says whether there is such a table; not in a file that another process is just making, or made before it was."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,))
    return found.fetchone() is not None


def is_locked(error: Exception) -> bool:
    """Says whether another program has locked the file for a while, rather than that it cannot be used."""
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
