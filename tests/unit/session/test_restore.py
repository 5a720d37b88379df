"""Going back: what goes on from an epoch's end equals, bit for bit, what went on then; both branches are kept."""

from __future__ import annotations

import random
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import torchvis_widgets as tvw
from tests.unit.session.test_truth import assert_same_bits
from tests.unit.session.training import Net

OPTIMIZERS: dict[str, Any] = {
    "SGD with momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "AdamW, amsgrad, two groups": lambda p: torch.optim.AdamW(
        [{"params": [next(p), next(p)]}, {"params": p, "lr": 0.1}], amsgrad=True
    ),
    "LBFGS": lambda p: torch.optim.LBFGS(p, lr=0.1, max_iter=3, history_size=3),
}
SCHEDULERS: dict[str, Any] = {
    "StepLR": lambda o: torch.optim.lr_scheduler.StepLR(o, 2, gamma=0.5),
    "MultiStepLR": lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [1, 3]),
    "OneCycleLR": lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=20),
    "LambdaLR": lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda epoch: 0.9**epoch),
}


class Case:
    """A loop with shuffling, Dropout, noise from Python and numpy, an optimizer with a state and a scheduler."""

    def __init__(self, optimizer: str = "SGD with momentum", scheduler: str = "StepLR") -> None:
        torch.manual_seed(0)
        random.seed(0)
        np.random.seed(0)
        self.model = Net()
        self.optimizer = OPTIMIZERS[optimizer](self.model.parameters())
        self.scheduler = SCHEDULERS[scheduler](self.optimizer)
        self.criterion = nn.CrossEntropyLoss()
        self.augment = torch.Generator().manual_seed(3)
        given = torch.Generator().manual_seed(1)
        data = TensorDataset(torch.randn(24, 1, 6, 6, generator=given), torch.randint(0, 3, (24,), generator=given))
        self.loader = DataLoader(data, batch_size=8, shuffle=True)
        self.losses: list[float] = []

    def watch(self, run: Path, resumable: Any = None, **options: Any) -> tvw.Session:
        asked = [self.scheduler, self.augment] if resumable is None else resumable
        return tvw.watch(self.model, self.optimizer, self.criterion, run=run, resumable=asked, **options)

    def step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        noise = torch.randn(x.shape, generator=self.augment) * random.random() * np.random.rand()

        def closure() -> torch.Tensor:
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(x + noise), y)
            loss.backward()
            return loss

        loss = self.optimizer.step(closure)
        self.losses.append(loss.item())
        return loss

    def epochs(self, epochs: Any, batches: Any = lambda loader: loader) -> None:
        for _ in epochs:
            for x, y in batches(self.loader):
                self.step(x, y)
            self.scheduler.step()

    def train(self, session: tvw.Session, epochs: int) -> None:
        self.epochs(session.epochs(epochs), session.batches)

    def state(self) -> dict[str, torch.Tensor]:
        return {name: tensor.clone() for name, tensor in self.model.state_dict().items()}


def straight(epochs: int, *kind: str) -> Case:
    """The training without a session."""
    case = Case(*kind)
    case.epochs(range(epochs))
    return case


@pytest.mark.parametrize(
    ("optimizer", "scheduler"),
    [
        ("SGD with momentum", "StepLR"),
        ("SGD with momentum", "OneCycleLR"),
        ("Adam", "StepLR"),
        ("AdamW, amsgrad, two groups", "LambdaLR"),
        ("LBFGS", "MultiStepLR"),
    ],
)
def test_training_goes_on_from_an_epochs_end_bit_for_bit(tmp_path: Path, optimizer: str, scheduler: str) -> None:
    case = Case(optimizer, scheduler)
    with case.watch(tmp_path / "run") as session:
        case.train(session, 4)
        there, rate = case.state(), case.scheduler.get_last_lr()
        for epoch in (2, 1, 0):
            assert session.restore(epoch=epoch).step == 3 * epoch
            assert (session.loop.step, session.loop.finished_epochs) == (3 * epoch, epoch)
            case.train(session, 4 - epoch)
            assert_same_bits(case.state(), there)
            assert case.losses[-3 * (4 - epoch) :] == case.losses[3 * epoch : 12]
            assert case.scheduler.get_last_lr() == rate
    assert_same_bits(there, straight(4, optimizer, scheduler).state())  # and recording had changed nothing


@pytest.mark.parametrize("which", [{"epoch": 1}, {"step": 3}, {"name": "first"}])
def test_however_it_is_named_and_after_another_restore(tmp_path: Path, which: Any) -> None:
    case = Case("Adam", "StepLR")
    with case.watch(tmp_path / "run") as session:
        case.train(session, 1)
        session.snapshot("first")
        case.train(session, 2)
        session.restore(epoch=2)
        session.restore(epoch=0)
        session.restore(**which)
        case.train(session, 2)
        session.run.flush()
        assert [(b.number, b.parent, b.step) for b in session.run.branches] == [
            (0, None, 0), (1, 0, 6), (2, 0, 0), (3, 0, 3),
        ]  # fmt: skip
        assert [(s.branch, s.step) for s in session.run.snapshots] == [(0, 0), (0, 3), (3, 6), (3, 9)]
        assert session.problems == []
    assert_same_bits(case.state(), straight(3, "Adam", "StepLR").state())
    assert case.losses[-6:] == case.losses[3:9]


def test_within_epochs_the_epoch_in_progress_is_given_up(tmp_path: Path) -> None:
    straight_on = straight(3).state()
    case, seen = Case(), []
    with case.watch(tmp_path / "run") as session:
        for epoch in session.epochs(3):
            for x, y in session.batches(case.loader):
                case.step(x, y)
                seen.append((epoch, session.loop.step))
                if len(seen) == 8:
                    session.restore(epoch=1)
            case.scheduler.step()  # of the epoch that is given up: taken back with it
        assert [epoch for epoch, _ in seen] == [1] * 3 + [2] * 3 + [3] * 2 + [2] * 3 + [3] * 3
        assert [step for _, step in seen[8:]] == [4, 5, 6, 7, 8, 9]
        assert (session.loop.step, session.loop.finished_epochs, session.loop.status) == (9, 3, "finished")
        assert_same_bits(case.state(), straight_on)
        session.run.flush()
        assert [(s.branch, s.epoch) for s in session.run.snapshots] == [(0, 0), (0, 1), (1, 2), (1, 3)]


def test_a_loop_left_by_break_goes_back_as_well(tmp_path: Path) -> None:
    case = Case()
    with case.watch(tmp_path / "run") as session:
        case.train(session, 1)
        there = case.state()
        for _ in session.epochs(3):
            for x, y in session.batches(case.loader):
                case.step(x, y)
            session.restore(epoch=1)
            break
        assert_same_bits(case.state(), there)
        assert list(session.epochs(1)) == [2]


def test_while_a_loop_runs_on_another_thread(tmp_path: Path) -> None:
    straight_on = straight(3).state()
    case = Case()
    second_epoch, asked = threading.Event(), threading.Event()
    with case.watch(tmp_path / "run") as session:

        def train() -> None:
            for epoch in session.epochs(3):
                for x, y in session.batches(case.loader):
                    case.step(x, y)
                    if epoch == 2 and not second_epoch.is_set():
                        second_epoch.set()
                        assert asked.wait(20)
                case.scheduler.step()

        put = session.mailbox.put
        session.mailbox.put = lambda command: (put(command), asked.set())[0]  # type: ignore[method-assign,assignment]
        session.start(train)
        assert second_epoch.wait(20)
        session.restore(epoch=1)
        assert session.wait(60)
        assert session.run.branch == 1
        assert_same_bits(case.state(), straight_on)


def test_a_break_in_the_background_goes_back_before_what_follows(tmp_path: Path) -> None:
    case, seen = Case(), []

    def train() -> None:
        for _ in session.epochs(2):
            for x, y in session.batches(case.loader):
                case.step(x, y)
            if session.loop.finished_epochs == 1:
                session.restore(epoch=1)
                break
        seen.append((session.loop.step, case.state()))

    with case.watch(tmp_path / "run") as session:
        session.start(train)
        assert session.wait(60)
        ((step, there),) = seen
        assert step == 3
        assert_same_bits(there, dict(session.run.state_dict(epoch=1)))


def test_live_views_do_not_stay_with_a_copy_of_a_later_step(tmp_path: Path) -> None:
    case = Case()
    back, looked = threading.Event(), threading.Event()

    def train() -> None:
        for place, (x, y) in enumerate([*case.loader, *case.loader]):
            case.step(x, y)
            if place == 4:
                session.keep_live()  # as after an edit
                session.restore(step=2)
                back.set()
                assert looked.wait(20)

    with case.watch(tmp_path / "run", snapshots=tvw.Every(steps=1)) as session:
        session.start(train)
        assert back.wait(20)
        live = session.live()
        assert live.step == 2
        assert_same_bits(dict(live.state), dict(session.run.state_dict(step=2)))
        looked.set()
        assert session.wait(60)


def test_a_paused_loop_goes_back_once_it_is_resumed(tmp_path: Path) -> None:
    straight_on = straight(3).state()
    case, stands = Case(), threading.Event()
    with case.watch(tmp_path / "run") as session:

        def train() -> None:
            for _ in session.epochs(3):
                for x, y in session.batches(case.loader):
                    case.step(x, y)
                    if session.loop.step == 5 and not stands.is_set():
                        session.loop.brake.pause("looked at")
                        stands.set()
                case.scheduler.step()

        session.start(train)
        assert stands.wait(20)
        assert session.restore(epoch=1).epoch == 1  # does not wait for a loop that stands still
        session.resume()
        assert session.wait(60)
        assert session.run.branch == 1
        assert_same_bits(case.state(), straight_on)


def test_the_latest_of_two_wishes_counts(tmp_path: Path) -> None:
    case = Case()
    with case.watch(tmp_path / "run") as session:
        case.train(session, 2)
        for _ in session.epochs(1):
            session.restore(epoch=0)
            session.restore(epoch=1)
            break
        assert (session.run.branch, session.loop.step) == (1, 3)


def test_a_loop_without_epochs_goes_on_from_the_next_step(tmp_path: Path) -> None:
    case = Case()
    with case.watch(tmp_path / "run", snapshots=tvw.Every(steps=2)) as session:
        states = []
        for place, (x, y) in enumerate([*case.loader, *case.loader]):
            case.step(x, y)
            states.append((session.loop.step, case.state()))
            if place == 3:
                session.restore(step=2)
                assert_same_bits(case.state(), states[1][1])
        assert [step for step, _ in states] == [1, 2, 3, 4, 3, 4]


def test_gradients_are_dropped_and_tensors_stay_the_same_objects(tmp_path: Path) -> None:
    case = Case()
    before = {name: tensor.data_ptr() for name, tensor in case.model.state_dict().items()}
    with case.watch(tmp_path / "run") as session:
        case.train(session, 2)
        session.restore(epoch=1)
    assert {name: tensor.data_ptr() for name, tensor in case.model.state_dict().items()} == before
    assert all(parameter.grad is None for parameter in case.model.parameters())


def test_the_model_alone_is_put_back_with_a_warning_in_words(tmp_path: Path) -> None:
    case = Case()
    with case.watch(tmp_path / "run", resumable=False) as session:
        case.train(session, 2)
        optimizer = case.optimizer.state_dict()["state"][0]["momentum_buffer"].clone()
        words = (
            r"the snapshot at epoch 1 \(step 3\) holds the model alone: optimizer, schedulers and random numbers go on "
            r"from what they are now.*record them too: tvw\.watch\(model, optimizer, resumable=True\)"
        )
        with pytest.warns(RuntimeWarning, match=words):
            session.restore(epoch=1)
        assert_same_bits(case.state(), dict(session.run.state_dict(epoch=1)))
        assert torch.equal(case.optimizer.state_dict()["state"][0]["momentum_buffer"], optimizer)
        assert session.run.snapshot(epoch=1).training == ()


def test_what_is_recorded_is_told(tmp_path: Path) -> None:
    case = Case()
    with case.watch(tmp_path / "run") as session:
        case.train(session, 1)
        session.run.flush()
        assert session.run.snapshot(epoch=1).training == ("optimizer 0", "StepLR 0", "Generator 1", "random")
        recorded = tvw.Run(session.run.path).training_state(epoch=1)
        assert recorded["StepLR 0"]["last_epoch"] == 1
        assert not list(session.run.path.rglob("*.pkl"))


def test_a_state_that_cannot_be_kept_without_pickle_is_left_out_and_told(tmp_path: Path) -> None:
    class Odd:
        def state_dict(self) -> dict[str, object]:
            return {"at": [threading.Lock()]}

        def load_state_dict(self, state: object) -> None:
            raise AssertionError("nothing was recorded")

    case = Case()
    with case.watch(tmp_path / "run", resumable=[case.scheduler, case.augment, Odd()]) as session:
        case.train(session, 2)
        (problem,) = session.problems
        words = "snapshots are without the state of Odd 2: found lock at 'training:Odd 2/at/0', expected numbers, text"
        assert problem.startswith(words)
        there = case.state()
        with pytest.warns(RuntimeWarning, match=r"epoch 1 \(step 3\) holds no state of Odd 2: it stays as it is now"):
            session.restore(epoch=1)
        case.train(session, 1)
        assert_same_bits(case.state(), there)


def test_names_that_are_not_there_name_the_nearest(tmp_path: Path) -> None:
    case = Case()
    with case.watch(tmp_path / "run") as session:
        case.train(session, 2)
        with pytest.raises(LookupError, match=r"no snapshot is named 'best'; none has a name yet: session\.snapshot"):
            session.restore(name="best")
        session.snapshot("before the edit")
        with pytest.raises(LookupError, match="no snapshot is named 'before edit'; the nearest: 'before the edit'"):
            session.restore(name="before edit")
        with pytest.raises(LookupError, match=r"no snapshot at epoch 7; the nearest: epoch 2 \(step 6\)"):
            session.restore(epoch=7)
        with pytest.raises(TypeError, match="give one of epoch=…, step=… and name=…"):
            session.restore()
        assert session.run.branch == 0


def test_a_model_that_has_changed_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    case = Case()
    with case.watch(tmp_path / "run") as session:
        case.train(session, 1)
        case.model.fc = nn.Linear(144, 5)
        before = case.state()
        words = r"'fc.weight' is \(3, 144\) float32 in the snapshot and \(5, 144\) float32 in the model. Give the model"
        with pytest.raises(ValueError, match=words):
            session.restore(epoch=1)
        assert_same_bits(case.state(), before)
        assert session.run.branch == 0


def test_both_branches_are_kept(tmp_path: Path) -> None:
    case = Case()
    with case.watch(tmp_path / "run", resumable=False) as session:
        case.train(session, 3)
        left = case.state()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            session.restore(epoch=1)
        case.train(session, 1)
        session.run.flush()
        for run in (session.run, tvw.Run(session.run.path)):
            assert [(b.number, b.parent, b.step) for b in run.branches] == [(0, None, 0), (1, 0, 3)]
            assert [(s.branch, s.step) for s in run.snapshots] == [(0, 0), (0, 3), (1, 6)]
            assert [(s.branch, s.step) for s in run.all_snapshots] == [(0, 0), (0, 3), (0, 6), (0, 9), (1, 6)]
            assert_same_bits(dict(run.state_dict(epoch=2)), case.state())  # the current branch first
            assert_same_bits(dict(run.state_dict(epoch=3)), left)  # else wherever it is
            assert run.snapshot(epoch=2, branch=0).branch == 0
            with pytest.raises(LookupError, match="no snapshot at epoch 3; the nearest: epoch 2"):
                run.snapshot(epoch=3, branch=1)
            steps = {name: series.columns()[0].tolist() for name, series in run.series.items()}
            assert steps == {"train/loss": [1, 2, 3, 4, 5, 6]}
            assert [series.columns()[0].tolist() for series in run.left["train/loss"]] == [[3, 4, 5, 6, 7, 8, 9]]
            table = run.metrics()
            assert table.groupby("branch")["step"].apply(list).to_dict() == {0: list(range(1, 10)), 1: [4, 5, 6]}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            assert session.restore(epoch=3).branch == 0  # and back to the branch that was left
        assert_same_bits(case.state(), left)
        assert session.run.series["train/loss"].columns()[0].tolist() == list(range(1, 10))
        assert [series.columns()[0].tolist() for series in session.run.left["train/loss"]] == [[3, 4, 5, 6]]


def test_views_follow_what_was_put_back(tmp_path: Path) -> None:
    case = Case()
    with case.watch(tmp_path / "run", probe=next(iter(case.loader))) as session:
        case.train(session, 3)
        then = session.activations("conv", epoch=1)
        late = session.activations("conv", epoch=3)
        session.restore(epoch=1)
        assert torch.equal(session.activations("conv"), then)
        case.optimizer.param_groups[0]["lr"] = 0.5
        case.train(session, 2)
        session.run.flush()
        assert not torch.equal(session.activations("conv", epoch=3), late)  # nothing stale from the branch left
        scrubber = tvw.EpochScrubber(session)
        assert (scrubber.steps, scrubber.epochs) == ([0, 3, 6, 9], [0, 1, 2, 3])


def test_an_edit_made_before_is_not_undone_afterwards(tmp_path: Path) -> None:
    from torchvis_widgets.steer.edits import Edit

    case = Case()
    with case.watch(tmp_path / "run") as session:
        case.train(session, 1)
        session.edits.apply(Edit("fc.weight", "gain", None, 0.0), step=session.loop.step)
        session.restore(epoch=1)
        there = case.state()
        assert session.edits.undo(step=session.loop.step) is None
        assert_same_bits(case.state(), there)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"resumable": [3]}, TypeError, "resumable: found int, expected True, or a list of schedulers"),
        ({"resumable": torch.optim.Adam}, TypeError, "resumable: found the class Adam"),
        ({"resumable": True, "optimizer": None}, ValueError, "resumable needs the optimizer whose state is to be kept"),
    ],
)
def test_words_for_what_cannot_be_resumed(options: Any, error: type[Exception], words: str) -> None:
    case = Case()
    with pytest.raises(error, match=words):
        tvw.watch(case.model, **{"optimizer": case.optimizer, **options})
