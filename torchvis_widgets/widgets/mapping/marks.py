"""Marks: what is wrong with a layer at the snapshot looked at."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from torchvis_widgets.look.tracing.graph import Graph
from torchvis_widgets.record.statistics_table import Numbers

DEAD = 0.98  # of an output are zeros: next to nothing comes through
VANISHING = 1e-4  # of the root mean square gradient of the layer that has the greatest

Mark = dict[str, str]


def marks_of(
    graph: Graph,
    norms: Mapping[str, float],
    weights: Mapping[str, Numbers],
    gradients: Mapping[str, Numbers],
    outputs: Mapping[str, Numbers],
) -> list[Mark]:
    """What the numbers tell, by tensor or key, of the layers that they belong to.

    norms: of a snapshot's tensors.
    """
    paths = {key: module.path for module in reversed(graph.modules) for key in module.keys}
    found = [
        *_not_finite(norms, weights, gradients),
        *_outputs_not_finite(paths, outputs),
        *_dead(paths, outputs),
        *_vanishing(gradients),
    ]
    order = {module.path: place for place, module in enumerate(graph.modules)}
    return sorted((mark for mark in found if mark["path"] in order), key=lambda mark: order[mark["path"]])


def _not_finite(
    norms: Mapping[str, float], weights: Mapping[str, Numbers], gradients: Mapping[str, Numbers]
) -> Iterator[Mark]:
    bad = [name for name, norm in norms.items() if not math.isfinite(norm)]
    bad += [name for name, numbers in weights.items() if numbers.nonfinite and name not in bad]
    yield from (_mark(name, "nan", f"{_last(name)} is not finite") for name in bad)
    worse = (name for name, numbers in gradients.items() if numbers.nonfinite)
    yield from (_mark(name, "nan", f"the gradient of {_last(name)} is not finite") for name in worse)


def _outputs_not_finite(paths: Mapping[str, str], outputs: Mapping[str, Numbers]) -> Iterator[Mark]:
    for key, numbers in outputs.items():
        if numbers.nonfinite and key in paths:
            yield {"path": paths[key], "kind": "nan", "text": f"its output{_which(key, paths[key])} is not finite"}


def _dead(paths: Mapping[str, str], outputs: Mapping[str, Numbers]) -> Iterator[Mark]:
    for key, numbers in outputs.items():
        if numbers.zeros >= DEAD and key in paths:
            text = f"{100 * numbers.zeros:.4g} % of its output{_which(key, paths[key])} on the probe is zero"
            yield {"path": paths[key], "kind": "dead", "text": text}


def _vanishing(gradients: Mapping[str, Numbers]) -> Iterator[Mark]:
    """The layers whose gradient is far smaller, per element, than that of another."""
    squares: dict[str, tuple[float, float]] = {}
    for name, numbers in gradients.items():
        square, total = squares.get(_layer(name), (0.0, 0.0))
        squares[_layer(name)] = square + numbers.norm**2, total + numbers.total
    sizes = {layer: math.sqrt(square / total) for layer, (square, total) in squares.items() if total}
    finite = {layer: size for layer, size in sizes.items() if math.isfinite(size)}
    most = max(finite, key=lambda layer: finite[layer], default=None)
    if most is None:
        return
    for layer, size in finite.items():
        if size < VANISHING * finite[most]:
            text = f"its gradient, {size:.2g} an element, is next to nothing beside {finite[most]:.2g} of {most!r}"
            yield {"path": layer, "kind": "vanishing", "text": text}


def _mark(name: str, kind: str, text: str) -> Mark:
    return {"path": _layer(name), "kind": kind, "text": text}


def _which(key: str, path: str) -> str:
    rest = key.removeprefix(path)
    return f" {rest}" if rest else ""


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def _last(name: str) -> str:
    return name.rpartition(".")[2]
