"""StatisticsTable: the numbers of a run's statistics in memory, for views, which ask often and wait for no disk."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from torchvis_widgets.record.branches import Branches, Limit, is_on
from torchvis_widgets.record.database import version
from torchvis_widgets.record.statistics_file import NumbersRow, read_numbers

__all__ = ["Numbers", "StatisticsTable"]

MOST_SHEETS = 512  # kept of one series; of more, every second one, every fourth, …


class Numbers(NamedTuple):
    """What was measured of a tensor; see `Run.statistics`. `nonfinite` is 0 or 1, `total` counts its elements."""

    norm: float
    mean: float
    std: float
    zeros: float
    nonfinite: float
    update_ratio: float
    total: float


class _Sheet(NamedTuple):
    """Tensors measured together: their names, and (names, 7) numbers."""

    branch: int
    step: int
    time: float
    names: tuple[str, ...]
    values: NDArray[np.float64]


@dataclass
class _Series:
    """Sheets of the same tensors. Each optimizer has a clock of its own, and so has what it measures."""

    sheets: list[tuple[int, _Sheet]] = field(default_factory=list)
    stride: int = 1
    count: int = 0

    def add(self, sheet: _Sheet) -> None:
        if self.sheets and self.sheets[-1][0] % self.stride:
            self.sheets.pop()  # it was there as the newest
        self.sheets.append((self.count, sheet))
        self.count += 1
        if len(self.sheets) > MOST_SHEETS:
            self.stride *= 2
            self.sheets = [each for each in self.sheets if not each[0] % self.stride or each is self.sheets[-1]]

    def on(self, line: dict[int, Limit]) -> list[_Sheet]:
        """Those on the way to a branch's end, by step."""
        found = [sheet for _, sheet in self.sheets if is_on(line, sheet.branch, sheet.step, sheet.time)]
        return sorted(found, key=lambda sheet: (sheet.step, sheet.time))


class StatisticsTable:
    """Read bit by bit from the file of a run; `look()` takes in what is new there, all else asks the memory.

    version: counts the looks that found something.
    """

    def __init__(self, path: Path, branches: Branches) -> None:
        self.version = 0
        self._path, self._branches = path, branches
        self._series: dict[tuple[str, str], _Series] = {}
        self._last, self._seen = 0, None
        self._lock = threading.Lock()

    def is_current(self) -> bool:
        """Whether the file is known not to have changed since the last look; asks for its time only."""
        seen: object = self._seen
        return seen is not None and seen == version(self._path)

    def look(self) -> None:
        """Read the rows that are new. Raises sqlite3.Error."""
        seen = version(self._path)
        rows, last = read_numbers(self._path, self._last)
        with self._lock:
            for kind, sheet in _sheets(rows):
                self._series.setdefault((kind, sheet.names[0]), _Series()).add(sheet)
        self._seen, self._last = seen, last  # type: ignore[assignment]
        self.version += bool(rows)

    def kinds(self) -> set[str]:
        """What there are numbers of: "parameter", "gradient", "output"."""
        with self._lock:
            return {kind for kind, _ in self._series}

    def steps(self, kind: str) -> list[int]:
        """The steps on the way to the current branch's end at which something of that kind was measured."""
        return sorted({sheet.step for sheets in self._of(kind) for sheet in sheets})

    def at(self, kind: str, step: int | None) -> dict[str, Numbers]:
        """Tensor → what was measured of it last, up to `step` (None: until now).

        What was last measured long before the others, as a layer is that has been frozen, is left out.
        """
        found = []
        for sheets in self._of(kind):
            until = [sheet for sheet in sheets if step is None or sheet.step <= step]
            if until:
                gap = until[-1].step - until[-2].step if len(until) > 1 else until[-1].step
                found.append((until[-1].step, max(gap, 1), until[-1]))
        newest = max((at for at, _, _ in found), default=0)
        fresh = [sheet for at, gap, sheet in sorted(found, key=lambda each: each[0]) if newest - at <= 2 * gap]
        return {
            name: Numbers(*row) for sheet in fresh for name, row in zip(sheet.names, sheet.values.tolist(), strict=True)
        }

    def _of(self, kind: str) -> list[list[_Sheet]]:
        line = self._branches.line()
        with self._lock:
            return [series.on(line) for (of, _), series in self._series.items() if of == kind]


def _sheets(rows: list[NumbersRow]) -> Iterator[tuple[str, _Sheet]]:
    """Rows that follow each other of one step and kind are what was measured together."""
    for (branch, step, kind), together in itertools.groupby(rows, key=lambda row: (row[0], row[1], row[3])):
        each = list(together)
        values = np.array([row[5:] for row in each], dtype=np.float64)  # None becomes NaN
        yield kind, _Sheet(branch, step, each[0][2], tuple(row[4] for row in each), values)
