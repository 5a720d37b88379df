"""When a loss has gone wrong: it is no number any more, or has jumped beyond what its recent past makes likely."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

__all__ = ["LEAST", "WINDOW", "LossGuard"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

WINDOW = 100  # finite values that the bound is taken from; and after a mark so many values before the next of its kind
LEAST = 20  # with fewer there is no bound
STRIDE = 16  # values between two bounds, counted from the first value: how values are batched changes nothing
# The Hampel identifier: median + t * 1.4826 * MAD, where 1.4826 * MAD estimates the standard deviation of normal noise
# (Hampel, "The influence curve and its role in robust estimation", 1974; Pearson, "Outliers in process modeling and
# identification", 2002). There t = 3; a loss is compared thousands of times and its noise has heavy tails, hence 10.
# It must also rise by a quarter of the highest level that the loss has had: where one hardly varies, or has come near
# zero and scatters over powers of ten, its MAD tells nothing, and a batch that is a little harder is no alarm.
DEVIATIONS = 10 * 1.4826
LEAST_RISE = 0.25


class LossGuard:
    """Follows one loss: `check` says where a stretch of non-finite values begins, and where it jumps."""

    def __init__(self) -> None:
        self._recent: FloatArray = np.empty(0)  # the last finite values, enough for a window before the last bound
        self._limit = np.inf  # the bound in force
        self._level = 0.0  # the highest median so far
        self._finite = 0  # values seen that were finite
        self._was_finite = True
        self._silent = {"nonfinite": 0, "jump": 0}  # values for which nothing of that kind is told

    def check(self, values: FloatArray) -> list[tuple[int, str]]:
        """Returns (place in `values` (N,), "nonfinite" | "jump"), in order; N more values have been seen afterwards."""
        finite = np.isfinite(values)
        begins = ~finite & np.concatenate(([self._was_finite], finite[:-1]))
        jumps = np.zeros(len(values), dtype=bool)
        jumps[finite] = self._jumps(values[finite])
        self._was_finite = bool(finite[-1]) if len(values) else self._was_finite
        found = [*self._spoken("nonfinite", begins), *self._spoken("jump", jumps)]
        return sorted(found)

    def _jumps(self, values: FloatArray) -> NDArray[np.bool_]:
        """Which of these finite values (N,) lie above the bound in force."""
        known = np.concatenate((self._recent, values))
        begin = self._finite - len(self._recent)  # how many finite values came before `known`
        first = -(-self._finite // STRIDE) * STRIDE
        starts = np.arange(first, self._finite + len(values), STRIDE)
        limits = np.array([self._limit])
        if len(starts):
            found, levels = bounds(known, starts - begin, self._level)
            limits = np.concatenate((limits, found))
            self._level = float(levels[-1])
        places = (np.arange(self._finite, self._finite + len(values)) - first) // STRIDE + 1
        self._limit = float(limits[-1])
        self._finite += len(values)
        self._recent = known[-(WINDOW + STRIDE) :]
        return np.asarray(values > limits[places], dtype=np.bool_)

    def _spoken(self, kind: str, found: NDArray[np.bool_]) -> list[tuple[int, str]]:
        places, silent = [], self._silent[kind]
        for place in np.flatnonzero(found).tolist():
            if place >= silent:
                places.append((place, kind))
                silent = place + WINDOW
        self._silent[kind] = max(0, silent - len(found))
        return places


def bounds(values: FloatArray, ends: IntArray, level: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """Returns for each of `ends` (B,) the largest value that is no jump after `values[:end]`: (B,), +Inf with too few.

    The median is the lower one of the at most `WINDOW` values before `end`. The second array (B,) is the highest of
    them so far, by size, `level` being that before the first.
    """
    padded = np.concatenate((np.full(WINDOW, np.inf), values))
    windows = sliding_window_view(padded, WINDOW)[ends]
    count = np.minimum(ends, WINDOW)
    rows, middle = np.arange(len(ends)), np.maximum(count - 1, 0) // 2
    median = np.sort(windows, axis=1)[rows, middle]
    some = count >= LEAST
    median[~some] = 0.0
    spread = np.sort(np.abs(windows - median[:, None]), axis=1)[rows, middle]
    levels = np.maximum(level, np.maximum.accumulate(np.abs(median)))
    rise = np.maximum(DEVIATIONS * spread, LEAST_RISE * levels)
    return np.where(some, median + rise, np.inf), levels
