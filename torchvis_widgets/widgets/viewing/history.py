"""History: what a look gives at each of a run's snapshots, found one by one beside the frames."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from torchvis_widgets.look.errors import LookError
from torchvis_widgets.widgets.viewing.latest import Latest, Stale
from torchvis_widgets.widgets.viewing.spread import spread

T = TypeVar("T")

At: TypeAlias = tuple[int | None, Hashable]
"""A snapshot's step, or None, and what tells that state from every other."""

_PERIOD = 0.15  # seconds between two tellings of what has been found


@dataclass(frozen=True)
class Known(Generic[T]):
    """What is known by now of some steps, None where that is not yet known; `done` = no more is to come."""

    steps: list[int | None]
    found: list[T | None]
    done: bool


class History(Generic[T]):
    """Of one subject at a time; another one ends the looking at the last. `found()` is called as it grows.

    version: counts these calls.
    """

    def __init__(self, name: str, most: int, found: Callable[[], None], on_error: Callable[[Exception], None]) -> None:
        self.version = 0
        self._most, self._tell = most, found
        self._latest = Latest(name, on_error)
        self._subject: Hashable = None
        self._places: list[At] = []
        self._found: dict[Hashable, T | None] = {}
        self.close = self._latest.close

    def of(self, subject: Hashable, every: Sequence[At], look: Callable[[int | None], T]) -> Known[T]:
        """What is known of a subject; what is not is looked at from now on."""
        places = spread(every, self._most)
        if subject != self._subject:
            self._subject, self._found, self._places = subject, {}, []
        found = self._found
        if places != self._places:
            self._places = places
            self._latest.want(lambda stale: self._search(places, found, look, stale))
        steps, marks = [step for step, _ in places], [mark for _, mark in places]
        return Known(steps, [found.get(mark) for mark in marks], all(mark in found for mark in marks))

    def drop(self) -> None:
        """Nobody looks any more: what is known stays, but no more is looked for."""
        if self._places:
            self._places = []
            self._latest.drop()

    def _search(
        self, places: list[At], found: dict[Hashable, T | None], look: Callable[[int | None], T], stale: Stale
    ) -> None:
        told = time.monotonic()
        for step, mark in places:
            if stale():
                return
            if mark in found:
                continue
            try:
                found[mark] = look(step)
            except LookError:  # one snapshot that cannot be read must not take the others away
                found[mark] = None
            if time.monotonic() - told > _PERIOD:
                self._grown()
                told = time.monotonic()
        self._grown()

    def _grown(self) -> None:
        self.version += 1
        self._tell()
