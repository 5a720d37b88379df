"""Which values the first and the last colour stand for, by the kind of the picture."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from torchvis_widgets.look.picturing.kinds import Kind
from torchvis_widgets.look.picturing.quantise import (
    LEVELS,
    Bytes,
    Values,
    finite_of,
    full_limits,
    limits_by_unit,
    quantise,
    robust_limits,
)

Limits = tuple[float, float]
"""Or two arrays (n, 1, 1), with limits by unit."""

_CATEGORIES = 32  # that a legend lists
_MOST_COUNTED = 1 << 16


class Colours(NamedTuple):
    """Limits as numbers, or as arrays (n, 1, 1) where each unit has its own, and how many values lie beyond."""

    lo: Any
    hi: Any
    clipped: int


def limits_of(kind: Kind, values: Values, robust: bool = True) -> Limits:
    """Limits (lo, hi) of all values of a picture, lo < hi.

    labels: 0 … 250, so that a byte is a label; image: 0 … 1, −1 … 1 or 0 … 255 where the values keep within, else
    their extremes; attention: 0 … greatest; everything else: `robust_limits`, or with `robust` off `full_limits`.
    """
    if kind == "labels":
        return 0.0, float(LEVELS)
    finite = finite_of(values) if kind in ("image", "attention") else np.zeros(0)
    if kind == "image" and finite.size:
        return _brightness(float(finite.min()), float(finite.max()))
    positive = bool(finite.size) and float(finite.min()) >= 0 < float(finite.max())
    return full_limits(values) if positive or not robust else robust_limits(values)


def colours(
    kind: Kind,
    values: Values,
    shown: Values,
    limits: Limits | None = None,
    per_unit: bool = False,
    robust: bool = True,
    centred: bool = False,
) -> Colours:
    """The colours of all `values`, of which `shown` (n, h, w) goes over the wire; `centred` about 0 in any case.

    Labels and images keep their own limits: they say the same in every picture.
    """
    if kind == "labels":
        return Colours(*limits_of(kind, values), 0)
    if per_unit and kind != "image":
        given = limits is not None and np.ndim(limits[1]) > 0
        lo, hi = limits if given and limits else limits_by_unit(shown, robust=robust and kind != "attention")
        return _counted(shown, lo, hi, centred)
    usable = limits is not None and kind != "image" and all(map(math.isfinite, limits)) and limits[0] < limits[1]
    least, greatest = limits if usable and limits is not None else limits_of(kind, values, robust)
    return _counted(values, least, greatest, centred)


def _counted(values: Values, lo: Any, hi: Any, centred: bool) -> Colours:
    if centred:
        lo = -np.abs(hi)
    return Colours(lo, hi, _beyond(values, lo, hi))


def codes(kind: Kind, units: Values, found: Colours) -> Bytes:
    """The bytes of units (n, h, w); of labels the label itself, modulo 251."""
    levels = np.mod(units, LEVELS + 1) if kind == "labels" else units
    return np.ascontiguousarray(quantise(levels, found.lo, found.hi))


def categories(values: Values) -> list[list[int]]:
    """The most frequent labels, at most 32, as [label, count], most frequent first."""
    least = int(values.min())
    if values.max() - least <= _MOST_COUNTED:
        counted = np.bincount(values.ravel().astype(np.int64) - least)  # a tenth of the time that sorting takes
        found = np.flatnonzero(counted)
        counts, found = counted[found], found + least
    else:
        found, counts = np.unique(values, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_CATEGORIES]
    return [[int(found[index]), int(counts[index])] for index in order]


def _brightness(least: float, greatest: float) -> Limits:
    for lo, hi in ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)):
        if lo <= least and greatest <= hi:
            return lo, hi
    return (least, greatest) if least < greatest else (min(least, 0.0), max(greatest, 0.0))


def _beyond(units: Values, lo: Any, hi: Any) -> int:
    return int(np.count_nonzero(((units < lo) | (units > hi)) & np.isfinite(units)))
