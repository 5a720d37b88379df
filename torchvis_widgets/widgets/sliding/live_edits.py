"""LiveEdits: edits of the model itself, carried out at a step boundary; a drag is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as NotYet
from dataclasses import replace
from typing import Any

from torchvis_widgets.live import state_of
from torchvis_widgets.session import Session
from torchvis_widgets.steer.edits import Edit

__all__ = ["BOUNDARY_SECONDS", "LiveEdits"]

BOUNDARY_SECONDS = 10.0  # how long an edit waits for the end of the step before the view hears of the delay


class LiveEdits:
    """What the sliders do to the model of a session; `changes` counts what they have done."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._dragged: Edit | None = None
        self.changes = 0

    @property
    def dragged(self) -> Edit | None:
        """The edit that a slider being dragged amends."""
        return self._dragged

    def put(self, edit: Edit, done: bool) -> None:
        """Make an edit, or give the one that is being dragged another value. Raises EditError."""
        log, step = self._session.edits, self._step
        same = self._dragged is not None and replace(edit, value=self._dragged.value) == self._dragged
        change = log.amend if same else log.apply
        self._at_boundary(lambda: change(edit, step=step()))
        self._dragged = None if done else edit

    def put_all(self, edits: Sequence[Edit]) -> None:
        """Make several edits, each a transaction, or none of them. Raises EditError."""
        self._dragged = None
        self._at_boundary(lambda: self._make_all(edits))

    def undo(self) -> None:
        """Take the newest transaction back. Raises EditError."""
        self._dragged = None
        self._at_boundary(lambda: self._session.edits.undo(step=self._step()))

    def redo(self) -> None:
        """Make the transaction again that was taken back last. Raises EditError."""
        self._dragged = None
        self._at_boundary(lambda: self._session.edits.redo(step=self._step()))

    def _make_all(self, edits: Sequence[Edit]) -> None:
        session, log = self._session, self._session.edits
        assert session.model is not None
        log.preview(state_of(session.model), edits)  # all of them fit, or this raises
        for edit in edits:
            log.apply(edit, step=self._step())

    def _step(self) -> int:
        return self._session.loop.step

    def _at_boundary(self, command: Callable[[], Any]) -> None:
        session = self._session

        def carried_out() -> None:
            command()
            session.keep_live()

        future = session.mailbox.put(carried_out)
        try:
            future.result(timeout=BOUNDARY_SECONDS)
        except NotYet:
            raise TimeoutError("the step under way is taking long; the edit will be made when it ends") from None
        finally:
            self.changes += 1
