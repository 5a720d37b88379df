"""A graph in the DOT language."""

from __future__ import annotations

from collections.abc import Iterator

from torchvis_widgets.look.tracing.graph import Graph, Node
from torchvis_widgets.look.tracing.text import label

_STYLE = {
    "input": 'shape=oval style=filled fillcolor="#e8eef7"',
    "output": 'shape=oval style=filled fillcolor="#e8eef7"',
    "function": "shape=box style=rounded",
    "module": 'shape=box style=filled fillcolor="#f2f2f2"',
}


def dot(graph: Graph, depth: int | None) -> str:
    """Module calls as clusters, those `depth` levels below the model as boxes; Graphviz draws it."""
    closed = {node.key for node in graph.nodes if node.kind == "module" and _is_box(graph, node, depth)}
    lines = ["digraph model {", "  node [fontname=monospace fontsize=10];", "  edge [fontname=monospace fontsize=8];"]
    for node in graph.children(None):
        lines += _lines(graph, node, closed, "  ")
    for edge in graph.folded(closed):
        shape = "×".join(map(str, edge.shape))
        lines.append(f"  {_quoted(edge.source)} -> {_quoted(edge.target)} [label={_quoted(shape)}];")
    return "\n".join([*lines, "}"])


def _is_box(graph: Graph, node: Node, depth: int | None) -> bool:
    level = sum(1 for _ in graph.around(node.key))
    inside = graph.children(node.key)
    return level == depth or not inside or (len(inside) == 1 and inside[0].kind == "function")


def _lines(graph: Graph, node: Node, closed: set[str], indent: str) -> Iterator[str]:
    if node.kind != "module" or node.key in closed:
        yield f"{indent}{_quoted(node.key)} [label={_quoted(label(graph, node))} {_STYLE[node.kind]}];"
        return
    yield f"{indent}subgraph {_quoted('cluster_' + node.key)} {{"
    yield f"{indent}  label={_quoted(label(graph, node))};"
    for child in graph.children(node.key):
        yield from _lines(graph, child, closed, indent + "  ")
    yield f"{indent}}}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
