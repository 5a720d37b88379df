"""Panels on the wire: a picture's description, and its bytes in buffers beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from torchvis_widgets.look.picturing.picture import Picture

_MOST_EXACT = 1 << 16  # values of a vector
_SMALL = 1 << 11  # values of anything else


@dataclass(frozen=True)
class Panel:
    """A picture, what it is of, and where that was looked at; the title is "" where there is one panel."""

    title: str
    picture: Picture
    step: int
    sample: int


def is_atlas(picture: Picture) -> bool:
    """Whether the view's first bundle draws it: `beyondAtlas` in js/src/activation_viewer/body/panel_view.tsx."""
    return picture.prefix is None and picture.kind in ("maps", "volume", "labels", "text", "empty")


def packed(panels: list[Panel]) -> tuple[list[dict[str, Any]], list[bytes]]:
    """The panels as plain data, and the buffers that they point to."""
    buffers: list[bytes] = []

    def add(data: bytes) -> int:
        buffers.append(data)
        return len(buffers) - 1

    described = [
        {
            "title": panel.title,
            "picture": panel.picture.to_dict(),
            "codes": add(panel.picture.tiles.tobytes()),
            "exact": add(_exact(panel.picture)) if _is_small(panel.picture) else None,
            "prefix": None if panel.picture.prefix is None else add(panel.picture.prefix.tiles.tobytes()),
            "step": panel.step,
            "sample": panel.sample,
        }
        for panel in panels
    ]
    return described, buffers


def _is_small(picture: Picture) -> bool:
    return 0 < picture.units.size <= (_MOST_EXACT if picture.kind == "vector" else _SMALL)


def _exact(picture: Picture) -> bytes:
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(picture.units, dtype="<f4").tobytes()
