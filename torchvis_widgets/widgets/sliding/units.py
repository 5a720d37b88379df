"""The parts of a tensor that can be turned up and off one by one: output channels, and heads of an attention."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from torchvis_widgets.steer.edits import Edit, EditError, Index, spans
from torchvis_widgets.steer.heads import channel_index, head_index
from torchvis_widgets.steer.region import region

__all__ = ["BYS", "MOST_ROWS", "ORDERS", "By", "Units", "Window", "units_of"]

By = Literal["channel", "head"]
BYS: tuple[By, ...] = ("channel", "head")
ORDERS = ("number", "largest", "smallest")
MOST_ROWS = 30  # of a list are sent at once; the view asks for others as it is scrolled


@dataclass(frozen=True)
class Window:
    """The part of a tensor's list that is on screen: from its row `first` on, of those that `query` finds."""

    tensor: str
    by: By = "channel"
    first: int = 0
    query: str = ""
    order: str = "number"


@dataclass(frozen=True)
class Units:
    """The channels or heads of a tensor: how many, and where each one is."""

    model: nn.Module | None
    name: str
    shape: tuple[int, ...]
    by: By
    count: int

    def index(self, number: int) -> Index:
        """The index of one. Raises EditError."""
        if self.by == "head" and self.model is not None:
            return head_index(self.model, self.name, self.shape, number)
        return (*self._before_channel, number)

    @cached_property
    def _before_channel(self) -> Index:
        return channel_index(self.model or nn.Module(), self.name, self.shape, 0)[:-1]

    def norms(self, tensor: Tensor) -> NDArray[np.float64]:
        """The L2 norm of each, NaN as infinite."""
        if self.by == "head":
            norms = torch.stack([region(tensor, self.index(each)).float().norm() for each in range(self.count)])
        else:
            across = [dim for dim in range(tensor.dim()) if dim != len(self.index(0)) - 1]
            norms = torch.linalg.vector_norm(tensor.detach().float(), dim=across) if across else tensor.float().abs()
        values: NDArray[np.float64] = norms.detach().to("cpu", torch.float64).numpy()
        return np.nan_to_num(values, nan=np.inf)

    def listed(self, window: Window, tensor: Tensor, edits: Iterable[Edit], names: Sequence[str]) -> dict[str, Any]:
        """The rows of a window, and how many there are in all. `names`: of the units, where they have some."""
        norms = self.norms(tensor)
        found = _ordered(_found(window.query, self.count, names), norms, window.order)
        gains = {edit.index: edit.value for edit in edits if (edit.tensor, edit.op) == (self.name, "gain")}
        finite = norms[np.isfinite(norms)]
        most = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
        first = max(0, min(window.first, len(found) - 1))
        rows = [
            {
                "unit": unit, "name": names[unit] if names else "", "index": self.index(unit),
                "gain": gains.get(self.index(unit), 1.0), "share": min(1.0, float(norms[unit]) / most),
                "off": bool(norms[unit] == 0),
            }
            for unit in found[first : first + MOST_ROWS]
        ]  # fmt: skip
        return {"count": self.count, "found": len(found), "first": first, "rows": rows}


def units_of(model: nn.Module | None, name: str, shape: tuple[int, ...]) -> dict[By, Units]:
    """What a tensor can be taken apart into; nothing where it is one number or has one part only."""
    counts = {"channel": _count(lambda: channel_index(model or nn.Module(), name, shape, 0), shape)}
    if model is not None:
        counts["head"] = _count(lambda: head_index(model, name, shape, 0), shape)
    return {by: Units(model, name, shape, by, counts[by]) for by in BYS if counts.get(by, 0) > 1}


def _count(first: Any, shape: tuple[int, ...]) -> int:
    """How many parts like the first one there are."""
    try:
        index: Index = first()
    except EditError:
        return 0
    size = sum(stop - start for start, stop in spans(index[-1]))
    return shape[len(index) - 1] // size


def _found(query: str, count: int, names: Sequence[str]) -> NDArray[np.int64]:
    """The units whose number begins with the words asked for, or whose name holds them."""
    asked = query.strip().lower()
    every = range(count)
    if not asked:
        return np.arange(count)
    return np.array(
        [unit for unit in every if str(unit).startswith(asked) or (names and asked in names[unit].lower())], np.int64
    )


def _ordered(found: NDArray[np.int64], norms: NDArray[np.float64], order: str) -> list[int]:
    if order == "number":
        return [int(unit) for unit in found]
    by_size = np.argsort(norms[found] * (-1 if order == "largest" else 1), kind="stable")
    return [int(unit) for unit in found[by_size]]
