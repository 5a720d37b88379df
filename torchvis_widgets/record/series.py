"""One metric's history, any stretch of which can be had in at most n points."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torchvis_widgets.record.pyramid import Buckets, Pyramid

__all__ = ["Axis", "Series", "SeriesView"]

Axis = Literal["step", "epoch", "time"]
FloatArray = NDArray[np.float64]

_ROWS = {"step": 0, "epoch": 1, "time": 2}
_VALUE = 3
# Both ends of a range may be partial buckets with five marks each, and the first and the last point come on top.
_SMALLEST_N = 16


@dataclass(frozen=True)
class SeriesView:
    """A stretch of a Series: points to draw (x, y) and bucket means to smooth, each over `weight` points."""

    x: FloatArray
    y: FloatArray
    mean_x: FloatArray
    mean_y: FloatArray
    weight: NDArray[np.int64]


class Series:
    """The history of one metric: (step, epoch, time, value), in the order in which it was logged; thread-safe."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._columns = np.empty((4, 64))
        self._length = 0
        self._pyramid = Pyramid()
        self._sorted = [True, True, True]

    def __len__(self) -> int:
        return self._length

    def __repr__(self) -> str:
        return f"Series({self.name!r}, {self._length} values)"

    @property
    def last(self) -> tuple[int, float] | None:
        """Step and value of the newest point; None while there is none."""
        with self._lock:
            if not self._length:
                return None
            newest = self._columns[:, self._length - 1]
            return int(newest[0]), float(newest[_VALUE])

    @property
    def reached(self) -> tuple[float, float, float] | None:
        """Step, epoch and time of the newest point; None while there is none."""
        with self._lock:
            if not self._length:
                return None
            step, epoch, time = self._columns[:3, self._length - 1].tolist()
            return step, epoch, time

    def append(self, step: int, epoch: float, time: float, value: float) -> None:
        """Adds one point; `extend` is the faster way for many."""
        self.extend([step], [epoch], [time], [value])

    def extend(self, step: ArrayLike, epoch: ArrayLike, time: ArrayLike, value: ArrayLike) -> None:
        """Adds points, four arrays of one length (N,): optimizer steps, epochs, seconds since 1970, values."""
        points = np.array([step, epoch, time, value], dtype=np.float64)
        with self._lock:
            start, stop = self._length, self._length + points.shape[1]
            if stop > self._columns.shape[1]:
                grown = np.empty((4, max(stop, 2 * self._columns.shape[1])))
                grown[:, :start] = self._columns[:, :start]
                self._columns = grown
            self._columns[:, start:stop] = points
            for row in range(3):
                stretch = self._columns[row, max(start - 1, 0) : stop]
                self._sorted[row] = self._sorted[row] and bool(np.all(stretch[1:] >= stretch[:-1]))
            self._length = stop
            self._pyramid.grow(self._columns[:, :stop])

    def columns(self) -> tuple[NDArray[np.int64], FloatArray, FloatArray, FloatArray]:
        """Copies of step, epoch, time and value, each (N,)."""
        with self._lock:
            step, epoch, time, value = self._columns[:, : self._length].copy()
        return step.astype(np.int64), epoch, time, value

    def view(self, axis: Axis, n: int = 1000, lo: float | None = None, hi: float | None = None) -> SeriesView:
        """Returns at most `n` points with lo <= x <= hi (raw ones if there are no more), every spike among them.

        Longer ranges are cut into buckets of 2**k points that do not move when points are added; each gives its least
        and greatest value and its first NaN, +Inf and -Inf, besides the first and the last point of the range.
        Raises ValueError for an unknown axis and for n < 16.
        """
        if axis not in _ROWS:
            raise ValueError(f'found axis {axis!r}, expected "step", "epoch" or "time"')
        if n < _SMALLEST_N:
            raise ValueError(f"found n={n}, expected at least {_SMALLEST_N} points")
        row = _ROWS[axis]
        with self._lock:
            start, stop = self._range(row, lo, hi)
            data = self._columns[:, : self._length]
            if stop - start <= n:
                return _raw_view(data[row, start:stop].copy(), data[_VALUE, start:stop].copy())
            indices, buckets = self._reduce(data, start, stop, n)
            weight = buckets.counts[buckets.counts > 0]
            means = buckets.sums[buckets.counts > 0] / weight[:, None]
            return SeriesView(data[row, indices], data[_VALUE, indices], means[:, row], means[:, _VALUE], weight)

    def _reduce(self, data: FloatArray, start: int, stop: int, n: int) -> tuple[NDArray[np.int64], Buckets]:
        size = 2
        while (stop - start) // size + 2 > n // 2:
            size *= 2
        # Marks are counted before equal ones are merged: that count only grows with the history, so the bucket size
        # never flickers between two frames.
        while True:
            buckets = self._pyramid.buckets(data, start, stop, size)
            marks = buckets.marks[buckets.marks >= 0]
            if len(marks) + 2 <= n:
                return np.unique(np.concatenate((marks, np.array([start, stop - 1])))), buckets
            size *= 2

    def _range(self, row: int, lo: float | None, hi: float | None) -> tuple[int, int]:
        x = self._columns[row, : self._length]
        if lo is None and hi is None:
            return 0, self._length
        if self._sorted[row]:
            start = 0 if lo is None else int(np.searchsorted(x, lo, side="left"))
            stop = self._length if hi is None else int(np.searchsorted(x, hi, side="right"))
            return start, max(start, stop)
        # A run that went back to an earlier epoch, or a clock set back: from the first to the last point inside.
        inside = (x >= (-np.inf if lo is None else lo)) & (x <= (np.inf if hi is None else hi))
        found = np.flatnonzero(inside)
        return (int(found[0]), int(found[-1]) + 1) if len(found) else (0, 0)

    @staticmethod
    def smooth(view: SeriesView, weight: float) -> FloatArray:
        """Returns the debiased exponential moving average of `view.mean_y` (B,), a bucket of k points counting k times.

        `weight` in [0, 1) is what is kept of the average from one point to the next, as in TensorBoard's slider.
        """
        if not 0 <= weight < 1:
            raise ValueError(f"found smoothing weight {weight}, expected 0 <= weight < 1")
        keep = np.power(weight, view.weight)
        smoothed = np.empty(len(view.mean_y))
        average = total = 0.0
        for i, (kept, mean) in enumerate(zip(keep.tolist(), view.mean_y.tolist(), strict=True)):
            average = kept * average + (1 - kept) * mean
            total = kept * total + (1 - kept)
            smoothed[i] = average / total
        return smoothed


def _raw_view(x: FloatArray, y: FloatArray) -> SeriesView:
    finite = np.isfinite(y)
    return SeriesView(x, y, x[finite], y[finite], np.ones(int(finite.sum()), dtype=np.int64))
