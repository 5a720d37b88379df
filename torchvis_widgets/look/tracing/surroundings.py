"""What a graph tells of the tensor that a key names: for its picture, and for which of its dimensions is the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torchvis_widgets.look.context import Context
from torchvis_widgets.look.keys import Key, parse_key

if TYPE_CHECKING:
    from torchvis_widgets.look.tracing.graph import Graph, Node


def context_of(graph: Graph, key: str) -> Context:
    """The context of a key's tensor; an empty one where the graph does not know it."""
    if graph.has(key) and graph.node(key).kind == "input":
        return Context(type=graph.node(key).type, input=True)
    parsed = parse_key(key, [module.path for module in graph.modules])
    name = str(parsed._replace(leaf="")) if parsed is not None else ""
    if parsed is None or not graph.has(name):
        return Context()
    node = _maker(graph, graph.node(name))
    leaf = parsed.leaf or (node.outputs[0].leaf if node.outputs else "")
    sources, _ = _neighbours(graph, node.key)
    _, readers = _neighbours(graph, name)
    around = list(graph.around(node.key))
    return Context(
        type=node.type,
        leaf=leaf,
        inside=tuple(box.type for box in around),
        before=tuple(_shown(graph, each).type for each in sources if each.kind == "function"),
        after=tuple(_shown(graph, each).type for each in readers if each.kind == "function"),
        output=any(each.kind == "output" for each in readers),
        features=_features(graph, [node, *readers]),
        batch_first=next(
            (first for box in [node, *around] if (first := graph[box.path].batch_first) is not None), None
        ),
        grid=_grid(graph),
    )


def _maker(graph: Graph, node: Node) -> Node:
    """A Sequential says nothing of what it gives: its last module does."""
    inside = graph.children(node.key)
    return _maker(graph, inside[-1]) if node.type == "Sequential" and inside else node


def _neighbours(graph: Graph, key: str) -> tuple[list[Node], list[Node]]:
    """The nodes outside of a call whose tensors go into it, and those that read what it gives."""
    inside = {key, *(node.key for node in graph.nodes if any(box.key == key for box in graph.around(node.key)))}
    sources = dict.fromkeys(e.source for e in graph.edges if e.target in inside and e.source not in inside)
    readers = dict.fromkeys(e.target for e in graph.edges if e.source in inside and e.target not in inside)
    return [graph.node(each) for each in sources], [graph.node(each) for each in readers]


def _shown(graph: Graph, node: Node) -> Node:
    """The layer that a function is all of, else the function."""
    if node.parent and len(graph.children(node.parent)) == 1:
        return graph.node(node.parent)
    return node


def _features(graph: Graph, nodes: list[Node]) -> int | None:
    shown = (_shown(graph, node) for node in nodes if node.kind in ("function", "module"))
    found = (graph[each.path].features for each in shown if each.kind == "module")
    return next((features for features in found if features is not None), None)


def _grid(graph: Graph) -> tuple[int, int] | None:
    """The size of the map that the model's only patch embedding gives."""
    embeddings = [module for module in graph.modules if module.patches and module.calls]
    if len(embeddings) != 1:
        return None
    shape = graph.node(str(Key(embeddings[0].path, "", 1, ""))).outputs[0].shape
    return (shape[-2], shape[-1]) if len(shape) >= 3 else None
