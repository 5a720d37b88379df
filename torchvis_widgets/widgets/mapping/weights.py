"""The tensors that each module holds itself, and which of them are trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torchvis_widgets.look.tracing.graph import Graph

Frozen = Literal["no", "part", "all"]


@dataclass(frozen=True)
class Weights:
    """A model's tensors: name → (shape, dtype), and of its parameters whether they are trained, where that is known."""

    tensors: Mapping[str, tuple[tuple[int, ...], str]]
    trained: Mapping[str, bool]

    def own(self) -> dict[str, list[dict[str, Any]]]:
        """Module path → its own parameters and buffers, for the view."""
        found: dict[str, list[dict[str, Any]]] = {}
        for full, (shape, dtype) in self.tensors.items():
            path, _, name = full.rpartition(".")
            entry = {"name": name, "shape": list(shape), "dtype": dtype, "trainable": self.trained.get(full)}
            found.setdefault(path, []).append(entry)
        return found

    def frozen(self, graph: Graph) -> dict[str, Frozen]:
        """Module path → whether some or all parameters in it are not trained; modules without any are left out."""
        flags: dict[str, set[bool]] = {}
        for path, trained in self._known(graph):
            while True:
                flags.setdefault(path, set()).add(trained)
                if not path:
                    break
                path = path.rpartition(".")[0]
        return {path: _word(found) for path, found in flags.items()}

    def _known(self, graph: Graph) -> Iterator[tuple[str, bool]]:
        """The module of each parameter, and whether it is trained; without a model the graph knows that of modules."""
        if self.trained:
            yield from ((name.rpartition(".")[0], trained) for name, trained in self.trained.items())
        else:
            leaves = (module for module in graph.modules if module.parameters and not module.children)
            yield from ((module.path, module.trainable) for module in leaves)


def _word(flags: set[bool]) -> Frozen:
    if flags == {False}:
        return "all"
    return "part" if False in flags else "no"
