"""Outline: what a map knows of one graph, found once."""

from __future__ import annotations

from collections.abc import Mapping

from torchvis_widgets.look.tracing.graph import Graph
from torchvis_widgets.record.run import Run
from torchvis_widgets.record.statistics_table import Numbers
from torchvis_widgets.widgets.mapping.boxes import Boxes
from torchvis_widgets.widgets.mapping.marks import Mark, marks_of
from torchvis_widgets.widgets.mapping.measures import Sent, costs, gradient_norms, measured
from torchvis_widgets.widgets.mapping.tree import tree
from torchvis_widgets.widgets.mapping.trends import Trends
from torchvis_widgets.widgets.mapping.weights import Weights


class Outline:
    """The rows, the boxes and the lines of a graph, and what a run tells of them at a step.

    trained: whether each of the live model's parameters is trained, by name. notes: see `tree`.
    """

    def __init__(self, graph: Graph, run: Run, trained: Mapping[str, bool], notes: Mapping[str, str]) -> None:
        self.graph, self.trained = graph, trained
        self.boxes = Boxes(graph)
        self.rows = tree(graph, Weights(run.tensors, trained), self.boxes.keys, notes)
        self.trends = Trends(run, graph)
        self._run = run

    def measure(self, by: str, step: int | None) -> Sent:
        """The push of a measure; gradients are those at a step, None = the newest."""
        if by != "gradient":
            return measured(by, self.rows, costs(by, self.graph))
        numbers = self._run.measured.at("gradient", step)
        return measured(by, self.rows, gradient_norms(self.graph, {name: each.norm for name, each in numbers.items()}))

    def marks(self, step: int | None, probed: Mapping[str, Numbers]) -> list[Mark]:
        """What is wrong with the layers at a step, None = at the newest; `probed` are outputs that no run recorded."""
        kinds = ("parameter", "gradient", "output")
        weights, gradients, outputs = (self._run.measured.at(kind, step) for kind in kinds)
        return marks_of(self.graph, self._norms(step), weights, gradients, outputs or probed)

    def _norms(self, step: int | None) -> Mapping[str, float]:
        snapshots = self._run.snapshots
        found = snapshots[-1:] if step is None else [each for each in snapshots if each.step == step]
        return found[0].norms if found else {}

    def has(self, layer: object) -> bool:
        """Whether a layer is a module's path, or a function's key."""
        if not isinstance(layer, str):
            return False
        known = self.graph.has(layer) and self.graph.node(layer).kind == "function"
        return known or any(module.path == layer for module in self.graph.modules)
