"""The best snapshot, putting it back when the loop ends, and the weights in a file of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

import torchvis_widgets as tvw
from tests.unit.session.test_truth import assert_same_bits
from tests.unit.session.training import Net, data, setup, steps

VALUES = {1: 0.9, 2: 0.5, 3: 0.7, 4: 0.8}


def state(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


class Case:
    """Four epochs of which the second has the least val/loss; `states` are those of their ends."""

    def __init__(self, place: Path, **options: Any) -> None:
        self.model, self.optimizer, self.criterion = setup()
        self.session = tvw.watch(
            self.model, self.optimizer, self.criterion, run=place / "run", resumable=True, **options
        )
        self.states: dict[int, dict[str, torch.Tensor]] = {}

    def train(self, until: int | None = None, metric: str = "val/loss", fail: int | None = None) -> None:
        for epoch in self.session.epochs(4):
            list(steps(self.model, self.optimizer, self.criterion, self.session.batches(data())))
            self.states[epoch] = state(self.model)
            self.session.log({metric: VALUES[epoch]})
            if epoch == fail:
                raise ValueError("a bad day")
            if epoch == until:
                break


def test_best_is_the_snapshot_of_the_least_value(tmp_path: Path) -> None:
    case = Case(tmp_path)
    with case.session as session:
        case.train()
        assert session.best("val/loss").epoch == 2
        assert session.best("val/loss", "max").epoch == 1
        with pytest.raises(
            LookupError, match=r"no snapshot has a value of 'val/acc' at its step; logged are .*'val/loss'"
        ):
            session.best("val/acc")
        with pytest.raises(ValueError, match=r"expected a metric as in"):
            session.best("val/loss", "least")  # type: ignore[arg-type]
        assert case.session.loop.step == 20


@pytest.mark.parametrize("until", [None, 3])
def test_the_best_is_put_back_when_the_loop_ends(tmp_path: Path, until: int | None) -> None:
    case = Case(tmp_path, restore_best=True)
    with case.session as session:
        case.train(until)
        assert_same_bits(state(case.model), case.states[2])  # in the line that follows the loop, not at the cell's end
        assert (session.loop.step, session.loop.finished_epochs) == (10, 2)
        assert [(m.step, m.kind, m.text) for m in session.run.marked] == [
            (10, "best", "put back: the best val/loss, of epoch 2 (step 10)")
        ]
        left = session.run.all_snapshots[-1]  # what was trained last is kept, on the branch that was left
        assert (left.branch, left.step) == (0, (until or 4) * 5)
        assert_same_bits(session.run.state_dict(step=left.step, branch=0), case.states[until or 4])
        assert session.problems == []
        assert next(iter(session.epochs(1))) == 3


def test_the_best_by_another_metric_and_nothing_to_put_back(tmp_path: Path) -> None:
    case = Case(tmp_path, restore_best=True, best=("score", "max"))
    with case.session as session:
        case.train(until=1, metric="score")
        assert (session.loop.step, session.run.branch, session.run.marked) == (5, 0, [])
        case.session.log(score=0.1)


def test_the_best_is_put_back_after_an_error_as_well(tmp_path: Path) -> None:
    case = Case(tmp_path, restore_best=True)
    with pytest.raises(ValueError, match="a bad day"), case.session:
        case.train(fail=3)
    assert case.session.loop.step == 10
    assert_same_bits(state(case.model), case.states[2])
    assert_same_bits(case.session.run.state_dict(step=15, branch=0), case.states[3])  # what the error left is kept


def test_a_metric_that_was_never_logged_is_told(tmp_path: Path) -> None:
    case = Case(tmp_path, restore_best=True, best="val/los")
    with case.session as session:
        case.train()
        assert_same_bits(state(case.model), case.states[4])
        assert any(
            text.startswith("restore_best found nothing to restore: no snapshot has a value of 'val/los'")
            for text in session.problems
        )


def test_in_the_background_what_follows_the_loop_finds_the_best(tmp_path: Path) -> None:
    case = Case(tmp_path, restore_best=True)
    found: list[dict[str, torch.Tensor]] = []

    def training() -> None:
        case.train()
        found.append(state(case.model))

    with case.session as session:
        session.start(training)
        assert session.wait(60)
    assert_same_bits(found[0], case.states[2])


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"restore_best": "val/loss"}, TypeError, r"restore_best: found 'val/loss', expected True or False"),
        (
            {"restore_best": True, "best": None},
            ValueError,
            r'needs the metric that tells the best: watch\(…, best="val',
        ),
        ({"restore_best": True, "snapshots": None}, ValueError, r"needs snapshots to go back to, found snapshots=None"),
        ({"overhead": "2 %"}, TypeError, r"overhead: found str, expected a share such as 0\.02, or None: no limit"),
        ({"overhead": 2}, ValueError, r"overhead: found 2, expected a share between 0 and 1: overhead=0\.02 is 2 %"),
    ],
)
def test_words_for_wrong_options(options: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        tvw.watch(setup()[0], **options)


class Tied(nn.Module):
    """Two names for one tensor, a bfloat16 one, and a buffer that is no float."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(5, 3)
        self.out = nn.Linear(3, 5, bias=False)
        self.out.weight = self.embed.weight
        self.short = nn.Parameter(torch.randn(4).bfloat16())
        self.register_buffer("seen", torch.tensor(7))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.embed(x))


def test_save_is_the_models_state_dict_bit_for_bit(tmp_path: Path) -> None:
    model = Tied()
    with tvw.watch(model) as session:
        path = session.save(tmp_path / "model.safetensors")
    assert path == tmp_path / "model.safetensors"
    found, expected = load_file(path), state(model)
    assert found.keys() == expected.keys()
    assert all(
        torch.equal(found[name], tensor) and found[name].dtype == tensor.dtype for name, tensor in expected.items()
    )
    other = Tied()
    other.load_state_dict(found)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in other.state_dict().items())
    assert [each.name for each in tmp_path.iterdir()] == ["model.safetensors"]


def test_save_of_a_snapshot_and_of_a_reopened_run(tmp_path: Path) -> None:
    case = Case(tmp_path)
    with case.session as session:
        case.train()
        path = session.save(tmp_path / "best.safetensors", step=session.best("val/loss").step)
        assert_same_bits(load_file(path), case.states[2])
        with safe_open(path, framework="pt") as file:
            assert file.metadata() == {"format": "pt", "step": "10"}
        session.save(path, epoch=4)
        assert_same_bits(load_file(path), case.states[4])
        with pytest.raises(LookupError, match="epoch 9"):
            session.save(path, epoch=9)
        assert_same_bits(load_file(path), case.states[4])


def test_save_while_a_loop_runs_is_a_state_between_two_steps(tmp_path: Path) -> None:
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    with tvw.watch(model, optimizer) as session:

        def training() -> None:
            for _ in session.batches(range(10**9)):
                for parameter in model.parameters():
                    parameter.grad = torch.ones_like(parameter)
                optimizer.step()

        session.start(training)
        for _ in range(5):
            path = session.save(tmp_path / "now.safetensors")
            with safe_open(path, framework="pt") as file:
                step = int(file.metadata()["step"])
            taken = load_file(path)
            assert float((taken["weight"] - taken["bias"]).abs()) < 1  # both after as many steps
            assert step >= 0
        session.stop()
        assert session.wait(60)


@pytest.mark.parametrize(
    ("path", "error", "says"),
    [
        (
            "model.pt",
            ValueError,
            r"save\(\) writes \.safetensors files, found 'model\.pt': save\('model\.safetensors'\)",
        ),
        (
            "nowhere/model.safetensors",
            FileNotFoundError,
            r"there is no folder '.*nowhere' to save 'model\.safetensors' in",
        ),
    ],
)
def test_words_for_a_wrong_path(tmp_path: Path, path: str, error: type[Exception], says: str) -> None:
    with tvw.watch(Net()) as session, pytest.raises(error, match=says):
        session.save(tmp_path / path)
    assert not list(tmp_path.iterdir())


def test_words_for_what_the_format_cannot_hold(tmp_path: Path) -> None:
    model = Net()
    model.register_buffer("odd", torch.eye(3).to_sparse())
    with (
        tvw.watch(model, snapshots=None) as session,
        pytest.raises(ValueError, match=r"'odd' is torch\.float32 torch\.sp"),
    ):
        session.save(tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())
