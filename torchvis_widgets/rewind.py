"""Rewind: puts a training back to a snapshot, at once or when the epoch in progress has been given up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotYet
from typing import TypeVar

from torchvis_widgets.keeper import Recorded
from torchvis_widgets.live import STEP_SECONDS
from torchvis_widgets.loop import Loop
from torchvis_widgets.steer.mailbox import Mailbox
from torchvis_widgets.steer.uninterrupted import uninterrupted

T = TypeVar("T")

__all__ = ["Rewind", "wait_for_step"]


class Rewind:
    """Goes back at a boundary of the loop; a later wish overtakes one that has not been carried out yet.

    Args:
        loop: whose boundaries these are.
        mailbox: of commands that the training thread carries out.
        loop_elsewhere: whether the loop runs on another thread than the caller's.
        go_back: puts everything back, on the training thread.
        on_error: hears of a failure for which nobody waits.
    """

    def __init__(
        self,
        loop: Loop,
        mailbox: Mailbox,
        loop_elsewhere: Callable[[], bool],
        go_back: Callable[[Recorded], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._loop, self._mailbox, self._loop_elsewhere = loop, mailbox, loop_elsewhere
        self._go_back, self._on_error = go_back, on_error
        self._wish: Future[None] = Future()

    def to(self, recorded: Recorded, *, wait: bool = True) -> None:
        """Put `recorded` back; waits for it unless the loop's body has to end first. Raises as `Session.restore`.

        Without `wait` it never does, and a failure is what `on_error` hears of.
        """
        # A body that goes on below, or that stands still until resume(), cannot be waited for.
        at_once = not self._loop.inside_an_epoch or (self._loop_elsewhere() and not self._loop.brake.paused)
        waited_for = wait and at_once
        self._wish.cancel()
        wish = self._wish = Future()

        def put_back() -> None:
            with uninterrupted():  # at an epoch's end it is no command of the mailbox
                if not wish.set_running_or_notify_cancel():
                    return
                try:
                    self._go_back(recorded)
                    wish.set_result(None)
                except Exception as error:
                    wish.set_exception(error)
                    if not waited_for:
                        self._on_error(error)

        reply = self._mailbox.put(lambda: self._loop.at_next_epoch(put_back))
        if waited_for:
            later = "the snapshot will be put back when it ends"
            wait_for_step(reply, later)
            wait_for_step(wish, later)


def wait_for_step(wish: Future[T], otherwise: str) -> T:
    """Wait for what the training thread does between two steps, and return what came of it.

    Raises:
        TimeoutError: the step takes more than a minute; `otherwise` says what becomes of the wish.
        RuntimeError: another `restore()` has overtaken it, or no step follows for now (see `start()`).
        Exception: what carrying it out raised.
    """
    try:
        return wish.result(timeout=STEP_SECONDS)
    except NotYet:
        raise TimeoutError(f"what the loop is doing takes more than {STEP_SECONDS:g} s; {otherwise}") from None
    except CancelledError:
        raise RuntimeError("another restore() was asked for before this one could be carried out") from None
