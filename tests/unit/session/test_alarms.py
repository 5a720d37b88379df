"""What goes wrong is marked, with the first layer that is not finite, and the loop goes on, pauses or stops."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import torchvis_widgets as tvw
from tests.unit.session.training import data, setup, steps, train
from tests.unit.widgets.front_end import wait_for

NAN = float("nan")


class Still(torch.optim.Optimizer):
    """Its steps change nothing, so that what is bad stays where it was put."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model.parameters(), {})

    def step(self, closure: Any = None) -> None:
        pass


def rows(run: tvw.Run) -> list[tuple[Any, ...]]:
    return [(mark.step, mark.kind, mark.layer, mark.text) for mark in run.marked]


def test_a_weight_that_is_not_finite_is_named_with_the_loss(tmp_path: Path) -> None:
    model, _, criterion = setup()
    optimizer = Still(model)
    session = tvw.watch(model, optimizer, criterion, run=tmp_path / "run")
    list(steps(model, optimizer, criterion, data(2)))
    with torch.no_grad():
        model.norm.weight[1] = NAN
        model.fc.bias[0] = torch.inf
    list(steps(model, optimizer, criterion, data(2)))
    session.run.flush()  # the metrics thread looks at the losses
    list(steps(model, optimizer, criterion, data(2)))
    session.close()
    (text,) = session.problems
    words = r"train/loss is NaN at step 3; at step [345] norm\.weight is not finite, nor is 1 other"
    assert re.fullmatch(words, text)  # the check comes with the next step after the metrics thread has seen the loss
    for run in (session.run, tvw.Run(tmp_path / "run")):
        assert rows(run) == [(3, "loss", "norm", text)]
    table = tvw.Run(tmp_path / "run").marks()
    assert table.columns.tolist() == ["step", "epoch", "time", "kind", "text", "layer", "branch"]
    assert table["layer"].tolist() == ["norm"]


def test_a_gradient_that_is_not_finite_is_named_where_the_weights_still_are() -> None:
    model, _, _ = setup()
    optimizer = Still(model)
    with tvw.watch(model, optimizer) as session:
        for step in range(2):
            optimizer.zero_grad()
            loss = model(data(1)[0][0]).sum() * (NAN if step else 1.0)
            loss.backward()
            model.conv.weight.grad = None
            session.log(loss=loss)
            session.run.flush()
            optimizer.step()
    (mark,) = session.run.marked
    assert (mark.step, mark.kind, mark.layer) == (1, "loss", "conv")
    assert mark.text == "loss is NaN at step 1; at step 1 the gradient of conv.bias is not finite, nor are 4 others"


def test_a_loss_that_is_bad_by_itself() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer) as session:
        for loss in steps(model, optimizer, criterion, data(3)):
            session.log({"train/loss": loss, "other/loss": loss.detach() / 0, "accuracy": NAN})
            session.run.flush()
    assert rows(session.run) == [
        (
            1,
            "loss",
            None,
            "other/loss is +Inf at step 1; at step 1 every gradient and weight is finite: look at the data",
        )
    ]


def test_all_is_well_and_nothing_is_marked() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, on_nonfinite="stop") as session:
        train(session, model, optimizer, criterion, epochs=4)
    assert (rows(session.run), session.problems, session.loop.status) == ([], [], "finished")
    assert session.run.marks().empty


def test_a_jump_is_marked_and_nothing_else_happens() -> None:
    model, optimizer, _ = setup()
    with tvw.watch(model, optimizer, on_nonfinite="stop") as session:
        for step in session.batches(range(60)):
            optimizer.step()
            session.log({"train/loss": 50.0 if step == 50 else 1.0 + 0.01 * (step % 5)})
        session.run.flush()
        assert rows(session.run) == [(51, "jump", None, "train/loss jumped to 50")]
    assert (session.loop.step, session.problems) == (60, [])


def after(step: int, session: tvw.Session, bad: float = NAN) -> Callable[[], list[int]]:
    """A loop of 3 epochs of 10 batches whose loss is bad from `step` on; it waits there until that has been noticed."""
    optimizer = Still(session.model)  # type: ignore[arg-type]

    def run() -> list[int]:
        seen = []
        for epoch in session.epochs(3):
            for _ in session.batches(range(10)):
                optimizer.step()
                session.log({"train/loss": bad if session.loop.step >= step else 1.0})
                if session.loop.step == step:
                    session.run.flush()
            seen.append(epoch)
            session.log({"val/accuracy": 0.5})
        return seen

    return run


def test_stop_ends_the_iterators_and_what_follows_them_runs() -> None:
    model, _, criterion = setup()
    session = tvw.watch(model, criterion=criterion, on_nonfinite="stop")
    assert after(14, session)() == [1, 2]  # the second epoch's own validation ran, and no third began
    assert (session.loop.step, session.loop.finished_epochs) == (14, 1)
    assert (session.loop.status, session.loop.running) == ("stopped", False)
    assert session.loop.detail.startswith("train/loss is NaN at step 14")
    session.run.flush()
    assert session.run.series["val/accuracy"].last == (14, 0.5)
    session.close()
    assert [s.step for s in session.run.snapshots] == [0, 10, 14]
    assert session.loop.status == "stopped"


def test_stop_in_the_background_and_the_loop_may_begin_again() -> None:
    model, _, _ = setup()
    with tvw.watch(model, on_nonfinite="stop") as session:
        session.start(after(5, session))
        assert session.wait(60)
        assert (session.loop.status, session.loop.step) == ("stopped", 5)
        session.start(after(10**9, session))
        assert session.wait(60)
        assert (session.loop.status, session.loop.step, session.loop.detail) == ("finished", 35, "")


def test_a_bare_loop_cannot_be_stopped_and_the_bar_says_so() -> None:
    model, optimizer, _ = setup()
    with tvw.watch(model, optimizer, on_nonfinite="stop") as session:
        for _ in range(3):
            optimizer.step()
            session.log(loss=NAN)
            session.run.flush()
        assert session.loop.step == 3
        assert (
            'on_nonfinite="stop" could not end this loop: it needs session.epochs() or .batches()' in session.problems
        )


def test_pause_holds_the_loop_until_resume() -> None:
    model, _, _ = setup()
    with tvw.watch(model, on_nonfinite="pause") as session:
        session.start(after(5, session))
        wait_for(lambda: session.loop.status == "paused")
        assert (session.loop.step, session.loop.running) == (6, True)
        assert session.loop.detail.startswith("train/loss is NaN at step 5")
        assert session.mailbox.put(lambda: threading.current_thread().name).result(10) == "tvw-training"
        assert session.loop.step == 6
        session.resume()
        assert session.wait(60)
        assert (session.loop.status, session.loop.step) == ("finished", 30)


def test_pause_by_hand_and_a_close_lets_the_loop_go() -> None:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion)
    with pytest.raises(RuntimeError, match=r"pause\(\) found no loop that is running"):
        session.pause()
    session.start(lambda: list(steps(model, optimizer, criterion, data(10) * 60)))
    wait_for(lambda: session.loop.step > 3)
    session.pause()
    wait_for(lambda: session.loop.status == "paused")
    step = session.loop.step
    assert not session.wait(0.2)
    assert session.loop.step == step
    session.resume()
    wait_for(lambda: session.loop.step > step)
    with pytest.raises(RuntimeError, match=r"stop\(\) ends loops over session\.epochs\(\) or session\.batches\(\)"):
        session.stop()
    session.pause()
    wait_for(lambda: session.loop.status == "paused")
    session.close()
    assert session.wait(60)
    assert optimizer.state


def test_a_loop_does_not_pause_itself() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion) as session:
        for _ in session.epochs(1):
            with pytest.raises(RuntimeError, match=r"pause\(\) was called on the loop's own thread"):
                session.pause()
            session.stop()
        assert session.loop.status == "stopped"


def test_pause_is_refused_where_nothing_could_resume() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, on_nonfinite="pause") as session:
        for call in (lambda: session.epochs(2), lambda: session.batches(data(2))):
            with pytest.raises(RuntimeError, match=r"nothing could resume it: train with session\.start\(train\), or"):
                call()
        for _ in range(3):  # a bare loop on the main thread is not held
            optimizer.step()
            session.log(loss=NAN)
            session.run.flush()
        assert 'on_nonfinite="pause" could not pause this loop: it needs session.start(train)' in session.problems


def test_words_for_another_choice() -> None:
    with pytest.raises(ValueError, match=r"on_nonfinite is one of 'warn', 'pause', 'stop', found 'raise'"):
        tvw.watch(setup()[0], on_nonfinite="raise")  # type: ignore[arg-type]


def test_a_failure_of_the_alarms_own_is_told_once_and_training_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    model, optimizer, _ = setup()
    monkeypatch.setattr("torchvis_widgets.alarms._losses", lambda names, rows: 1 / 0)

    def watched() -> tvw.Session:
        session = tvw.watch(model, optimizer)
        optimizer.step()
        session.log(loss=NAN)
        session.run.flush()
        return session

    with pytest.warns(RuntimeWarning, match="switched a part of itself off: ZeroDivisionError"):
        session = watched()
    for _ in range(2):
        optimizer.step()
        session.log(loss=NAN)
    session.close()
    assert len(session.problems) == 1
    assert session.run.series["loss"].last == (3, pytest.approx(NAN, nan_ok=True))


@pytest.mark.parametrize("kind", ["weight", "gradient"])
def test_the_statistics_tell_of_a_tensor_that_is_not_finite_without_any_loss(kind: str) -> None:
    model, _, _ = setup()
    optimizer = Still(model)
    with tvw.watch(model, optimizer, statistics=1, overhead=None, on_nonfinite="stop") as session:
        for step in session.batches(range(30)):
            for parameter in model.parameters():
                parameter.grad = torch.zeros_like(parameter)
            if step >= 3:
                tensors = {"weight": (model.norm.weight, model.fc.bias), "gradient": (model.norm.weight.grad,)}[kind]
                with torch.no_grad():
                    for tensor in tensors:
                        tensor[0] = NAN  # type: ignore[index]
            optimizer.step()
            session.run.flush()
        assert session.loop.step == 4
        assert session.loop.status == "stopped"
    texts = {
        "weight": "norm.weight is not finite, nor is 1 other",
        "gradient": "the gradient of norm.weight is not finite",
    }
    assert rows(session.run) == [(3, kind, "norm", f"{texts[kind]} at step 3")]


def test_going_back_leaves_the_alarms_behind() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, resumable=True, on_nonfinite="stop") as session:
        for _ in session.epochs(1):
            list(steps(model, optimizer, criterion, session.batches(data(3))))
        with torch.no_grad():
            model.fc.weight[0, 0] = NAN
        session.log({"val/loss": NAN})
        session.run.flush()
        assert session.problems == ["val/loss is NaN at step 3"]
        session.restore(epoch=1)  # before any step could look for the cause
        assert session.problems == []
        for _ in session.epochs(2):
            list(steps(model, optimizer, criterion, session.batches(data(3))))
        assert (session.problems, session.loop.status, session.loop.step) == ([], "finished", 9)
        assert session.run.marked == []
        assert session.run.marks()["text"].tolist() == ["val/loss is NaN at step 3"]


def test_a_second_bad_loss_is_told_with_the_cause_that_is_known() -> None:
    model, _, criterion = setup()
    optimizer = Still(model)
    session = tvw.watch(model, optimizer, criterion)
    with torch.no_grad():
        model.fc.weight[0, 0] = NAN
    list(steps(model, optimizer, criterion, data(2)))
    session.run.flush()
    list(steps(model, optimizer, criterion, data(2)))
    session.run.flush()
    session.log({"val/loss": NAN})
    session.close()
    first, second = session.run.marked
    assert (first.layer, second.layer) == ("fc", "fc")
    assert re.fullmatch(r"val/loss is NaN at step 4; at step [1-4] fc\.weight is not finite.*", second.text)
