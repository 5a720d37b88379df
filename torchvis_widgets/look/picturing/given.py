"""What was given to be shown: as a tensor where it is one, else in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from torchvis_widgets.look.errors import in_words
from torchvis_widgets.look.leaves import unpacked
from torchvis_widgets.look.picturing.quantise import Values

_MOST_TEXT = 2000  # characters


def as_tensor(given: Any) -> Tensor | None:
    """The tensor that a tensor, a packed sequence, an array or a number is; None for all else."""
    given = unpacked(given)
    if isinstance(given, Tensor):
        return given
    if not isinstance(given, np.ndarray | np.generic | bool | int | float | complex):
        return None
    try:
        return torch.from_numpy(np.array(given))  # a copy: torch warns of arrays that cannot be written to
    except (TypeError, RuntimeError, ValueError, OverflowError):  # strings, objects, integers beyond 64 bits
        return None


def shape_of(tensor: Tensor, values: Values) -> list[int]:
    """The tensor's sizes; those of its values where it has none of its own, as a nested one."""
    try:
        return list(map(int, tensor.shape))
    except Exception:  # nested ones, lazily made parameters, symbolic sizes
        return list(values.shape)


def in_text(given: Any) -> tuple[str, str]:
    """What `str()` says of it, cut where it is long, and what was cut."""
    try:
        text = str(given)
    except Exception as error:
        return "", f"cannot be shown: {in_words(error)}"
    if len(text) <= _MOST_TEXT:
        return text, ""
    return text[:_MOST_TEXT], f"the first {_MOST_TEXT} of {len(text)} characters"
