"""Drain: a queue that is filled without waiting, and emptied ten times a second by a thread of its own."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod

__all__ = ["Drain"]

PERIOD = 0.1  # seconds between two drains


class Drain(ABC):
    """`begin()` starts the thread, which calls `drain()`; `flush` and `close` call it from whichever thread asks."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._starting = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @abstractmethod
    def drain(self) -> None:
        """Stores what has arrived; never waits for a device. Raises nothing."""

    @abstractmethod
    def is_empty(self) -> bool:
        """Whether all that was queued is stored."""

    def begin(self) -> None:
        """Starts the thread, once."""
        with self._starting:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()

    def flush(self, timeout: float) -> bool:
        """Drains until nothing is queued; False if something is still on its way after `timeout` seconds."""
        end = time.monotonic() + timeout
        self.drain()
        while not self.is_empty():
            if time.monotonic() > end:
                return False
            time.sleep(0.001)
            self.drain()
        return True

    def end(self, timeout: float) -> bool:
        """Ends the thread and stores what is queued; False as `flush`."""
        self._closing.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        return self.flush(timeout)

    def _work(self) -> None:
        while not self._closing.wait(PERIOD):
            self.drain()
