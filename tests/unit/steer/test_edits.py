from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from torchvis_widgets.steer import Edit, EditError, EditLog, apply


@pytest.fixture
def model() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


def tensors(model: nn.Module) -> dict[str, Tensor]:
    return model.state_dict()


def bits(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def gain(value: float, tensor: str = "0.weight", index: tuple[int, ...] | None = None) -> Edit:
    return Edit(tensor, "gain", index, value)


def test_a_preview_copies_only_what_it_touches(model: nn.Module) -> None:
    state, before = tensors(model), bits(model)
    edited = apply(state, [gain(2.0), gain(0.0, index=(1,)), Edit("3.weight", "set", (1, 2), 0.25)])
    expected = before["0.weight"] * 2
    expected[1] = 0
    assert torch.equal(edited["0.weight"], expected)
    assert edited["3.weight"][1, 2] == 0.25
    assert int((edited["3.weight"] != before["3.weight"]).sum()) == 1
    assert same(state, before)
    assert [name for name in state if edited[name] is not state[name]] == ["0.weight", "3.weight"]


def test_tied_tensors_change_together() -> None:
    weight = torch.ones(3)
    shared = apply({"a": weight, "b": weight, "c": torch.ones(3)}, [gain(2.0, "b")])
    assert [shared[name].tolist()[0] for name in "abc"] == [2, 2, 1]
    read_twice = {"a": torch.ones(3), "b": torch.ones(3)}
    assert apply(read_twice, [gain(2.0, "b")])["a"].tolist() == [1, 1, 1]
    edited = apply(read_twice, [gain(2.0, "b"), gain(2.0, "a")], tied=[("a", "b")])
    assert edited["a"].tolist() == edited["b"].tolist() == [4, 4, 4]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (gain(2.0, "0.wieght"), "no tensor '0.wieght'; the nearest are '0.weight'"),
        (gain(2.0, index=(4,)), r"'0.weight' has no element \[4\]: its shape is \(4, 1, 3, 3\), counted from 0"),
        (gain(2.0, index=(-1,)), r"no element \[-1\]"),
        (gain(2.0, index=(0, 0, 0, 0, 0)), "no element"),
        (gain(float("nan")), "nan is no finite value for '0.weight'; pass a finite number"),
        (gain(float("inf")), "inf is no finite value"),
        (gain(1e39), "1e.39 is no finite value"),
        (gain(2.0, "1.num_batches_tracked"), "is of type int64; only floating-point tensors can be edited"),
        (Edit("0.weight", "scale", None, 1.0), "op is 'gain', .* or 'blend', not 'scale'"),  # type: ignore[arg-type]
    ],
)
def test_what_does_not_fit_is_refused_before_anything_changes(model: nn.Module, edit: Edit, words: str) -> None:
    log, before = EditLog(lambda: tensors(model)), bits(model)
    with pytest.raises(EditError, match=words):
        apply(tensors(model), [edit])
    with pytest.raises(EditError, match=words):
        log.apply(edit, step=0)
    assert same(tensors(model), before)
    assert len(log) == 0


def test_a_live_edit_is_made_in_place_and_undone_to_the_bit(model: nn.Module) -> None:
    log, before, weight = EditLog(lambda: tensors(model)), bits(model), model[0].weight
    log.apply(gain(0.3), step=5)
    log.apply(Edit("0.weight", "set", (1, 0, 2, 2), 7.0), step=5)
    log.apply(gain(0.0, "3.bias"), step=5)
    assert model[0].weight is weight
    assert weight[1, 0, 2, 2] == 7
    assert torch.equal(weight[0], before["0.weight"][0] * 0.3)
    assert weight.requires_grad
    assert [edit.tensor for edit in log.edits] == ["0.weight", "0.weight", "3.bias"]
    assert [edit.op for edit in (log.undo(step=5), log.undo(step=5), log.undo(step=5)) if edit] == [
        "gain",
        "set",
        "gain",
    ]
    assert same(tensors(model), before)
    assert log.undo(step=5) is None


def train(model: nn.Module) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.5


def test_after_a_step_undo_keeps_what_training_has_changed(model: nn.Module) -> None:
    log, before = EditLog(lambda: tensors(model)), bits(model)
    log.apply(gain(2.0), step=5)
    train(model)
    log.undo(step=6)
    assert torch.allclose(model[0].weight, before["0.weight"] + 0.25)
    log.apply(Edit("0.weight", "set", (0, 0, 0, 0), 9.0), step=6)
    value = model[1].bias[0].item()
    log.apply(gain(0.0, "1.bias"), step=6)
    train(model)
    log.undo(step=7)
    assert model[1].bias[0].item() == value  # nothing else leads back from 0
    log.undo(step=7)
    assert model[0].weight[0, 0, 0, 0].item() == pytest.approx(float(before["0.weight"][0, 0, 0, 0]) + 0.25)


@given(st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=20))
def test_a_drag_is_one_transaction_and_only_its_last_value_counts(values: list[float]) -> None:
    model = nn.Linear(3, 3)
    log, before = EditLog(lambda: tensors(model)), bits(model)
    log.apply(gain(values[0], "weight", (1,)), step=2)
    for value in values[1:]:
        log.amend(gain(value, "weight", (1,)), step=2)
    assert len(log) == 1
    assert torch.equal(model.weight[1], before["weight"][1] * values[-1])
    log.undo(step=2)
    assert same(tensors(model), before)


def test_a_drag_across_steps_goes_on_by_ratio(model: nn.Module) -> None:
    log, before = EditLog(lambda: tensors(model)), bits(model)
    log.apply(gain(2.0), step=0)
    train(model)
    log.amend(gain(3.0), step=1)
    assert torch.allclose(model[0].weight, (before["0.weight"] * 2 + 0.5) * 1.5)
    log.amend(gain(0.0), step=1)
    assert not model[0].weight.any()
    log.amend(gain(4.0), step=2)
    assert torch.allclose(model[0].weight, (before["0.weight"] + 0.25) * 4)  # what training did first is kept
    assert log.edits == [gain(4.0)]
    log.amend(gain(4.0, "3.bias"), step=2)  # another tensor: a transaction of its own
    assert len(log) == 2


def test_amending_a_set_keeps_the_value_that_undo_restores(model: nn.Module) -> None:
    log, before = EditLog(lambda: tensors(model)), bits(model)
    for step, value in enumerate((0.1, 0.2, 0.3)):
        log.amend(Edit("3.weight", "set", (0, 0), value), step=step)
        assert model[3].weight[0, 0].item() == pytest.approx(value)
    assert len(log) == 1
    log.undo(step=9)
    assert same(tensors(model), before)


def test_a_gain_that_half_precision_rounds_to_nothing_is_undone_from_its_bits() -> None:
    weight = torch.full((3,), 0.01, dtype=torch.float16)
    log = EditLog(lambda: {"weight": weight})
    log.apply(gain(1e-6, "weight"), step=0)
    assert not weight.any()
    log.undo(step=1)
    assert torch.allclose(weight, torch.tensor(0.01, dtype=torch.float16))


def test_a_graph_that_the_loop_still_holds_survives_an_edit(model: nn.Module) -> None:
    """Two networks in one loop: at the step boundary of one the other's backward() may still be to come."""
    loss = model[3](torch.randn(2, 4, requires_grad=True)).sum()
    EditLog(lambda: tensors(model)).apply(gain(2.0, "3.weight"), step=0)
    loss.backward()


def test_the_version_tells_of_every_change(model: nn.Module) -> None:
    log = EditLog(lambda: tensors(model))
    versions: list[Any] = [log.version]
    for change in (
        lambda: log.apply(gain(2.0), step=0),
        lambda: log.amend(gain(3.0), step=0),
        lambda: log.undo(step=0),
    ):
        change()
        versions.append(log.version)
    assert versions == sorted(set(versions))


def test_any_number_is_undone_and_beyond_a_number_of_bytes_the_oldest_are_not(model: nn.Module) -> None:
    log, before = EditLog(lambda: tensors(model)), bits(model)
    for number in range(300):
        log.apply(gain(1.01, "3.bias", (number % 2,)), step=0)
    while log.undo(step=0) is not None:
        pass
    assert same(tensors(model), before)
    assert len(log.undone) == 300

    log = EditLog(lambda: tensors(model), most_bytes=5_000)
    for _ in range(20):
        log.apply(gain(1.01, "3.bias"), step=0)
    for _ in range(4):
        log.undo(step=0)
    with pytest.raises(EditError, match=r"3\.bias × 1\.01 cannot be undone: .* more than 5,000 bytes; go back with"):
        log.undo(step=0)
    assert len(log) == 16
