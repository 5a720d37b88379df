"""Mailbox: commands for the training thread, carried out at a step boundary and nowhere else."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from torchvis_widgets.steer.uninterrupted import uninterrupted

T = TypeVar("T")

PATIENCE = 1.0  # seconds that a command waits before it is asked whether anybody will carry it out soon


class Reply(Future[T]):
    """What becomes of a command; `result()` takes it back where it would be waited for in vain.

    why_not: why nobody will carry it out for now, and what to do; "" while somebody will.
    """

    def __init__(self, why_not: Callable[[], str]) -> None:
        super().__init__()
        self._why_not = why_not

    def result(self, timeout: float | None = None) -> T:
        """As `Future.result`. Raises RuntimeError besides, which says why; nothing has been done then."""
        if timeout is not None and timeout <= PATIENCE:
            return super().result(timeout)
        try:
            return super().result(PATIENCE)
        except NotYet:
            if self.done():  # the command's own
                raise
        why = self._why_not()
        if why and self.cancel():
            raise RuntimeError(why)
        return super().result(None if timeout is None else timeout - PATIENCE)


class Mailbox:
    """Commands put by any thread. `drain()` carries them out in the training thread; while no loop runs `put()` does.

    running: whether a loop runs on another thread than the one that asks. A loop calls `barrier()` when that has become
    true and before its first step, and once more when it has become false, for what came after its last step.

    why_not: why the thread that trains will drain nothing for now, though it is running; "" while it will.
    """

    def __init__(self, running: Callable[[], bool], why_not: Callable[[], str] = str) -> None:
        self._lock = threading.RLock()
        self._running, self._why_not = running, why_not
        self._waiting: deque[tuple[Callable[[], Any], Future[Any]]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waits(self) -> bool:
        """Whether a command waits."""
        return bool(self._waiting)

    def put(self, command: Callable[[], T]) -> Future[T]:
        """Have a command carried out; what it returns or raises is the future's. A waiting one can be cancelled."""
        future: Future[T] = Reply(self._why_not)
        with self._lock:
            if self._running():
                self._waiting.append((command, future))
            else:
                self.drain()  # what a loop that has just ended left behind comes first
                with uninterrupted():
                    _carry_out(command, future)
        return future

    def alone(self) -> AbstractContextManager[object]:
        """Within it no command is carried out on another thread, where no loop runs: `with mailbox.alone(): …`."""
        return self._lock

    def barrier(self) -> None:
        """Wait for a command that another thread is carrying out, then carry out what waits."""
        with self._lock:
            self.drain()

    def drain(self) -> None:
        """Carry out what waits now, in order; called at every step boundary, so nearly free when nothing does."""
        if not self._waiting:
            return
        for _ in range(len(self._waiting)):  # not until empty: a command that puts another must not hold up the loop
            with uninterrupted():  # or Ctrl-C could lose a command, or leave one half done
                try:
                    command, future = self._waiting.popleft()
                except IndexError:  # another thread drains too: the loop has just ended
                    return
                _carry_out(command, future)


def _carry_out(command: Callable[[], T], future: Future[T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = command()
    except BaseException as error:
        future.set_exception(error)
        if not isinstance(error, Exception):
            raise  # the user's Ctrl-C, meant for the loop
    else:
        future.set_result(result)
