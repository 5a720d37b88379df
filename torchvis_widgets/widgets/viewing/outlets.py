"""Outlets: the tensors that a layer gives, each by the key that it is chosen with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from torchvis_widgets.look.batch_dim import batch_dim
from torchvis_widgets.look.keys import parse_key
from torchvis_widgets.look.probe import sample_shape
from torchvis_widgets.look.tracing.graph import Graph, Node, Output

_MOST_ATTENTIONS = 32
_ATTENTION = "@attention"


class Outlet(NamedTuple):
    """One tensor of a layer: `key` names it here, `target` in the model; its shape for one sample, () = not known.

    label: "output", "call 2", "[1][0]", "call 2['logits']".
    """

    key: str
    target: str
    label: str
    shape: tuple[int, ...]
    attention: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the view."""
        return {"key": self.key, "label": self.label, "shape": in_words(self.shape), "attention": self.attention}


def in_words(shape: tuple[int, ...]) -> str:
    """16×8×8; "" where that is not known."""
    return "×".join(map(str, shape))


def outlets(graph: Graph | None, layer: str, count: int) -> list[Outlet]:
    """The tensors that a module's path or a function's key yields for `count` samples, attention weights last."""
    if graph is None:
        return []
    nodes = _calls(graph, layer)
    found = [
        _outlet(graph, node, output, number if len(nodes) > 1 else 0, count)
        for number, node in enumerate(nodes, 1)
        for output in node.outputs
    ]
    weights = list(_attentions(graph, nodes))[:_MOST_ATTENTIONS]
    return found + [_weights(key, len(weights)) for key in weights]


def node_type(graph: Graph | None, layer: str) -> str:
    """The class of a module, or the name of a function; "" where the graph does not know it."""
    if graph is None:
        return ""
    return next((module.type for module in graph.modules if module.path == layer), "") or (
        graph.node(layer).type if graph.has(layer) else ""
    )


def own_names(graph: Graph | None, layer: str, names: list[str]) -> list[str]:
    """Of the tensors of a state those that the layer itself holds, or that a function reads."""
    own = [name for name in names if name.rpartition(".")[0] == layer]
    if own or graph is None or not graph.has(layer):
        return own
    return [name for name in graph.node(layer).reads if name in names]


def _calls(graph: Graph, layer: str) -> list[Node]:
    """The calls of a module; a function's key names one."""
    module = next((module for module in graph.modules if module.path == layer), None)
    if module is None:
        return [graph.node(layer)] if graph.has(layer) and graph.node(layer).kind == "function" else []
    paths = [each.path for each in graph.modules]
    named = (parse_key(key, paths) for key in module.keys)
    keys = dict.fromkeys(str(key._replace(leaf="")) for key in named if key is not None)
    return [graph.node(key) for key in keys if graph.has(key)]


def _outlet(graph: Graph, node: Node, output: Output, number: int, count: int) -> Outlet:
    key = f"{node.key}{output.leaf}"
    return Outlet(key, key, _label(number, output.leaf), _shape(graph, key, output, count))


def _label(number: int, leaf: str) -> str:
    call = f"call {number}" if number else ""
    return f"{call}{leaf}" or "output"


def _shape(graph: Graph, key: str, output: Output, count: int) -> tuple[int, ...]:
    return sample_shape(output.shape, count, batch_dim(graph.context(key), output.shape, count))


def _attentions(graph: Graph, nodes: list[Node]) -> Iterator[str]:
    wanted = {node.key for node in nodes}
    for key in graph.attentions:
        if graph.has(key) and wanted & {key, *(box.key for box in graph.around(key))}:
            yield key


def _weights(key: str, count: int) -> Outlet:
    return Outlet(f"{key}{_ATTENTION}", key, "attention" if count == 1 else f"attention {key}", (), True)
