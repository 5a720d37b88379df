"""Latest: one thread beside the frames, which carries out what was wanted last."""

from __future__ import annotations

import threading
from collections.abc import Callable

Stale = Callable[[], bool]
Work = Callable[[Stale], None]


class Latest:
    """Nobody waits for what was wanted before: it is dropped, or told by `stale()` that it may stop half-way.

    The thread lives while there is work. `on_error` hears of what the work raises.
    """

    def __init__(self, name: str, on_error: Callable[[Exception], None]) -> None:
        self._name, self._on_error = name, on_error
        self._lock = threading.Lock()
        self._wanted: Work | None = None
        self._thread: threading.Thread | None = None
        self._turn = 0
        self._closed = False

    def want(self, work: Work) -> None:
        """Carry out `work(stale)` as soon as the one under way has ended."""
        with self._lock:
            if self._closed:
                return
            self._turn += 1
            self._wanted = work
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()

    def drop(self) -> None:
        """Nothing is wanted any more."""
        with self._lock:
            self._turn += 1
            self._wanted = None

    def close(self) -> None:
        """Carry out nothing any more; waits for what is under way to notice."""
        self.drop()
        with self._lock:
            self._closed, thread = True, self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5.0)

    def _work(self) -> None:
        while True:
            with self._lock:
                work, self._wanted, turn = self._wanted, None, self._turn
                if work is None:
                    self._thread = None
                    return
            try:
                work(lambda turn=turn: turn != self._turn)  # type: ignore[misc]
            except Exception as error:  # what is found beside the frames must not silence what is found after it
                self._on_error(error)
