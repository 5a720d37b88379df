"""Edited: an edit of the weights as the table `edits` of metrics.sqlite holds it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchvis_widgets.record.branches import Limit, is_on
from torchvis_widgets.record.database import has_table, reading

__all__ = ["TABLE", "Edited", "Turn", "put_edits", "read_edits"]

Turn = tuple[int, float, int]
"""Step, time and branch of an undo or, the next time, a redo."""

TABLE = """
CREATE TABLE IF NOT EXISTS edits (
    id INTEGER PRIMARY KEY, step INTEGER, epoch REAL, time REAL, tensor TEXT, op TEXT, text TEXT, edit TEXT,
    mask BLOB, content BLOB, turns TEXT, branch INTEGER
);
"""


@dataclass(frozen=True)
class Edited:
    """An edit made after `step` optimizer steps.

    text: in words. edit: all of it as JSON, but for the bytes of its `mask` and the `content` of a tensor given.
    """

    step: int
    epoch: float | None
    time: float
    tensor: str
    op: str
    text: str
    edit: str
    mask: bytes | None = None
    content: bytes | None = None
    turns: tuple[Turn, ...] = ()
    branch: int = 0

    def undone(self, line: Mapping[int, Limit]) -> bool:
        """Whether it has been taken back on this line of branches, and not been made again."""
        return sum(is_on(line, branch, step, time) for step, time, branch in self.turns) % 2 == 1


def put_edits(connection: sqlite3.Connection, edits: Mapping[int, Edited]) -> None:
    """Puts edits in their places, within a transaction."""
    fields = [
        (number, e.step, e.epoch, e.time, e.tensor, e.op, e.text, e.edit, e.mask, e.content, json.dumps(e.turns),
         e.branch)
        for number, e in edits.items()
    ]  # fmt: skip
    connection.executemany(f"INSERT OR REPLACE INTO edits VALUES ({','.join('?' * 12)})", fields)


def read_edits(path: Path) -> list[Edited]:
    """Returns the edits, none of a file from before there were any. Raises sqlite3.Error."""
    with reading(path) as connection:
        if not has_table(connection, "edits"):
            return []
        found = connection.execute(
            "SELECT step, epoch, time, tensor, op, text, edit, mask, content, turns, branch FROM edits ORDER BY id"
        )
        rows: list[list[Any]] = [[*row[:9], tuple(map(tuple, json.loads(row[9]))), row[10]] for row in found]
        return [Edited(*row) for row in rows]
