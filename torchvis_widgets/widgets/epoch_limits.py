"""Colour limits that hold for a layer over all epochs, found beside the frames that are painted with them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from torchvis_widgets.look.errors import LookError
from torchvis_widgets.widgets.viewing.history import At
from torchvis_widgets.widgets.viewing.latest import Latest, Stale
from torchvis_widgets.widgets.viewing.spread import spread

Limits = tuple[float, float]

_MOST_SNAPSHOTS = 8
_CALM = 0.2  # seconds


class EpochLimits:
    """Looks at several snapshots for the limits, which takes as many forward passes: a click must not wait for that.

    `found()` is called on a thread of its own when better limits are known than `of()` gave last.
    """

    def __init__(self, found: Callable[[], None], on_error: Callable[[Exception], None]) -> None:
        self._found = found
        self._latest = Latest("tvw-limits", on_error, calm=_CALM)
        self._each: dict[tuple[Hashable, Hashable], Limits] = {}
        self._known: dict[Hashable, tuple[tuple[At, ...], Limits | None]] = {}
        self._wanted: tuple[Hashable, tuple[At, ...]] | None = None
        self.close = self._latest.close

    def of(self, what: Hashable, places: Sequence[At], limits_at: Callable[[int | None], Limits]) -> Limits | None:
        """The limits of `what` known by now, None before the first are; more snapshots than last time are looked at."""
        wanted, known = tuple(spread(places, _MOST_SNAPSHOTS)), self._known.get(what)
        if (known is None or known[0] != wanted) and self._wanted != (what, wanted):
            self._wanted = what, wanted
            self._latest.want(lambda stale: self._search(what, wanted, limits_at, stale))
        return known[1] if known else None

    def _search(
        self, what: Hashable, places: tuple[At, ...], limits_at: Callable[[int | None], Limits], stale: Stale
    ) -> None:
        found: list[Limits] = []
        for step, place in places:
            if stale():
                return
            try:
                found.append(self._at(what, step, place, limits_at))
            except LookError:  # one snapshot that cannot be read must not take the others' limits away
                continue
        before = self._known.get(what)
        limits = _together(found)
        self._known[what] = places, limits
        if before is None or before[1] != limits:
            self._found()

    def _at(
        self, what: Hashable, step: int | None, place: Hashable, limits_at: Callable[[int | None], Limits]
    ) -> Limits:
        if place is None:  # the live state may change at any time
            return limits_at(step)
        if (what, place) not in self._each:
            self._each[what, place] = limits_at(step)
        return self._each[what, place]


def _together(found: Sequence[Limits]) -> Limits | None:
    if not found:
        return None  # the frame itself says why
    hi = max(hi for _, hi in found)
    return (-hi if any(lo < 0 for lo, _ in found) else 0.0), hi
