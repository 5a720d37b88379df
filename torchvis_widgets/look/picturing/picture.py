"""Picture: one sample's tensor as tiles of bytes, with its colour limits and what must be said about it in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from torchvis_widgets.look.context import Context
from torchvis_widgets.look.picturing.colours import categories, codes, colours, limits_of
from torchvis_widgets.look.picturing.given import as_tensor, in_text, shape_of
from torchvis_widgets.look.picturing.kinds import Facts, Kind, checked, fitting, kind_of
from torchvis_widgets.look.picturing.layout import Layout, lay_out
from torchvis_widgets.look.picturing.quantise import Bytes, Values, array_of
from torchvis_widgets.look.picturing.thinning import thinned
from torchvis_widgets.look.picturing.value_counts import statistics

Choose = Callable[[Values], Sequence[int]]

_PREFIX_SHARE = 4  # of the bytes, at most one in so many is for the tokens before the patches


class Ways(NamedTuple):
    """How a picture is painted: what `picture()` is given besides the tensor."""

    limits: tuple[Any, Any] | None = None
    per_unit: bool = False
    robust: bool = True
    centred: bool = False
    choose: Choose | None = None

    def of(self, order: Sequence[int] | None) -> tuple[Any, Any] | None:
        """The limits of the units shown, where each has its own."""
        if self.limits is None or order is None or not np.ndim(self.limits[1]):
            return self.limits
        return self.limits[0][list(order)], self.limits[1][list(order)]


@dataclass(frozen=True, eq=False)
class Picture:
    """What a view paints of a tensor. `tiles` is uint8 (n, h, w), one tile a unit, coded by `quantise` with lo … hi.

    kind, and its units:
        maps (C, H, W): channels. volume (C, D, H, W and more): slices.
        image (C, H, W) with 3 or 1 colours: the tiles are red, green and blue, or grey; never diverging.
        matrix, sequence (time, unit), boxes (n, 4), scalar, vector: one unit, `vector` and `scalar` with one row.
        tokens (T, D): with a `grid` each feature is a map of the patches, and `prefix` is the picture (1, p, D) of the
            tokens before them; without one all tokens are one unit. More dimensions: heads or windows are units.
        attention (heads, T, S): heads.
        labels: masks; a byte is the label modulo 251, a palette's index, and `categories` the commonest [label, count].
        text: no tile, `text` says it. empty: no tile, `note` says why.
    axes: what a unit, a row and a column is called, "" where there is one. lead: the dimensions units run over, in C
        order: [C, D] of a volume. grid: [rows, columns] of the patches, of attention those of its keys.
    order: the units that the tiles show, None = all; `shown` of `total` of them.
    clipped, nan, posinf, neginf: counts over the whole tensor, of clipped with limits by unit over the tiles.
    zeros: a share 0 … 1. mean, std: of the finite values, None without any.
    unit_lo, unit_hi: with limits by unit one number a tile; lo … hi spans them all.
    A tile may have fewer rows and columns than its unit: `values()` has all of them.
    """

    kind: Kind
    shape: list[int]
    tiles: Bytes
    lo: float
    hi: float
    diverging: bool
    clipped: int
    nan: int
    posinf: int
    neginf: int
    mean: float | None
    std: float | None
    zeros: float
    shown: int
    total: int
    dtype: str
    note: str
    axes: list[str]
    lead: list[int]
    grid: list[int] | None
    prefix: Picture | None
    categories: list[list[int]] | None
    text: str | None
    order: list[int] | None
    unit_lo: list[float] | None
    unit_hi: list[float] | None
    units: Values

    def values(self, unit: int) -> NDArray[np.float32]:
        """The exact values (h, w) of one unit: a channel of maps, else unit 0, which is all. Raises IndexError."""
        if not 0 <= unit < len(self.units):
            raise IndexError(f"the picture has no unit {unit}: it has {len(self.units)}, counted from 0")
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(self.units[unit], dtype=np.float32)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the wire, `tiles` as its shape: the bytes go beside it as a buffer."""
        data = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "units"}
        prefix = None if self.prefix is None else self.prefix.to_dict()
        return {**data, "tiles": list(self.tiles.shape), "prefix": prefix}


def picture(
    tensor: Any,
    *,
    context: Context | None = None,
    kind: str | None = None,
    limits: tuple[Any, Any] | None = None,
    per_unit: bool = False,
    robust: bool = True,
    centred: bool = False,
    choose: Choose | None = None,
    byte_cap: int = 1 << 20,
) -> Picture:
    """The picture of one sample's tensor, of any shape and dtype, without a batch dimension; other objects as text.

    `kind` overrides what the values and the `context` say. `limits` (lo, hi) fixes the colours, to compare pictures;
    `per_unit` gives each unit its own, with `limits` as arrays (n, 1, 1) those; with `robust` off limits clip nothing;
    `centred` puts 0 in the middle. `choose` is given the units (n, h, w) where there are several, and gives the numbers
    of those to show, in order. Above `byte_cap` bytes rows and columns of large units are thinned, then units are left
    out, both evenly (the last ones where they were chosen), and `note` says so. Raises ValueError for a kind that the
    tensor cannot be shown as, and nothing else.
    """
    given = as_tensor(tensor)
    if given is None or kind == "text":
        return _text(tensor, given, kind)
    array, note = array_of(given)
    shape = shape_of(given, array)
    layout = lay_out(array, _kind(given, array, shape, context, kind), context or Context())
    if layout.kind == "empty":
        note = note or f"{'×'.join(map(str, shape))}: {layout.note}"
        layout = layout._replace(note="")
    dtype = str(given.dtype).removeprefix("torch.")
    ways = Ways(limits, per_unit, robust, centred, choose)
    return _painted(layout, array, shape, dtype, note, ways, byte_cap)


def colour_limits(
    tensor: Any, *, context: Context | None = None, kind: str | None = None, robust: bool = True
) -> tuple[float, float]:
    """The limits (lo, hi) that `picture()` gives the colours, without the picture. Raises ValueError as it does."""
    given = as_tensor(tensor)
    if given is None:
        return 0.0, 1.0
    array, _ = array_of(given)
    return limits_of(_kind(given, array, shape_of(given, array), context, kind), array, robust)


def laid_out(tensor: Any, *, context: Context | None = None, kind: str | None = None) -> tuple[Kind, Values]:
    """The `kind` and the `units` (n, h, w) of the picture, without the picture. Raises ValueError as it does."""
    given = as_tensor(tensor)
    if given is None or kind == "text":
        return "text", np.zeros((0, 0, 0), np.float32)
    array, _ = array_of(given)
    layout = lay_out(array, _kind(given, array, shape_of(given, array), context, kind), context or Context())
    return layout.kind, layout.units


def _kind(given: Tensor, array: Values, shape: list[int], context: Context | None, kind: str | None) -> Kind:
    facts = Facts.of(array, given.dtype)
    return kind_of(facts, context or Context()) if kind is None else checked(kind, tuple(shape), fitting(facts))


def _painted(
    layout: Layout,
    array: Values,
    shape: list[int],
    dtype: str,
    note: str,
    ways: Ways,
    byte_cap: int,
) -> Picture:
    prefix = None
    if layout.prefix is not None and byte_cap >= _PREFIX_SHARE:
        before = Layout("tokens", layout.prefix, ("", "token", "feature"))
        plain = ways.limits is not None and not np.ndim(ways.limits[1])
        same = Ways(ways.limits if plain else limits_of("tokens", array, ways.robust), centred=ways.centred)
        size = list(layout.prefix.shape[1:])
        prefix = _painted(before, layout.prefix, size, dtype, "", same, byte_cap // _PREFIX_SHARE)
        byte_cap -= prefix.tiles.size
    several = layout.kind != "image" and len(layout.units) > 1
    less = thinned(layout, byte_cap, ways.choose(layout.units) if ways.choose and several else None)
    found = colours(layout.kind, array, less.units, ways.of(less.order), ways.per_unit, ways.robust, ways.centred)
    by_unit = np.ndim(found.lo) > 0
    return Picture(
        kind=layout.kind,
        shape=shape,
        tiles=codes(layout.kind, less.units, found),
        lo=float(np.min(found.lo)) if np.size(found.lo) else 0.0,
        hi=float(np.max(found.hi)) if np.size(found.hi) else 1.0,
        diverging=layout.kind != "image" and bool(np.any(np.asarray(found.lo) < 0)),
        clipped=found.clipped,
        **statistics(array),
        shown=less.shown,
        total=layout.total,
        dtype=dtype,
        note="; ".join(filter(None, (note, layout.note, less.note, _finite_note(array)))),
        axes=list(layout.axes),
        lead=list(layout.lead),
        grid=None if layout.grid is None else list(layout.grid),
        prefix=prefix,
        categories=categories(array) if layout.kind == "labels" else None,
        text=None,
        order=less.order,
        unit_lo=_flat(found.lo) if by_unit else None,
        unit_hi=_flat(found.hi) if by_unit else None,
        units=layout.units,
    )


def _text(given: Any, tensor: Tensor | None, kind: str | None) -> Picture:
    if kind not in (None, "text"):
        raise ValueError(f"a {type(given).__name__} is no tensor and cannot be shown as kind={kind!r}: leave kind out")
    nothing = np.zeros((0,), np.float32)
    text, note = in_text(given)
    dtype = type(given).__name__ if tensor is None else str(tensor.dtype).removeprefix("torch.")
    shape = [] if tensor is None else shape_of(tensor, nothing)
    layout = Layout("text", nothing.reshape(0, 0, 0), ("", "", ""), total=0)
    return replace(_painted(layout, nothing, shape, dtype, note, Ways(), 1), text=text)


def _finite_note(values: Values) -> str:
    return "no finite values" if values.size and not np.isfinite(values).any() else ""


def _flat(values: Any) -> list[float]:
    return [float(value) for value in np.ravel(values)]
