"""Brake: what asks a training loop to wait or to end at its next step boundary."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PERIOD = 0.01  # seconds between two looks for commands while the loop waits
LEASE = 120.0  # seconds that a view's answer counts for: a page in the background seldom renews its presence


class Brake:
    """Pulled by any thread; the training thread feels it between two steps or two epochs and nowhere else."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Not an Event: Ctrl-C within its wait() comes out as a RuntimeError, or leaves it locked for ever.
        self.paused = False  # whether the next step has to wait
        self.stopping, self.reason = False, ""
        self._steps: int | None = None  # how many more until it is pulled by itself, where that was asked for
        self._epochs: int | None = None

    @property
    def counts(self) -> bool:
        """Whether the end of a step means anything to it."""
        return self.paused or self._steps is not None

    def pause(self, reason: str = "") -> None:
        """Let no further step begin until `release()`."""
        with self._lock:
            self._hold(reason)

    def stop(self, reason: str = "") -> None:
        """Let the loop's iterators end at their next boundary."""
        with self._lock:
            self.stopping, self.reason = True, reason
            self._steps = self._epochs = None
            self.paused = False

    def release(self, *, steps: int | None = None, epochs: int | None = None) -> None:
        """Let a paused loop go on: for good, or for so many steps or ends of epochs, after which it is held again."""
        with self._lock:
            if not self.stopping:
                self.reason = ""
                self._steps, self._epochs = steps, epochs
            self.paused = False

    def reset(self) -> None:
        """Another stretch of training begins: nobody has asked it for anything yet."""
        with self._lock:
            self.stopping, self.reason = False, ""
            self._steps = self._epochs = None
            self.paused = False

    def after_step(self) -> bool:
        """A step has ended, on the training thread; whether the loop has to wait."""
        if self._steps is not None:
            with self._lock:
                self._steps = self._counted(self._steps)
        return self.paused

    def after_epoch(self) -> bool:
        """An epoch has ended, on the training thread; whether the loop has to wait."""
        if self._epochs is not None:
            with self._lock:
                self._epochs = self._counted(self._epochs)
        return self.paused

    def wait(self, meanwhile: Callable[[], None]) -> None:
        """Hold the training thread until the brake is released; `meanwhile()` is called every few milliseconds."""
        while self.paused:
            time.sleep(PERIOD)
            meanwhile()
        meanwhile()  # what was asked for before the release is done before the next step

    def _counted(self, left: int | None) -> int | None:
        if left is None or left > 1:
            return left and left - 1
        self._hold("")
        return None

    def _hold(self, reason: str) -> None:
        if not self.stopping:
            self.reason = reason
            self._steps = self._epochs = None
            self.paused = True


class Reach:
    """Whether somebody could resume a loop that stands still on the main thread: a view that is answered elsewhere."""

    def __init__(self) -> None:
        self._until = 0.0
        self.ever = False  # whether some view was answered off the main thread: the front end knows how to be heard

    def answered(self, main_thread: bool) -> None:
        """A view's request has been answered, on the main thread or off it."""
        self.ever = self.ever or not main_thread
        self._until = 0.0 if main_thread else time.monotonic() + LEASE

    def __bool__(self) -> bool:
        return time.monotonic() < self._until
