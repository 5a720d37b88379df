"""Views of 10 million points in 1,000."""

from __future__ import annotations

import numpy as np

from tests.benchmarks.table import Row, best_of
from torchvis_widgets.record.series import Series

POINTS = 10_000_000


def rows() -> list[Row]:
    """The whole history, a range that no bucket is aligned to, and one with non-finite stretches; all in ms."""
    series = _history(bad_from=POINTS)
    broken = _history(bad_from=POINTS // 2)
    views = {
        "all of 10 M points to 1,000": lambda: series.view("step", 1000),
        "an odd range of 10 M points to 1,000": lambda: series.view("epoch", 1000, 12.345, 73_210.987),
        "10 M points, half of them NaN, to 1,000": lambda: broken.view("time", 1000),
        "1 k points raw": lambda: series.view("step", 1000, POINTS - 1000),
    }
    assert all(len(view().x) <= 1000 for view in views.values())
    return [
        Row.limit(f"series: {what}", seconds * 1e3, 10.0, "ms")
        for what, seconds in zip(views, best_of(20, *views.values()), strict=True)
    ]


def _history(bad_from: int) -> Series:
    series = Series("train/loss")
    rng = np.random.default_rng(0)
    for start in range(0, POINTS, POINTS // 10):
        step = np.arange(start, start + POINTS // 10)
        value = np.where(step < bad_from, rng.normal(size=len(step)), np.nan)
        series.extend(step, step / 100, step * 0.01, value)
    return series
