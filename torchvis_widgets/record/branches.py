"""Branches: what follows when a run goes back to a snapshot and trains on from there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from torchvis_widgets.record import directory
from torchvis_widgets.record.errors import RunError

__all__ = ["END", "Branch", "Branches", "Limit", "is_on"]

Limit = tuple[float, float]  # step and time: what came later, in this order, is beyond

END: Limit = (math.inf, math.inf)


@dataclass(frozen=True)
class Branch:
    """One branch of a run: it began from the snapshot of `parent` at `step`, taken at `time`; number 0 from nothing."""

    number: int
    parent: int | None
    step: int
    time: float

    @property
    def began(self) -> Limit:
        """Up to where its parent is its own past."""
        return self.step, self.time


class Branches:
    """The branches of one run, by number; the last one is the current one.

    `follow` looks into run.json whenever asked: another process may begin a branch there, which it writes down before
    anything that belongs to it.
    """

    def __init__(self, path: Path, rows: Sequence[Sequence[float | None]], *, follow: bool) -> None:
        self._file, self._follow = path / directory.ABOUT, follow
        self._seen: object = None
        self._all = _parsed(rows)

    def all(self) -> tuple[Branch, ...]:
        """Every branch so far."""
        if self._follow:
            with suppress(OSError, RunError):  # the directory is gone: what was read of it stays
                self._look()
        return self._all

    def _look(self) -> None:
        if (version := _version(self._file)) != self._seen:
            found = _parsed(directory.read_about(self._file.parent)["branches"])
            self._seen = version
            if found[: len(self._all)] == self._all:  # else it is another run's by now
                self._all = found

    @property
    def current(self) -> int:
        """The number of the branch that is trained on, or was trained on last."""
        return self.all()[-1].number

    def begin(self, parent: int, step: int, time: float) -> Branch:
        """Begin a branch from the snapshot of `parent` at `step`, which was taken at `time`."""
        branch = Branch(len(self._all), parent, step, time)
        self._all = (*self._all, branch)
        return branch

    def line(self, number: int | None = None) -> dict[int, Limit]:
        """How one came to a branch (None: the current one): each branch on the way, oldest first, and up to where."""
        branches = self.all()
        line: dict[int, Limit] = {}
        at: int | None = branches[-1].number if number is None else number
        limit = END
        while at is not None:
            line[at] = limit
            branch = branches[at]
            at, limit = branch.parent, min(limit, branch.began)
        return dict(reversed(line.items()))

    def rows(self) -> list[list[float | None]]:
        """What run.json holds of them: parent, step and time of each."""
        return [[branch.parent, branch.step, branch.time] for branch in self._all]


def _parsed(rows: Sequence[Sequence[float | None]]) -> tuple[Branch, ...]:
    return tuple(
        Branch(number, None if parent is None else int(parent), int(step or 0), float(time or 0.0))
        for number, (parent, step, time) in enumerate(rows)
    )


def _version(file: Path) -> object:
    stat = file.stat()
    return stat.st_mtime_ns, stat.st_ino


def is_on(line: Mapping[int, Limit], branch: int, step: int, time: float) -> bool:
    """Whether something of `branch` at `step` and `time` lies on a line that `Branches.line` gave."""
    return branch in line and (step, time) <= line[branch]
