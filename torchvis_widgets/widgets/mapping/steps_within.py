"""The functions that count as steps of a module of one's own, in a row of their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import nn

from torchvis_widgets.look.tracing.graph import Graph, Module, Node

MOST = 64  # functions of one module in rows; a loop written in Python may call thousands


@dataclass
class Step:
    """A function called directly in a module: its calls, one in each call of the module that came to it.

    after: the path of the direct child that had been called last, None = none before it.
    """

    after: str | None
    calls: list[Node] = field(default_factory=list)

    @property
    def first(self) -> Node:
        """The call that it is named by."""
        return self.calls[0]


def shows_inside(module: Module) -> bool:
    """Whether what a module calls is of interest: it has children, or somebody has written it; nn.Linear is neither."""
    return module.children or not hasattr(nn, module.type)


def steps_within(graph: Graph) -> Mapping[str, list[Step]]:
    """The functions of every module that shows its inside, by its path, in the order in which they first ran."""
    open_ones = {module.path for module in graph.modules if shows_inside(module)}
    found: dict[str, dict[tuple[str, int], Step]] = defaultdict(dict)
    for node in graph.nodes:
        if node.kind == "module" and node.path in open_ones:
            _gather(graph, node, found[node.path])
    return {path: list(steps.values()) for path, steps in found.items()}


def _gather(graph: Graph, call: Node, steps: dict[tuple[str, int], Step]) -> None:
    """Add the functions of one call of a module: the n-th "add" of each call of it is the same step."""
    seen: dict[str, int] = defaultdict(int)
    after = None
    for node in graph.children(call.key):
        if node.kind == "module":
            after = _child(call.path, node.path) or after
        else:
            place = node.type, seen[node.type]
            seen[node.type] += 1
            steps.setdefault(place, Step(after)).calls.append(node)


def _child(parent: str, path: str) -> str | None:
    """The direct child of `parent` that `path` is, or lies in; None where it is elsewhere in the model."""
    start = f"{parent}." if parent else ""
    if not path.startswith(start) or path == parent:
        return None
    return start + path[len(start) :].partition(".")[0]
