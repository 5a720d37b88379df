"""Callbacks that do not keep their owner alive: a background thread would hold it for ever."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

__all__ = ["weakly"]


def weakly(method: Callable[..., None]) -> Callable[..., None]:
    """Returns what calls a bound method as long as its object is there, and then nothing."""
    held = weakref.WeakMethod(method)

    def tell(*args: Any) -> None:
        alive = held()
        if alive is not None:
            alive(*args)

    return tell
