"""What an edit makes of values: each step of it rounded once, so that every device and layout gives equal bits."""

from __future__ import annotations

import torch
from torch import Tensor

from torchvis_widgets.steer.edits import Edit, EditError
from torchvis_widgets.steer.packed import Packed

__all__ = ["outcome", "wide"]


def outcome(values: Tensor, edit: Edit, there: Tensor | None = None) -> Tensor:
    """New values for `values`; neither is changed. `there`: the snapshot's, for a blend, or the fresh ones of a reinit.

    Raises:
        EditError: the result would not be finite, or noise would be a share of no spread.
    """
    made = _made(values, edit, there).to(values.dtype)
    if edit.op in ("gain", "shift", "noise", "blend") and not bool(torch.isfinite(made)[torch.isfinite(values)].all()):
        kind = str(values.dtype).removeprefix("torch.")
        raise EditError(f"the edit would make values of {edit.tensor!r} infinite in {kind}; use a smaller value")
    return made


def wide(values: Tensor) -> Tensor:
    """The values in the precision that is computed in: float32 for half precision."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _made(values: Tensor, edit: Edit, there: Tensor | None) -> Tensor:
    x, by = wide(values), edit.value
    if edit.op == "freeze":
        return values
    if there is not None:
        return _blended(x, wide(there.to(x.device)), edit)
    if isinstance(by, Packed):
        return by.tensor().to(values.device)
    if isinstance(by, tuple):
        return x.clamp(*by)
    if edit.op == "gain":
        return x * edit.number
    if edit.op == "shift":
        return x + edit.number
    if edit.op == "set":
        return torch.full_like(x, edit.number)
    return _pruned(x, edit.number) if edit.op == "prune" else _noisy(x, edit.number, edit)


def _noisy(x: Tensor, share: float, edit: Edit) -> Tensor:
    # numpy's sum does not depend on the number of threads.
    spread = float(x.cpu().double().numpy().std()) if x.numel() else 0.0
    if spread == 0 and share and x.numel():
        raise EditError(
            f"the values of {edit.tensor!r} picked are all the same, so that noise has no spread to be a share of; "
            "shift them, or re-initialise"
        )
    drawn = torch.randn(x.shape, generator=torch.Generator().manual_seed(edit.seed), dtype=x.dtype)
    return x + (drawn * (share * spread)).to(x.device)


def _pruned(x: Tensor, share: float) -> Tensor:
    count = round(share * x.numel())
    if count == 0:
        return x
    flat, size = x.flatten().clone(), x.flatten().abs()
    limit = size.kthvalue(count).values
    below = size < limit
    flat[below] = 0
    flat[(size == limit).nonzero()[: count - int(below.sum())]] = 0  # of equals the first
    return flat.reshape(x.shape)


def _blended(x: Tensor, there: Tensor, edit: Edit) -> Tensor:
    share = edit.number if edit.op == "blend" else 1.0
    if share in (0, 1):  # 0 · x would not be 0 for what is not finite
        return there if share else x
    return x * (1 - share) + there * share
