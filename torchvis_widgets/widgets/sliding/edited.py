"""Edited: the weights that the sliders show, with the edits that are tried on them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

from torch import Tensor

from torchvis_widgets.session import Session
from torchvis_widgets.steer.edits import Edit

__all__ = ["Edited"]

State = dict[str, Tensor]


class Edited:
    """States of one session, by name of tensor; the last one asked for is kept, as a drag asks for it again."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._base: tuple[Hashable, State] | None = None
        self._made: tuple[Hashable, State] | None = None

    def token(self, step: int | None) -> Hashable:
        """What tells the state at a snapshot, or of now (None), from every other; None where it cannot be told."""
        return self._found(step)[0]

    def base(self, step: int | None) -> State:
        """The state as it is."""
        return self._based(*self._found(step))

    def state(self, step: int | None, edits: tuple[Edit, ...]) -> State:
        """The state with the edits made. Raises EditError."""
        return self.both(step, edits)[1]

    def both(self, step: int | None, edits: tuple[Edit, ...]) -> tuple[State, State]:
        """The state as it is, and with the edits made. Raises EditError."""
        token, load = self._found(step)  # once: of a large model it takes milliseconds
        base, kept = self._based(token, load), self._made
        if not edits:
            return base, base
        if token is None or kept is None or kept[0] != (token, edits):
            self._made = kept = (token, edits), self._session.edits.preview(base, edits)
        return base, kept[1]

    def _found(self, step: int | None) -> tuple[Hashable, Callable[[], Mapping[str, Tensor]]]:
        """The token, and what loads the very state that it is of: the loop may go on in between."""
        if step is not None:
            return (False, self._session.run.snapshot(step=step).place), lambda: self._session.view_state(step)
        version = self._session.live()
        return None if version.token is None else (True, version.token), version.load

    def _based(self, token: Hashable, load: Callable[[], Mapping[str, Tensor]]) -> State:
        kept = self._base
        if token is None or kept is None or kept[0] != token:
            self._base = kept = token, dict(load())
        return kept[1]
