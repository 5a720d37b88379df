"""Prefetcher: computes the frames that play or a drag will ask for next, beside the ones on screen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

AHEAD = 2  # frames
STRIDE = 8  # the longest jump that says anything about the next


def upcoming(steps: Sequence[int], before: int | None, now: int | None) -> list[int]:
    """The steps after `now` when the playhead goes on as it came from `before`; None stands for the newest."""
    places = {step: place for place, step in enumerate(steps)}
    newest = len(steps) - 1
    here, there = (places.get(step, newest) if step is not None else newest for step in (now, before))
    stride = here - there
    if not 0 < abs(stride) <= STRIDE:
        return []
    wanted = range(here + stride, here + (AHEAD + 1) * stride, stride)
    return [steps[place] for place in wanted if 0 <= place <= newest]


class Prefetcher:
    """Calls `compute(step)` for what was asked for last, on a thread of its own that ends when there is no more."""

    def __init__(self, compute: Callable[[int], None]) -> None:
        self._compute = compute
        self._wanted: list[int] = []
        self._at: int | None = None
        self._working = False
        self._changed = threading.Condition()

    def aim(self, steps: Sequence[int]) -> None:
        """Compute these, in this order, instead of what was asked for before."""
        with self._changed:
            self._wanted = list(steps)
            if self._working or not self._wanted:
                return
            self._working = True
        threading.Thread(target=self._work, name="tvw-prefetch", daemon=True).start()

    def wait_for(self, step: int, seconds: float) -> None:
        """Wait while just this step is being computed: to begin it again would take longer."""
        with self._changed:
            self._changed.wait_for(lambda: self._at != step, seconds)

    def _work(self) -> None:
        while (step := self._next()) is not None:
            self._compute(step)

    def _next(self) -> int | None:
        with self._changed:
            self._at = self._wanted.pop(0) if self._wanted else None
            self._working = self._at is not None
            self._changed.notify_all()
            return self._at
