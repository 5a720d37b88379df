"""What the tests of awkward models ask for: a graph's edges as pairs, and captured values by key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from torchvis_widgets.look import Graph, Probe, Replica, capture


class Parts(nn.Module):
    """A module that has what it is given as attributes."""

    def __init__(self, **parts: Any) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)


def pairs(graph: Graph) -> set[tuple[str, str]]:
    """(source, target) of every edge."""
    return {(edge.source, edge.target) for edge in graph.edges}


def captured(model: nn.Module, keys: Sequence[str], *args: Any, **kwargs: Any) -> list[Tensor]:
    """The outputs of some keys in one pass."""
    outputs = capture(Replica(model), Probe(args, kwargs), keys).outputs
    return [outputs[key] for key in keys]
