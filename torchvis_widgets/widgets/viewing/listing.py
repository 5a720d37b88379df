"""Listing: which outputs and weights a layer has to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torchvis_widgets.look.ablation import Ablation
from torchvis_widgets.look.tracing.graph import Graph
from torchvis_widgets.session import Session
from torchvis_widgets.widgets.viewing.lens import Lens
from torchvis_widgets.widgets.viewing.outlets import Outlet, node_type, outlets, own_names

Parameter = tuple[str, tuple[int, ...]]
"""A weight's or a buffer's name and shape."""


@dataclass(frozen=True)
class Listing:
    """What one layer has; `type` is the class of the module or the name of the function."""

    layer: str | None = None
    graph: Graph | None = None
    type: str = ""
    outlets: Sequence[Outlet] = ()
    parameters: Sequence[Parameter] = field(default=())

    def outdated(self, session: Session, layer: str) -> bool:
        """Whether it is that of another layer, or from before the model was traced."""
        return self.layer != layer or self.graph is not session.graph

    def outlet(self, key: str | None) -> Outlet | None:
        """The output of that key, else the first."""
        return next((each for each in self.outlets if each.key == key), next(iter(self.outlets), None))

    def parameter(self, name: str | None) -> str:
        """The weight of that name, else the first; "" where there is none."""
        names = [each for each, _ in self.parameters]
        return name if name is not None and name in names else next(iter(names), "")

    def check(self, lens: Lens, session: Session) -> None:
        """Raises ValueError for an output, a weight, a snapshot or a class that there is not."""
        _check("key", lens.key, [each.key for each in self.outlets])
        _check("parameter", lens.parameter, [name for name, _ in self.parameters])
        if lens.since is not None:
            session.run.snapshot(step=lens.since)
        answer = self.graph.modules[0].shape if self.graph is not None else ""
        if isinstance(lens.of, int) and answer.isdigit() and lens.of >= int(answer):
            raise ValueError(f"of is 'loss' or one of 0 … {int(answer) - 1}, found {lens.of!r}")

    def described(self, ablations: Sequence[Ablation], key: str | None) -> list[dict[str, Any]]:
        """Ablations for the view: those of the output on show carry its key here."""
        shown = self.outlet(key)
        here = {} if shown is None else {shown.target: shown.key}
        return [
            {"key": here.get(each.key, each.key), "unit": each.unit, "axis": each.axis, "method": each.method}
            for each in ablations
        ]


def listing(session: Session, layer: str) -> Listing:
    """What the layer of that path or key has."""
    graph, count = session.graph, session.observer.probe.count if session.observer is not None else 1
    state = session.model.state_dict() if session.model is not None else _newest(session)
    shapes = {name: tuple(each.shape) for name, each in state.items() if hasattr(each, "shape")}
    names = own_names(graph, layer, list(shapes))
    parameters = [(name, shapes[name]) for name in names]
    return Listing(layer, graph, node_type(graph, layer), outlets(graph, layer, count), parameters)


def _newest(session: Session) -> Any:
    return session.live().state


def _check(name: str, value: str | None, known: list[str]) -> None:
    if value is not None and value not in known:
        listed = ", ".join(map(repr, known[:8])) or "nothing"
        raise ValueError(f"{name} is one of {listed}, or null, found {value!r}")
