"""Painting: tensors that are looked at side by side, as pictures with the same colours and the same units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from torchvis_widgets.look.context import Context
from torchvis_widgets.look.errors import LookError
from torchvis_widgets.look.picturing.picture import Picture, colour_limits, laid_out, picture
from torchvis_widgets.look.picturing.quantise import Values, limits_by_unit
from torchvis_widgets.widgets.viewing.lens import Lens
from torchvis_widgets.widgets.viewing.ranking import Mask, ranked


@dataclass(frozen=True)
class Brush:
    """How pictures are painted.

    kind: of the picture; None = the one that suits the values.
    limits: of the layer over all epochs, where they are known.
    since: the tensor that change is counted from. alive: which units are, for a kind; None = not known.
    """

    lens: Lens
    context: Context
    kind: str | None = None
    limits: tuple[float, float] | None = None
    since: Tensor | None = None
    alive: Callable[[str], Mask | None] = lambda kind: None


def paint(tensors: Sequence[Tensor], brush: Brush, *, centred: bool = False) -> list[Picture]:
    """The pictures of tensors that belong side by side. Raises LookError for a kind that the first cannot be."""
    try:
        kind, units = laid_out(tensors[0], context=brush.context, kind=brush.kind)
    except ValueError as error:
        raise LookError(str(error), "Let the viewer choose: viewer.look(kind=None).") from error
    lens, order = brush.lens, _order(brush, kind, units)
    return [
        picture(
            tensor,
            context=brush.context,
            kind=kind,
            limits=_limits(tensors, brush, kind, units),
            per_unit=lens.scope == "unit",
            robust=lens.limits == "robust",
            centred=centred,
            choose=None if order is None else lambda found: order if len(found) == len(units) else range(len(found)),
        )
        for tensor in tensors
    ]


def paint_difference(one: Tensor, other: Tensor, brush: Brush) -> Picture:
    """The picture of `one` − `other`, 0 in the middle. Raises LookError where their shapes differ."""
    if one.shape != other.shape:
        raise LookError(
            f"shapes {tuple(one.shape)} and {tuple(other.shape)} have no difference",
            "Show them side by side: viewer.look(difference=False).",
        )
    kind = laid_out(one, context=brush.context, kind=brush.kind)[0]
    signed = "maps" if kind == "image" else "matrix" if kind == "labels" and one.dim() > 1 else kind
    return paint([difference(one, other)], replace(brush, kind=signed, limits=None), centred=True)[0]


def difference(one: Tensor, other: Tensor) -> Tensor:
    """`one` − `other` as floating-point numbers."""
    exact = one if one.is_floating_point() or one.is_complex() else one.double()
    return exact - other


def _order(brush: Brush, kind: str, units: Values) -> list[int] | None:
    alive = brush.alive(kind) if brush.lens.alive else None
    if brush.lens.sort == "index" and alive is None:
        return None
    since = None
    if brush.since is not None and brush.since.shape:
        since = laid_out(brush.since, context=brush.context, kind=kind)[1]
    return ranked(units, brush.lens.sort, since, alive)


def _limits(tensors: Sequence[Tensor], brush: Brush, kind: str, units: Values) -> tuple[Any, Any] | None:
    lens, robust = brush.lens, brush.lens.limits == "robust"
    if lens.scope == "epochs" and brush.limits is not None:
        return brush.limits
    if len(tensors) == 1:
        return None
    if lens.scope != "unit":
        found = [colour_limits(each, context=brush.context, kind=kind, robust=robust) for each in tensors]
        return min(lo for lo, _ in found), max(hi for _, hi in found)
    others = [laid_out(each, context=brush.context, kind=kind)[1] for each in tensors[1:]]
    if any(each.shape[0] != len(units) for each in others):
        return None
    flat = [each.reshape(len(units), 1, -1) for each in (units, *others)]
    return limits_by_unit(np.concatenate(flat, axis=2), robust=robust and kind != "attention")
