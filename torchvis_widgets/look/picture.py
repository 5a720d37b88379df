"""Picture: one sample's tensor as tiles of bytes, with its colour limits and what must be said about it in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from torchvis_widgets.look.quantise import Bytes, Values, array_of, finite_of, limits_by_unit, quantise, robust_limits

_SMALLEST_THINNED_SIDE = 64  # pixels: about what a tile of the atlas is painted with
_MOST_UNITS = 4096


@dataclass(frozen=True, eq=False)
class Picture:
    """What a view paints of a tensor. `tiles` is uint8 (n, h, w), coded by `quantise` with lo … hi.

    kind: "maps" (C, H, W and more dimensions), "matrix" (T, D), "vector", "scalar" or "empty". `order` holds the units
    that the tiles show, None = all. `zeros` is a share 0 … 1; mean and std are of the finite values, None without any.
    With limits by unit, `unit_lo` and `unit_hi` hold one number a tile and lo … hi spans them all. A tile may have
    fewer rows and columns than its unit: `values()` has all of them.
    """

    kind: str
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
        data = {name: value for name, value in vars(self).items() if name != "units"}
        return {**data, "tiles": list(self.tiles.shape)}


def picture(
    tensor: Tensor,
    *,
    limits: tuple[float, float] | None = None,
    per_unit: bool = False,
    byte_cap: int = 1 << 20,
) -> Picture:
    """The picture of a tensor of any shape and dtype, without a batch dimension; it never raises.

    `limits` (lo, hi) fixes the colours, to compare pictures; `per_unit` gives each unit its own. Above `byte_cap`
    bytes rows and columns of large units are thinned, then units are left out, both evenly, and `note` says so.
    """
    array, note = array_of(tensor)
    layout = _layout(array, tuple(tensor.shape))
    thinned = _thinned(layout, byte_cap)
    colours = _colours(layout.units, thinned, limits, per_unit)
    return Picture(
        kind=layout.kind,
        shape=list(tensor.shape),
        tiles=quantise(thinned.units, colours.lo, colours.hi),
        lo=float(np.min(colours.lo)) if np.size(colours.lo) else 0.0,
        hi=float(np.max(colours.hi)) if np.size(colours.hi) else 1.0,
        diverging=bool(np.any(np.asarray(colours.lo) < 0)),
        clipped=colours.clipped,
        **_statistics(layout.units),
        shown=thinned.shown,
        total=layout.total,
        dtype=str(tensor.dtype).removeprefix("torch."),
        note="; ".join(filter(None, (note, layout.note, thinned.note, _finite_note(layout.units)))),
        order=thinned.order,
        unit_lo=_flat(colours.lo) if per_unit else None,
        unit_hi=_flat(colours.hi) if per_unit else None,
        units=layout.units,
    )


class _Layout(NamedTuple):
    kind: str
    units: Values  # (n, h, w)
    total: int
    note: str = ""


class _Thinned(NamedTuple):
    units: Values
    order: list[int] | None
    shown: int
    note: str


class _Colours(NamedTuple):
    lo: Any  # a number, or (n, 1, 1)
    hi: Any
    clipped: int


def _layout(array: Values, shape: tuple[int, ...]) -> _Layout:
    if array.size == 0:
        return _Layout("empty", array.reshape(0, 0, 0), 0, f"{'×'.join(map(str, shape))}: no values")
    if array.ndim == 0:
        return _Layout("scalar", array.reshape(1, 1, 1), 1)
    if array.ndim == 1:
        return _Layout("vector", array.reshape(1, 1, -1), array.size)
    if array.ndim == 2:
        return _Layout("matrix", array[None], 1)
    if math.prod(array.shape[-2:]) == 1:
        return _Layout("vector", array.reshape(1, 1, -1), array.size, "1×1 maps, shown as a vector")
    units = array.reshape(-1, *array.shape[-2:])
    note = f"{len(units)} slices of {'×'.join(map(str, array.shape[:-2]))}" if array.ndim > 3 else ""
    return _Layout("maps", units, len(units), note)


def _thinned(layout: _Layout, byte_cap: int) -> _Thinned:
    units, notes = layout.units, []
    stride = _stride(units.shape, byte_cap)
    if stride > 1:
        units = units[:, ::stride, ::stride]
        notes.append(f"every {_nth(stride)} {'value' if layout.kind == 'vector' else 'row and column'}")
    keep = min(len(units), _MOST_UNITS, max(1, byte_cap // max(1, units[0].size if len(units) else 1)))
    order = None
    if keep < len(units):
        order = [round(index) for index in np.linspace(0, len(units) - 1, keep).tolist()]
        units = units[order]
        notes.append(f"{keep} of {layout.total} units")
    shown = units.size if layout.kind == "vector" else len(units)
    return _Thinned(units, order, shown, ", ".join(notes))


def _stride(shape: tuple[int, ...], byte_cap: int) -> int:
    """Rows and columns are thinned as far as it does not show; further only where one unit alone is too large."""
    n, height, width = shape
    stride = 1
    while n * _size(height, width, stride) > byte_cap and min(height, width) >= 2 * stride * _SMALLEST_THINNED_SIDE:
        stride *= 2
    while _size(height, width, stride) > max(1, byte_cap):
        stride *= 2
    return stride


def _size(height: int, width: int, stride: int) -> int:
    return -(-height // stride) * -(-width // stride)


def _colours(units: Values, thinned: _Thinned, limits: tuple[float, float] | None, per_unit: bool) -> _Colours:
    if per_unit:
        lo, hi = limits_by_unit(thinned.units) if thinned.units.size else (np.zeros((0, 1, 1)), np.ones((0, 1, 1)))
        return _Colours(lo, hi, _beyond(thinned.units, lo, hi))
    usable = limits is not None and all(map(math.isfinite, limits)) and limits[0] < limits[1]
    least, greatest = limits if usable and limits is not None else robust_limits(units)
    return _Colours(least, greatest, _beyond(units, least, greatest))


def _beyond(units: Values, lo: Any, hi: Any) -> int:
    return int(np.count_nonzero(((units < lo) | (units > hi)) & np.isfinite(units)))


def _statistics(units: Values) -> dict[str, Any]:
    finite = finite_of(units)
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = (finite.mean(dtype=np.float64), finite.std(dtype=np.float64)) if finite.size else (None, None)
    return {
        "nan": int(np.isnan(units).sum()),
        "posinf": int(np.isposinf(units).sum()),
        "neginf": int(np.isneginf(units).sum()),
        "mean": _number(mean),
        "std": _number(std),
        "zeros": float((units == 0).mean()) if units.size else 0.0,
    }


def _number(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _finite_note(units: Values) -> str:
    return "no finite values" if units.size and not np.isfinite(units).any() else ""


def _nth(number: int) -> str:
    return "2nd" if number == 2 else f"{number}th"


def _flat(values: Any) -> list[float]:
    return [float(value) for value in np.ravel(values)]
