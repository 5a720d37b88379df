"""Measures: one number a row, which the view colours and sorts by."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from torchvis_widgets.look.tracing.graph import Graph, Module, Node
from torchvis_widgets.widgets.mapping.steps_within import Step, steps_within

MEASURES = {"parameters": "", "macs": "MAC", "seconds": "s", "memory": "B", "gradient": ""}
"""What there is to measure by, and its unit."""

Sent = tuple[dict[str, Any], list[bytes]]


def measured(by: str, rows: Sequence[Mapping[str, Any]], values: Mapping[str, float]) -> Sent:
    """The push: a value for each row, NaN where none is known, and the range over rows that are no boxes."""
    found = np.array([values.get(row["path"], math.nan) for row in rows], dtype="<f4")
    leaves = np.array([not row["foldable"] for row in rows], dtype=bool)
    finite = found[leaves & np.isfinite(found)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (None, None)
    paths = [row["path"] for row in rows]
    return {"by": by, "unit": MEASURES[by], "lo": low, "hi": high, "paths": paths}, [found.tobytes()]


def costs(by: str, graph: Graph) -> dict[str, float]:
    """Row path → parameters, multiply-adds, seconds or bytes of memory in the traced pass; what did not run has none.

    Summed over the calls of a layer, memory being the most of one.
    """
    found = {module.path: _of_module(by, module) for module in graph.modules if module.calls or by == "parameters"}
    steps = (step for each in steps_within(graph).values() for step in each)
    return found | {step.first.key: _of_step(by, step) for step in steps}


def gradient_norms(graph: Graph, norms: Mapping[str, float]) -> dict[str, float]:
    """Row path → the L2 norm of the gradients in it, from the norms by parameter."""
    steps = (step.first for each in steps_within(graph).values() for step in each)
    reading = {node.key: joined(norms[name] for name in node.reads if name in norms) for node in steps if node.reads}
    return {path: norm for path, norm in reading.items() if norm is not None} | by_module(norms)


def by_module(norms: Mapping[str, float]) -> dict[str, float]:
    """The L2 norm of all tensors in each module, from the norms of the tensors."""
    squares: dict[str, float] = {}
    for name, norm in norms.items():
        path = name
        while path:
            path = path.rpartition(".")[0]
            squares[path] = squares.get(path, 0.0) + norm * norm
    return {path: math.sqrt(square) for path, square in squares.items()}


def joined(norms: Iterable[float]) -> float | None:
    """The norm of several tensors together; None of none."""
    each = list(norms)
    return math.sqrt(sum(norm * norm for norm in each)) if each else None


def _of_module(by: str, module: Module) -> float:
    return float(getattr(module, by))


def _of_step(by: str, step: Step) -> float:
    together: Callable[[Iterable[float]], float] = max if by in ("parameters", "memory") else sum
    return float(together(_cost(by, call) for call in step.calls))


def _cost(by: str, call: Node) -> float:
    return float(getattr(call, by))
