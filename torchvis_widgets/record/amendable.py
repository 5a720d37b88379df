"""Amendable: a list that any thread appends to and amends, and that a background thread stores."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any, Generic, TypeVar

__all__ = ["Amendable"]

T = TypeVar("T")


class Amendable(Generic[T]):
    """What is noted of a run that is being written: frozen dataclasses, numbered from 0."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: list[T] = []
        self._changed: set[int] = set()

    def add(self, one: T) -> int:
        """Appends one; returns its number, counted from 0."""
        with self._lock:
            self._all.append(one)
            self._changed.add(len(self._all) - 1)
            return len(self._all) - 1

    def amend(self, number: int, **fields: Any) -> None:
        """Changes fields of one, when more has become known."""
        with self._lock:
            self._all[number] = replace(self._all[number], **fields)  # type: ignore[type-var]  # a dataclass
            self._changed.add(number)

    def all(self) -> list[T]:
        """Returns every one, in the order in which they were made."""
        with self._lock:
            return self._all.copy()

    def unwritten(self) -> dict[int, T]:
        """Returns those that were added or changed since `written` last took them off."""
        with self._lock:
            return {number: self._all[number] for number in sorted(self._changed)}

    def written(self, stored: dict[int, T]) -> None:
        """These are stored; one that has changed meanwhile stays to be."""
        with self._lock:
            self._changed -= {number for number, one in stored.items() if self._all[number] is one}
