"""Marks: moments of a run worth finding again, such as a loss that is not finite."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["Mark", "Marks"]


@dataclass(frozen=True)
class Mark:
    """Something that happened after `step` optimizer steps; `layer` is the module that it is about, if any.

    kind: "loss", "gradient" or "weight" (a value that is not finite), "jump" (of a loss), or a user's own.
    """

    step: int
    epoch: float | None
    time: float
    kind: str
    text: str
    layer: str | None = None
    branch: int = 0


class Marks:
    """The marks of a run that is being written; any thread adds, the metrics thread stores."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._marks: list[Mark] = []
        self._changed: set[int] = set()

    def add(self, mark: Mark) -> int:
        """Adds a mark; returns its number, counted from 0."""
        with self._lock:
            self._marks.append(mark)
            self._changed.add(len(self._marks) - 1)
            return len(self._marks) - 1

    def amend(self, number: int, **fields: Any) -> None:
        """Changes fields of a mark, when more has become known."""
        with self._lock:
            self._marks[number] = replace(self._marks[number], **fields)
            self._changed.add(number)

    def all(self) -> list[Mark]:
        """Returns every mark, in the order in which they were made."""
        with self._lock:
            return self._marks.copy()

    def unwritten(self) -> dict[int, Mark]:
        """Returns the marks that were added or changed since `written` last took them off."""
        with self._lock:
            return {number: self._marks[number] for number in sorted(self._changed)}

    def written(self, marks: dict[int, Mark]) -> None:
        """These are stored; one that has changed meanwhile stays to be."""
        with self._lock:
            self._changed -= {number for number, mark in marks.items() if self._marks[number] is mark}
