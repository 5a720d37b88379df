"""Edited: the weights that the sliders show, with the edits that are tried on them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from torch import Tensor

from torchvis_widgets.session import Session
from torchvis_widgets.steer.edits import Edit

__all__ = ["Edited", "Found"]

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Found:
    """A state: what tells it from every other (None where nothing does), and what loads it."""

    token: Hashable
    load: Callable[[], State]


class Edited:
    """States of one session, by name of tensor; the last one loaded is kept, as a drag asks for it again."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._base: tuple[Hashable, State] | None = None

    def find(self, step: int | None) -> Found:
        """The state at a snapshot, or of now (None): of a large model that takes milliseconds."""
        if step is not None:
            return Found((False, self._session.run.snapshot(step=step).place), lambda: self._session.view_state(step))
        version = self._session.live()
        return Found(None if version.token is None else (True, version.token), version.load)

    def base(self, found: Found) -> State:
        """The state as it is."""
        kept = self._base
        if found.token is None or kept is None or kept[0] != found.token:
            self._base = kept = found.token, found.load()
        return kept[1]

    def state(self, found: Found, edits: tuple[Edit, ...]) -> State:
        """The state with the edits made. Raises EditError."""
        return self._session.edits.try_out(self.base(found), edits)
