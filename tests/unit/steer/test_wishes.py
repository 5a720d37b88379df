"""Wishes: what is held on a device is put back without waiting for the device."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from torchvis_widgets.steer.wishes import Wishes


class FarKnob:
    """Its value lies on a device: to read it would wait. `schedule()` is a scheduler's `fill_`."""

    name = "lr"

    def __init__(self) -> None:
        self.tensor: Any = SimpleNamespace(is_cpu=False, _version=0)
        self.filled: list[float] = []

    def get(self) -> float:
        raise AssertionError("waited for the device")

    def set(self, value: float) -> None:
        self.filled.append(value)
        self.tensor._version += 1

    schedule = set


@pytest.mark.parametrize(("held", "filled"), [(True, [0.1, 0.5, 0.2, 0.5]), (False, [0.1, 0.2])])
def test_what_is_held_on_a_device_is_put_back_without_reading_it(held: bool, filled: list[float]) -> None:
    knob: Any = FarKnob()
    wishes = Wishes(lambda _: "LambdaLR", lambda *_: pytest.fail("nothing was read"))
    wishes.make(knob, 0.5, 1.0, held=held)
    wishes.look()
    for value in (0.1, 0.2):
        knob.schedule(value)
        wishes.look()
        wishes.look()
    assert knob.filled == filled
