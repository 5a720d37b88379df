"""Kinds of pictures: which ones a tensor can be shown as, and which one it is unless somebody says otherwise."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch

from torchvis_widgets.look import hints
from torchvis_widgets.look.context import Context
from torchvis_widgets.look.picturing.quantise import Values
from torchvis_widgets.look.picturing.token_grid import token_grid

Kind = Literal[
    "maps", "image", "volume", "vector", "tokens", "attention", "sequence", "labels", "boxes", "scalar", "matrix",
    "text", "empty",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)

_SMALLEST_IMAGE = 4  # pixels a side, as for the probe's thumbnails
_LABELS = (-255, 2000)  # integers beyond are no classes but indices and counts
_ROWS_LOOKED_AT = 512


class Facts(NamedTuple):
    """A tensor's values and what its dtype was: the values are floating-point whatever it was."""

    array: Values
    whole: bool  # integers or truth values
    byte: bool

    @classmethod
    def of(cls, array: Values, dtype: torch.dtype) -> Facts:
        """The facts of the values of a tensor of that dtype."""
        text = str(dtype).removeprefix("torch.")
        return cls(array, text == "bool" or text.startswith(("int", "uint")), text == "uint8")


def fitting(facts: Facts) -> tuple[Kind, ...]:
    """The kinds that the values can be shown as, by shape and dtype alone."""
    shape = facts.array.shape
    if facts.array.size == 0:
        return "empty", "text"
    fits: dict[Kind, bool] = {
        "maps": len(shape) >= 2,
        "image": len(shape) == 2 or (len(shape) == 3 and (shape[0] in (1, 3) or shape[-1] in (1, 3))),
        "volume": len(shape) >= 3,
        "vector": len(shape) >= 1,
        "tokens": len(shape) >= 2,
        "attention": len(shape) >= 2,
        "sequence": len(shape) >= 2,
        "labels": len(shape) >= 1 and facts.whole,
        "boxes": len(shape) == 2 and shape[-1] == 4,
        "scalar": facts.array.size == 1,
        "matrix": len(shape) >= 2,
        "text": True,
    }
    return tuple(kind for kind, fit in fits.items() if fit)


def checked(kind: str, shape: tuple[int, ...], fits: tuple[Kind, ...]) -> Kind:
    """The kind asked for; "empty" where there are no values. Raises ValueError naming the kinds that fit."""
    known = next((each for each in KINDS if each == kind), None)
    if known is not None and known not in fits and "empty" in fits:
        return "empty"
    if known is None or known not in fits:
        wrong = f"a tensor of shape {shape} cannot be shown as" if known is not None else "there is no"
        raise ValueError(f"{wrong} kind={kind!r}: choose one of {', '.join(fits)}, or leave kind out")
    return known


def kind_of(facts: Facts, context: Context) -> Kind:
    """The kind that suits the values best."""
    if facts.array.size == 0:
        return "empty"
    shape = facts.array.shape
    if len(shape) == 0:
        return "scalar"
    if len(shape) == 1:
        return "labels" if facts.whole and hints.labels(context) else "vector"
    if _attention(facts.array, context):
        return "attention"
    if _image(facts, context):
        return "image"
    if facts.whole and _classes(facts.array):
        return "labels"
    return _of_matrix(shape, context) if len(shape) == 2 else _of_more(shape, context)


def _of_matrix(shape: tuple[int, ...], context: Context) -> Kind:
    if hints.boxes(context) and shape[-1] == 4:
        return "boxes"
    if hints.rnn_state(context):
        return "vector" if shape[0] == 1 else "matrix"
    if hints.over_time(context) or hints.one_dimensional(context):
        return "sequence"
    known_grid = context.grid is not None and token_grid(shape[0], context) is not None
    return "tokens" if known_grid or hints.of_transformer(context) else "matrix"


def _of_more(shape: tuple[int, ...], context: Context) -> Kind:
    if hints.within_attention(context) and not _whole_map(shape, context):
        return "tokens"
    last = hints.channels_last(shape, context)
    spatial = shape[:-1] if last else shape[1:]
    if math.prod(spatial) == 1 or (not last and math.prod(shape[-2:]) == 1):
        return "vector"
    leading = spatial[:-2] if last else shape[:-2]
    return "volume" if sum(size > 1 for size in ((shape[-1], *leading) if last else leading)) > 1 else "maps"


def _whole_map(shape: tuple[int, ...], context: Context) -> bool:
    """Inside attention over windows (H, W, C) is the map before or after it is cut, (windows, T, C) the windows."""
    return hints.within_windows(context) and len(shape) == 3 and shape[0] == shape[1]


def _attention(array: Values, context: Context) -> bool:
    if hints.attention_weights(context):
        return True
    return array.ndim >= 3 and hints.softmax(context) and _rows_sum_to_one(array)


def _rows_sum_to_one(array: Values) -> bool:
    rows = array.reshape(-1, array.shape[-1])
    some = rows[:: -(-len(rows) // _ROWS_LOOKED_AT)]
    with np.errstate(invalid="ignore", over="ignore"):
        return bool((some >= 0).all() and np.allclose(some.sum(axis=1), 1, atol=1e-2))


def _image(facts: Facts, context: Context) -> bool:
    shape = facts.array.shape
    if len(shape) == 2:
        return facts.byte and context.input and min(shape) >= _SMALLEST_IMAGE
    if len(shape) != 3 or hints.attention_weights(context):
        return False
    colours, sides = image_layout(shape)
    if colours not in (1, 3) or min(sides) < _SMALLEST_IMAGE:
        return False
    generated = context.output and hints.bounded(context)
    return context.input or (colours == 3 and (facts.byte or generated))


def image_layout(shape: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """The number of colours and (H, W) of (C, H, W) or (H, W, C)."""
    return (shape[0], shape[1:]) if shape[0] in (1, 3) else (shape[-1], shape[:-1])


def _classes(array: Values) -> bool:
    return bool(array.min() >= _LABELS[0] and array.max() <= _LABELS[1])
