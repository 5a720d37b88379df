"""What a run directory can refuse, in words for the user."""

from __future__ import annotations

__all__ = ["Problems", "RunError"]


class RunError(RuntimeError):
    """A run directory cannot be used as asked; the text says what was found and what to call instead."""


class Problems:
    """What recording had to give up, one text a subject, of which the latest counts."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def note(self, subject: str, text: str) -> None:
        """Adds a text, or replaces the one about the same subject."""
        self._texts[subject] = text

    def settle(self, subject: str) -> None:
        """Takes the text about a subject back."""
        self._texts.pop(subject, None)

    def texts(self) -> list[str]:
        """Returns the texts, oldest subject first."""
        return list(self._texts.values())
