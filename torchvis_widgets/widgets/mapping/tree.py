"""The rows of the tree: modules as they are defined, and the functions between them where they ran."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from torchvis_widgets.look.tracing.graph import Graph, Module
from torchvis_widgets.widgets.mapping.shapes import samples_in, shape_of
from torchvis_widgets.widgets.mapping.steps_within import MOST, Step, steps_within
from torchvis_widgets.widgets.mapping.weights import Weights

Row = dict[str, Any]


def tree(
    graph: Graph, weights: Weights, boxes: Collection[str] = (), notes: Mapping[str, str] | None = None
) -> list[Row]:
    """The rows in preorder; what each holds is the interface `Row` of js/src/model_map/rows.ts.

    boxes: the keys of the calls that the graph can open. notes: module path → what is odd about it besides what the
    graph tells.
    """
    return list(_Tree(graph, weights, frozenset(boxes), notes or {}).below(graph.modules[0])) if graph.modules else []


class _Tree:
    def __init__(self, graph: Graph, weights: Weights, boxes: frozenset[str], notes: Mapping[str, str]) -> None:
        self._graph, self._count, self._boxes, self._notes = graph, samples_in(graph), boxes, notes
        self._own, self._frozen = weights.own(), weights.frozen(graph)
        self._steps = steps_within(graph)
        self._children: dict[str, list[Module]] = defaultdict(list)
        for module in graph.modules[1:]:
            self._children[module.path.rpartition(".")[0]].append(module)

    def below(self, module: Module) -> Iterator[Row]:
        """A module's row, and those of what is in it."""
        steps = self._steps.get(module.path, [])
        yield self._of_module(module, len(steps))
        after: dict[str | None, list[Step]] = defaultdict(list)
        for step in steps[:MOST]:
            after[step.after].append(step)
        yield from (self._of_step(step, module) for step in after[None])
        for child in self._children[module.path]:
            yield from self.below(child)
            yield from (self._of_step(step, module) for step in after[child.path])

    def _of_module(self, module: Module, steps: int) -> Row:
        left_out = f"{MOST} of {steps} functions are shown" if steps > MOST else ""
        return {
            "path": module.path,
            "name": module.name,
            "type": module.type,
            "depth": module.depth,
            "shape": module.shape,
            "parameters": module.parameters,
            "bytes": module.bytes,
            "frozen": self._frozen.get(module.path, "no"),
            "idle": bool(self._graph.nodes) and not module.calls and not module.container,
            "kind": "module",
            "foldable": module.children or steps > 0,
            "box": module.path in self._boxes,
            "calls": module.calls,
            "note": "; ".join(filter(None, (module.note, self._notes.get(module.path), left_out))),
            "tied": list(module.tied),
            "weights": self._own.get(module.path, []),
        }

    def _of_step(self, step: Step, module: Module) -> Row:
        node = step.first
        return {
            "path": node.key,
            "name": node.type,
            "type": node.type,
            "depth": module.depth + 1,
            "shape": shape_of(self._graph, node, self._count),
            "parameters": node.parameters,
            "bytes": node.bytes,
            "frozen": "no",
            "idle": False,
            "kind": "function",
            "foldable": False,
            "box": False,
            "calls": len(step.calls),
            "note": node.note,
            "tied": [],
            "weights": [],
        }
