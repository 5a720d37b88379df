"""`session.hyperparameters` in a training: when a change takes effect, what is recorded, and who else sets them."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

import torchvis_widgets as tvw
from tests.unit.session.training import Net, data, setup, steps
from torchvis_widgets.steer.hyperparameters import Hyperparameters


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[tvw.Session, Net, torch.optim.Optimizer, Any]]:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion, probe=data(1)[0], run=tmp_path / "run", statistics=None)
    yield session, model, optimizer, criterion
    session.close()


def rates_used(optimizer: torch.optim.Optimizer) -> list[float]:
    """The learning rate of each step from now on, as the step itself finds it."""
    used: list[float] = []
    optimizer.register_step_pre_hook(lambda optimizer, *_: used.append(float(optimizer.param_groups[0]["lr"])))
    return used


def marked(session: tvw.Session) -> list[str]:
    session.run.flush()
    return [mark.text for mark in session.run.marked if mark.kind == "hyperparameter"]


def test_a_change_from_another_thread_waits_for_the_end_of_the_step(watched: Any) -> None:
    session, model, optimizer, criterion = watched
    inside, seen = threading.Event(), []

    def turn() -> None:
        assert inside.wait(20)
        session.hyperparameters["lr"] = 0.025

    turner = threading.Thread(target=turn)
    turner.start()
    for x, y in session.batches(data(3)):
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        inside.set()
        while not len(session.mailbox) and turner.is_alive():  # put, and not to be carried out in here
            assert session.loop.step == 0
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        turner.join(20)
    assert seen == [0.1, 0.025, 0.025]
    assert session.run.changes()[["step", "name", "before", "after", "by"]].to_numpy().tolist() == [
        [1, "lr", 0.1, 0.025, "user"]
    ]
    assert marked(session) == ["lr 0.1 → 0.025"]


def test_changes_are_there_when_the_run_is_opened_again(watched: Any) -> None:
    session, model, optimizer, criterion = watched
    for _ in session.epochs(1):
        list(steps(model, optimizer, criterion, session.batches(data())))
    session.hyperparameters["nesterov"] = True
    session.hyperparameters["lr"] = 1 / 3
    session.hyperparameters.put("lr", 0.2, amend=True)
    session.hyperparameters["dropout"] = 0.1
    session.close()
    again = tvw.Run(session.run.path)
    assert [(each.step, each.epoch, each.name, each.before, each.after) for each in again.changed] == [
        (5, 1.0, "nesterov", False, True), (5, 1.0, "lr", 0.1, 0.2), (5, 1.0, "dropout", 0.5, 0.1),
    ]  # fmt: skip
    assert [mark.text for mark in again.marked] == ["nesterov False → True", "lr 0.1 → 0.2", "dropout 0.5 → 0.1"]
    assert again.changes()["after"].tolist() == [True, 0.2, 0.1]


def test_a_run_from_before_there_were_changes_has_none(watched: Any) -> None:
    watched[0].close()
    assert tvw.Run(watched[0].run.path).changed == []
    assert tvw.Run(watched[0].run.path).changes().empty


SCHEDULERS: list[tuple[Callable[[Any], Any], str]] = [
    (lambda each: lr_scheduler.LambdaLR(each, lambda _: 1.0), "LambdaLR set lr back to 0.1"),
    (lambda each: lr_scheduler.StepLR(each, 2, gamma=0.5), "StepLR took lr on from 0.02 to 0.01"),
    (lambda each: lr_scheduler.ExponentialLR(each, 0.5), "ExponentialLR took lr on from 0.02 to 0.01"),
    (lambda each: lr_scheduler.OneCycleLR(each, 0.1, total_steps=99), "OneCycleLR set lr back to 0.005"),
    (lambda each: lr_scheduler.SequentialLR(each, [lr_scheduler.ConstantLR(each, 1.0, 9), lr_scheduler.StepLR(each, 9)],
                                            [9]), None),
]  # fmt: skip


@pytest.mark.parametrize(("make", "said"), SCHEDULERS)
def test_a_scheduler_that_overrides_is_named_once(watched: Any, make: Any, said: str | None) -> None:
    session, model, optimizer, criterion = watched
    scheduler = make(optimizer)
    for _ in session.epochs(1):
        for number, _ in enumerate(steps(model, optimizer, criterion, session.batches(data()))):
            scheduler.step()
            if number == 0:
                session.hyperparameters["lr"] = 0.02
    told = marked(session)[1:]
    assert [text[: len(said or "")] for text in told] == ([said] if said else [])
    by = [change.by for change in session.run.changed]
    assert by == (["user", type(scheduler).__name__] if said else ["user"])


class Trainer:
    """A loop that keeps its scheduler in an attribute."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.scheduler = lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)

    def fit(self, session: tvw.Session, *training: Any) -> None:
        for _ in session.epochs(1):
            for _ in steps(*training, session.batches(data())):
                self.scheduler.step()


def test_a_scheduler_in_an_attribute_is_found(watched: Any) -> None:
    session, model, optimizer, criterion = watched
    trainer = Trainer(optimizer)
    session.hyperparameters["lr"] = 0.02
    trainer.fit(session, model, optimizer, criterion)
    assert marked(session)[-1] == "LambdaLR set lr back to 0.1"


def hidden(optimizer: torch.optim.Optimizer) -> Callable[[], None]:
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)
    return lambda: scheduler.step()


def by_hand(optimizer: torch.optim.Optimizer) -> Callable[[], None]:
    return lambda: optimizer.param_groups[0].update(lr=0.1)


@pytest.mark.parametrize(("make", "who"), [(hidden, "a scheduler"), (by_hand, "the training code")])
def test_what_cannot_be_named_is_said_too(watched: Any, make: Any, who: str) -> None:
    session, model, optimizer, criterion = watched
    tick = make(optimizer)
    session.hyperparameters["lr"] = 0.02
    for _ in steps(model, optimizer, criterion, session.batches(data(2))):
        tick()
    assert marked(session)[-1] == f"{who} set lr back to 0.1"


def test_a_scheduler_given_as_resumable_is_named_wherever_it_is(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    box = {1: [[lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)]]}
    session = tvw.watch(model, optimizer, criterion, probe=data(1)[0], resumable=box[1][0], statistics=None)
    session.hyperparameters["lr"] = 0.02
    for _ in steps(model, optimizer, criterion, session.batches(data(2))):
        box[1][0][0].step()
    assert marked(session)[-1] == "LambdaLR set lr back to 0.1"
    session.close()


def test_looking_for_the_scheduler_keeps_nothing_of_the_loop_alive(watched: Any) -> None:
    session, model, optimizer, criterion = watched
    held = []
    session.hyperparameters["lr"] = 0.02
    for number, (x, y) in enumerate(session.batches(data(4))):
        batch = x * 1
        held.append(weakref.ref(batch))
        optimizer.zero_grad()
        criterion(model(batch), y).backward()
        optimizer.param_groups[0]["lr"] = 0.1
        optimizer.step()
        if number:
            gc.collect()
            assert held[number - 1]() is None


def test_hold_keeps_the_value_at_every_step_until_it_is_released(watched: Any) -> None:
    session, model, optimizer, criterion = watched
    scheduler, used = lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step), rates_used(optimizer)
    session.hyperparameters["lr"] = 0.02
    for _ in session.epochs(1):
        for number, _ in enumerate(steps(model, optimizer, criterion, session.batches(data()))):
            scheduler.step()
            if number == 1:
                session.hyperparameters.hold("lr")  # what the user set, not what the scheduler has made of it
    assert used == [0.02, 0.05, 0.02, 0.02, 0.02]
    assert (session.hyperparameters.held, session.hyperparameters["lr"]) == (["lr"], 0.02)
    assert "lr is held at 0.02 against LambdaLR" in repr(session.hyperparameters)
    session.hyperparameters["lr"] = 0.04  # a new value is held as well
    session.hyperparameters.hold("momentum", 0.3)
    scheduler.step()
    list(steps(model, optimizer, criterion, session.batches(data(1))))
    session.hyperparameters.release("lr")
    scheduler.step()
    list(steps(model, optimizer, criterion, session.batches(data(1))))
    assert used[5:] == [0.04, 0.1 * 0.5**7]
    assert session.hyperparameters.held == ["momentum"]
    assert optimizer.param_groups[0]["momentum"] == 0.3


def test_what_was_never_changed_is_let_alone(watched: Any) -> None:
    session, model, optimizer, criterion = watched
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)
    for _ in steps(model, optimizer, criterion, session.batches(data())):
        scheduler.step()
    assert marked(session) == []
    assert session.run.changes().empty


def test_a_refused_value_marks_nothing_and_the_training_goes_on(watched: Any) -> None:
    session, model, optimizer, criterion = watched
    for number, _ in enumerate(steps(model, optimizer, criterion, session.batches(data(3)))):
        if number == 1:
            with pytest.raises(ValueError, match="not negative"):
                session.hyperparameters["lr"] = -1.0
    assert (optimizer.param_groups[0]["lr"], session.loop.step, marked(session)) == (0.1, 3, [])


def test_going_back_brings_dropout_and_learning_rate_back_and_holds_nothing(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion, probe=data(1)[0], resumable=True, statistics=None)
    for epoch in session.epochs(3):
        list(steps(model, optimizer, criterion, session.batches(data(2))))
        session.hyperparameters["dropout"] = 0.1 * epoch
        session.hyperparameters.hold("lr", 0.01 * epoch)
    session.run.flush()
    session.restore(epoch=2)  # its snapshot was taken when the body of the second epoch had ended
    assert (model.drop.p, optimizer.param_groups[0]["lr"]) == (0.2, 0.02)
    session.restore(epoch=0)
    assert (model.drop.p, optimizer.param_groups[0]["lr"]) == (0.5, 0.1)
    assert session.hyperparameters.held == []
    list(steps(model, optimizer, criterion, session.batches(data(2))))
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert session.run.changed == []
    assert len(session.run.changes()) == 6
    session.close()


def test_an_optimizer_that_was_never_named_is_found_at_its_first_step() -> None:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, probe=data(1)[0], statistics=None)
    assert list(session.hyperparameters) == ["dropout"]
    list(steps(model, optimizer, criterion, session.batches(data(1))))
    session.hyperparameters["lr"] = 0.3
    assert optimizer.param_groups[0]["lr"] == 0.3
    session.close()


def test_a_session_that_trains_nothing_says_so() -> None:
    with tvw.inspect(torch.nn.Linear(2, 2), torch.zeros(1, 2)) as session:
        assert dict(session.hyperparameters) == {}
        assert "while a training is watched" in repr(session.hyperparameters)
    model, optimizer, _ = setup()
    closed = tvw.watch(model, optimizer, statistics=None)
    closed.close()
    with pytest.raises(RuntimeError, match="closed: its hyperparameters are set on the optimizer itself"):
        closed.hyperparameters["lr"] = 0.3
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_set_and_taken_back_before_the_next_step_the_training_is_the_same() -> None:
    def weights(turn: Callable[[Hyperparameters], None] | None) -> list[bytes]:
        model, optimizer, criterion = setup()
        session = None if turn is None else tvw.watch(model, optimizer, criterion, probe=data(1)[0], statistics=None)
        torch.manual_seed(3)
        for _ in steps(model, optimizer, criterion, data()):
            if session is not None and turn is not None:
                turn(session.hyperparameters)
        if session is not None:
            session.close()
        return [tensor.numpy().tobytes() for tensor in model.state_dict().values()]

    def there_and_back(found: Hyperparameters) -> None:
        found["lr"] = 7.0
        found["dropout"] = 0.9
        found["nesterov"] = True
        for _ in range(3):
            found.undo()

    assert weights(there_and_back) == weights(None)
