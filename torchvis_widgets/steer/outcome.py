"""What an edit makes of values."""

from __future__ import annotations

import torch
from torch import Tensor

from torchvis_widgets.steer.arithmetic import blended, noisy, pruned, spread, wide
from torchvis_widgets.steer.edits import Edit, EditError
from torchvis_widgets.steer.packed import Packed

__all__ = ["outcome", "stays_finite"]


def outcome(values: Tensor, edit: Edit, there: Tensor | None = None) -> Tensor:
    """New values for `values`; neither is changed. `there`: the snapshot's, for a blend, or the fresh ones of a reinit.

    Raises:
        EditError: the result would not be finite, or noise would be a share of no spread.
    """
    made = _made(wide(values), edit, there).to(values.device, values.dtype)
    if edit.op in ("gain", "shift", "noise", "blend") and not stays_finite(values, made):
        kind = str(values.dtype).removeprefix("torch.")
        raise EditError(f"the edit would make values of {edit.tensor!r} infinite in {kind}; use a smaller value")
    return made


def stays_finite(before: Tensor, after: Tensor) -> bool:
    """Whether all is finite that was finite before."""
    if not after.numel() or all(bool(end.isfinite()) for end in after.aminmax()):  # several times as fast
        return True
    return bool((after.isfinite() | ~before.isfinite()).all())


def _made(x: Tensor, edit: Edit, there: Tensor | None) -> Tensor:
    if there is not None:
        there = wide(there.to(x.device))
        return blended(x, there, edit.number) if edit.op == "blend" else there
    if isinstance(edit.value, Packed):
        return edit.value.tensor()
    if isinstance(edit.value, tuple):
        return x.clamp(*edit.value)
    if edit.op == "gain":
        return x * edit.number
    if edit.op == "shift":
        return x + edit.number
    if edit.op == "set":
        return torch.full_like(x, edit.number)
    return pruned(x, edit.number) if edit.op == "prune" else _noisy(x, edit)


def _noisy(x: Tensor, edit: Edit) -> Tensor:
    if edit.number and x.numel() and spread(x) == 0:
        raise EditError(
            f"the values of {edit.tensor!r} picked are all the same, so that noise has no spread to be a share of; "
            "shift them, or re-initialise"
        )
    return noisy(x, edit.number, edit.seed)
