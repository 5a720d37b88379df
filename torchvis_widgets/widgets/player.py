"""Player: takes the playhead from snapshot to snapshot, as fast as the views draw. It runs beside the loop's cell.

The kernel plays by itself: each message of a page makes its host redraw signs of a busy kernel, which takes more of a
slow browser than the picture does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence


class Player:
    """Plays on a thread of its own, which ends with the newest snapshot or when it is halted.

    Args:
        steps: the steps that there are to play, asked for each frame: training may add some meanwhile.
        at: the step on show; None is the newest.
        move: takes the views there.
        when_sent: calls its argument when the views have room for another frame.
        ended: called when the newest has been played.
    """

    def __init__(
        self,
        *,
        steps: Callable[[], Sequence[int]],
        at: Callable[[], int | None],
        move: Callable[[int], None],
        when_sent: Callable[[Callable[[], None]], None],
        ended: Callable[[], None],
    ) -> None:
        self._steps, self._at, self._move = steps, at, move
        self._when_sent, self._ended = when_sent, ended
        self._moving = threading.RLock()  # held for a move: none comes after `halt()` has returned
        self._stop: threading.Event | None = None
        self._sent = threading.Event()

    @property
    def playing(self) -> bool:
        """Whether it moves by itself."""
        return self._stop is not None

    def play(self, speed: float) -> None:
        """Go on from the step on show, or from the first one where that is the newest, `speed` steps a second."""
        with self._moving:
            self.halt()
            stop = self._stop = threading.Event()
        threading.Thread(target=self._play, args=(stop, 1 / speed), name="tvw-player", daemon=True).start()

    def halt(self) -> None:
        """Stay where it is."""
        with self._moving:
            if self._stop is not None:
                self._stop.set()
                self._sent.set()
            self._stop = None

    def _play(self, stop: threading.Event, period: float) -> None:
        try:
            step, due = self._first(), time.monotonic()
            while step is not None and not stop.wait(due - time.monotonic()):
                with self._moving:
                    if stop.is_set():
                        return
                    sent = self._sent = threading.Event()
                    self._move(step)
                self._when_sent(sent.set)
                sent.wait()
                due = max(due + period, time.monotonic())
                step = self._after(step)
        finally:
            with self._moving:
                over = self._stop is stop
                if over:
                    self._stop = None
            if over:
                self._ended()

    def _first(self) -> int | None:
        steps, at = self._steps(), self._at()
        following = None if at is None else self._after(at)
        return following if following is not None or not steps else steps[0]

    def _after(self, step: int) -> int | None:
        return next((each for each in self._steps() if each > step), None)
