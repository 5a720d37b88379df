"""Watching changes nothing: not the weights, not the modes, not the random numbers, and it leaves nothing behind."""

from __future__ import annotations

import copy
import threading
from pathlib import Path

import pytest
import torch

import torchvis_widgets as tvw
from tests.unit.session.training import CLASSES, data, hooks_on, hooks_on_optimizers, setup, steps, train
from torchvis_widgets.taps import LossTap


def unwatched(epochs: int) -> dict[str, torch.Tensor]:
    model, optimizer, criterion = setup()
    for _ in range(epochs):
        list(steps(model, optimizer, criterion, data()))
    return model.state_dict()


def assert_same_bits(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].numpy().tobytes() == tensor.numpy().tobytes(), name


@pytest.mark.parametrize("given_probe", [True, False])
def test_weights_are_bit_identical_while_views_look_on(tmp_path: Path, given_probe: bool) -> None:
    model, optimizer, criterion = setup()
    probe = data(1)[0] if given_probe else None
    session = tvw.watch(model, optimizer, criterion, probe=probe, classes=CLASSES, run=tmp_path / "run")
    dashboard = tvw.Dashboard(session)
    looks = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            for layer in ("conv", "norm", "fc"):
                dashboard.map._receive(None, {"kind": "request", "id": "v:1", "op": "hello",
                                              "args": {"view": "v", "visible": True}}, [])  # fmt: skip
                if session.observer is not None:
                    looks.append(session.activations(layer))

    looker = threading.Thread(target=look)
    looker.start()
    train(session, model, optimizer, criterion, epochs=4)
    stop.set()
    looker.join()
    assert looks
    assert session.problems == []
    assert_same_bits(model.state_dict(), unwatched(4))
    assert model.training
    session.close()


def test_watch_itself_draws_no_random_number_and_changes_no_mode() -> None:
    model, optimizer, criterion = setup()
    model.norm.eval()
    before = torch.get_rng_state()
    with tvw.watch(model, optimizer, criterion, probe=data(1)[0]):
        pass
    assert torch.equal(torch.get_rng_state(), before)
    assert model.training
    assert not model.norm.training
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())


def test_watching_twice_leaves_one_set_of_hooks_and_closing_none() -> None:
    model, optimizer, criterion = setup()
    before = hooks_on_optimizers()
    counts = []
    for _ in range(2):
        session = tvw.watch(model, optimizer, criterion)
        counts.append((hooks_on(model, criterion), hooks_on_optimizers() - before))
    assert counts[0] == counts[1] == (2, 2)  # one before a step and one after it, whatever they do
    session.close()
    assert hooks_on(model, criterion) == 0
    assert hooks_on_optimizers() == before


def test_the_older_session_on_a_model_is_closed() -> None:
    model, optimizer, criterion = setup()
    older = tvw.watch(model, optimizer, criterion)
    newer = tvw.watch(model, optimizer, criterion)
    assert not older.open
    assert newer.open
    with pytest.raises(RuntimeError, match=r"closed session: call tvw\.watch\(model, …\) again"):
        older.log({"x": 1.0})
    newer.close()


def test_an_unnamed_optimizer_is_found_and_its_process_wide_hooks_come_off() -> None:
    model, optimizer, criterion = setup()
    other = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    before = hooks_on_optimizers()
    session = tvw.watch(model)
    list(steps(model, optimizer, criterion, data(3)))
    other.step()
    assert session.loop.step == 3
    session.close()
    assert hooks_on_optimizers() == before


def test_a_copy_of_a_watched_model_is_not_watched() -> None:
    model, _, criterion = setup()
    session = tvw.watch(model, criterion=criterion)
    average = copy.deepcopy(model)
    average(data(1)[0][0])
    assert session.observer is None
    model(data(1)[0][0])
    assert session.observer is not None
    assert session.observer.probe.count == 8
    session.close()


def test_a_failure_in_a_hook_is_reported_once_and_never_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion, probe=data(1)[0])

    def fail(*_: object) -> None:
        raise RuntimeError("broken watcher")

    monkeypatch.setattr(LossTap, "stepped", fail)
    with pytest.warns(RuntimeWarning, match="switched a part of itself off: RuntimeError: broken watcher"):
        train(session, model, optimizer, criterion)
    assert len([text for text in session.problems if "broken watcher" in text]) == 1
    assert_same_bits(model.state_dict(), unwatched(2))
    session.close()
