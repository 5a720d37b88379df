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
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchvis_widgets.record.errors import Problems, RunError
from torchvis_widgets.record.metrics_file import MetricsFile, Row, read_metrics
from torchvis_widgets.record.numbers import check_name, to_number
from torchvis_widgets.record.ring import Ring, Slot
from torchvis_widgets.record.series import Series

__all__ = ["MetricsReader", "MetricsWriter"]

PERIOD = 0.1  # seconds between two drains

Entry = tuple[int, float, float, int, "float | Slot"]  # a Row whose value may still be on its way


class MetricsWriter:
    """Takes scalars without blocking, and owns the thread that stores them every 100 ms."""

    def __init__(self, path: Path, problems: Problems) -> None:
        self._path, self._problems = path, problems
        self._queue: deque[Entry] = deque()  # filled by the training thread
        self._held: list[Entry] = []  # taken from it, but behind a value that has not arrived
        self._rings: dict[torch.device, Ring] = {}
        self._series: dict[str, Series] = {}
        self._numbers: dict[str, int] = {}  # name -> its id in the file, counted from 1
        self._numbering = threading.Lock()
        self._stored_names = 0
        self._file: MetricsFile | None = MetricsFile(path)
        self._drain_lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="torchvis-metrics", daemon=True)
        self._thread.start()

    @property
    def series(self) -> dict[str, Series]:
        """Every metric so far, in the order of the first values."""
        return self._series.copy()

    def log(self, step: int, epoch: float | None, values: Mapping[str, Any]) -> None:
        """Queues numbers; see `Run.log`."""
        now = time.time()
        entries: list[Entry] = []
        at = math.nan if epoch is None else float(epoch)
        if type(step) is not int:
            step = operator.index(step)
        for name, value in _items(values):
            if type(name) is not str or not name:
                check_name(name)
            kind = type(value)
            if kind is float:
                number = value
            elif kind is Tensor and value.is_cpu and value.is_floating_point() and value.numel() == 1:
                number = value.item()  # the copy; unlike float() it takes tensors with gradient without a warning
            else:
                number = to_number(name, value)
                if isinstance(number, Tensor):
                    number = self._ring(number.device).put(number)
            entries.append((step, at, now, self._numbers.get(name) or self._add(name), number))
        self._queue.extend(entries)

    def drain(self) -> None:
        """Stores what is queued and has arrived, in the order in which it was logged."""
        with self._drain_lock:
            try:
                self._store(self._arrived())
            except Exception as error:  # a device that failed: its values, and what waits behind them, never come
                self._held.clear()
                self._problems.note("metrics", f"logged values were lost: {error!r}")

    def flush(self, timeout: float) -> bool:
        """Drains until nothing is queued; False if devices still owe values after `timeout` seconds."""
        end = time.monotonic() + timeout
        self.drain()
        while self._queue or self._held:
            if time.monotonic() > end:
                return False
            time.sleep(0.001)
            self.drain()
        return True

    def close(self, timeout: float) -> None:
        """Stores what is queued, ends the thread and closes the file."""
        self._closing.set()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)
        if not self.flush(timeout):
            self._problems.note("device values", f"{len(self._held)} logged values never arrived from their device")
        with self._drain_lock:
            self._on_file(MetricsFile.close)
            self._file = None

    def _work(self) -> None:
        while not self._closing.wait(PERIOD):
            self.drain()

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
        if not rows:
            return
        names = list(self._numbers)
        fresh, self._stored_names = names[self._stored_names :], len(names)
        self._on_file(lambda file: file.write(rows, fresh))
        table = np.fromiter(chain.from_iterable(rows), dtype=np.float64, count=5 * len(rows)).reshape(-1, 5)
        _extend(self._series, names, table)

    def _on_file(self, action: Callable[[MetricsFile], None]) -> None:
        """A file that fails is given up; the series go on in memory."""
        if self._file is None:
            return
        try:
            action(self._file)
        except Exception as error:
            self._file.abandon()
            self._file = None
            self._problems.note("metrics file", f"metrics are no longer written to {self._path}: {error}")


class MetricsReader:
    """The metrics of a run that is finished or written elsewhere; looks for new rows whenever it is asked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last_row = 0
        self._series: dict[str, Series] = {}
        self._lock = threading.Lock()

    @property
    def series(self) -> dict[str, Series]:
        """Every metric so far, in the order of the first values. Raises RunError for a file that is no database."""
        with self._lock:
            if self._path.exists():
                try:
                    names, table, self._last_row = read_metrics(self._path, self._last_row)
                except sqlite3.Error as error:
                    raise RunError(f"{self._path} cannot be read: {error}") from error
                _extend(self._series, names, table)
            return self._series.copy()


def _until_missing(entries: list[Entry]) -> tuple[list[Row], list[Entry]]:
    """Splits before the first value that is still on its way: what was logged after it waits, so order is kept."""
    rows: list[Row] = []
    for place, (step, epoch, at, number, logged) in enumerate(entries):
        value = logged.value() if isinstance(logged, Slot) else logged
        if value is None:
            return rows, entries[place:]
        rows.append((step, epoch, at, number, value))
    return rows, []


def _extend(series: dict[str, Series], names: list[str], table: NDArray[np.float64]) -> None:
    """Hands rows (N, 5) to their series; a row's fourth column is the place of its name in `names`, counted from 1."""
    numbers = table[:, 3].astype(np.int64)
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order], prepend=0))
    for part in np.split(order, starts[1:]):
        if len(part):
            step, epoch, at, number, value = table[part].T
            name = names[int(number[0]) - 1]
            series.setdefault(name, Series(name)).extend(step, epoch, at, value)


def _items(values: Mapping[str, Any]) -> Any:
    try:
        return values.items()
    except AttributeError:
        raise TypeError(
            f'log: found {type(values).__name__}, expected a dict of names and numbers: log({{"train/loss": loss}})'
        ) from None
