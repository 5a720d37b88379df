"""Statistics on their way from the device into the file."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from torchvis_widgets.record.database import is_locked
from torchvis_widgets.record.drain import Drain
from torchvis_widgets.record.errors import Problems
from torchvis_widgets.record.lane import Event, Lane, lane_for
from torchvis_widgets.record.sheet import Sheet
from torchvis_widgets.record.statistics_file import StatisticsFile, StatisticsRow
from torchvis_widgets.record.weak import weakly

__all__ = ["StatisticsWriter"]

_MOST_SHEETS = 256  # that may wait for a device or the disk
_MOST_ROWS = 100_000  # that may wait for a file that another program has locked
_NONFINITE = 12  # the place of `nonfinite` in a row


class StatisticsWriter(Drain):
    """Takes sheets without waiting for their device, and owns the thread that stores them; it starts with the first."""

    def __init__(self, path: Path, problems: Problems) -> None:
        super().__init__("torchvis-statistics")
        self._path, self._problems = path, problems
        self._lanes: dict[torch.device, Lane] = {}
        self._queue: deque[tuple[Sheet, Tensor | None, Event]] = deque()  # filled by the threads that measure
        self._copying: deque[tuple[Sheet, Tensor, Tensor, Event]] = deque()
        self._unwritten: list[StatisticsRow] = []
        self._listener: Callable[..., None] = lambda *_: None
        self._file: StatisticsFile | None = None
        self._off = False
        self._dropped = 0
        self._drain_lock, self._finding = threading.Lock(), threading.Lock()

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
        self.begin()

    def drain(self) -> None:
        """Starts the copies that are due and stores what has arrived; never waits for a device."""
        with self._drain_lock:
            try:
                self._pump()
            except Exception as error:  # a device that failed: what was on it never comes
                self._copying.clear()
                self._problems.note("statistics", f"statistics were lost: {error!r}")
            self._write()

    def is_empty(self) -> bool:
        """Whether all that was queued is stored."""
        return not (self._queue or self._copying or self._unwritten)

    def close(self, timeout: float) -> None:
        """Stores what is queued, ends the thread and closes the file."""
        self.end(timeout)
        with self._drain_lock:
            self._off = True
            if self._file is not None:
                self._file.close()
                self._file = None

    def _lane(self, device: torch.device) -> Lane:
        with self._finding:
            if device not in self._lanes:
                self._lanes[device] = lane_for(device)
            return self._lanes[device]

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
