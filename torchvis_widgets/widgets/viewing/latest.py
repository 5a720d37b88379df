"""Latest: one thread beside the frames, which carries out what was wanted last."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable

Stale = Callable[[], bool]
Work = Callable[[Stale], None]


class Latest:
    """Nobody waits for what was wanted before: it is dropped, or told by `stale()` that it may stop half-way.

    The thread lives while there is work. `on_error` hears of what the work raises. `calm`: seconds for which nothing
    else must be wanted before it begins, so that a user who clicks on and on does not wait for it.
    """

    def __init__(self, name: str, on_error: Callable[[Exception], None], calm: float = 0.0) -> None:
        self._name, self._on_error, self._calm = name, on_error, calm
        self._lock = threading.Condition()
        self._wanted: Work | None = None
        self._thread: threading.Thread | None = None
        self._turn = 0
        self._closed = False
        _every.add(self)

    def want(self, work: Work) -> None:
        """Carry out `work(stale)` as soon as the one under way has ended."""
        with self._lock:
            if self._closed:
                return
            self._turn += 1
            self._wanted = work
            self._lock.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()

    def drop(self) -> None:
        """Nothing is wanted any more."""
        with self._lock:
            self._turn += 1
            self._wanted = None
            self._lock.notify_all()

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
                while self._wanted is not None and self._lock.wait_for(self._changes(self._turn), self._calm):
                    pass
                work, self._wanted = self._wanted, None
                if work is None:
                    self._thread = None
                    return
                stale = self._changes(self._turn)
            try:
                work(stale)
            except Exception as error:  # what is found beside the frames must not silence what is found after it
                self._on_error(error)

    def _changes(self, turn: int) -> Stale:
        return lambda: turn != self._turn


_every: weakref.WeakSet[Latest] = weakref.WeakSet()


@atexit.register
def _end() -> None:
    """A thread that the interpreter's end meets within torch would take the process down with an abort."""
    for latest in list(_every):
        latest.close()
