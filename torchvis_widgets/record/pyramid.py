"""Extremes and sums of aligned buckets of a growing series, kept as values arrive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Buckets", "Pyramid"]

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int64]

# Smaller buckets are reduced from the raw values when asked for: cheap, and the pyramid stays at about 5 bytes a point.
_BASE = 64
_VALUE = 3
_LEAST, _GREATEST, _NAN, _POSINF, _NEGINF = range(5)


@dataclass(frozen=True)
class Buckets:
    """What is kept of B neighbouring buckets of a series."""

    marks: IndexArray  # (B, 5): index of the least and greatest finite value, first NaN, +Inf, -Inf; -1 where none
    sums: FloatArray  # (B, 4): step, epoch, time and value summed over the points whose value is finite
    counts: IndexArray  # (B,): how many those are


class Pyramid:
    """Level k holds every complete bucket of 64 * 2**k points, aligned to index 0."""

    def __init__(self) -> None:
        self._levels: list[_Level] = []

    def grow(self, data: FloatArray) -> None:
        """Takes in the buckets that `data` (4, N), the whole series so far, has completed."""
        size, level = _BASE, 0
        while data.shape[1] >= size:
            if level == len(self._levels):
                self._levels.append(_Level())
            done, complete = self._levels[level].length, data.shape[1] // size
            if done == complete:
                return
            if level == 0:
                fresh = reduce(data, done * size, complete * size, size)
            else:
                fresh = _merge(data[_VALUE], self._levels[level - 1].read(2 * done, 2 * complete))
            self._levels[level].extend(fresh)
            size, level = size * 2, level + 1

    def buckets(self, data: FloatArray, start: int, stop: int, size: int) -> Buckets:
        """Returns points start <= i < stop in buckets of `size` = 2**k, the outer ones perhaps partial."""
        first = min(-(-start // size) * size, stop)
        last = max(stop // size * size, first)
        pieces = []
        if first > start:
            pieces.append(reduce(data, start, first, first - start))
        if last > first:
            pieces.append(self._complete(data, first, last, size))
        if stop > last:
            pieces.append(reduce(data, last, stop, stop - last))
        return Buckets(
            np.concatenate([piece.marks for piece in pieces]),
            np.concatenate([piece.sums for piece in pieces]),
            np.concatenate([piece.counts for piece in pieces]),
        )

    def _complete(self, data: FloatArray, first: int, last: int, size: int) -> Buckets:
        if size < _BASE:
            return reduce(data, first, last, size)
        return self._levels[(size // _BASE).bit_length() - 1].read(first // size, last // size)


class _Level:
    """Buckets in growable arrays."""

    def __init__(self) -> None:
        self.length = 0
        self._marks = np.empty((4, 5), dtype=np.int64)
        self._sums = np.empty((4, 4))
        self._counts = np.empty(4, dtype=np.int64)

    def extend(self, fresh: Buckets) -> None:
        stop = self.length + len(fresh.counts)
        if stop > len(self._counts):
            room = max(stop, 2 * len(self._counts))
            self._marks = np.resize(self._marks, (room, 5))
            self._sums = np.resize(self._sums, (room, 4))
            self._counts = np.resize(self._counts, room)
        self._marks[self.length : stop] = fresh.marks
        self._sums[self.length : stop] = fresh.sums
        self._counts[self.length : stop] = fresh.counts
        self.length = stop

    def read(self, start: int, stop: int) -> Buckets:
        return Buckets(self._marks[start:stop], self._sums[start:stop], self._counts[start:stop])


def reduce(data: FloatArray, start: int, stop: int, size: int) -> Buckets:
    """Returns buckets of `size` points of `data` (4, N) from `start` to `stop`, a whole number of them."""
    rows = data[:, start:stop].reshape(4, -1, size)
    values = rows[_VALUE]
    offset = np.arange(start, stop, size)
    finite = np.isfinite(values)
    marks = np.full((len(offset), 5), -1, dtype=np.int64)
    if finite.all():
        marks[:, _LEAST] = offset + values.argmin(axis=1)
        marks[:, _GREATEST] = offset + values.argmax(axis=1)
        return Buckets(marks, rows.sum(axis=2).T, np.full(len(offset), size))
    candidates = {
        _LEAST: (finite.any(axis=1), np.where(finite, values, np.inf).argmin(axis=1)),
        _GREATEST: (finite.any(axis=1), np.where(finite, values, -np.inf).argmax(axis=1)),
        _NAN: _first(np.isnan(values)),
        _POSINF: _first(np.isposinf(values)),
        _NEGINF: _first(np.isneginf(values)),
    }
    for kind, (there, position) in candidates.items():
        marks[:, kind] = np.where(there, offset + position, -1)
    return Buckets(marks, np.where(finite, rows, 0.0).sum(axis=2).T, finite.sum(axis=1))


def _first(found: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], IndexArray]:
    return np.any(found, axis=1), found.argmax(axis=1)


def _merge(values: FloatArray, children: Buckets) -> Buckets:
    left, right = children.marks[::2], children.marks[1::2]
    marks = np.where(left >= 0, left, right)
    both = (left >= 0) & (right >= 0)
    # An index of -1 reads some value that `both` then leaves out.
    less = both[:, _LEAST] & (values[right[:, _LEAST]] < values[left[:, _LEAST]])
    greater = both[:, _GREATEST] & (values[right[:, _GREATEST]] > values[left[:, _GREATEST]])
    marks[less, _LEAST] = right[less, _LEAST]
    marks[greater, _GREATEST] = right[greater, _GREATEST]
    return Buckets(marks, children.sums[::2] + children.sums[1::2], children.counts[::2] + children.counts[1::2])
