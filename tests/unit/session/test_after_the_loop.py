"""What follows a loop in `start()`'s function has the model to itself, and nobody waits for it in vain."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import torchvis_widgets as tvw
from tests.unit.session.training import data, setup, steps
from tests.unit.widgets.front_end import FrontEnd, wait_for
from torchvis_widgets.loop import Loop
from torchvis_widgets.steer import mailbox

PAST = "past its loop and still at work: it may be validating or saving the model"


class Training:
    """`start()`s a loop and, when it has ended, waits within the same function."""

    def __init__(self, place: Path, loop: str) -> None:
        self.model, self.optimizer, self.criterion = setup()
        self.session = tvw.watch(self.model, self.optimizer, self.criterion, run=place / "run", resumable=True)
        self.stepped, self.behind, self.go_on = threading.Event(), threading.Event(), threading.Event()
        self.then: Callable[[], object] = lambda: None
        self.session.start(getattr(self, loop))

    def wait(self) -> None:
        """What validates, saves or sleeps."""
        self.behind.set()
        assert self.go_on.wait(60)
        self.then()

    def stopped(self) -> None:
        for _ in self.session.epochs(10_000):
            for _ in steps(self.model, self.optimizer, self.criterion, self.session.batches(data())):
                self.stepped.set()
        self.wait()

    def stopped_passes(self) -> None:
        while not self.session.loop.brake.stopping:
            for _ in steps(self.model, self.optimizer, self.criterion, self.session.batches(data())):
                self.stepped.set()
        self.wait()

    def ended(self) -> None:
        for _ in self.session.epochs(1):
            list(steps(self.model, self.optimizer, self.criterion, self.session.batches(data())))
        self.stepped.set()
        self.wait()

    def bare(self) -> None:
        list(steps(self.model, self.optimizer, self.criterion, data()))
        self.stepped.set()
        self.wait()
        list(steps(self.model, self.optimizer, self.criterion, data()))

    def two_loops(self) -> None:
        self.ended()
        for _ in self.session.epochs(1):
            list(steps(self.model, self.optimizer, self.criterion, self.session.batches(data())))

    def not_yet(self) -> None:
        self.stepped.set()
        self.wait()
        for _ in self.session.epochs(1):
            self.then()


@pytest.fixture
def behind(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Training]:
    """A function that is past its loop."""
    monkeypatch.setattr(mailbox, "PATIENCE", 0.05)
    training = Training(tmp_path, request.param)
    assert training.stepped.wait(60)
    if request.param.startswith("stopped"):
        training.session.stop()
    assert training.behind.wait(60)
    yield training
    training.go_on.set()
    assert training.session.wait(60)
    training.session.close()


ASKED: list[Callable[[tvw.Session], object]] = [
    lambda session: session.edit("fc.weight").scale(0.5),
    lambda session: session.undo(),
    lambda session: session.snapshot("mine"),
    lambda session: session.restore(epoch=0),
    lambda session: session.hyperparameters.hold("lr", 0.5),
    lambda session: session.save(session.run.path / "m.safetensors"),
]


@pytest.mark.parametrize("behind", ["stopped", "stopped_passes", "ended"], indirect=True)
def test_who_asks_is_told_at_once_and_nothing_is_done_then_or_later(behind: Training) -> None:
    before = {name: tensor.clone() for name, tensor in behind.model.state_dict().items()}
    for ask in ASKED:
        with pytest.raises(RuntimeError, match=PAST):
            ask(behind.session)
    behind.go_on.set()
    assert behind.session.wait(60)
    assert all(torch.equal(tensor, before[name]) for name, tensor in behind.model.state_dict().items())
    assert behind.session.run.snapshot_names() == set()
    assert behind.session.hyperparameters["lr"] == 0.1
    behind.session.edit("fc.weight").scale(0.5)  # there is nobody any more who could be reading it


@pytest.mark.parametrize("behind", ["stopped"], indirect=True)
def test_the_sliders_say_so(behind: Training) -> None:
    sliders = tvw.WeightSliders(behind.session)
    front = FrontEnd(sliders)
    assert front.ask("mode", mode="live")["ok"]
    reply = front.ask("edit", change="gain", tensor="fc.weight", value=0.5)
    assert PAST in reply["error"]


@pytest.mark.parametrize("behind", ["ended"], indirect=True)
def test_a_loop_that_is_over_cannot_be_held(behind: Training) -> None:
    with pytest.raises(RuntimeError, match=r"pause\(\) found no loop that is running"):
        behind.session.pause()
    behind.session.stop()  # what follows it may have another
    assert set(tvw.TrainingBar(behind.session).unavailable.values()) == {"the loop is over; what follows it is at work"}


@pytest.mark.parametrize("behind", ["stopped", "ended"], indirect=True)
def test_the_function_itself_may_do_everything(behind: Training) -> None:
    done: list[object] = []
    behind.then = lambda: done.extend(ask(behind.session) for ask in ASKED)
    behind.go_on.set()
    assert behind.session.wait(60)
    assert len(done) == len(ASKED)
    assert behind.session.run.snapshot_names() == {"mine"}


@pytest.mark.parametrize("behind", ["two_loops", "bare"], indirect=True)
def test_a_loop_that_follows_does_what_still_waits(behind: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "PATIENCE", 60.0)
    seen: list[int] = []
    reply = behind.session.mailbox.put(lambda: seen.append(threading.get_ident()))
    trainer = behind.session.loop.thread
    behind.go_on.set()
    reply.result(60)
    assert seen == [trainer]


@pytest.mark.parametrize("behind", ["bare"], indirect=True)
def test_a_bare_function_is_waited_for_as_its_steps_cannot_be_told_from_what_follows(behind: Training) -> None:
    reply = behind.session.mailbox.put(lambda: behind.session.loop.step)
    with pytest.raises(NotYet):
        reply.result(0.2)
    behind.go_on.set()
    assert reply.result(60) == 6


@pytest.mark.parametrize("behind", ["not_yet"], indirect=True)
def test_what_waits_before_the_loop_is_done_when_it_begins(behind: Training) -> None:
    reply = behind.session.mailbox.put(lambda: behind.session.loop.step)
    behind.then = lambda: behind.then_done.append(reply.done())  # type: ignore[attr-defined]
    behind.then_done = []  # type: ignore[attr-defined]
    behind.go_on.set()
    assert reply.result(60) == 0
    assert behind.session.wait(60)
    assert behind.then_done[-1]  # type: ignore[attr-defined]


def test_an_edit_waits_for_the_end_of_a_function_that_ends_soon(tmp_path: Path) -> None:
    """Who stops a loop and edits need not know how long the function takes to end."""
    training = Training(tmp_path, "stopped")
    assert training.stepped.wait(60)
    training.session.stop()
    assert training.behind.wait(60)
    asked = threading.Thread(target=lambda: training.session.edit("fc.weight").scale(0.5))
    asked.start()
    wait_for(lambda: len(training.session.mailbox) == 1)
    training.go_on.set()
    asked.join(60)
    assert [edit.op for edit in training.session.edits.edits] == ["gain"]
    training.session.close()


def test_validation_after_the_loop_sees_one_state(tmp_path: Path) -> None:
    """Edits of every tensor by one command, as fast as they are answered, while the function reads the model."""
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(64, 64, bias=False) for _ in range(6)))
    session = tvw.watch(model, run=tmp_path / "run", statistics=None)
    over = threading.Event()

    def all_the_same(value: float) -> None:
        for parameter in model.parameters():
            parameter.data.fill_(value)

    def edit() -> None:
        value = 0.0
        while not over.is_set():
            value += 1.0
            with contextlib.suppress(NotYet):
                session.mailbox.put(lambda value=value: all_the_same(value)).result(0.001)  # type: ignore[misc]

    def function() -> None:
        for _ in session.epochs(3):
            pass
        seen.extend({float(each) for p in model.parameters() for each in p.data.unique()} for _ in range(200))
        over.set()

    seen: list[set[float]] = []
    editor = threading.Thread(target=edit)
    session.start(function)
    editor.start()
    assert session.wait(60)
    editor.join(60)
    session.close()
    assert len({frozenset(each) for each in seen}) == 1


def test_the_last_snapshot_is_of_one_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken when the loop has ended and others make their edits themselves: none meanwhile."""
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion, run=tmp_path / "run", statistics=None)
    list(steps(model, optimizer, criterion, session.batches(data(2))))
    criterion(model(data()[0][0]), data()[0][1]).backward()
    optimizer.step()
    assert session._watcher is not None
    keeper, editors = session._watcher.keeper, []
    save = keeper.save

    def while_others_edit(*args: Any, **named: Any) -> None:
        editors.append(threading.Thread(target=lambda: session.edit("fc.weight").scale(2.0)))
        editors[0].start()
        editors[0].join(0.1)  # it would have been made by now
        assert len(session.edits) == 0
        save(*args, **named)

    monkeypatch.setattr(keeper, "save", while_others_edit)
    session._cell_ended(None)
    editors[0].join(60)
    assert len(session.edits) == 1
    session.close()


@pytest.mark.parametrize("error", [None, KeyboardInterrupt()])
def test_going_back_at_the_very_end_is_done_before_others_may_change_the_model(error: BaseException | None) -> None:
    running: list[bool] = []
    loop = Loop()
    loop.enter()
    loop.inside_epochs = True
    loop.at_next_epoch(lambda: running.append(loop.running))
    if error is None:
        loop.leave("finished")
    else:
        loop.fail(error)
    assert running == [True]
    assert not loop.running
