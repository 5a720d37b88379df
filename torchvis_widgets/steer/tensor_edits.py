"""TensorEdits: what `session.edit("fc2.weight")` gives, each of its methods an edit that is made at once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torchvis_widgets.record.snapshots import Snapshot
from torchvis_widgets.steer.checks import check
from torchvis_widgets.steer.edits import Edit, EditError
from torchvis_widgets.steer.packed import Packed
from torchvis_widgets.steer.region import region, region_shape
from torchvis_widgets.steer.transaction import Transaction
from torchvis_widgets.steer.words import place

__all__ = ["Mask", "TensorEdits"]

Mask = Tensor | np.ndarray[Any, Any] | Callable[[Tensor], Tensor] | None
"""True where something is to change: of the shape of what was picked, or one that broadcasts to it, or a function of
the values, asked at the step boundary: `lambda w: w.abs() < 0.01`."""


@dataclass(frozen=True)
class TensorEdits:
    """A tensor, or the part of it that was picked; each method edits it and waits until that is done.

    While a loop runs on another thread that is at the end of its step, else at once. Every method returns the
    transaction, and raises EditError for what does not fit: then nothing was changed. `where` is a `Mask`.
    """

    _template: Edit
    _carry_out: Callable[[Callable[[Mapping[str, Tensor]], Edit]], Transaction]
    _snapshot: Callable[..., Snapshot]

    def scale(self, value: float, *, where: Mask = None) -> Transaction:
        """Multiply by `value`; 0 switches off."""
        return self._make("gain", _number("scale", value), where)

    def shift(self, value: float, *, where: Mask = None) -> Transaction:
        """Add `value`."""
        return self._make("shift", _number("shift", value), where)

    def set(self, value: Any, *, where: Mask = None) -> Transaction:
        """Make equal to `value`: a number, or a tensor of the shape of what was picked or one that broadcasts to it."""
        many = isinstance(value, (Tensor, np.ndarray, list, tuple)) and _tensor(value).dim() > 0
        return self._make("set", _tensor(value) if many else _number("set", value), where)

    def noise(self, share: float, *, seed: int | None = None, where: Mask = None) -> Transaction:
        """Add Gaussian noise with the share `share` of the values' own standard deviation.

        Without a seed it is another noise each time; the one that was drawn is in the transaction.
        """
        return self._make("noise", _number("noise", share), where, seed=_seed(seed))

    def prune(self, share: float, *, where: Mask = None) -> Transaction:
        """Set the share `share` (0 … 1) of the values that are smallest by magnitude to 0."""
        return self._make("prune", _number("prune", share), where)

    def clamp(self, lowest: float, highest: float, *, where: Mask = None) -> Transaction:
        """Bring values below `lowest` up to it, and those above `highest` down."""
        return self._make("clamp", (_number("clamp", lowest), _number("clamp", highest)), where)

    def reinitialise(self, *, seed: int | None = None, where: Mask = None) -> Transaction:
        """Draw new values as the layer's own `reset_parameters()` does, else uniformly in ±1/√fan_in."""
        return self._make("reinit", None, where, seed=_seed(seed))

    def freeze(self, frozen: bool = True) -> Transaction:
        """Keep a whole parameter from training, or (False) let it train again."""
        return self._make("freeze", int(bool(frozen)), None)

    def blend(
        self,
        share: float,
        *,
        epoch: float | None = None,
        step: int | None = None,
        name: str | None = None,
        branch: int | None = None,
        where: Mask = None,
    ) -> Transaction:
        """Go the share `share` (0 … 1) of the way to a snapshot, which is named as for `session.restore`.

        Raises LookupError that names the nearest snapshots, where this one is not there, or no longer.
        """
        found = self._snapshot(epoch=epoch, step=step, name=name, branch=branch)
        return self._make("blend", _number("blend", share), where, toward=found.step, branch=found.branch)

    def _make(self, op: Any, value: Any, where: Mask, **fields: Any) -> Transaction:
        edit = replace(self._template, op=op, **fields)
        return self._carry_out(lambda tensors: _completed(edit, value, where, tensors))

    def __repr__(self) -> str:
        calls = "scale, shift, set, noise, prune, clamp, reinitialise, freeze, blend"
        return f"{place(self._template)}, to be edited by one of {calls}"


def _completed(edit: Edit, value: Any, where: Mask, tensors: Mapping[str, Tensor]) -> Edit:
    """The edit with its mask and its value, both of the region's shape."""
    if not edit.tensor:
        if where is not None:
            raise EditError("a blend of the whole model takes no where=; name a tensor")
        return replace(edit, value=value)
    check(tensors, Edit(edit.tensor, "reinit", edit.index))
    tensor = tensors[edit.tensor]
    shape = region_shape(tensor, edit.index)
    mask = None if where is None else _mask(where, region(tensor, edit.index), edit.tensor)
    if isinstance(value, Tensor):
        value = _broadcast(value.detach().to("cpu", torch.promote_types(value.dtype, tensor.dtype)), shape, edit.tensor)
        value = Packed.of(value.clone() if mask is None else value[mask])
    return replace(edit, value=value, where=None if mask is None else Packed.of(mask))


def _mask(where: Any, values: Tensor, name: str) -> Tensor:
    found = where(values.detach().clone()) if callable(where) else where
    mask = _tensor(found)
    if mask.dtype != torch.bool:
        kind = str(mask.dtype).removeprefix("torch.")
        raise EditError(f"where= is a mask of booleans, found {kind}; for example where=lambda w: w.abs() < 0.01")
    return _broadcast(mask, tuple(values.shape), name).clone()


def _broadcast(value: Tensor, shape: tuple[int, ...], name: str) -> Tensor:
    try:
        return value.broadcast_to(shape)
    except RuntimeError:
        raise EditError(
            f"a value for {name!r} has the shape {tuple(value.shape)}, expected {shape} or what broadcasts to it"
        ) from None


def _number(call: str, value: Any) -> float:
    if isinstance(value, (Tensor, np.ndarray, np.generic)) and _tensor(value).numel() == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{call}() takes a number, found {type(value).__name__}")
    return value


def _tensor(value: Any) -> Tensor:
    return torch.as_tensor(value, device="cpu")


def _seed(seed: int | None) -> int:
    return secrets.randbits(31) if seed is None else seed
