"""Boxes: the calls of modules that the graph can open, and what is seen with some of them open."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from torchvis_widgets.look.errors import LookError, nearest
from torchvis_widgets.look.tracing.graph import Edge, Graph, Node
from torchvis_widgets.widgets.mapping.shapes import sample_text, samples_in, shape_of
from torchvis_widgets.widgets.mapping.steps_within import shows_inside

FIRST_NODES = 24  # as many are still an overview: levels are opened as long as no more than these are seen


class Boxes:
    """The boxes of one graph.

    keys: those that can be opened, outer ones before what is in them.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph, self._count = graph, samples_in(graph)
        shows = {module.path for module in graph.modules if shows_inside(module)}
        calls = [node for node in graph.nodes if node.kind == "module"]
        self._modules = {node.key for node in calls}
        self.keys = tuple(node.key for node in calls if node.path in shows and graph.children(node.key))
        self._can_open = frozenset(self.keys)

    def check(self, keys: Iterable[object]) -> None:
        """Raises LookError for a key that names no box, and says what is near."""
        for key in keys:
            if not isinstance(key, str) or key not in self._can_open:
                raise LookError(f"{key!r} is no box of the graph", nearest(str(key), list(self.keys)))

    def opened(self, before: Collection[str], keys: Collection[str]) -> tuple[str, ...]:
        """The open boxes when these are opened too, and what is around them, in the order of the graph."""
        around = {box.key for key in keys for box in self._graph.around(key)}
        wanted = around.union(before, keys)
        return tuple(key for key in self.keys if key in wanted)

    def closed(self, before: Collection[str], keys: Collection[str]) -> tuple[str, ...]:
        """The open boxes when these are closed; what is open within them stays so, for when they are opened again."""
        return tuple(key for key in before if key not in keys)

    def first(self) -> tuple[str, ...]:
        """What is open at first: the model, and level by level as much as still is an overview."""
        found: list[str] = []
        level = self._within([None])
        while level and (not found or len(self.seen([*found, *level])) <= FIRST_NODES):
            found += level
            level = self._within(level)
        return tuple(key for key in self.keys if key in found)

    def _within(self, level: Iterable[str | None]) -> list[str]:
        inside = (node.key for key in level for node in self._graph.children(key))
        return [key for key in inside if key in self._can_open]

    def seen(self, opened: Collection[str]) -> list[Node]:
        """The nodes that are in no closed box, the open boxes among them, in the order in which they ran."""
        shown: set[str | None] = {None}
        nodes = []
        for node in self._graph.nodes:  # what a node ran in stands before it
            if node.parent in shown:
                nodes.append(node)
                if node.key in opened and node.kind == "module":
                    shown.add(node.key)
        return nodes

    def drawn(self, opened: Collection[str]) -> dict[str, Any]:
        """What the view lays out: nodes, edges, and the error that ended the pass."""
        wide = frozenset(opened)
        nodes = [self._node(node, node.key in wide) for node in self.seen(wide)]
        edges = [self._edge(edge) for edge in self._graph.folded(self._modules - wide)]
        return {"nodes": nodes, "edges": edges, "error": self._graph.error}

    def _node(self, node: Node, is_open: bool) -> dict[str, Any]:
        module = self._graph[node.path] if node.kind == "module" else None
        return {
            "key": node.key,
            "path": node.path if module else node.key if node.kind == "function" else None,
            "label": module.name if module else _label(node),
            "type": node.type,
            "kind": node.kind,
            "shape": shape_of(self._graph, node, self._count),
            "parent": node.parent,
            "open": is_open,
            "foldable": module is not None and node.key in self._can_open,
            "calls": module.calls if module else 1,
            "note": node.note or (module.note if module else ""),
        }

    def _edge(self, edge: Edge) -> dict[str, str]:
        source = self._graph.node(edge.source)
        shape = sample_text(self._graph, source, edge.leaf, edge.shape, self._count)
        return {"source": edge.source, "target": edge.target, "shape": shape, "leaf": edge.leaf}


def _label(node: Node) -> str:
    """The name of an input, the place of an output, or the function's name."""
    if node.kind == "function":
        return node.type
    return node.key.partition(":")[2] or node.kind
