"""Background: a training function in a thread of its own, which keeps the cell free."""

from __future__ import annotations

import threading
from collections.abc import Callable

from torchvis_widgets.loop import Loop


class Background:
    """Runs one training function at a time; `ended()` is called on its thread when it has come to its end."""

    def __init__(self, loop: Loop, ended: Callable[[], None]) -> None:
        self._loop, self._ended = loop, ended
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def start(self, train: Callable[[], object]) -> None:
        """Begin. Raises RuntimeError while an earlier one is running."""
        if self._thread is not None and self._thread.is_alive():
            raise RuntimeError("a training function is still running; call session.wait() before starting another")
        self._failure = None
        self._thread = threading.Thread(target=self._run, args=(train,), name="tvw-training", daemon=True)
        self._thread.start()

    def wait(self, timeout: float | None) -> bool:
        """Wait for its end; False if `timeout` seconds pass first. Raises what the training function raised."""
        if self._thread is None:
            return True
        self._thread.join(timeout)
        if self._thread.is_alive():
            return False
        if self._failure is not None:
            raise self._failure
        return True

    def _run(self, train: Callable[[], object]) -> None:
        self._loop.enter()
        try:
            train()
        except BaseException as error:  # kept for wait(), which raises it where the user can see it
            self._failure = error
            self._loop.fail(error)
        else:
            self._loop.leave("finished")
        self._ended()
