"""Which ablation switches a picture's unit off."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torchvis_widgets.look import hints
from torchvis_widgets.look.ablation import Ablation, Axis, Method
from torchvis_widgets.look.context import Context
from torchvis_widgets.widgets.viewing.lens import is_index

_METHODS = ("zero", "mean")


@dataclass(frozen=True)
class Switches:
    """The units of an output that can be switched off: how many, along what, and the tiles that each one has."""

    count: int
    axis: Axis = "channel"
    dim: int | None = None
    tiles: int = 1


def ablation(key: str, switches: Switches | None, unit: object, method: object) -> Ablation:
    """The ablation of a unit of the picture. Raises ValueError for another method, or a unit that there is not."""
    if switches is None:
        raise ValueError(f"{key!r} has no such units to switch off: choose a layer with channels, heads or tokens")
    known: dict[object, Method] = {"zero": "zero", "mean": "mean"}
    if not isinstance(method, str) or method not in known:
        raise ValueError(f"method is one of {', '.join(_METHODS)} or null, found {method!r}")
    most = switches.count * switches.tiles
    if not isinstance(unit, int) or not is_index(unit) or unit >= most:
        raise ValueError(f"unit is one of 0 … {most - 1}, found {unit!r}")
    return Ablation(key, unit // switches.tiles, switches.axis, known[method], switches.dim)


def switches(
    kind: str, shape: tuple[int, ...], context: Context, attention: bool, axis: object = None
) -> Switches | None:
    """How the units of one sample's output (…) are switched off, or (`axis` "token") its tokens; None: it has none.

    Raises:
        ValueError: another axis.
    """
    if axis is not None:
        if axis != "token":
            raise ValueError(f"axis is 'token', or null for the picture's own units, found {axis!r}")
        return Switches(shape[0], "token") if kind == "tokens" and len(shape) == 2 and not attention else None
    if attention or (kind == "attention" and len(shape) == 3):
        return Switches(shape[0], "head")
    if kind in ("maps", "volume", "image") and len(shape) >= 3:
        if hints.channels_last(shape, context):
            return Switches(shape[-1], dim=-1, tiles=math.prod(shape[:-3]))
        return Switches(shape[0], tiles=math.prod(shape[1:-2]))
    if kind == "vector":
        return _of_vector(shape)
    if kind in ("tokens", "sequence", "matrix") and len(shape) == 2:
        first = kind == "sequence" and hints.one_dimensional(context) and not hints.over_time(context)
        return Switches(shape[0], dim=-2) if first else Switches(shape[1], dim=-1 if kind == "matrix" else None)
    if kind == "tokens" and len(shape) == 3 and not hints.within_windows(context):
        return Switches(shape[0], "head")
    return None


def _of_vector(shape: tuple[int, ...]) -> Switches | None:
    if len(shape) == 1:
        return Switches(shape[0])
    if max(shape) != math.prod(shape):  # flattened: no dimension is the units'
        return None
    return Switches(max(shape), dim=shape.index(max(shape)) - len(shape))
