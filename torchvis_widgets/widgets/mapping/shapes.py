"""The shape of what a call gives for one sample, as text."""

from __future__ import annotations

from collections.abc import Sequence

from torchvis_widgets.look.batch_dim import batch_dim
from torchvis_widgets.look.context import Context
from torchvis_widgets.look.probe import sample_shape
from torchvis_widgets.look.tracing.graph import Graph, Node


def samples_in(graph: Graph) -> int | None:
    """How many samples the traced pass was given; None where no input is a tensor of samples."""
    shapes = (output.shape for node in graph.children(None) if node.kind == "input" for output in node.outputs)
    return next((shape[0] for shape in shapes if shape and shape[0]), None)


def shape_of(graph: Graph, node: Node, count: int | None) -> str:
    """The first output's, "16×8×8", with the number of further ones, "16×8×8 +1"; "" where it gives no tensor."""
    if not node.outputs:
        return ""
    first, more = node.outputs[0], len(node.outputs) - 1
    text = sample_text(graph, node, first.leaf, first.shape, count)
    return f"{text} +{more}" if more else text


def sample_text(graph: Graph, node: Node, leaf: str, shape: Sequence[int], count: int | None) -> str:
    """The shape of one sample of a tensor that a node gives."""
    if count is not None:
        shape = sample_shape(shape, count, batch_dim(_context(graph, node, leaf), shape, count))
    return "×".join(map(str, shape)) or "scalar"


def _context(graph: Graph, node: Node, leaf: str) -> Context:
    """As much as tells where the samples lie: `Graph.context` finds neighbours too, which takes far longer."""
    around = list(graph.around(node.key))
    calls = [each for each in (node, *around) if each.kind in ("module", "function")]
    batch_first = (graph[each.path].batch_first for each in calls)
    return Context(
        type=node.type,
        leaf=leaf,
        inside=tuple(box.type for box in around),
        batch_first=next((first for first in batch_first if first is not None), None),
    )
