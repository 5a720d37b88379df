"""How the values of each kind lie: one unit behind the other, each with rows and columns."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from torchvis_widgets.look import hints
from torchvis_widgets.look.context import Context
from torchvis_widgets.look.picturing.kinds import Kind
from torchvis_widgets.look.picturing.quantise import LEVELS, Values
from torchvis_widgets.look.picturing.token_grid import token_grid

_LAST_LABEL = LEVELS  # as many colours as there are bytes for values


class Layout(NamedTuple):
    """Units (n, h, w) and what they are.

    axes: what one unit, one row and one column is called, "" where there is only one.
    lead: the dimensions that the units run over.
    total: how many units there are; of a vector how many values.
    grid: (rows, columns) of tokens that are patches. prefix: (1, p, D), the tokens before them.
    """

    kind: Kind
    units: Values
    axes: tuple[str, str, str]
    lead: tuple[int, ...] = ()
    total: int = 1
    note: str = ""
    grid: tuple[int, int] | None = None
    prefix: Values | None = None


def lay_out(array: Values, kind: Kind, context: Context) -> Layout:
    """The layout of values as one of the kinds that fit them."""
    if array.size == 0:
        note = "no boxes" if hints.boxes(context) else "no values"
        return Layout("empty", array.reshape(0, 0, 0), ("", "", ""), total=0, note=note)
    return _LAYOUTS[kind](array, context)


def _scalar(array: Values, context: Context) -> Layout:
    return Layout("scalar", array.reshape(1, 1, 1), ("", "", ""))


def _vector(array: Values, context: Context) -> Layout:
    note = ""
    if hints.rnn_state(context) and array.ndim == 2:
        note = "the last state"
    elif array.ndim >= 3:
        note = "1×1 maps, shown as a vector" if max(array.shape) == array.size else "flattened"
    return Layout("vector", array.reshape(1, 1, -1), ("", "", "unit"), total=array.size, note=note)


def _matrix(array: Values, context: Context) -> Layout:
    if hints.rnn_state(context) and array.ndim == 2:
        return Layout("matrix", array[None], ("", "layer", "unit"), note="the last state of each layer and direction")
    return _folded("matrix", array, ("matrix", "row", "column"))


def _maps(array: Values, context: Context) -> Layout:
    return _planes("maps", array, context, "channel")


def _volume(array: Values, context: Context) -> Layout:
    return _planes("volume", array, context, "slice")


def _planes(kind: Kind, array: Values, context: Context, unit: str) -> Layout:
    note = ""
    if array.ndim >= 3 and hints.channels_last(array.shape, context):
        array, note = np.moveaxis(array, -1, 0), "channels last"
    layout = _folded(kind, array, (unit, "row", "column"))
    slices = f"{layout.total} slices of {_times(layout.lead)}" if len(layout.lead) > 1 else ""
    return layout._replace(note=_joined(note, slices))


def _image(array: Values, context: Context) -> Layout:
    if array.ndim == 3 and array.shape[0] not in (1, 3):
        array = np.moveaxis(array, -1, 0)
    return _folded("image", array, ("colour", "row", "column"))


def _tokens(array: Values, context: Context) -> Layout:
    lies = token_grid(array.shape[0], context) if array.ndim == 2 else None
    if lies is None:
        unit = "window" if hints.within_windows(context) and array.ndim == 3 else "head"
        return _folded("tokens", array, (unit, "token", "feature"))
    patches = array[lies.prefix :].reshape(lies.rows, lies.columns, -1)
    note = f"{lies.rows}×{lies.columns} patches"
    if lies.prefix:
        note += f" after {lies.prefix} other token{'s' if lies.prefix > 1 else ''}"
    return Layout(
        "tokens",
        np.moveaxis(patches, -1, 0),
        ("feature", "row", "column"),
        (array.shape[1],),
        array.shape[1],
        note,
        (lies.rows, lies.columns),
        array[None, : lies.prefix] if lies.prefix else None,
    )


def _attention(array: Values, context: Context) -> Layout:
    layout = _folded("attention", array, ("head", "query", "key"))
    lies = token_grid(array.shape[-1], context) if context.grid is not None else None
    return layout._replace(grid=(lies.rows, lies.columns) if lies is not None else None)


def _sequence(array: Values, context: Context) -> Layout:
    if array.ndim == 2 and hints.one_dimensional(context) and not hints.over_time(context):
        return _folded("sequence", array.T, ("", "time step", "channel"))._replace(note="channels first, shown last")
    return _folded("sequence", array, ("sequence", "time step", "unit"))


def _labels(array: Values, context: Context) -> Layout:
    shared = array.min() < 0 or array.max() > _LAST_LABEL
    note = f"labels outside 0 … {_LAST_LABEL} share colours (modulo {_LAST_LABEL + 1})" if shared else ""
    return _folded("labels", np.atleast_2d(array), ("mask", "row", "column"))._replace(note=note)


def _boxes(array: Values, context: Context) -> Layout:
    return Layout("boxes", array[None], ("", "box", "coordinate"), note="x₁, y₁, x₂, y₂ of each box")


def _folded(kind: Kind, array: Values, axes: tuple[str, str, str]) -> Layout:
    lead = array.shape[:-2]
    units = array.reshape(-1, *array.shape[-2:])
    return Layout(kind, units, axes if lead else ("", *axes[1:]), lead, math.prod(lead))


def _times(sizes: tuple[int, ...]) -> str:
    return "×".join(map(str, sizes))


def _joined(*notes: str) -> str:
    return ", ".join(filter(None, notes))


_LAYOUTS: dict[Kind, Callable[[Values, Context], Layout]] = {
    "scalar": _scalar,
    "vector": _vector,
    "matrix": _matrix,
    "maps": _maps,
    "volume": _volume,
    "image": _image,
    "tokens": _tokens,
    "attention": _attention,
    "sequence": _sequence,
    "labels": _labels,
    "boxes": _boxes,
}
