"""Pause, one step, to the epoch's end, stop: on another thread and on the main one, and what a view may ask for."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from torch import nn

import torchvis_widgets as tvw
from tests.unit.session.test_truth import assert_same_bits
from tests.unit.session.training import data, setup, steps, train
from tests.unit.widgets.front_end import wait_for
from torchvis_widgets.brake import Brake
from torchvis_widgets.iterators import Batches, Epochs
from torchvis_widgets.keeper import Recorded
from torchvis_widgets.loop import Loop


def held(session: tvw.Session) -> int:
    """The step at which the loop stands still."""
    wait_for(lambda: session.loop.status == "paused")
    return session.loop.step


@pytest.fixture
def paused() -> Iterator[tvw.Session]:
    """A loop of 4 epochs of 5 steps on another thread, held at one of its first steps."""
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion, resumable=True)
    at_first = threading.Event()

    def training() -> None:
        for _ in session.epochs(4):
            for _ in steps(model, optimizer, criterion, session.batches(data())):
                at_first.set()
                assert go.wait(20)

    go = threading.Event()
    session.start(training)
    assert at_first.wait(20)
    session.pause()
    assert session.loop.status == "pausing"
    go.set()
    assert held(session) == 2
    yield session
    session.stop()
    assert session.wait(60)
    session.close()


def test_waiting_for_a_pause(paused: tvw.Session) -> None:
    assert paused.wait_paused()
    paused.resume(steps=4)
    assert paused.wait_paused(60)
    assert paused.loop.step == 6
    paused.resume()
    assert not paused.wait_paused()  # it ended
    assert paused.wait(60)


def test_waiting_for_a_pause_has_an_end() -> None:
    more = threading.Event()
    with tvw.watch(nn.Linear(1, 1)) as session:
        session.start(lambda: [more.wait(20) for _ in session.epochs(1)])
        wait_for(lambda: session.loop.running)
        session.pause()
        assert not session.wait_paused(0.05)
        more.set()
        assert session.wait_paused(60)  # after the step that an epoch without an optimizer is
        session.resume()
        assert session.wait(60)


def test_one_step_and_several(paused: tvw.Session) -> None:
    for steps_more, at in ((1, 3), (1, 4), (3, 7)):
        paused.resume(steps=steps_more)
        wait_for(lambda at=at: paused.loop.step == at)  # type: ignore[misc]
        assert held(paused) == at
    paused.resume()
    assert paused.wait(60)
    assert (paused.loop.status, paused.loop.step) == ("finished", 20)


def test_to_the_end_of_the_epoch_whose_snapshot_is_taken(paused: tvw.Session) -> None:
    for epochs, at in ((1, 5), (1, 10), (2, 20)):
        paused.resume(epochs=epochs)
        wait_for(lambda at=at: paused.loop.step == at)  # type: ignore[misc]
        if at == 20:
            break  # after the last epoch there is nothing to wait for
        assert held(paused) == at
        assert (paused.loop.finished_epochs, paused.loop.current_epoch()) == (at // 5, at // 5)
        paused.run.flush()
        assert paused.run.snapshots[-1].epoch == at // 5
    assert paused.wait(60)
    assert paused.loop.status == "finished"


def test_a_step_by_step_training_is_the_same_training(paused: tvw.Session) -> None:
    for at in range(3, 8):
        paused.resume(steps=1)
        wait_for(lambda at=at: paused.loop.step == at and paused.loop.status == "paused")  # type: ignore[misc]
    paused.resume()
    assert paused.wait(60)
    model, optimizer, criterion = setup()
    for _ in range(4):
        list(steps(model, optimizer, criterion, data()))
    assert paused.model is not None
    assert_same_bits(dict(paused.model.state_dict()), dict(model.state_dict()))


def test_stop_ends_a_paused_loop_and_is_said_meanwhile(paused: tvw.Session) -> None:
    paused.stop()
    assert paused.loop.status in ("stopping", "stopped")
    assert paused.wait(60)
    assert (paused.loop.status, paused.loop.step, paused.loop.running) == ("stopped", 2, False)


def test_a_pause_takes_no_time_of_the_trainings(paused: tvw.Session) -> None:
    before = paused.loop.elapsed()
    assert paused.mailbox.put(lambda: 1).result(20) == 1
    assert paused.loop.elapsed() == before


def test_what_was_asked_for_during_a_pause_is_done_before_the_next_step(paused: tvw.Session) -> None:
    seen: list[int] = []
    put = [paused.mailbox.put(lambda: seen.append(paused.loop.step)) for _ in range(3)]
    paused.resume(steps=1)
    assert [each.result(20) for each in put] == [None] * 3
    assert seen == [2, 2, 2]


def test_between_two_epochs_going_back_is_done_at_once(paused: tvw.Session) -> None:
    paused.resume(epochs=2)
    wait_for(lambda: paused.loop.step == 10)
    assert held(paused) == 10
    paused.restore(epoch=1)
    assert (paused.loop.step, paused.loop.finished_epochs, paused.loop.status) == (5, 1, "paused")
    paused.resume()
    assert paused.wait(60)
    assert (paused.loop.step, paused.loop.finished_epochs) == (20, 4)
    paused.run.flush()
    assert [(s.branch, s.epoch) for s in paused.run.snapshots] == [(0, 0), (0, 1), (1, 2), (1, 3), (1, 4)]


def test_continue_from_waits_for_nothing_and_lets_a_paused_loop_go(paused: tvw.Session) -> None:
    paused.resume(steps=5)
    wait_for(lambda: paused.loop.step == 7)
    assert held(paused) == 7
    assert paused.continue_from(5) is None
    assert paused.wait(60)
    assert (paused.loop.step, paused.run.branch) == (20, 1)
    with pytest.raises(LookupError, match="no snapshot at step 6"):
        paused.continue_from(6)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"steps": 0}, r"resume\(steps=…\) takes a positive whole number, found 0; session\.resume\(steps=1\)"),
        ({"steps": 1.5}, r"found 1\.5"),
        ({"epochs": True}, r"resume\(epochs=…\) takes a positive whole number, found True"),
        ({"steps": 1, "epochs": 1}, r"steps=… or epochs=…, not both"),
    ],
)
def test_words_for_a_wrong_count(paused: tvw.Session, wrong: dict[str, int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        paused.resume(**wrong)
    assert (paused.loop.status, paused.loop.step) == ("paused", 2)


def test_a_loop_that_tells_of_no_epochs_cannot_go_to_the_end_of_one() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion) as session:
        with pytest.raises(RuntimeError, match=r"resume\(steps=1\) found no loop that is running"):
            session.resume(steps=1)
        session.start(lambda: list(steps(model, optimizer, criterion, data(10) * 60)))
        wait_for(lambda: session.loop.step > 0)
        session.pause()
        held(session)
        with pytest.raises(RuntimeError, match=r"resume\(epochs=1\) needs a loop over session\.epochs\(\)"):
            session.resume(epochs=1)
    assert session.wait(60)


def test_a_pass_over_batches_alone_has_an_end_as_well() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion) as session:

        def training() -> None:
            session.pause()
            for _ in range(3):
                list(steps(model, optimizer, criterion, session.batches(data(4))))

        with pytest.raises(RuntimeError, match="no loop that is running"):
            session.pause()
        session.start(training)  # which may hold itself: whoever began it can resume it
        assert held(session) == 1
        session.resume(epochs=1)
        wait_for(lambda: session.loop.step == 4)
        assert held(session) == 4
        session.resume()
        assert session.wait(60)
        assert session.loop.step == 12


class Page:
    """A view of JupyterLab's: what it asks is answered on a thread of its own while the main one trains."""

    def __init__(self, session: tvw.Session) -> None:
        self.session = session
        session.loop.reach.answered(main_thread=False)

    def when(self, condition: Callable[[], bool], act: Callable[[], object]) -> threading.Thread:
        def wait() -> None:
            wait_for(condition)
            act()

        thread = threading.Thread(target=wait)
        thread.start()
        return thread


def test_a_loop_on_the_main_thread_pauses_where_a_view_can_resume_it() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion) as session:
        page = Page(session)
        resumed = page.when(lambda: session.loop.status == "paused", session.resume)
        for _ in session.epochs(1):
            for _ in steps(model, optimizer, criterion, session.batches(data(4))):
                if session.loop.step == 2:
                    session.pause()  # of its own accord, as a breakpoint
        resumed.join()
        assert (session.loop.step, session.loop.status) == (4, "finished")


def test_a_view_that_the_main_thread_answers_is_no_way_to_resume() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion) as session:
        Page(session)
        session.loop.reach.answered(main_thread=True)
        for _ in session.epochs(1):
            with pytest.raises(RuntimeError, match=r"pause\(\) was called on the loop's own thread, where nothing"):
                session.pause()


def test_an_alarm_pauses_the_main_thread_once_a_view_is_there() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, on_nonfinite="pause") as session:
        page = Page(session)
        resumed = page.when(lambda: session.loop.status == "paused", session.resume)
        for _ in session.epochs(1):
            for _ in steps(model, optimizer, criterion, session.batches(data(4))):
                if session.loop.step == 1:
                    session.log(loss=float("nan"))
                    session.run.flush()
        resumed.join()
        assert session.loop.step == 4


def test_interrupting_the_kernel_works_while_paused() -> None:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion)
    page = Page(session)
    pressed = page.when(lambda: session.loop.status == "paused", lambda: os.kill(os.getpid(), signal.SIGINT))

    def cell() -> None:
        with session:
            for _ in session.epochs(2):
                for _ in steps(model, optimizer, criterion, session.batches(data(4))):
                    session.pause()

    with pytest.raises(KeyboardInterrupt):
        cell()
    pressed.join()
    assert (session.loop.status, session.loop.step, session.loop.brake.paused) == ("interrupted", 2, False)


def test_an_interrupt_that_the_loop_takes_ends_the_pause_alone() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion) as session:
        page = Page(session)
        pressed = page.when(lambda: session.loop.status == "paused", lambda: os.kill(os.getpid(), signal.SIGINT))
        for x, y in session.batches(data(4)):
            criterion(model(x), y).backward()
            if session.loop.step == 1:
                session.pause()
            try:
                optimizer.step()
            except KeyboardInterrupt:
                assert (session.loop.step, session.loop.status) == (2, "training")
        pressed.join()
        assert (session.loop.step, session.loop.status) == (4, "finished")


def test_the_exceptions_last_line_is_the_failures(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion, run=tmp_path / "run")

    def training() -> None:
        train(session, model, optimizer, criterion, epochs=1)
        raise torch.cuda.OutOfMemoryError("first\nTried to allocate 2.00 GiB")

    session.start(training)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        session.wait(60)
    assert (session.loop.status, session.loop.detail) == ("failed", "OutOfMemoryError: Tried to allocate 2.00 GiB")
    session.close()
    assert session.loop.status == "failed"


def test_whatever_is_asked_of_the_brake_the_training_is_the_same(tmp_path: Path) -> None:
    """Two threads, as front-end messages, hold, step and release a loop on the main thread at random moments."""
    model, optimizer, criterion = setup()
    over = threading.Event()
    refused: list[Exception] = []
    asked = 0

    def ask(seed: int) -> None:
        nonlocal asked
        choice = random.Random(seed)
        acts = [session.pause, session.resume, lambda: session.resume(steps=choice.randint(1, 3)),
                lambda: session.resume(epochs=1), lambda: session.mailbox.put(lambda: None)]  # fmt: skip
        while not over.wait(choice.random() / 500):
            try:
                choice.choice(acts)()
                asked += 1
            except RuntimeError as error:  # the loop has not begun yet, or has just ended
                refused.append(error)
        session.resume()

    with tvw.watch(model, optimizer, criterion, run=tmp_path / "run") as session:
        Page(session)
        threads = [threading.Thread(target=ask, args=[seed]) for seed in range(2)]
        for thread in threads:
            thread.start()
        for _ in session.epochs(6):
            for _ in steps(model, optimizer, criterion, session.batches(data())):
                pass
        over.set()
        for thread in threads:
            thread.join(20)
        assert (session.loop.step, session.loop.status, session.loop.brake.paused) == (30, "finished", False)
        assert all("found no loop that is running" in str(error) for error in refused)
        assert asked > 5
    other, optimizer, criterion = setup()
    for _ in range(6):
        list(steps(other, optimizer, criterion, data()))
    assert_same_bits(dict(model.state_dict()), dict(other.state_dict()))


@pytest.mark.parametrize("how", ["restore", "restore_best"])
def test_ctrl_c_while_everything_is_put_back_comes_when_it_is(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of an epoch's body, where it is no command of the mailbox: weights and edits are of one moment."""
    model, optimizer, criterion = setup()
    session = tvw.watch(
        model, optimizer, criterion, resumable=True, restore_best=how == "restore_best", best="val/loss"
    )
    assert session._watcher is not None
    put_back = session._watcher.keeper.put_back

    def interrupted(recorded: Recorded) -> None:
        signal.raise_signal(signal.SIGINT)
        put_back(recorded)

    def cell() -> None:
        for epoch in session.epochs(2):
            list(steps(model, optimizer, criterion, session.batches(data(2))))
            session.edit("fc.weight").scale(2.0)
            session.log({"val/loss": float(epoch)})
            if epoch == 2 and how == "restore":
                session.restore(step=2)

    monkeypatch.setattr(session._watcher.keeper, "put_back", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cell()
    assert session.loop.step == 2
    assert len(session.edits) == 1  # that of the epoch which is kept
    assert_same_bits(dict(model.state_dict()), dict(session.run.state_dict(step=2)))
    session.close()


def test_ctrl_c_at_any_moment_of_a_pause_is_an_interrupt() -> None:
    """It is never lost, comes out as no other error, and leaves the brake such that it can be used."""
    for moment in range(40):
        brake, events = Brake(), 0

        def press(frame: FrameType, event: str, arg: object, moment: int = moment) -> Any:
            nonlocal events
            events += 1
            if events == moment:
                raise KeyboardInterrupt
            return press

        def wait(brake: Brake = brake) -> None:
            brake.pause()
            threading.Timer(0.02, brake.release).start()
            before = sys.gettrace()
            sys.settrace(press)
            try:
                brake.wait(lambda: None)
            finally:
                sys.settrace(before)

        with contextlib.suppress(KeyboardInterrupt):
            wait()
            assert events < moment or moment == 0
        asked = threading.Thread(target=brake.release, daemon=True)
        asked.start()
        asked.join(20)
        assert not asked.is_alive()


def test_ctrl_c_at_any_moment_of_a_loop_ends_it() -> None:
    """Whatever it interrupts of the loop's own accounts, the next loop begins with clean ones."""
    loop, moment, events = Loop(), 0, 0

    def nothing() -> None:
        pass

    epochs = Epochs(loop, 1, began=nothing, ended=nothing, between=nothing, left=nothing)
    batches = Batches(loop, [torch.zeros(1)], after_batch=nothing, ended=nothing, between=nothing)

    def press(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal events
        if frame.f_globals["__name__"] not in (Loop.__module__, Epochs.__module__):
            return None
        events += 1
        if events == moment:
            raise KeyboardInterrupt
        return press

    while events >= moment:
        moment, events, error = moment + 1, 0, None
        before = sys.gettrace()
        sys.settrace(press)
        try:
            for _ in epochs:
                for _ in batches:
                    loop.stepped()
        except KeyboardInterrupt as pressed:
            error = pressed
        finally:
            sys.settrace(before)
        loop.cell_ended(error)  # as IPython tells it
        assert not loop.running
        loop.stepped()  # of a loop that uses no iterators: is it taken for one?
        assert (loop.bare, loop.inside_an_epoch) == (True, False), moment
        loop.cell_ended(None)
        assert loop.status == "finished"
    assert moment > 100
