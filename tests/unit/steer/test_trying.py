"""Tries: while an edit is dragged it gives bit for bit what `preview()` gives, and what takes long is done once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from torchvis_widgets.steer import drag
from torchvis_widgets.steer.edits import Edit, EditError
from torchvis_widgets.steer.log import EditLog
from torchvis_widgets.steer.packed import Packed

SHARES = (0.1, 0.5, 0.0, 0.5, 1.0, 0.37)
MASK = Packed.of(torch.arange(48).reshape(8, 6) % 3 == 0)


def weights(kind: torch.dtype = torch.float32) -> dict[str, Tensor]:
    drawn = torch.randn(8, 6, generator=torch.Generator().manual_seed(1))
    return {"w": drawn.to(kind), "b": torch.arange(8.0), "n": torch.tensor(3)}


@pytest.fixture
def log() -> EditLog:
    return EditLog(dict)


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """NaN and the sign of 0 included."""
    bits = [each.contiguous().flatten().view(torch.uint8) for state in (one, other) for each in state.values()]
    return one.keys() == other.keys() and all(map(torch.equal, bits[: len(one)], bits[len(one) :]))


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("place", [{}, {"index": ((2, 5),)}, {"index": (3,)}, {"where": MASK}])
@pytest.mark.parametrize("op", ["noise", "prune", "gain"])
def test_a_drag_gives_the_bits_of_the_edit(log: EditLog, op: Any, place: dict[str, Any], kind: torch.dtype) -> None:
    state = weights(kind)
    for share in SHARES:
        edits = (
            Edit("b", "shift", None, 1.0),
            Edit("w", op, value=share, seed=5, **place),
            Edit("w", "gain", None, 2.0),
        )
        assert same(log.try_out(state, edits), log.preview(state, edits)), share
    assert same(state, weights(kind))


@pytest.mark.parametrize(
    "values", [[2.0, -2.0, 2.0, 1.0, -1.0, 2.0], [0.0, -0.0, 0.0, 1.0, -0.0, 0.0],
               [float("nan"), 1.0, -1.0, float("inf"), 0.5, float("nan")], [1.0] * 6],
)  # fmt: skip
def test_of_equals_and_of_what_is_not_finite_the_same_are_pruned(log: EditLog, values: list[float]) -> None:
    state = {"w": torch.tensor(values)}
    for share in (0.1, 0.2, 0.34, 0.5, 0.67, 0.84, 1.0):
        edits = (Edit("w", "prune", None, share),)
        assert same(log.try_out(state, edits), log.preview(state, edits)), share


def test_what_takes_long_is_done_once_a_drag(log: EditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    spread, order = drag.spread, drag.ordered
    monkeypatch.setattr(drag, "spread", lambda x: done.append("noise") or spread(x))
    monkeypatch.setattr(drag, "ordered", lambda x: done.append("prune") or order(x))
    state, before = weights(), Edit("w", "gain", None, 0.5)
    for value in SHARES:
        log.try_out(state, (before, Edit("w", "noise", None, value, seed=3)))
    for value in SHARES:
        log.try_out(state, (before, Edit("w", "noise", None, 0.2, seed=3), Edit("w", "prune", None, value)))
    assert done == ["noise", "prune"]
    log.try_out(state, (before, Edit("w", "noise", None, 0.2, seed=4)))
    for value in (0.2, 0.3):
        log.try_out({"w": state["w"] + 1}, (Edit("w", "noise", None, value, seed=4),))
    assert done[2:] == ["noise", "noise", "noise"]  # another seed, other values


def test_edits_come_and_go_in_any_order(log: EditLog) -> None:
    state, other = weights(), {**weights(), "b": torch.ones(8)}
    one, two, three = Edit("w", "noise", None, 0.3, seed=1), Edit("b", "gain", None, 0.5), Edit("w", "prune", None, 0.4)
    asked = [(one,), (one, two), (two,), (two, three), (one, two, three), (one, three), (), (three,), (three, one)]
    for edits in [*asked, *reversed(asked), *asked]:
        for each in (state, other):
            assert same(log.try_out(each, edits), log.preview(each, edits)), edits
    assert log.try_out(state, asked[0]) is log.try_out(dict(state), asked[0])
    assert log.try_out(state, ()) is state


def test_an_edit_that_does_not_fit_is_refused_each_time(log: EditLog) -> None:
    state = {"w": torch.ones(4), "h": torch.full((3,), 6e4, dtype=torch.float16)}
    fine = Edit("w", "gain", None, 0.5)
    for _ in range(2):
        for wrong in (Edit("w", "noise", None, 0.5), Edit("h", "gain", None, 9.0), Edit("no", "gain", None, 1.0)):
            with pytest.raises(EditError):
                log.try_out(state, (fine, wrong))
        assert same(log.try_out(state, (fine,)), log.preview(state, (fine,)))
