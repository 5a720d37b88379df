"""ModelMap: the model's modules, of which a click selects one for every view."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import traitlets as t

from torchvis_widgets.look.tracing.graph import Module
from torchvis_widgets.widgets.base import Reply, Topic
from torchvis_widgets.widgets.view import View

TREND_COLUMNS = 40


class ModelMap(View):
    """The module tree: class, output shape, parameter count, and the norm of its weights over the snapshots."""

    bundle: ClassVar[str] = "model_map"

    rows = t.List(t.Dict()).tag(sync=True)
    layer = t.Unicode().tag(sync=True)

    def update(self) -> None:
        graph = self.stage.session.graph
        if graph is not self._shown_graph:
            self._shown_graph = graph
            self.rows = [] if graph is None else [_row(module) for module in graph.modules]
        self.layer = self.stage.selection.now.layer

    _shown_graph: Any = None

    def topics(self) -> list[Topic]:
        snapshots = self.stage.session.run.snapshots
        if len(snapshots) < 2 or not self.rows:
            return []
        return [Topic("trends", (len(snapshots), snapshots[-1].place, len(self.rows)), self._trends)]

    def select(self, layer: str) -> None:
        """Show `layer`, a module's path, in every view.

        Raises:
            LookupError: the model has no such module.
        """
        paths = [row["path"] for row in self.rows]
        if layer not in paths:
            raise LookupError(f"no layer {layer!r}; the model has {', '.join(map(repr, paths[:8]))} …")
        self.stage.selection.select(layer)
        self.changed()

    def answer_select(self, layer: str) -> dict[str, Any]:
        """A row was clicked."""
        self.select(layer)
        return {}

    def _trends(self) -> Reply:
        snapshots = self.stage.session.run.snapshots
        chosen = snapshots[:: -(-len(snapshots) // TREND_COLUMNS)]
        paths = [row["path"] for row in self.rows if row["parameters"]]
        norms = [module_norms(snapshot.norms) for snapshot in chosen]
        table = np.array([[norm.get(path, np.nan) for norm in norms] for path in paths], dtype="<f4")
        return {"paths": paths, "columns": len(chosen)}, [table.tobytes()]


def module_norms(norms: Mapping[str, float]) -> dict[str, float]:
    """The L2 norm of all tensors in each module, from the norms of the tensors."""
    squares: dict[str, float] = defaultdict(float)
    for name, norm in norms.items():
        path = name
        while path:
            path = path.rpartition(".")[0]
            squares[path] += norm * norm
    return {path: math.sqrt(square) for path, square in squares.items()}


def _row(module: Module) -> dict[str, Any]:
    fields = ("path", "name", "type", "depth", "shape", "parameters", "trainable", "note")
    return {field: getattr(module, field) for field in fields} | {
        "foldable": module.children,
        "idle": not module.calls and not module.container,
    }
