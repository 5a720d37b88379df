"""Scalars: a queue that the training thread appends to, drained into Series and SQLite by a background thread."""

from __future__ import annotations

import math
import operator
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchvis_widgets.record.amendable import Amendable
from torchvis_widgets.record.branches import Branches
from torchvis_widgets.record.database import is_locked, version
from torchvis_widgets.record.drain import Drain
from torchvis_widgets.record.edits import Edited, read_edits
from torchvis_widgets.record.errors import Problems, RunError
from torchvis_widgets.record.lines import Lines
from torchvis_widgets.record.marks import Mark, Marks
from torchvis_widgets.record.metrics_file import MetricsFile, Row, read_marks, read_metrics
from torchvis_widgets.record.numbers import at_hand, check_name, to_number
from torchvis_widgets.record.ring import Ring, Slot
from torchvis_widgets.record.series import Series
from torchvis_widgets.record.weak import weakly

__all__ = ["MetricsReader", "MetricsWriter"]

_MOST_UNWRITTEN = 1_000_000  # values that wait for a locked file: about 200 MB

Listed = TypeVar("Listed")
Listener = Callable[[list[str], NDArray[np.float64]], None]
Entry = tuple[int, float, float, int, "float | Slot", int]  # a Row whose value may still be on its way


class MetricsWriter(Drain):
    """Takes scalars without blocking, and owns the thread that stores them every 100 ms."""

    def __init__(self, path: Path, problems: Problems, branches: Branches) -> None:
        super().__init__("torchvis-metrics")
        self._path, self._problems = path, problems
        self.lines = Lines(branches)
        self._branch = 0
        self._queue: deque[Entry] = deque()  # filled by the training thread
        self._held: list[Entry] = []  # taken from it, but behind a value that has not arrived
        self._unwritten: list[Row] = []  # in the series, but not on the disk
        self.marks = Marks()
        self.edits: Amendable[Edited] = Amendable()
        self._listener: Listener = _nobody
        self._rings: dict[torch.device, Ring] = {}
        self._numbers: dict[str, int] = {}  # name -> its id in the file, counted from 1
        self._numbering = threading.Lock()
        self._stored_names = 0
        self._file: MetricsFile | None = MetricsFile(path)
        self._drain_lock = threading.Lock()
        self.begin()

    @property
    def series(self) -> dict[str, Series]:
        """Every metric so far, in the order of the first values."""
        return self.lines.series

    @property
    def marked(self) -> list[Mark]:
        """Every mark so far, in the order in which they were made."""
        return self.marks.all()

    @property
    def edited(self) -> list[Edited]:
        """Every edit so far, in the order in which they were made."""
        return self.edits.all()

    def listen(self, listener: Listener) -> None:
        """Calls the method `listener(names, rows)` on the metrics thread for all that arrives, and between times.

        rows (N, 6) are step, epoch, time, place of the name in `names` counted from 1, value and branch. The listener
        is held weakly.
        """
        self._listener = weakly(listener)

    def log(self, step: int, epoch: float | None, values: Mapping[str, Any]) -> None:
        """Queues numbers; see `Run.log`."""
        now = time.time()
        entries: list[Entry] = []
        at = math.nan if epoch is None else float(epoch)
        if type(step) is not int:
            step = operator.index(step)
        try:
            items = values.items()
        except AttributeError:
            raise TypeError(
                f'log: found {type(values).__name__}, expected a dict of names and numbers: log({{"train/loss": loss}})'
            ) from None
        for name, value in items:
            if type(name) is not str or not name:
                check_name(name)
            number: float | Slot | None = value if type(value) is float else at_hand(value)
            if number is None:
                found = to_number(name, value)
                number = self._ring(found.device).put(found) if isinstance(found, Tensor) else found
            entries.append((step, at, now, self._numbers.get(name) or self._add(name), number, self._branch))
        self._queue.extend(entries)

    def extend(self, name: str, step: Any, epoch: Any, time: Any, value: Any) -> None:
        """Queues the whole history of one metric, four arrays (N,) of another recorder's: see `Series.extend`."""
        check_name(name)
        number = self._numbers.get(name) or self._add(name)
        columns = (np.asarray(column, dtype=np.float64).tolist() for column in (epoch, time, value))
        rows = zip(np.asarray(step, dtype=np.int64).tolist(), *columns, strict=True)
        self._queue.extend((at, part, when, number, logged, self._branch) for at, part, when, logged in rows)

    def begin_branch(self, number: int) -> None:
        """What is logged from now on belongs to another branch; called on the training thread."""
        self._branch = number
        self.drain()
        with self._drain_lock:
            self.lines.follow()

    def drain(self) -> None:
        """Stores what is queued and has arrived, in the order in which it was logged."""
        with self._drain_lock:
            try:
                self._store(self._arrived())
            except Exception as error:  # a device that failed: its values, and what waits behind them, never come
                self._held.clear()
                self._problems.note("metrics", f"logged values were lost: {error!r}")

    def is_empty(self) -> bool:
        """Whether all that was logged is in the series, and on the disk as far as that takes it."""
        return not (self._queue or self._held or self._unwritten)

    def close(self, timeout: float) -> None:
        """Stores what is queued, ends the thread and closes the file."""
        if not self.end(timeout) and self._held:
            self._problems.note("device values", f"{len(self._held)} logged values never arrived from their device")
        with self._drain_lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _ring(self, device: torch.device) -> Ring:
        if device not in self._rings:
            self._rings[device] = Ring(device)
        return self._rings[device]

    def _add(self, name: str) -> int:
        with self._numbering:
            return self._numbers.setdefault(name, len(self._numbers) + 1)

    def _arrived(self) -> list[Row]:
        self._held += [self._queue.popleft() for _ in range(len(self._queue))]
        for ring in list(self._rings.values()):
            ring.pump()
        rows, self._held = _until_missing(self._held)
        return rows

    def _store(self, rows: list[Row]) -> None:
        names = list(self._numbers)
        table = np.fromiter(chain.from_iterable(rows), dtype=np.float64, count=6 * len(rows)).reshape(-1, 6)
        self._listener(names, table)
        self._unwritten += rows
        self._write(names)
        if rows:
            self.lines.extend(names, table)

    def _write(self, names: list[str]) -> None:
        """Puts on the disk what is not there yet; a file that is locked gets it later."""
        marks, edits, rows = self.marks.unwritten(), self.edits.unwritten(), self._unwritten
        if self._file is None or not (rows or marks or edits):
            rows.clear()
            return
        try:
            if not self._path.exists():  # SQLite would go on writing into a file that has been deleted
                raise FileNotFoundError("it has been deleted")
            self._file.write(rows, names[self._stored_names :], marks, edits)
        except Exception as error:
            if is_locked(error) and len(rows) < _MOST_UNWRITTEN:
                text = f"{self._path} is locked by another program: {len(rows)} values wait to be written"
                self._problems.note("locked", text)
                return
            self._give_up(error)
        else:
            self._problems.settle("locked")
        self._stored_names = len(names)
        self.marks.written(marks)
        self.edits.written(edits)
        rows.clear()

    def _give_up(self, error: Exception) -> None:
        """A file that fails is left alone; the series go on in memory."""
        if self._file is not None:
            self._file.abandon()
            self._file = None
        self._problems.settle("locked")
        self._problems.note("metrics file", f"metrics are no longer written to {self._path}: {error}")


class MetricsReader:
    """The metrics of a run that is finished or written elsewhere; looks for new rows whenever it is asked."""

    def __init__(self, path: Path, branches: Branches) -> None:
        self._path = path
        self._last_row = 0
        self._lines = Lines(branches)
        self._lines_version: object | None = None
        self._lists: dict[object, tuple[object, list[Any]]] = {}
        self._lock = threading.Lock()

    @property
    def series(self) -> dict[str, Series]:
        """Every metric so far, in the order of the first values. Raises RunError for a file that is no database."""
        return self.lines.series

    @property
    def marked(self) -> list[Mark]:
        """Every mark so far. Raises RunError for a file that is no database."""
        return self._listed(read_marks)

    @property
    def edited(self) -> list[Edited]:
        """Every edit so far. Raises RunError for a file that is no database."""
        return self._listed(read_edits)

    def _listed(self, read: Callable[[Path], list[Listed]]) -> list[Listed]:
        now, (then, found) = version(self._path), self._lists.get(read, (None, []))
        if now is None or now != then:
            try:
                found = read(self._path) if self._path.exists() else []
            except sqlite3.Error as error:
                raise RunError(f"{self._path} cannot be read: {error}") from error
            self._lists[read] = now, found
        return list(found)

    @property
    def lines(self) -> Lines:
        """Every metric's branches. Raises RunError for a file that is no database."""
        with self._lock:
            now = version(self._path)
            if (now is None or now != self._lines_version) and self._read():
                self._lines_version = now
            return self._lines

    def _read(self) -> bool:
        """Takes in what is new; False where another program has locked the file."""
        if not self._path.exists():
            return True
        try:
            names, table, self._last_row = read_metrics(self._path, self._last_row)
        except sqlite3.Error as error:
            if is_locked(error):  # by its writer, which closes it: the rest is there the next time
                return False
            raise RunError(f"{self._path} cannot be read: {error}") from error
        # A branch is written down before its rows: those read here find theirs.
        self._lines.extend(names, table)
        return True


def _nobody(names: list[str], rows: NDArray[np.float64]) -> None:
    """Nobody listens."""


def _until_missing(entries: list[Entry]) -> tuple[list[Row], list[Entry]]:
    """Splits before the first value that is still on its way: what was logged after it waits, so order is kept."""
    rows: list[Row] = []
    for place, (step, epoch, at, number, logged, branch) in enumerate(entries):
        value = logged.value() if isinstance(logged, Slot) else logged
        if value is None:
            return rows, entries[place:]
        rows.append((step, epoch, at, number, value, branch))
    return rows, []
