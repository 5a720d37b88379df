"""Some of a run's snapshots, evenly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def spread(every: Sequence[T], most: int) -> list[T]:
    """Each 2**k-th and the last, at most `most` + 1: as a run grows the choice stays nearly the same."""
    stride = 1
    while len(every) > stride * most:
        stride *= 2
    return list(dict.fromkeys([*every[::stride], *every[-1:]]))
