"""Brake: what asks a training loop to wait or to end at its next step boundary."""

from __future__ import annotations

import threading
from collections.abc import Callable

PERIOD = 0.02  # seconds between two looks for commands while the loop waits


class Brake:
    """Pulled by any thread; the training thread feels it between two steps and nowhere else."""

    def __init__(self) -> None:
        self._go = threading.Event()
        self._go.set()
        self.stopping = False
        self.reason = ""

    @property
    def paused(self) -> bool:
        """Whether the next step has to wait."""
        return not self._go.is_set()

    def pause(self, reason: str = "") -> None:
        """Let no further step begin until `release()`."""
        self.reason = reason
        self._go.clear()

    def stop(self, reason: str = "") -> None:
        """Let the loop's iterators end at their next boundary."""
        self.stopping, self.reason = True, reason
        self._go.set()

    def release(self) -> None:
        """Let a paused loop go on."""
        if not self.stopping:
            self.reason = ""
        self._go.set()

    def reset(self) -> None:
        """Another stretch of training begins: nobody has asked it for anything yet."""
        self.stopping, self.reason = False, ""
        self._go.set()

    def wait(self, meanwhile: Callable[[], None]) -> None:
        """Hold the training thread until the brake is released; `meanwhile()` is called every few milliseconds."""
        while not self._go.wait(PERIOD):
            meanwhile()
