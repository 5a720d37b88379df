"""Counting: epochs, steps, progress and status, however the loop is written and however it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import torchvis_widgets as tvw
from tests.unit.session.training import Net, data, setup, steps, train


def test_epochs_and_batches_have_a_length_and_hand_everything_through() -> None:
    model, optimizer, criterion = setup()
    batches = data(4)
    with tvw.watch(model, optimizer, criterion) as session:
        assert len(session.epochs(3)) == 3
        assert len(session.batches(batches)) == 4
        assert all(found is given for found, given in zip(session.batches(batches), batches, strict=True))
        with pytest.raises(TypeError):
            len(session.batches(iter(batches)))


def test_counts_progress_and_snapshots() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, probe=data(1)[0]) as session:
        loop, seen = session.loop, []
        assert loop.status == "idle"
        for epoch in session.epochs(2):
            for _ in steps(model, optimizer, criterion, session.batches(data(4))):
                seen.append((epoch, loop.step, loop.epoch, loop.progress(), loop.status))
        assert seen[0] == (1, 1, 0.25, 0.125, "training")
        assert seen[5] == (2, 6, 1.5, 0.75, "training")
        assert (loop.status, loop.step, loop.progress(), loop.total_steps()) == ("finished", 8, 1.0, 8)
        session.run.flush()
        assert [(s.step, s.epoch) for s in session.run.snapshots] == [(0, 0.0), (4, 1.0), (8, 2.0)]


def test_a_snapshot_is_the_state_of_its_epoch() -> None:
    model, optimizer, criterion = setup()
    states = [{name: tensor.clone() for name, tensor in model.state_dict().items()}]
    with tvw.watch(model, optimizer, criterion) as session:
        for _ in session.epochs(2):
            list(steps(model, optimizer, criterion, session.batches(data())))
            states.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
    for epoch, state in enumerate(states):
        found = tvw.Run(session.run.path).state_dict(epoch=epoch)
        assert all(torch.equal(found[name], tensor) for name, tensor in state.items())


def test_validation_in_the_same_epoch_does_not_move_the_progress() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion) as session:
        for _ in session.epochs(1):
            list(steps(model, optimizer, criterion, session.batches(data(4))))
            for x, _ in session.batches(data(2)):
                model(x)
                assert session.loop.epoch == 1.0
        assert session.loop.step == 4


def test_a_second_call_goes_on_counting() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion) as session:
        train(session, model, optimizer, criterion, epochs=2)
        assert list(session.epochs(2)) == [3, 4]
        assert session.loop.finished_epochs == 4


@pytest.mark.parametrize(("error", "status"), [(ValueError("too bad"), "failed"), (KeyboardInterrupt(), "interrupted")])
def test_a_loop_that_raises_ends_with_its_last_line(error: BaseException, status: str) -> None:
    model, optimizer, criterion = setup()

    def train_until_it_raises() -> None:
        with session:
            for _ in session.epochs(2):
                raise error

    session = tvw.watch(model, optimizer, criterion)
    with pytest.raises(type(error)):
        train_until_it_raises()
    assert (session.loop.status, session.loop.running) == (status, False)
    assert session.loop.detail == ("ValueError: too bad" if status == "failed" else "")


def test_a_loop_left_by_break_is_stopped_and_its_last_state_kept() -> None:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion)
    for _ in session.epochs(5):
        for done, _ in enumerate(steps(model, optimizer, criterion, session.batches(data()))):
            if done == 2:
                break
        break
    assert (session.loop.status, session.loop.running) == ("stopped", False)
    session.close()
    assert [s.step for s in session.run.snapshots] == [0, 3]
    assert torch.equal(session.run.state_dict(step=3)["fc.bias"], model.fc.bias)


def test_batches_alone_make_an_epoch_a_pass() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion) as session:
        for _ in range(2):
            list(steps(model, optimizer, criterion, session.batches(data(3))))
            list(session.batches(data(2)))
        session.run.flush()
        assert [(s.step, s.epoch) for s in session.run.snapshots] == [(0, 0.0), (3, 1.0), (6, 2.0)]


def test_a_bare_loop_is_counted_at_the_optimizer() -> None:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion)
    list(steps(model, optimizer, criterion, data(3) * 70))
    assert (session.loop.step, session.loop.status) == (210, "training")
    session.close()
    assert [s.step for s in session.run.snapshots] == [0, 100, 200, 210]


def test_a_loop_without_optimizer_and_batches_steps_once_an_epoch() -> None:
    model = nn.Linear(1, 1)
    with tvw.watch(model) as session:
        for _ in session.epochs(3):
            with torch.no_grad():
                model.weight -= 0.1
            session.log(loss=1.0)
        session.run.flush()
        assert session.loop.step == 3
        assert [s.step for s in session.run.snapshots] == [0, 1, 2, 3]


def test_without_a_log_call_the_criterion_is_logged_once_a_step() -> None:
    model, optimizer, criterion = setup()
    expected = []
    with tvw.watch(model, optimizer, criterion) as session:
        for _ in session.epochs(2):
            expected += [loss.item() for loss in steps(model, optimizer, criterion, session.batches(data()))]
            model.eval()
            losses = [criterion(model(x), y).item() for x, y in data(2)]
            model.train()
    metrics = session.run.metrics()
    trained = metrics[metrics["name"] == "train/loss"]
    assert trained["value"].tolist() == expected
    assert trained["step"].tolist() == list(range(1, 11))
    validated = metrics[metrics["name"] == "val/loss"]
    assert validated["step"].tolist() == [5, 10]
    assert validated["value"].iloc[-1] == pytest.approx(sum(losses) / 2)


@pytest.mark.parametrize("when", ["before the step", "after it"])
def test_what_the_user_logs_is_not_logged_again(when: str) -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion) as session:
        for _ in session.epochs(2):
            for x, y in session.batches(data(3)):
                optimizer.zero_grad()
                loss = criterion(model(x), y)
                loss.backward()
                if when == "before the step":
                    session.log({"train/loss": loss})
                optimizer.step()
                if when == "after it":
                    session.log({"train/loss": loss})
    assert len(session.run.metrics()) == 6


def test_running_a_notebook_again_keeps_the_older_run(tmp_path: Path) -> None:
    for _ in range(2):
        torch.manual_seed(0)
        model = Net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        session = tvw.watch(model, optimizer, nn.CrossEntropyLoss(), run=tmp_path / "run")
        train(session, model, optimizer, nn.CrossEntropyLoss(), epochs=1)
    session.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run-1"]
    assert len(tvw.Run(tmp_path / "run-1").snapshots) == 2


def test_training_in_the_background() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, probe=data(1)[0]) as session:
        session.start(train, session, model, optimizer, criterion, epochs=2)
        assert session.wait(timeout=60)
        assert (session.loop.status, session.loop.step) == ("finished", 10)
        assert session.activations("fc", epoch=1).shape == (8, 3)


def test_an_exception_in_the_background_is_shown_and_raised_by_wait() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion) as session:

        def fail() -> None:
            for _ in session.epochs(3):
                raise RuntimeError("out of luck")

        session.start(fail)
        with pytest.raises(RuntimeError, match="out of luck"):
            session.wait(timeout=60)
        assert (session.loop.status, session.loop.detail) == ("failed", "RuntimeError: out of luck")


def test_two_training_functions_at_once_are_refused() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion) as session:
        session.start(train, session, model, optimizer, criterion, epochs=50)
        with pytest.raises(RuntimeError, match=r"still running; call session\.wait\(\)"):
            session.start(print)
        assert not session.wait(timeout=0.0)
        assert session.wait(timeout=100)
