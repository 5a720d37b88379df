"""All of torchvision's models, those too large for the tests included: what trace sees, and how long it takes."""

from __future__ import annotations

import gc
import time
import traceback
from collections.abc import Callable

import torch

import torchvis_widgets as tvw
from tests.benchmarks.table import Row
from tests.unit.look.zoo import example, rooms

HEADER = ("model", "parameters", "nodes", "edges", "forward ms", "trace ms")


def rows() -> list[Row]:
    """Prints a line a model; the row counts those that cannot be traced."""
    lines = [HEADER]
    failed = 0
    for name in rooms():
        try:
            lines.append(_line(name))
        except Exception:  # the other models' figures are still wanted
            traceback.print_exc()
            failed += 1
        gc.collect()  # the largest take 5 GB with their copies
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    for name, *figures in lines:
        print("  ".join([name.ljust(widths[0]), *(f.rjust(w) for f, w in zip(figures, widths[1:], strict=True))]))
    print()
    return [Row.limit(f"models of torchvision that cannot be traced, of {len(rooms())}", failed, 0, "models")]


def _line(name: str) -> tuple[str, ...]:
    model, args, kwargs = example(name)
    model.eval()
    with torch.no_grad():
        forward = _best(lambda: model(*args, **kwargs))
    graph = tvw.trace(model, *args, **kwargs)
    if graph.error:
        raise RuntimeError(f"{name}: {graph.error}")
    seconds = _best(lambda: tvw.trace(model, *args, **kwargs))
    figures = (graph[""].parameters, len(graph.nodes), len(graph.edges))
    return name, *(f"{each:,}" for each in figures), f"{forward * 1000:.1f}", f"{seconds * 1000:.1f}"


def _best(action: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)
