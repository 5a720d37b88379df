"""What the criterion's own calls become: train/loss at each step, val/loss as the mean of each pass."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import torchvis_widgets as tvw
from tests.unit.session.training import data, setup, steps
from torchvis_widgets.taps import PART, LossTap


def evaluated(model: nn.Module, criterion: nn.Module, batches: int) -> float:
    """The mean loss of a pass in eval mode."""
    model.eval()
    losses = [criterion(model(x), y).item() for x, y in data(batches)]
    model.train()
    return sum(losses) / batches


def logged(session: tvw.Session, name: str) -> tuple[list[int], list[float]]:
    table = session.run.metrics()
    rows = table[table["name"] == name]
    return rows["step"].tolist(), rows["value"].tolist()


@pytest.mark.parametrize("inside", ["epochs", "batches", "a bare loop"])
def test_each_pass_in_eval_mode_is_one_val_loss(inside: str) -> None:
    model, optimizer, criterion = setup()
    expected, at = [], []
    with tvw.watch(model, optimizer, criterion) as session:
        for _ in session.epochs(2) if inside == "epochs" else range(2):
            batches = data(4) if inside == "a bare loop" else session.batches(data(4))
            for place, _ in enumerate(steps(model, optimizer, criterion, batches)):
                if place % 2:  # twice an epoch, the second time at its end
                    expected.append(evaluated(model, criterion, 3))
                    at.append(session.loop.step)
        assert len(logged(session, "val/loss")[0]) >= 3  # whether a bare loop goes on after the last pass, nobody knows
    assert logged(session, "val/loss") == (at, pytest.approx(expected))
    assert at == [2, 4, 6, 8]
    assert logged(session, "train/loss")[0] == list(range(1, 9))


def test_passes_are_told_apart_where_the_training_loss_is_another() -> None:
    model, optimizer, criterion = setup()
    expected = []
    with tvw.watch(model, optimizer, criterion) as session:
        for x, y in data(3):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
            expected.append(evaluated(model, criterion, 2))
    assert logged(session, "val/loss") == ([1, 2, 3], pytest.approx(expected))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.bfloat16])
def test_losses_of_a_long_stretch_are_summed_up_and_not_held(training: bool, kind: torch.dtype) -> None:
    found: list[float] = []
    tap = LossTap(lambda step, epoch, values: found.extend(map(float, values.values())))
    numbers = torch.arange(3.0 * PART + 7).to(kind)
    for number in numbers:
        tap.returned(number, training, 0, 0.0)
        assert len(tap._trained._newest) + len(tap._evaluated._newest) < PART
    tap.stepped(1, 0.1)
    tap.finish(1, 0.1)
    assert found == [pytest.approx(numbers.double().mean().item(), rel=1e-6)]


class Complex(nn.Module):
    """A criterion whose loss nothing can plot."""

    def forward(self) -> torch.Tensor:
        return torch.tensor(1j)


@pytest.mark.parametrize("end", ["close", "restore"])
def test_a_loss_that_cannot_be_logged_does_not_reach_the_user(end: str) -> None:
    model, criterion = setup()[0], Complex()
    session = tvw.watch(model, criterion=criterion)
    session.snapshot("now")
    model.eval()
    criterion()
    with pytest.warns(RuntimeWarning, match=r"metric 'val/loss': found a tensor of torch.complex64|the model alone"):
        session.restore(name="now") if end == "restore" else session.close()
    assert any("found a tensor of torch.complex64" in text for text in session.problems)
    session.close()
