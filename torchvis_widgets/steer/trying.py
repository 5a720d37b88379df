"""Tries: previews of states that stay as they are, for whom asks again and again while one of the edits is dragged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from torch import Tensor

from torchvis_widgets.steer.drag import Drag
from torchvis_widgets.steer.edits import Edit
from torchvis_widgets.steer.outcome import outcome
from torchvis_widgets.steer.preview import Made

__all__ = ["Tries"]

KEPT = 2  # states: the one on show, and the one that it is compared with

State = Mapping[str, Tensor]
Make = Callable[[State, Sequence[Edit], Made], dict[str, Tensor]]


@dataclass(frozen=True)
class _Try:
    """A state with edits made, and on the way there the state before the edit that was the last to differ."""

    base: State
    edits: tuple[Edit, ...]
    state: State
    before: State
    place: int
    drag: Drag | None


class Tries:
    """States with edits made on them; `make` makes edits, with what an edit makes of values given."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._kept: tuple[_Try, ...] = ()

    def of(self, base: State, edits: tuple[Edit, ...]) -> State:
        """The state with the edits made; neither is ever to be changed in place. Raises EditError."""
        if not edits:
            self._kept = ()  # nothing is tried any more: a large model's states take room
            return base
        last = next((each for each in self._kept if _same(each.base, base)), None)
        if last is None or last.edits != edits:
            made = self._tried(last or _Try(dict(base), (), base, base, 0, None), edits)
            self._kept = (made, *(each for each in self._kept if each is not last))[:KEPT]
            return made.state
        return last.state

    def _tried(self, last: _Try, edits: tuple[Edit, ...]) -> _Try:
        place = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(last.edits, edits, strict=False)))
        if place == len(last.edits):
            before = last.state
        else:
            before = last.before if place == last.place else self._make(last.base, edits[:place], outcome)
        if place == len(edits):
            return _Try(last.base, edits, before, before, place, None)
        dragged, others = edits[place], edits[place + 1 :]
        goes_on = before is last.before and last.drag is not None and last.drag.goes_on(dragged)
        drag = last.drag if goes_on and last.drag is not None else Drag(dragged)
        state = self._make(before, (dragged,), drag.made)
        return _Try(last.base, edits, self._make(state, others, outcome) if others else state, before, place, drag)


def _same(one: State, other: State) -> bool:
    """Whether two states hold the very same tensors."""
    return one.keys() == other.keys() and all(tensor is other[name] for name, tensor in one.items())
