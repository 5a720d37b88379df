"""Fewer bytes for a picture: rows and columns left out evenly, then units, and what was left out in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from torchvis_widgets.look.picturing.layout import Layout
from torchvis_widgets.look.picturing.quantise import Values

_SMALLEST_THINNED_SIDE = 64  # pixels: about what a tile of the atlas is painted with
_MOST_UNITS = 4096


class Thinned(NamedTuple):
    """Units (n, h, w) of which `order` holds the numbers, None = all in their order; `shown` of the layout's total."""

    units: Values
    order: list[int] | None
    shown: int
    note: str


def thinned(layout: Layout, byte_cap: int, chosen: Sequence[int] | None = None) -> Thinned:
    """As much of a layout as goes into that many bytes, at least one value; of the units `chosen` the first ones."""
    order = None if chosen is None else list(chosen)
    units, notes = layout.units if order is None else layout.units[order], []
    down, across = _strides(layout._replace(units=units), max(1, byte_cap))
    if max(down, across) > 1:
        units = units[:, ::down, ::across]
        notes.append(_every(layout, down, across))
    keep = min(len(units), _MOST_UNITS, max(1, byte_cap // max(1, units[0].size if len(units) else 1)))
    if keep < len(units):
        evenly = [round(index) for index in np.linspace(0, len(units) - 1, keep).tolist()]
        units, order = (units[evenly], evenly) if order is None else (units[:keep], order[:keep])
    if order is not None and keep < layout.total:
        notes.append(f"{keep} of {layout.total} units")
    order = None if order == list(range(layout.total)) else order
    return Thinned(units, order, units.size if layout.kind == "vector" else len(units), ", ".join(notes))


def _strides(layout: Layout, byte_cap: int) -> tuple[int, int]:
    """Rows and columns are thinned as far as it does not show; further where one unit, or one image, is too large."""
    n, height, width = layout.units.shape
    down = across = 1
    while n * _size(height, width, down, across) > byte_cap and min(height, width) >= 2 * down * _SMALLEST_THINNED_SIDE:
        down, across = 2 * down, 2 * across
    together = n if layout.kind == "image" else 1  # no colour of an image can be left out
    while together * (size := _size(height, width, down, across)) > byte_cap and size > 1:
        rows, columns = -(-height // down), -(-width // across)
        down, across = (2 * down if rows >= columns else down), (2 * across if columns >= rows else across)
    return down, across


def _size(height: int, width: int, down: int, across: int) -> int:
    return -(-height // down) * -(-width // across)


def _every(layout: Layout, down: int, across: int) -> str:
    _, row, column = layout.axes
    if down == across:
        return f"every {_nth(down)} {row} and {column}"
    left = [f"{_nth(stride)} {axis}" for stride, axis in ((down, row), (across, column)) if stride > 1]
    return "every " + " and ".join(left)


def _nth(number: int) -> str:
    return "2nd" if number == 2 else f"{number}th"
