"""Wishes: the values that the user gave, and what becomes of them when a scheduler sets others."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torchvis_widgets.steer.change_log import short
from torchvis_widgets.steer.knobs import Knob, Value


@dataclass
class Wish:
    """The user's `value` for a knob, which held `before`.

    by: what has set `found` instead since, "" while nothing has. A wish that is `held` is put back at every boundary.
    """

    value: Value
    before: Value
    held: bool = False
    by: str = ""
    found: Value | None = None
    version: int = 0  # of the tensor that holds it, where that is on a device


class Wishes:
    """Of the training thread, between two steps.

    Args:
        setter_of: names what sets a knob beside the user; called on the training thread.
        overridden: hears of a wish that is not held and that something else has set, once a wish.
    """

    def __init__(self, setter_of: Callable[[Knob], str], overridden: Callable[[Knob, Wish], None]) -> None:
        self._setter_of, self._overridden = setter_of, overridden
        self.all: dict[Knob, Wish] = {}

    def __getitem__(self, knob: Knob) -> Wish | None:
        return self.all.get(knob)

    def __len__(self) -> int:
        return len(self.all)

    def make(self, knob: Knob, value: Value, before: Value, *, held: bool) -> None:
        """The user has given `value`, in place of an older wish."""
        self.all[knob] = Wish(value, before, held, version=_version(knob))

    def hold(self, knob: Knob, held: bool) -> None:
        """Put the wish back from now on whenever something else sets the knob, or let it go."""
        old = self.all.get(knob)
        value = old.value if old is not None and held else knob.get()
        self.all[knob] = Wish(value, value, held, version=_version(knob))
        if held:
            self._put_back(knob, self.all[knob])

    def forget(self) -> None:
        """The training has gone back to a snapshot."""
        self.all.clear()

    def look(self) -> None:
        """Before a step: put back what is held, and notice what is set otherwise. Waits for no device."""
        for knob, wish in list(self.all.items()):
            if wish.by and not wish.held:
                continue
            try:
                self._look_at(knob, wish)
            except (LookupError, AttributeError):  # the optimizer, its group or the module is gone
                del self.all[knob]

    def _look_at(self, knob: Knob, wish: Wish) -> None:
        tensor = knob.tensor
        if tensor is not None and not tensor.is_cpu:
            if wish.held and tensor._version != wish.version:
                self._put_back(knob, wish)
            return
        now = knob.get()
        if _same(now, wish.value):
            return
        if not wish.by:
            wish.by, wish.found = self._setter_of(knob), now
            if not wish.held:
                self._overridden(knob, wish)
        if wish.held:
            self._put_back(knob, wish)

    def _put_back(self, knob: Knob, wish: Wish) -> None:
        knob.set(wish.value)
        wish.version = _version(knob)


def override_text(knob: Knob, wish: Wish) -> str:
    """`StepLR set lr back to 0.1`, or where it went on from the user's value: `ExponentialLR took lr on to 0.009`."""
    if wish.held:
        return f"{knob.name} is held at {short(wish.value)} against {wish.by}"
    found = wish.value if wish.found is None else wish.found
    if abs(found - wish.before) <= abs(found - wish.value):
        return f"{wish.by} set {knob.name} back to {short(found)}"
    return f"{wish.by} took {knob.name} on from {short(wish.value)} to {short(found)}"


def _version(knob: Knob) -> int:
    tensor = knob.tensor
    return 0 if tensor is None else tensor._version


def _same(one: Value, other: Value) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))
