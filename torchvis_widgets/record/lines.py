"""Every metric's history, branch by branch: the line that leads to now, and what was left when the run went back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from torchvis_widgets.record.branches import Branches, Limit
from torchvis_widgets.record.series import Series

__all__ = ["Lines"]

FloatArray = NDArray[np.float64]
_BEFORE_ALL: Limit = (-np.inf, -np.inf)


class Lines:
    """Series by name, fed from rows that know their branch; one thread at a time may feed it, any may read.

    Until a run goes back for the first time there is one Series a name. From then on the current line is a copy of its
    own, so that a plot reads one Series whatever happened.
    """

    def __init__(self, branches: Branches) -> None:
        self._branches = branches
        self._known = 1  # branches that `series` and `left` take account of
        self._own: dict[int, dict[str, Series]] = {}
        self._series: dict[str, Series] = {}
        self._left: dict[str, list[Series]] = {}

    @property
    def series(self) -> dict[str, Series]:
        """The current line's series, in the order of the first values."""
        return self._series.copy()

    @property
    def left(self) -> dict[str, list[Series]]:
        """What branches that were left went on to, by name, each from where the current line parts."""
        return self._left.copy()

    def own(self) -> Iterator[tuple[int, Series]]:
        """Every branch's number with each of its own series."""
        for branch, series in list(self._own.items()):
            for each in list(series.values()):
                yield branch, each

    def extend(self, names: list[str], table: FloatArray) -> None:
        """Take rows (N, 6): step, epoch, time, place of the name in `names` counted from 1, value, branch."""
        self.follow()
        late = False
        for branch, name, columns in _groups(names, table):
            own = self._own.setdefault(branch, {}).setdefault(name, Series(name))
            own.extend(*columns)
            if branch != self._known - 1:
                late = True
            elif (series := self._series.setdefault(name, own)) is not own:
                series.extend(*columns)
        if late:  # a device's values of before the run went back
            self._part()

    def follow(self) -> None:
        """Take account of branches that have begun since."""
        if len(self._branches.all()) != self._known:
            self._known = len(self._branches.all())
            self._part()

    def _part(self) -> None:
        line = self._branches.line()
        names = list(dict.fromkeys(name for own in self._own.values() for name in own))
        fresh = {name: _series(name, self._along(line, name)) for name in names}
        self._series = {name: series for name, series in fresh.items() if len(series)}
        pieces = {name: [self._beyond(line, branch, name) for branch in self._own] for name in names}
        self._left = {name: [piece for piece in found if len(piece) > 1] for name, found in pieces.items()}

    def _along(self, line: dict[int, Limit], name: str) -> FloatArray:
        parts = [_until(self._columns(branch, name), limit) for branch, limit in line.items()]
        return np.concatenate([np.empty((4, 0)), *parts], axis=1)

    def _beyond(self, line: dict[int, Limit], branch: int, name: str) -> Series:
        """The points of `branch` that are not on `line`, after the one that they follow."""
        limit = line.get(branch, _BEFORE_ALL)
        beyond = _after(self._columns(branch, name), limit)
        before = self._along({**self._branches.line(branch), branch: limit}, name)
        return _series(name, np.concatenate([before[:, -1:], beyond], axis=1) if beyond.size else beyond)

    def _columns(self, branch: int, name: str) -> FloatArray:
        series = self._own.get(branch, {}).get(name)
        return np.array(series.columns(), dtype=np.float64) if series is not None else np.empty((4, 0))


def _inside(columns: FloatArray, limit: Limit) -> NDArray[np.bool_]:
    step, time = columns[0], columns[2]
    inside: NDArray[np.bool_] = (step < limit[0]) | ((step == limit[0]) & (time <= limit[1]))
    return inside


def _until(columns: FloatArray, limit: Limit) -> FloatArray:
    return columns[:, _inside(columns, limit)]


def _after(columns: FloatArray, limit: Limit) -> FloatArray:
    return columns[:, ~_inside(columns, limit)]


def _series(name: str, columns: FloatArray) -> Series:
    series = Series(name)
    series.extend(*columns)
    return series


def _groups(names: list[str], table: FloatArray) -> Iterator[tuple[int, str, FloatArray]]:
    """The rows of each branch and name, as columns step, epoch, time and value (4, N), in their order."""
    keys = table[:, [5, 3]].astype(np.int64)
    order = np.lexsort((keys[:, 1], keys[:, 0]))  # stable
    changes = np.flatnonzero(np.any(np.diff(keys[order], axis=0) != 0, axis=1)) + 1
    for part in np.split(order, changes):
        if len(part):
            branch, number = keys[part[0]]
            yield int(branch), names[number - 1], table[part].T[[0, 1, 2, 4]]
