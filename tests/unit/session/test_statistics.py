"""Statistics around the optimizer's steps and on the probe: what is taken, of which layers, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from torch import nn

import torchvis_widgets as tvw
from tests.unit.session.training import data, setup, steps, train

CLOSE = {"rtol": 1e-4, "atol": 1e-7}


def table(session: tvw.Session, kind: str, name: str) -> pandas.DataFrame:
    session.run.flush()
    rows = session.run.statistics()
    return rows[(rows["kind"] == kind) & (rows["name"] == name)].reset_index(drop=True)


@pytest.mark.parametrize("every", [1, 10])
def test_weights_gradients_and_updates_are_those_of_the_loop(every: int) -> None:
    model, optimizer, criterion = setup()
    weights, gradients, moves = [], [], []
    with tvw.watch(model, optimizer, criterion, statistics=every, overhead=None) as session:
        for x, y in data(21):
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            before = model.fc.weight.detach().clone()
            weights.append(before)
            gradients.append(model.fc.weight.grad.clone())
            optimizer.step()
            moves.append((model.fc.weight.detach() - before).norm() / before.norm())
    weight, gradient = table(session, "parameter", "fc.weight"), table(session, "gradient", "fc.weight")
    assert weight["step"].tolist() == gradient["step"].tolist() == list(range(0, 21, every))
    for rows, tensors in ((weight, weights[::every]), (gradient, gradients[::every])):
        np.testing.assert_allclose(rows["norm"], [float(each.norm()) for each in tensors], **CLOSE)
        np.testing.assert_allclose(rows["min"], [float(each.min()) for each in tensors], **CLOSE)
        np.testing.assert_allclose(rows["max"], [float(each.max()) for each in tensors], **CLOSE)
        np.testing.assert_allclose(rows["mean"], [float(each.mean()) for each in tensors], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(rows["std"], [float(each.std(correction=0)) for each in tensors], **CLOSE)
        np.testing.assert_allclose(rows["zeros"], [float((each == 0).float().mean()) for each in tensors], **CLOSE)
    np.testing.assert_allclose(weight["update_ratio"], [float(each) for each in moves[::every]], **CLOSE)
    assert gradient["update_ratio"].isna().all()
    found, edges, counts = session.run.histograms("fc.weight", "gradient")
    assert found.tolist() == gradient["step"].tolist()
    assert (edges.shape, counts.shape) == ((len(found), 65), (len(found), 64))
    assert (counts.sum(1) == gradients[0].numel()).all()


def test_by_default_every_fifty_steps_from_the_first_on() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, overhead=None) as session:
        for _ in steps(model, optimizer, criterion, data(101)):
            pass
    rows = session.run.statistics()
    assert set(rows[rows["kind"] != "output"]["step"]) == {0, 50, 100}
    names = {name for name, _ in model.named_parameters()}
    assert set(rows[rows["kind"] == "gradient"]["name"]) == set(rows[rows["kind"] == "parameter"]["name"]) == names


@pytest.mark.parametrize("every", [1, 50])
def test_large_tensors_are_marked_as_sampled(every: int) -> None:
    torch.manual_seed(0)
    model = nn.Linear(300, 300)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with tvw.watch(model, optimizer, statistics=every, overhead=None) as session:
        model(torch.randn(8, 300)).square().sum().backward()
        before = model.weight.detach().clone()
        optimizer.step()
    row = table(session, "parameter", "weight").iloc[0]
    assert (row["total"], row["sampled"]) == (90_000, 16_384 if every == 50 else 4096)
    assert row["norm"] == pytest.approx(float(before.norm()), rel=1e-5)
    moved = float((model.weight.detach() - before).norm() / before.norm())
    assert row["update_ratio"] == pytest.approx(moved, rel=1e-4 if every == 50 else 0.1)
    assert session.run.histograms("weight").counts.sum() == row["sampled"]
    assert (table(session, "parameter", "bias")["sampled"] == 300).all()


def test_globs_choose_layers() -> None:
    model, optimizer, criterion = setup()
    chosen = tvw.Statistics(every=1, layers=("conv", "f*", "norm"), exclude=("*.bias",))
    with tvw.watch(model, optimizer, criterion, probe=data(1)[0], statistics=chosen, overhead=None) as session:
        train(session, model, optimizer, criterion, epochs=1)
    rows = session.run.statistics()
    assert set(rows[rows["kind"] == "parameter"]["name"]) == {"conv.weight", "norm.weight", "fc.weight"}
    assert set(rows[rows["kind"] == "output"]["name"]) == {"conv", "norm", "fc"}


def test_none_takes_none() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, statistics=None) as session:
        train(session, model, optimizer, criterion, epochs=1)
    assert session.run.statistics().empty
    assert list(session.run.statistics().columns)[:5] == ["step", "epoch", "time", "kind", "name"]
    with pytest.raises(LookupError, match=r"the run has none; watch\(…, statistics=50\) takes them"):
        session.run.histograms("fc.weight")


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        (0, ValueError, r"found every=0, expected 1 or more; statistics=None switches them off"),
        (2.5, TypeError, r"every so many steps, a whole number; found every=2\.5"),
        (True, TypeError, r"found every=True"),
    ],
)
def test_words_for_an_interval_that_is_none(settings: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        tvw.watch(setup()[0], statistics=settings)


def test_words_for_a_layer_that_is_not_there_and_for_globs_that_are_no_text() -> None:
    with pytest.raises(ValueError, match=r"statistics of 'convv': the model has no such layer; there are 'conv'"):
        tvw.watch(setup()[0], statistics=tvw.Statistics(layers=("convv",)))
    with pytest.raises(TypeError, match=r"layers are globs of layer paths such as"):
        tvw.Statistics(layers=(1,))  # type: ignore[arg-type]


def test_words_for_a_histogram_that_is_not_there() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, statistics=1, overhead=None) as session:
        train(session, model, optimizer, criterion, epochs=1)
    with pytest.raises(LookupError, match=r"no statistics of the parameter 'fc.wait'; there are 'fc.weight'"):
        session.run.histograms("fc.wait")
    with pytest.raises(LookupError, match=r"no statistics of the kind 'weights'; there are 'gradient', .*'parameter'"):
        session.run.histograms("fc.weight", "weights")


def test_outputs_are_those_of_the_probe_at_the_snapshots() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, probe=data(1)[0]) as session:
        train(session, model, optimizer, criterion, epochs=1)
        expected = session.activations("relu", epoch=1)
    row = table(session, "output", "relu").iloc[-1]
    assert (row["epoch"], row["step"]) == (1.0, 5)
    assert (row["total"], row["sampled"]) == (expected.numel(), expected.numel())
    assert row["norm"] == pytest.approx(float(expected.norm()), rel=1e-5)
    assert row["zeros"] == pytest.approx(float((expected == 0).float().mean()), rel=1e-5)
    convolved = table(session, "output", "conv").iloc[-1]
    assert convolved["min"] < 0  # the in-place ReLU that follows has not overwritten it


def test_frozen_layers_have_weights_and_no_gradient() -> None:
    model, optimizer, criterion = setup()
    model.conv.requires_grad_(False)
    with tvw.watch(model, optimizer, criterion, statistics=1, overhead=None) as session:
        train(session, model, optimizer, criterion, epochs=1)
    assert len(table(session, "parameter", "conv.weight")) == 5
    assert (table(session, "parameter", "conv.weight")["update_ratio"] == 0).all()
    assert table(session, "gradient", "conv.weight").empty


def test_two_optimizers_measure_what_each_holds() -> None:
    model, _, criterion = setup()
    first = torch.optim.SGD([*model.conv.parameters(), *model.norm.parameters()], lr=0.1)
    second = torch.optim.SGD(model.fc.parameters(), lr=0.1)
    with tvw.watch(model, [first, second], criterion, statistics=1, overhead=None) as session:
        for x, y in data(3):
            model.zero_grad()
            criterion(model(x), y).backward()
            first.step()
            second.step()
    rows = session.run.statistics()
    each = rows[rows["kind"] != "output"].groupby(["kind", "name"])["update_ratio"]
    assert set(each.size()) == {3}
    assert (each.min()["parameter"].drop("conv.bias") > 0).all()  # BatchNorm takes that one away again


def test_a_closure_s_gradients_are_read_after_the_step() -> None:
    model, _, criterion = setup()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=3)
    x, y = data(1)[0]

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        return loss

    last = []
    with tvw.watch(model, optimizer, criterion, statistics=1, overhead=None) as session:
        for _ in range(2):
            optimizer.step(closure)
            last.append(float(model.fc.weight.grad.norm()))
    np.testing.assert_allclose(table(session, "gradient", "fc.weight")["norm"], last, **CLOSE)
    assert (table(session, "parameter", "fc.weight")["update_ratio"] > 0).all()


def test_the_scale_of_a_fused_optimizer_s_gradients_is_taken_off() -> None:
    model, _, criterion = setup()
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    with tvw.watch(model, optimizer, criterion, statistics=1, overhead=None) as session:
        x, y = data(1)[0]
        scaler.scale(criterion(model(x), y)).backward()
        scaled = float(model.fc.weight.grad.norm())
        scaler.step(optimizer)
    assert table(session, "gradient", "fc.weight")["norm"][0] == pytest.approx(scaled / 1024, rel=1e-4)


def test_what_cannot_be_measured_is_told_and_the_rest_is_there() -> None:
    model = nn.Sequential(nn.Embedding(10, 4, sparse=True), nn.Linear(4, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with tvw.watch(model, optimizer, statistics=1, overhead=None) as session:
        model(torch.arange(5)).sum().backward()
        optimizer.step()
    assert any("statistics are without 0.weight's gradient: sparse" in text for text in session.run.problems)
    assert len(table(session, "parameter", "0.weight")) == len(table(session, "gradient", "1.weight")) == 1


def test_weights_gradients_and_random_numbers_stay_bit_for_bit() -> None:
    def trained(watch: Callable[..., Any]) -> list[torch.Tensor]:
        model, optimizer, criterion = setup()
        with watch(model, optimizer, criterion, probe=data(1)[0], statistics=1, overhead=None):
            for _ in steps(model, optimizer, criterion, data(20)):
                pass
        return [*model.state_dict().values(), *(each.grad for each in model.parameters()), torch.get_rng_state()]

    class Nobody:
        def __init__(self, *_: Any, **__: Any) -> None: ...
        def __enter__(self) -> None: ...
        def __exit__(self, *_: Any) -> None: ...

    assert all(torch.equal(*pair) for pair in zip(trained(tvw.watch), trained(Nobody), strict=True))


def test_a_failure_switches_the_statistics_off_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("as if")

    monkeypatch.setattr("torchvis_widgets.step_statistics.Reading", broken)
    model, optimizer, criterion = setup()
    with (
        pytest.warns(RuntimeWarning, match="as if"),
        tvw.watch(model, optimizer, criterion, statistics=1, overhead=None) as session,
    ):
        train(session, model, optimizer, criterion, epochs=2)
    assert session.loop.step == 10
    assert len(session.run.series["train/loss"]) == 10


def test_going_back_takes_them_at_the_steps_that_it_took_them_at_before() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, statistics=3, overhead=None, resumable=True) as session:
        train(session, model, optimizer, criterion, epochs=3)
        session.restore(epoch=1)
        train(session, model, optimizer, criterion, epochs=2)
    rows = table(session, "parameter", "fc.weight")
    for branch, expected in ((0, [0, 3, 6, 9, 12]), (1, [6, 9, 12])):
        assert rows[rows["branch"] == branch]["step"].tolist() == expected
    first, again = (rows[(rows["branch"] == branch) & (rows["step"] == 9)].iloc[0] for branch in (0, 1))
    assert first["norm"] == again["norm"]
