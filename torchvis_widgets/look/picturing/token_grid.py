"""Tokens that are patches of an image: where T = prefix + rows · columns."""

from __future__ import annotations

import math
from typing import NamedTuple

from torchvis_widgets.look import hints
from torchvis_widgets.look.context import Context

_MOST_PREFIX = 16  # class, distillation and register tokens: more are no prefix but another sequence
_USUAL_PREFIX = (0, 1, 2, 5)  # none; class; class and distillation; class and four registers
_LEAST_SIDE = 2


class TokenGrid(NamedTuple):
    """The first `prefix` tokens are no patches; the others lie row by row."""

    prefix: int
    rows: int
    columns: int


def token_grid(tokens: int, context: Context) -> TokenGrid | None:
    """How that many tokens lie: as the context's grid says, else a square where names do not speak against it."""
    if context.grid is not None:
        rows, columns = context.grid
        prefix = tokens - rows * columns
        if rows * columns > 1 and 0 <= prefix <= _MOST_PREFIX:
            return TokenGrid(prefix, rows, columns)
    return _square(tokens) if hints.of_vision(context) else None


def _square(tokens: int) -> TokenGrid | None:
    for prefix in _USUAL_PREFIX:
        side = math.isqrt(max(0, tokens - prefix))
        if side >= _LEAST_SIDE and side * side + prefix == tokens:
            return TokenGrid(prefix, side, side)
    return None
