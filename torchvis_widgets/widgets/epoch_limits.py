"""Colour limits that hold for a layer over all epochs, found beside the frames that are painted with them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from torchvis_widgets.look.errors import LookError
from torchvis_widgets.look.observer import Observer

Limits = tuple[float, float]
Place = tuple[int, str, int]  # observer, key, sample
Steps = tuple[int | None, ...]


class EpochLimits:
    """Looks at several snapshots for the limits, which takes as many forward passes: a click must not wait for that.

    `found()` is called on a thread of its own when better limits are known than `of()` gave last.
    """

    def __init__(self, found: Callable[[], None]) -> None:
        self._found = found
        self._known: dict[Place, tuple[Steps, Limits | None]] = {}
        self._wanted: tuple[Observer, Place, Steps] | None = None
        self._lock = threading.Lock()
        self._searching = False

    def of(self, observer: Observer, key: str, sample: int, steps: Sequence[int | None]) -> Limits | None:
        """The limits known by now, None before the first are; more snapshots than last time start a new search."""
        place, wanted = (id(observer), key, sample), tuple(steps)
        known = self._known.get(place)
        if known is None or known[0] != wanted:
            self._search(observer, place, wanted)
        return known[1] if known else None

    def _search(self, observer: Observer, place: Place, steps: Steps) -> None:
        with self._lock:
            self._wanted = observer, place, steps  # the latest wins: nobody waits for the ones before
            if self._searching:
                return
            self._searching = True
        threading.Thread(target=self._work, name="tvw-limits", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                wanted, self._wanted = self._wanted, None
                if wanted is None:
                    self._searching = False
                    return
            observer, place, steps = wanted
            before = self._known.get(place)
            limits = _limits(observer, place, steps)
            self._known[place] = steps, limits
            if before is None or before[1] != limits:
                self._found()


def _limits(observer: Observer, place: Place, steps: Steps) -> Limits | None:
    try:
        return observer.limits(place[1], steps, place[2])
    except LookError:  # the frame itself says why
        return None
