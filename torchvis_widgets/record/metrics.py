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

Entry = tuple[int, float, float, str, "float | Slot"]  # step, epoch, time, name, value


class MetricsWriter:
    """Takes scalars without blocking, and owns the thread that stores them every 100 ms."""

    def __init__(self, path: Path, problems: Problems) -> None:
        self._path, self._problems = path, problems
        self._queue: deque[Entry] = deque()
        self._rings: dict[torch.device, Ring] = {}
        self._series: dict[str, Series] = {}
        self._numbers: dict[str, int] = {}
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
            entries.append((step, at, now, name, number))
        self._queue.extend(entries)

    def drain(self) -> None:
        """Stores what is queued and has arrived, in the order in which it was logged."""
        with self._drain_lock:
            try:
                self._store(self._arrived())
            except Exception as error:  # a device that failed: its values, and what waits behind them, never come
                self._queue.clear()
                self._problems.note("metrics", f"logged values were lost: {error!r}")

    def flush(self, timeout: float) -> bool:
        """Drains until nothing is queued; False if devices still owe values after `timeout` seconds."""
        end = time.monotonic() + timeout
        self.drain()
        while self._queue:
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
            self._problems.note("device values", f"{len(self._queue)} logged values never arrived from their device")
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

    def _arrived(self) -> list[Row]:
        for ring in list(self._rings.values()):
            ring.pump()
        rows: list[Row] = []
        queue, numbers = self._queue, self._numbers
        while queue:
            step, epoch, at, name, logged = queue[0]
            value = logged.value() if isinstance(logged, Slot) else logged
            if value is None:
                break  # what was logged after it waits too, so that each metric stays in order
            queue.popleft()
            rows.append((step, epoch, at, numbers.get(name) or self._add(name), value))
        return rows

    def _add(self, name: str) -> int:
        number = self._numbers[name] = len(self._numbers) + 1
        self._series[name] = Series(name)
        self._on_file(lambda file: file.add_name(number, name))
        return number

    def _store(self, rows: list[Row]) -> None:
        if not rows:
            return
        self._on_file(lambda file: file.write(rows))
        table = np.fromiter(chain.from_iterable(rows), dtype=np.float64, count=5 * len(rows)).reshape(-1, 5)
        _extend(list(self._series.values()), table)

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
                for name in names[len(self._series) :]:
                    self._series[name] = Series(name)
                _extend(list(self._series.values()), table)
            return self._series.copy()


def _extend(series: list[Series], table: NDArray[np.float64]) -> None:
    """Hands rows (N, 5) to the series whose place in the list is given, counted from 1, in the fourth column."""
    numbers = table[:, 3].astype(np.int64)
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order], prepend=0))
    for part in np.split(order, starts[1:]):
        if len(part):
            step, epoch, at, number, value = table[part].T
            series[int(number[0]) - 1].extend(step, epoch, at, value)


def _items(values: Mapping[str, Any]) -> Any:
    try:
        return values.items()
    except AttributeError:
        raise TypeError(
            f'log: found {type(values).__name__}, expected a dict of names and numbers: log({{"train/loss": loss}})'
        ) from None
