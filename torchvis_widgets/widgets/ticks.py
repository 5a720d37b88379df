"""Round numbers for the axes of a chart. bqplot's own ticks fall where the data happens to end."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Ticks:
    """Where the lines of an axis are, the range they span, and a d3 format that tells them apart."""

    values: list[float]
    lo: float
    hi: float
    format: str


def round_step(least: float) -> float:
    """The least of … 0.1, 0.2, 0.5, 1, 2, 5, 10, … that is not below `least` (positive)."""
    magnitude = 10.0 ** math.floor(math.log10(least))
    return next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= least * (1 - 1e-9))


def linear_ticks(lo: float, hi: float, most: int) -> Ticks:
    """At most about `most` round numbers; the range is widened to the outer ones."""
    if not hi > lo:
        lo, hi = lo - (abs(lo) or 1.0) / 2, lo + (abs(lo) or 1.0) / 2
    step = round_step((hi - lo) / most)
    first, last = math.floor(lo / step + 1e-9), math.ceil(hi / step - 1e-9)
    values = [round(index * step, 12) for index in range(first, last + 1)]
    return Ticks(values, values[0], values[-1], number_format(step, max(abs(values[0]), abs(values[-1]))))


def log_ticks(lo: float, hi: float) -> Ticks:
    """Powers of ten, with 2 and 5 between them where there are few; `lo` and `hi` are positive."""
    first, last = math.floor(math.log10(lo)), math.ceil(math.log10(hi))
    factors = (1, 2, 5) if last - first <= 2 else (1,)
    stride = max(1, math.ceil((last - first) / 6))
    powers = range(first, last + 1, stride)
    values = [factor * 10.0**power for power in powers for factor in factors]
    inside = [value for value in values if lo * 0.999 <= value <= hi * 1.001]
    return Ticks(inside or [lo, hi], lo, hi, ".1g" if len(inside) > 1 else ".3g")


def number_format(step: float, largest: float) -> str:
    """The d3 format with as many decimals as tell multiples of `step` apart."""
    if largest >= 1e5:
        return ".3s"
    if largest < 1e-4:
        return ".1e"
    return f".{max(0, -math.floor(math.log10(step) + 1e-9))}f"
