"""What an edit's region becomes when the edit is taken back, with what training has changed since left in it."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping

import torch
from torch import Tensor

from torchvis_widgets.steer.arithmetic import wide
from torchvis_widgets.steer.checks import check
from torchvis_widgets.steer.edits import Edit, EditError
from torchvis_widgets.steer.outcome import outcome, stays_finite
from torchvis_widgets.steer.preview import Fresh, States, others
from torchvis_widgets.steer.region import read
from torchvis_widgets.steer.transaction import Kept

__all__ = ["taken_back"]


def taken_back(
    tensors: Mapping[str, Tensor],
    edit: Edit,
    kept: Kept,
    step: int,
    states: States,
    fresh: Fresh,
    buffers: Container[str] = (),
) -> tuple[dict[str, Tensor], bool]:
    """The values without the edit, by tensor, and whether they are the bits that were there before it; changes nothing.

    Those bits return when no step was made since, and after "set" and "reinit". Else a gain is divided out, what was
    added is subtracted, and of "prune" and "clamp" those values return that it had changed. Raises EditError.

    Buffers get their bits back: batch statistics have forgotten the edit, and what was added subtracted from a variance
    could leave less than nothing.
    """
    if edit.tensor:
        check(tensors, edit)
    missing = [name for name in kept.before if name not in tensors]
    if missing:
        raise EditError(f"the model no longer has {missing[0]!r}, so the edit of it cannot be taken back")
    before = {name: each.to(tensors[name].device) for name, each in kept.before.items()}
    if step == kept.step or edit.op in ("set", "reinit"):
        return before, True
    try:
        there = others(tensors, edit, states, fresh)
    except EditError:  # the snapshot that was blended toward is gone by now
        return before, True
    now = {name: read(tensors[name], edit) for name in before}
    found = {
        name: each if name in buffers else _without(now[name], each, edit, there.get(name))
        for name, each in before.items()
    }
    if any(each is None for each in found.values()):
        return before, True
    return {name: each for name, each in found.items() if each is not None}, False


def _without(now: Tensor, before: Tensor, edit: Edit, there: Tensor | None) -> Tensor | None:
    """None where nothing but the bits leads back."""
    if edit.op == "gain":
        if abs(edit.number) <= math.sqrt(torch.finfo(now.dtype).tiny):  # it has rounded the weights to nothing
            return None
        back = (wide(now) * (1 / edit.number)).to(now.dtype)
    else:
        after = outcome(before, edit, there)
        if edit.op in ("prune", "clamp"):
            return torch.where(after != before, before, now)
        back = (wide(now) + (wide(before) - wide(after))).to(now.dtype)
    return back if stays_finite(now, back) else None
