"""Which snapshot a metric says is the best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from torchvis_widgets.record.lines import Lines
from torchvis_widgets.record.metrics import MetricsWriter
from torchvis_widgets.record.snapshots import Commit, Snapshot, SnapshotStore

__all__ = ["Best", "best_of", "check_best", "spare_best"]

Best = tuple[str, Literal["min", "max"]]


def check_best(best: object) -> Best | None:
    """Returns `"val/loss"` (the least is best) or `("val/accuracy", "max")` as a pair. Raises ValueError for others."""
    if best is None:
        return None
    match best:
        case str(metric) if metric:
            return metric, "min"
        case (str(metric), "min" | "max" as mode) if metric:
            return metric, mode
    raise ValueError(f'best: found {best!r}, expected a metric as in "val/loss", ("val/accuracy", "max"), or None')


def best_of(commits: Sequence[Commit], best: Best, lines: Lines) -> Commit | None:
    """Returns the snapshot with the best value; its value is the last finite one logged at its very step."""
    metric, mode = best
    sign = 1.0 if mode == "min" else -1.0
    scored: list[tuple[float, int]] = []
    for branch, value_at in _values(metric, lines):
        for index, commit in enumerate(commits):
            value = value_at(commit.snapshot) if commit.snapshot.branch == branch else None
            if value is not None and np.isfinite(value):
                scored.append((sign * value, index))
    return commits[min(scored)[1]] if scored else None


def spare_best(
    store: SnapshotStore, metrics: MetricsWriter, best: Best | None
) -> Callable[[Sequence[Commit]], list[Commit]]:
    """Returns what picks the best of all snapshots, and the best on the way to the current branch's end."""

    def spare(commits: Sequence[Commit]) -> list[Commit]:
        if best is None:
            return []
        metrics.drain()  # the value of the newest is logged just before it is taken
        paths = {commit.path for commit in store.line()}
        chosen = [commits, [commit for commit in commits if commit.path in paths]]
        return [found for group in chosen if (found := best_of(group, best, metrics.lines)) is not None]

    return spare


def _values(metric: str, lines: Lines) -> list[tuple[int, Callable[[Snapshot], float | None]]]:
    return [(branch, _at_steps(*series.columns()[::3])) for branch, series in lines.own() if series.name == metric]


def _at_steps(steps: NDArray[np.int64], values: NDArray[np.float64]) -> Callable[[Snapshot], float | None]:
    order = np.argsort(steps, kind="stable")
    steps, values = steps[order], values[order]

    def value_at(snapshot: Snapshot) -> float | None:
        place = int(np.searchsorted(steps, snapshot.step, side="right")) - 1
        return float(values[place]) if place >= 0 and steps[place] == snapshot.step else None

    return value_at
