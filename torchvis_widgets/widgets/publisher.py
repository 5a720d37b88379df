"""The one thread that sends to the front end on its own account: latest wins, ten times a second at most."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Protocol

PERIOD = 0.1  # seconds, while a loop runs
SLOWEST = 1.0  # seconds, however slow the browser, or the loop that holds the interpreter's lock
IDLE_PERIOD = 1.0  # seconds, while none does: what users do is published at once, by the thread that hears of it
PATIENCE = 1.0  # seconds that an answer waits for a view which does not say that it has drawn
GRACE = 0.2  # seconds that what only goes along with a picture waits for this to be drawn


class Shown(Protocol):
    """What the publisher needs of a widget."""

    @property
    def turn(self) -> int:
        """When it is refreshed: 0 at once, 1 when a picture that was sent before has been drawn."""

    @property
    def shown(self) -> bool:
        """Whether some view of it is on screen."""

    @property
    def known(self) -> bool:
        """Whether some front end has a view of it."""

    @property
    def drawing(self) -> bool:
        """Whether something sent has yet to be drawn."""

    @property
    def behind(self) -> bool:
        """Whether its views have yet to draw so much that something was held back, or soon would be."""

    def keep_still(self) -> None:
        """Put what a view would draw into the state that is saved with the notebook."""

    def prefetch(self, step: int) -> None:
        """Compute what it would draw at a snapshot."""

    def refresh(self) -> None:
        """Send what has changed since the last time."""


class Publisher:
    """Refreshes the shown widgets of one session, on its own thread while `live()` and on any other when asked.

    `moving()` tells whether a loop runs, `slowness()` how many times rarer than usual its frames are to be.
    """

    def __init__(
        self,
        live: Callable[[], bool],
        moving: Callable[[], bool],
        on_error: Callable[[Exception], None],
        slowness: Callable[[], float] = lambda: 1.0,
    ) -> None:
        self._live, self._moving, self._slowness = live, moving, slowness
        self._on_error = on_error
        self._widgets: weakref.WeakSet[Shown] = weakref.WeakSet()
        self._lock = threading.RLock()
        self._answers: list[Callable[[], None]] = []
        self._owing = False  # to the widgets whose turn comes when a picture has been drawn
        self._overdue: threading.Timer | None = None
        self._delay = 0.0  # seconds that what is sent takes until it is drawn, smoothed
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, widget: Shown) -> None:
        """Refresh `widget` from now on, as long as somebody holds it."""
        self._widgets.add(widget)
        if self._thread is None and self._live():
            self._thread = threading.Thread(
                target=_publish_until_gone, args=(weakref.ref(self), self._wake), name="tvw-publisher", daemon=True
            )
            self._thread.start()

    def shown(self) -> list[Shown]:
        """The widgets on screen."""
        return sorted((widget for widget in list(self._widgets) if widget.shown), key=lambda widget: widget.turn)

    def publish(self, asked_by: Shown | None = None) -> None:
        """Send, from the calling thread, whatever has changed in the widgets on screen.

        Those of a later turn wait until the browser has drawn, but for the one that `asked_by` tells.
        """
        with self._lock:
            shown, waited = self.shown(), self._owing
            for widget in shown:
                if not widget.turn or widget is asked_by:
                    self._guarded(widget.refresh)
                else:
                    self._owing = True
            if not any(widget.drawing for widget in shown if not widget.turn):
                self.drawn()
                return
            if self._owing and not waited:
                self._overdue = _later(GRACE, self.drawn)
            self.settle()

    def drawn(self) -> None:
        """Something has been drawn, or took too long: it is the turn of those that waited."""
        with self._lock:
            owing, self._owing = self._owing, False
            for widget in self.shown() if owing else ():
                if widget.turn:
                    self._guarded(widget.refresh)
            self.settle()

    def when_sent(self, then: Callable[[], None]) -> None:
        """Call `then` when no widget on screen is behind; soon in any case."""
        with self._lock:
            self._answers.append(then)
            self.settle()
            if not self._answers:
                return
        _later(PATIENCE, lambda: self.settle(at_once=True))

    def settle(self, at_once: bool = False) -> None:
        """Give the answers that wait, if no widget on screen is behind any more."""
        with self._lock:
            if not self._answers or (not at_once and any(widget.behind for widget in self.shown())):
                return
            answers, self._answers = self._answers, []
        for then in answers:
            self._guarded(then)

    def keep_stills(self) -> None:
        """Bring the saved state of widgets that no front end has up to date."""
        with self._lock:
            for widget in list(self._widgets):
                if not widget.known:
                    self._guarded(widget.keep_still)

    def still_live(self) -> bool:
        """Whether there is anything left to wait for."""
        return self._live()

    def heard(self, seconds: float) -> None:
        """Take in that what was sent so many seconds ago has been drawn."""
        self._delay += 0.2 * (min(seconds, SLOWEST) - self._delay)

    def period(self) -> float:
        """Seconds until the next round: half of the time at least is left to others."""
        if not self._moving():
            return IDLE_PERIOD
        return max(PERIOD * self._slowness(), min(SLOWEST, 2 * self._delay))

    def close(self) -> None:
        """End the thread after a last round; nothing of that is left to be sent later."""
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5.0)
        self._thread = None
        with self._lock:
            if self._overdue is not None:
                self._overdue.cancel()
            self.drawn()

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # one view's failure must not silence the others
            self._on_error(error)


def _later(seconds: float, act: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    return timer


def _publish_until_gone(publisher: weakref.ref[Publisher], wake: threading.Event) -> None:
    period = PERIOD
    while True:
        wake.wait(period)
        owner = publisher()
        if owner is None:
            return
        live = owner.still_live()
        owner.publish()
        if not live:
            return
        period = owner.period()
        del owner
