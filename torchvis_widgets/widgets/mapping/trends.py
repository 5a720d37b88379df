"""Trends: the small line of each row, a statistic over the run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from torchvis_widgets.look.tracing.graph import Graph
from torchvis_widgets.record.run import Run
from torchvis_widgets.record.statistics_table import Numbers
from torchvis_widgets.widgets.mapping.measures import Sent, by_module
from torchvis_widgets.widgets.viewing.spread import spread

COLUMNS = 40  # points of a line, and the last


class Trend(NamedTuple):
    """A statistic: what it is called, and the kind of rows that it is made of, None = the snapshots' norms."""

    label: str
    kind: str | None


TRENDS = {
    "weights": Trend("weight norm", None),
    "gradients": Trend("gradient norm", "gradient"),
    "updates": Trend("update / weight", "parameter"),
    "mean": Trend("output mean", "output"),
    "std": Trend("output σ", "output"),
    "zeros": Trend("output zeros", "output"),
}


def known(kinds: set[str]) -> list[dict[str, str]]:
    """The statistics that lines can show where those kinds have been measured."""
    return [
        {"value": value, "label": trend.label}
        for value, trend in TRENDS.items()
        if trend.kind is None or trend.kind in kinds
    ]


class Trends:
    """The lines of one graph's modules in one run; a point that has been found is not looked for again."""

    def __init__(self, run: Run, graph: Graph) -> None:
        self._run, self._graph = run, graph
        self._found: dict[tuple[str, int, int], Mapping[str, float]] = {}

    def lines(self, what: str) -> Sent:
        """The push: the value of each module at each column, NaN where none is known."""
        steps = spread(self._steps(what), COLUMNS)
        columns = [self._at(what, step) for step in steps]
        paths = [module.path for module in self._graph.modules if any(module.path in each for each in columns)]
        table = np.array([[column.get(path, math.nan) for column in columns] for path in paths], dtype="<f4")
        return {"what": what, "paths": paths, "columns": len(steps), "steps": steps}, [table.tobytes()]

    def _steps(self, what: str) -> list[int]:
        kind = TRENDS[what].kind
        if kind is None:
            return [snapshot.step for snapshot in self._run.snapshots]
        return self._run.measured.steps(kind)

    def _at(self, what: str, step: int) -> Mapping[str, float]:
        place = what, self._run.branch, step
        if place not in self._found:
            if len(self._found) > 8 * COLUMNS:
                self._found.clear()
            self._found[place] = self._look(what, step)
        return self._found[place]

    def _look(self, what: str, step: int) -> Mapping[str, float]:
        kind = TRENDS[what].kind
        if kind is None:
            return by_module(self._run.snapshot(step=step).norms)
        numbers = self._run.measured.at(kind, step)
        if kind == "output":
            return _of_outputs(self._graph, what, numbers)
        return _updates(numbers) if what == "updates" else by_module({name: n.norm for name, n in numbers.items()})


def _of_outputs(graph: Graph, what: str, numbers: Mapping[str, Numbers]) -> dict[str, float]:
    first = {module.path: module.keys[0] for module in graph.modules if module.keys}
    return {path: getattr(numbers[key], what) for path, key in first.items() if key in numbers}


def _updates(numbers: Mapping[str, Numbers]) -> dict[str, float]:
    """How far the step moved each module's weights, relative to them."""
    moved = {name: n.update_ratio * n.norm for name, n in numbers.items() if not math.isnan(n.update_ratio)}
    norms = by_module({name: numbers[name].norm for name in moved})
    return {path: far / norms[path] for path, far in by_module(moved).items() if norms[path]}
