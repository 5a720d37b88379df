"""Overhead: what watching costs the training thread, and what is left out where it would cost more than it may."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

GRACE = 2.0  # seconds of training before anything is judged: a first batch is traced, and caches are cold
PERIOD = 0.05  # seconds of steps that are counted together
WINDOW = 30.0  # seconds over which the share that is shown fades
SAVINGS = 60.0  # seconds of training whose share may be saved up for something that is due rarely
LEAST = 0.25  # of the cap is left to what is due, also where the hooks of a tiny model's step alone are over it
SLOWEST = 2.5  # times rarer frames may get: four in a second are still alive


class Overhead:
    """Seconds spent in the session's own calls on the training thread, as a share of what the loop takes without them.

    What runs there at a user's wish (edits, restoring, pauses) is left out, and so is what is queued on a device: its
    time is not seen from here.

    Args:
        cap: the share that watching may take; None for no limit.
        clock: seconds.
    """

    def __init__(self, cap: float | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
        self.cap = cap
        self.asked = self.taken = 0  # of what `affords` was asked for since it is judged
        self.clock = clock
        self.spent = 0.0  # seconds; what is measured elsewhere is added to it
        self._left_out = 0.0
        self._since: float | None = None  # the last boundary, and what had been spent and left out by then
        self._seen = self._seen_out = 0.0
        self._trained = 0.0
        self._ours = self._theirs = self._fixed = 0.0
        self._granted = 0.0  # to what is due, since the last boundary
        self._credit = 0.0
        self._largest = 0.0
        self._slowness = 1.0

    def timed(self, action: Callable[..., Any]) -> Callable[..., Any]:
        """`action`, whose time counts; one that is timed calls no other."""

        def call(*args: Any, **kwargs: Any) -> Any:
            began = self.clock()
            try:
                return action(*args, **kwargs)
            finally:
                self.spent += self.clock() - began

        return call

    def leave_out(self, action: Callable[[], None]) -> None:
        """Carry out what a user has asked for, within something that is timed; its time does not count."""
        began = self.clock()
        try:
            action()
        finally:
            seconds = self.clock() - began
            self.spent -= seconds
            self._left_out += seconds

    def begin(self) -> None:
        """A stretch of training begins: what lies between two of them is none of it."""
        self._since, self._seen, self._seen_out = self.clock(), self.spent, self._left_out

    def boundary(self) -> None:
        """A step has ended, on the training thread."""
        if self._since is None:
            self.begin()
            return
        now = self.clock()
        if now - self._since < PERIOD:
            return  # counted with the steps that come next: the arithmetic costs as much as the rest of a hook
        ours = max(0.0, self.spent - self._seen)
        theirs = max(0.0, now - self._since - (self._left_out - self._seen_out) - ours)
        self._since, self._seen, self._seen_out = now, self.spent, self._left_out
        kept = WINDOW / (WINDOW + ours + theirs)  # as good as an exponential here, and no call
        self._ours, self._theirs = self._ours * kept + ours, self._theirs * kept + theirs
        self._fixed = self._fixed * kept + max(0.0, ours - self._granted)
        self._trained += ours + theirs
        if self.cap is not None and self._trained >= GRACE and self._theirs > 0:
            left = max(self.cap - self._fixed / self._theirs, LEAST * self.cap)
            most = max(self.cap * SAVINGS, 2 * self._largest)
            self._credit = min(most, self._credit + left * theirs - self._granted)
        self._granted = 0.0

    @property
    def judged(self) -> bool:
        """Whether enough has been seen to tell what watching costs."""
        return self._trained >= GRACE

    @property
    def share(self) -> float | None:
        """Of the last half minute: 0.01 where watching makes training take 1 % longer; None before it can be told."""
        return self._ours / self._theirs if self.judged and self._theirs > 0 else None

    def affords(self, seconds: float) -> bool:
        """Whether something that is due and takes so long is to be done; asked once each time."""
        if self.cap is not None and self.judged:
            self.asked += 1
            self._largest = max(self._largest, seconds)
            if self._credit < seconds:
                return False
            self.taken += 1
        self._granted += seconds
        return True

    def slowness(self) -> float:
        """How many times rarer frames are to be, asked before each: more while too much is spent, up to `SLOWEST`."""
        over = self.cap is not None and (self.share or 0.0) > self.cap
        self._slowness = min(SLOWEST, self._slowness * 1.25) if over else max(1.0, self._slowness / 1.25)
        return self._slowness

    def savings(self) -> str:
        """What is done more rarely than was asked for, in words; empty where nothing is."""
        parts = []
        if self.taken < self.asked:
            parts.append(f"statistics: {self.taken} of {self.asked} that were due")
        if self._slowness > 1:
            parts.append(f"views redrawn {self._slowness:.1f} times more rarely")
        return "; ".join(parts)


def check_cap(overhead: object) -> float | None:
    """The cap as a share. Raises TypeError and ValueError for what is none."""
    if overhead is None:
        return None
    if isinstance(overhead, bool) or not isinstance(overhead, (int, float)):
        raise TypeError(f"overhead: found {type(overhead).__name__}, expected a share such as 0.02, or None: no limit")
    if not 0 < overhead < 1:
        raise ValueError(f"overhead: found {overhead!r}, expected a share between 0 and 1: overhead=0.02 is 2 %")
    return float(overhead)
