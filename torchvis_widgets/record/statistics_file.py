"""The table `statistics` of metrics.sqlite: one row a tensor and step.

    step, epoch, time, branch    as in `metrics`: the state after `step` finished steps
    kind, name                   "parameter" | "gradient" and the parameter's name, or "output" and the output's key
    norm, min, max, nonfinite    of all elements (nonfinite 0 or 1)
    mean, std, zeros             of the `sampled` elements, evenly spaced among `total`; zeros is a share, 0 … 1
    update_ratio                 norm of the step's change of a parameter over its norm before the step
    low, high, counts            64 bins of equal width between low and high: 64 little-endian uint32

NULL stands for NaN: what was not measured, or is none.
"""

from __future__ import annotations

import difflib
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from torchvis_widgets.record.database import connect, insert, reading, transaction
from torchvis_widgets.record.sampling import BINS

if TYPE_CHECKING:
    import pandas

__all__ = [
    "Histograms", "NumbersRow", "StatisticsFile", "StatisticsRow", "read_histograms", "read_numbers", "read_statistics",
]  # fmt: skip

StatisticsRow = tuple[Any, ...]  # in the order of the table's columns
NumbersRow = tuple[Any, ...]  # in the order of _NUMBERS

_COLUMNS = (
    "step", "epoch", "time", "branch", "kind", "name", "norm", "min", "max", "mean", "std", "zeros", "nonfinite",
    "update_ratio", "sampled", "total", "low", "high", "counts",
)  # fmt: skip
_TYPES = "INTEGER REAL REAL INTEGER TEXT TEXT REAL REAL REAL REAL REAL REAL INTEGER REAL INTEGER INTEGER REAL REAL BLOB"
_NUMBERS = "branch, step, time, kind, name, norm, mean, std, zeros, nonfinite, update_ratio, total"
_SHOWN = _COLUMNS[:3] + _COLUMNS[4:16] + ("branch",)


class Histograms(NamedTuple):
    """One tensor's history: `steps` (n,), `edges` (n, 65) and `counts` (n, 64) of the sampled elements."""

    steps: NDArray[np.int64]
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]


class StatisticsFile:
    """The table of a run that is being written; one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path)
        columns = ", ".join(f"{name} {kind}" for name, kind in zip(_COLUMNS, _TYPES.split(), strict=True))
        try:
            self._connection.execute(f"CREATE TABLE IF NOT EXISTS statistics ({columns})")
        except sqlite3.Error:
            self.close()
            raise

    def write(self, rows: list[StatisticsRow]) -> None:
        """Appends rows in one transaction. Raises sqlite3.Error; then none of them is in the file."""
        with transaction(self._connection):
            insert(self._connection, "statistics", rows)

    def close(self) -> None:
        """Closes, also after a failure."""
        with suppress(sqlite3.Error):
            self._connection.close()


def read_statistics(path: Path) -> pandas.DataFrame:
    """Returns every row, by branch and step. Raises sqlite3.Error."""
    import pandas

    rows = _select(path, f"SELECT {', '.join(_SHOWN)} FROM statistics ORDER BY branch, step, rowid")
    table = pandas.DataFrame(rows, columns=list(_SHOWN))
    whole = dict.fromkeys(("step", "sampled", "total", "branch"), "int64")
    texts: dict[str, str] = dict.fromkeys(("kind", "name"), "object")
    kinds = {**dict.fromkeys(_SHOWN, "float64"), **whole, **texts, "nonfinite": "bool"}
    return table.astype(kinds)


def read_histograms(path: Path, name: str, kind: str) -> Histograms:
    """Returns one tensor's histograms, by branch and step. Raises LookupError naming the nearest, sqlite3.Error."""
    found = _select(
        path,
        "SELECT step, low, high, counts FROM statistics WHERE name = ? AND kind = ? ORDER BY branch, step, rowid",
        (name, kind),
    )
    if not found:
        raise LookupError(_unknown(path, name, kind))
    steps, lows, highs, counts = zip(*found, strict=True)
    low, high = np.array(lows, dtype=np.float64)[:, None], np.array(highs, dtype=np.float64)[:, None]
    edges = low + (high - low) * np.linspace(0.0, 1.0, BINS + 1)
    table = np.frombuffer(b"".join(counts), dtype="<u4").reshape(-1, BINS)
    return Histograms(np.array(steps, dtype=np.int64), edges, table.astype(np.int64))


def read_numbers(path: Path, after: int = 0) -> tuple[list[NumbersRow], int]:
    """Returns the numbers in the rows after row id `after`, and the last row id. Raises sqlite3.Error."""
    found = _select(path, f"SELECT {_NUMBERS}, rowid FROM statistics WHERE rowid > ? ORDER BY rowid", (after,))
    return [row[:-1] for row in found], found[-1][-1] if found else after


def _select(path: Path, query: str, values: tuple[str | int, ...] = ()) -> list[tuple[Any, ...]]:
    """What a query finds; nothing in a file without statistics."""
    if not path.exists():
        return []
    with reading(path) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'statistics'").fetchone():
            return []
        return connection.execute(query, values).fetchall()


def _unknown(path: Path, name: str, kind: str) -> str:
    known = _select(path, "SELECT DISTINCT kind, name FROM statistics")
    kinds = {each for each, _ in known}
    if not known:
        return f"no statistics of {name!r}: the run has none; watch(…, statistics=50) takes them every 50 steps"
    if kind not in kinds:
        return f"no statistics of the kind {kind!r}; there are {', '.join(map(repr, sorted(kinds)))}"
    names = [each for its_kind, each in known if its_kind == kind]
    near = difflib.get_close_matches(name, names, 3, 0.4) or names[:3]
    return f"no statistics of the {kind} {name!r}; there are {', '.join(map(repr, near))}"
