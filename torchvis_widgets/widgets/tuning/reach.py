"""How far a slider goes for a hyperparameter: the same as long as it is dragged, whatever a schedule does meanwhile."""

from __future__ import annotations

import math

from torchvis_widgets.steer.knobs import Value
from torchvis_widgets.steer.rules import Scale

DECADES_BELOW, DECADES_ABOVE = 3, 2  # of a log slider, round the value that training began with
USUAL = {"lr": 1e-3, "weight_decay": 1e-4, "eps": 1e-8}  # where that is 0
NEAREST_ONE = 0.9999
LARGEST_COUNT = 10  # at least, of a whole number's slider


def reach(scale: Scale, what: str, first: Value, now: Value) -> tuple[float, float]:
    """(lo, hi) of a slider; a log slider's left end is 0, and `lo` the value next to it.

    Args:
        scale: how the slider is divided.
        what: the hyperparameter's kind, such as "lr".
        first: the value that training began with.
        now: the value now, which is within.
    """
    if scale == "log":
        return _decades(first if _usable(first) else USUAL.get(what, 1e-3), now)
    if scale == "near one":
        return 0.0, NEAREST_ONE
    if what == "dropout":
        return 0.0, 1.0
    size = max(abs(float(each)) for each in (first, now) if math.isfinite(each)) if _any_finite(first, now) else 0.0
    if scale == "whole":
        return 0.0, float(max(LARGEST_COUNT, 2 * size))
    highest = 2 * size or 1.0
    return (-highest if min(first, now) < 0 else 0.0), highest


def _decades(first: float, now: float) -> tuple[float, float]:
    lo, hi = math.floor(math.log10(first)) - DECADES_BELOW, math.ceil(math.log10(first)) + DECADES_ABOVE
    if _usable(now):
        lo, hi = min(lo, math.floor(math.log10(now))), max(hi, math.ceil(math.log10(now)))
    return 10.0**lo, 10.0**hi


def _usable(value: float) -> bool:
    return math.isfinite(value) and value > 0


def _any_finite(*values: float) -> bool:
    return any(map(math.isfinite, values))
