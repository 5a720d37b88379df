"""A graph as a table in plain text: what was called, in order, indented by module."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from torchvis_widgets.look.tracing.graph import Graph, Node

_NAME_WIDTH = 60  # characters of the first column at most


class _Row(NamedTuple):
    name: str
    output: str = ""
    parameters: str = ""
    macs: str = ""
    time: str = ""
    memory: str = ""
    note: str = ""


_HEAD = _Row("layer", "output", "parameters", "mult-adds", "time", "memory")


def table(graph: Graph) -> str:
    """One line a call; functions are left out inside of a module that does nothing else."""
    rows = [_HEAD, *(row for node in graph.children(None) for row in _rows(graph, node, ""))]
    widths = [min(_NAME_WIDTH, max(len(row[0]) for row in rows))]
    widths += [max(len(row[column]) for row in rows) for column in range(1, len(_HEAD) - 1)]
    lines = [_line(row, widths) for row in rows]
    uncalled = list(_uncalled(graph))
    if graph.error:
        lines.append(f"ends here: {graph.error}")
    elif uncalled:
        lines.append(f"never called: {', '.join(uncalled)}")
    return "\n".join(lines)


def amount(number: float, unit: str = "", base: int = 1000) -> str:
    """A number of at most four digits with k, M, G or T: "1.81 G"; bytes by 1024 as "44.6 MiB"."""
    for prefix in ("", "k", "M", "G", "T"):
        if abs(number) < base or prefix == "T":
            break
        number /= base
    text = f"{number:.3g}" if number < 1000 else f"{number:.0f}"
    binary = {"k": "Ki"}.get(prefix, prefix + "i" if prefix else "") if base == 1024 else prefix
    return f"{text} {binary}{unit}".strip()


def duration(seconds: float) -> str:
    """A time with the unit that suits it: "1.2 ms"."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def output_text(node: Node) -> str:
    """The first output's shape and dtype, and how many more there are."""
    if not node.outputs:
        return ""
    first = node.outputs[0]
    more = f" +{len(node.outputs) - 1}" if len(node.outputs) > 1 else ""
    return f"({', '.join(map(str, first.shape))}) {first.dtype}{more}"


def label(graph: Graph, node: Node) -> str:
    """What a node is called inside the box that it stands in: "conv1:2  Conv2d", "layers.0  Block", "add"."""
    if node.kind in ("input", "output"):
        return node.key
    number = node.key.rpartition(":")[2]
    call = f":{number}" if number.isdigit() and number != node.key else ""
    if node.kind == "function":
        return node.type + call
    outer = graph.node(node.parent).path if node.parent is not None else ""
    name = node.path.removeprefix(f"{outer}.") if outer else node.path
    return f"{name}{call}  {node.type}" if name else node.type


def _uncalled(graph: Graph) -> Iterator[str]:
    """The outermost modules that were not called; what is inside of them goes without saying."""
    found: list[str] = []
    for module in graph.modules:
        if module.note == "never called" and not any(module.path.startswith(f"{path}.") for path in found):
            found.append(module.path)
    yield from found


def _rows(graph: Graph, node: Node, indent: str) -> Iterator[_Row]:
    yield _Row(
        indent + label(graph, node),
        output_text(node),
        f"{node.parameters:,}" if node.parameters else "",
        amount(node.macs) if node.macs else "",
        duration(node.seconds) if node.seconds else "",
        amount(node.memory, "B", 1024) if node.memory else "",
        node.note,
    )
    inside = graph.children(node.key) if node.kind == "module" else []
    if len(inside) > 1 or any(child.kind == "module" or child.note for child in inside):
        for child in inside:
            yield from _rows(graph, child, indent + "  ")


def _line(row: _Row, widths: list[int]) -> str:
    name, output, *numbers, note = row
    cells = [name.ljust(widths[0]), output.ljust(widths[1])]
    cells += [number.rjust(width) for number, width in zip(numbers, widths[2:], strict=True)]
    return "  ".join([*cells, note]).rstrip()
