"""Statistics of parameters, gradients and outputs: which are taken, and their way from the device into the file."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchvis_widgets.record.errors import Problems
from torchvis_widgets.record.lane import Event, Lane, lane_for
from torchvis_widgets.record.measure import Reading
from torchvis_widgets.record.metrics_file import is_locked
from torchvis_widgets.record.sampling import BINS, COLUMNS, MOST_SAMPLES
from torchvis_widgets.record.statistics_file import StatisticsFile, StatisticsRow
from torchvis_widgets.record.weak import weakly

__all__ = ["Label", "Sheet", "Statistics", "StatisticsWriter"]

PERIOD = 0.1  # seconds between two looks at what has arrived
_MOST_SHEETS = 256  # that may wait for a device or the disk
_MOST_ROWS = 100_000  # that may wait for a file that another program has locked
_RARE = 10  # steps
_NONFINITE = 12  # the place of `nonfinite` in a row


@dataclass(frozen=True)
class Statistics:
    """Of which layers statistics are taken, and how often: `watch(…, statistics=tvw.Statistics(every=10))`.

    Args:
        every: steps of an optimizer between two of its samples, the first step always being one. From 10 on, histograms
            come from up to 16,384 elements and update ratios from all (up to 1 GiB of weights); when taken more often,
            from up to 4,096 elements both.
        layers: globs of layer paths; one that fits a layer takes all within it: `("layer1", "*.bn?")`.
        exclude: globs of those left out again.

    Raises:
        TypeError: `every` is no whole number, or the globs are no strings.
        ValueError: `every` is less than 1.
    """

    every: int = 50
    layers: Sequence[str] = ("*",)
    exclude: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.every, int) or isinstance(self.every, bool):
            raise TypeError(f"statistics are taken every so many steps, a whole number; found every={self.every!r}")
        if self.every < 1:
            raise ValueError(f"found every={self.every}, expected 1 or more; statistics=None switches them off")
        for name in ("layers", "exclude"):
            globs = getattr(self, name)
            if isinstance(globs, str):
                globs = (globs,)
            if not all(isinstance(glob, str) for glob in globs):
                raise TypeError(f'{name} are globs of layer paths such as ("layer1.*", "fc"), found {globs!r}')
            object.__setattr__(self, name, tuple(globs))

    @classmethod
    def of(cls, given: Statistics | int | None) -> Statistics | None:
        """What `watch(statistics=…)` was given. Raises as the class does."""
        return given if isinstance(given, Statistics) or given is None else cls(every=given)

    def check(self, names: Sequence[str]) -> None:
        """Raises ValueError for a glob that fits none of `names`, the paths of layers and parameters."""
        for glob in (*self.layers, *self.exclude):
            if not any(_fits(name, (glob,)) for name in names):
                near = get_close_matches(glob, names, 3, 0.4) or list(names)[1:4]
                there = ", ".join(map(repr, near)) or "none"
                raise ValueError(f"statistics of {glob!r}: the model has no such layer; there are {there}")

    @property
    def exact_updates(self) -> bool:
        """Whether update ratios come from all elements."""
        return self.every >= _RARE

    @property
    def most_samples(self) -> int:
        """How many elements of a tensor are sampled at most."""
        return MOST_SAMPLES // (4 if self.every >= _RARE else 16)

    def takes(self, path: str) -> bool:
        """Whether a layer, or a parameter by its name, is among those chosen."""
        return _fits(path, self.layers) and not _fits(path, self.exclude)


def _fits(path: str, globs: Sequence[str]) -> bool:
    parts = path.split(".")
    above = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return any(fnmatchcase(each, glob) for each in above for glob in globs)


class Label(NamedTuple):
    """What a row of a sheet is about: `sampled` of `total` elements of a parameter, gradient or output."""

    kind: str
    name: str
    sampled: int
    total: int


@dataclass(frozen=True)
class Sheet:
    """Tensors of one device, read at one step, a label each; `moved` (m,): how far the first m were moved."""

    step: int
    epoch: float | None
    branch: int
    labels: list[Label]
    readings: Sequence[Reading]
    moved: Tensor | None = None
    time: float = field(default_factory=time.time)

    def payload(self) -> Tensor:
        """All numbers in one tensor (n,), so that one copy brings them to the host."""
        rows = [reading.rows().reshape(-1) for reading in self.readings]
        return torch.cat(rows if self.moved is None else [*rows, self.moved.to(rows[0].dtype)])

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.readings[0].device

    def stored(self, payload: Tensor) -> list[StatisticsRow]:
        """The rows of the file, from the payload on the host."""
        width = len(COLUMNS) + BINS
        flat = payload.numpy().astype(np.float64)
        table = flat[: len(self.labels) * width].reshape(-1, width)
        norm, least, most, mean, std, nonzero, low, high = table[:, : len(COLUMNS)].T
        update = np.full(len(table), np.nan)
        moved = flat[table.size :]
        with np.errstate(divide="ignore", invalid="ignore"):
            update[: len(moved)] = moved / norm[: len(moved)]
        sampled = np.array([label.sampled for label in self.labels])
        nonfinite = ~(np.isfinite(least) & np.isfinite(most))
        numbers = (norm, least, most, mean, std, 1 - nonzero / sampled, nonfinite.astype(int), update)
        columns = [column.tolist() for column in numbers]
        counts = _blobs(table[:, len(COLUMNS) :])
        at = (self.step, self.epoch, self.time, self.branch)
        return [
            (*at, label.kind, label.name, *values, label.sampled, label.total, *limits, blob)
            for label, values, limits, blob in zip(
                self.labels,
                zip(*columns, strict=True),
                zip(low.tolist(), high.tolist(), strict=True),
                counts,
                strict=True,
            )
        ]


def _blobs(counts: NDArray[np.float64]) -> list[bytes]:
    return [row.tobytes() for row in counts.astype("<u4")]


class StatisticsWriter:
    """Takes sheets without waiting for their device, and owns the thread that stores them; it starts with the first."""

    def __init__(self, path: Path, problems: Problems) -> None:
        self._path, self._problems = path, problems
        self._lanes: dict[torch.device, Lane] = {}
        self._queue: deque[tuple[Sheet, Tensor | None, Event]] = deque()  # filled by the threads that measure
        self._copying: deque[tuple[Sheet, Tensor, Tensor, Event]] = deque()
        self._unwritten: list[StatisticsRow] = []
        self._listener: Callable[..., None] = lambda *_: None
        self._file: StatisticsFile | None = None
        self._off = False
        self._dropped = 0
        self._drain_lock = threading.Lock()
        self._starting = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def listen(self, listener: Callable[..., None]) -> None:
        """Calls the method `listener(step, epoch, branch, {(kind, name): finite})` for each sheet, on its own thread.

        It is held weakly.
        """
        self._listener = weakly(listener)

    def put(self, sheet: Sheet) -> None:
        """Queues a sheet."""
        if self._off:
            return
        if len(self._queue) + len(self._copying) >= _MOST_SHEETS:
            self._dropped += 1
            text = f"the disk is slower than the statistics: those of {self._dropped} steps are left out so far"
            self._problems.note("statistics dropped", text)
            return
        lane = self._lane(sheet.device)
        # A device computes while the loop goes on; for the CPU the background thread does.
        payload = None if sheet.device.type == "cpu" else sheet.payload()
        event = lane.event()
        lane.mark(event)
        self._queue.append((sheet, payload, event))
        self._start()

    def drain(self) -> None:
        """Starts the copies that are due and stores what has arrived; never waits for a device."""
        with self._drain_lock:
            try:
                self._pump()
            except Exception as error:  # a device that failed: what was on it never comes
                self._copying.clear()
                self._problems.note("statistics", f"statistics were lost: {error!r}")
            self._write()

    def flush(self, timeout: float) -> bool:
        """Drains until nothing is queued; False if something is still on its way after `timeout` seconds."""
        end = time.monotonic() + timeout
        self.drain()
        while self._queue or self._copying or self._unwritten:
            if time.monotonic() > end:
                return False
            time.sleep(0.001)
            self.drain()
        return True

    def close(self, timeout: float) -> None:
        """Stores what is queued, ends the thread and closes the file."""
        self._closing.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        self.flush(timeout)
        with self._drain_lock:
            self._off = True
            if self._file is not None:
                self._file.close()
                self._file = None

    def _lane(self, device: torch.device) -> Lane:
        with self._starting:
            if device not in self._lanes:
                self._lanes[device] = lane_for(device)
            return self._lanes[device]

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._work, name="torchvis-statistics", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while not self._closing.wait(PERIOD):
            self.drain()

    def _pump(self) -> None:
        while self._queue:
            sheet, payload, event = self._queue.popleft()
            lane = self._lane(sheet.device)
            payload = sheet.payload() if payload is None else payload
            host = torch.empty(len(payload), dtype=payload.dtype, device="cpu", pin_memory=lane.pinned)
            self._copying.append((sheet, payload, host, lane.copy([host], [payload], event)))
        while self._copying and self._copying[0][3].query():
            sheet, _, host, _ = self._copying.popleft()
            rows = sheet.stored(host)
            self._listener(
                sheet.step,
                sheet.epoch,
                sheet.branch,
                {label[:2]: not row[_NONFINITE] for label, row in zip(sheet.labels, rows, strict=True)},
            )
            self._unwritten += rows

    def _write(self) -> None:
        """Puts on the disk what is not there yet; a file that is locked gets it later, one that fails nothing more."""
        rows = self._unwritten
        if self._off or not rows:
            rows.clear()
            return
        try:
            if not self._path.exists():  # SQLite would make a new file in a directory that is being removed
                raise FileNotFoundError("it has been deleted")
            self._file = self._file or StatisticsFile(self._path)
            self._file.write(rows)
        except (OSError, sqlite3.Error) as error:
            if is_locked(error) and len(rows) < _MOST_ROWS:
                return
            self._off = True
            self._problems.note("statistics file", f"statistics are no longer written to {self._path}: {error}")
        rows.clear()
