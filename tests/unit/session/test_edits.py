"""session.edit(), undo() and redo(): at step boundaries, recorded, marked, and gone where the run has gone back."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import torchvis_widgets as tvw
from tests.unit.session.test_truth import assert_same_bits
from tests.unit.session.training import Net, data, setup, steps, train
from torchvis_widgets.steer import EditError


def state(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.fixture
def session(tmp_path: Path) -> Any:
    yield from trained(tmp_path / "run")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    yield from trained(tmp_path_factory.mktemp("shared") / "run")


def trained(run: Path) -> Iterator[tvw.Session]:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, run=run, probe=data(1)[0]) as session:
        train(session, model, optimizer, criterion, epochs=1)
        yield session


def test_every_way_to_edit(session: tvw.Session) -> None:
    model = session.model
    assert isinstance(model, Net)
    before = state(model)
    weight, was = model.fc.weight.detach(), before["fc.weight"]
    session.edit("fc.weight").scale(0.5, where=was > 0)
    assert torch.equal(weight, torch.where(was > 0, was * 0.5, was))
    session.undo()
    session.edit("conv.weight", channel=2).scale(0.0)
    assert not model.conv.weight[2].any()
    assert model.conv.weight[1].all()
    session.edit("conv.weight", channel=[0, 3]).shift(1)
    assert torch.equal(model.conv.weight[[0, 3]], before["conv.weight"][[0, 3]] + 1)
    session.edit("fc.weight", index=(1, (0, 3))).set(7.0)
    assert weight[1, :4].tolist()[:3] == [7, 7, 7]
    session.edit("fc.bias").set([1.0, 2.0, 3.0])
    session.edit("fc.weight").set(np.ones(144), where=lambda w: w < 0)
    assert (weight > 0).all()
    session.edit("fc.weight").clamp(0.0, 0.5)
    assert weight.max() == 0.5
    session.edit("fc.weight").prune(0.25)
    assert int((weight == 0).sum()) >= 108
    seed = session.edit("fc.weight").noise(0.1).edit.seed
    assert session.edit("fc.weight").noise(0.1).edit.seed != seed
    session.edit("norm.running_var").scale(2.0)
    session.edit("fc.weight").reinitialise(seed=1)
    assert 0 < weight.abs().max() <= 1 / 12
    session.edit("fc.weight").blend(0.5, epoch=0)
    session.edit().blend(1, epoch=0)
    first = session.run.state_dict(epoch=0)
    assert_same_bits(state(model), {**first, "norm.num_batches_tracked": before["norm.num_batches_tracked"]})
    count = len(session.edits)
    while session.undo():
        pass
    assert_same_bits(state(model), before)
    assert len(session.edits.undone) == count == 13
    while session.redo():
        pass
    assert_same_bits({**first, "norm.num_batches_tracked": before["norm.num_batches_tracked"]}, state(model))


def test_after_steps_undo_takes_back_what_was_added_and_keeps_what_was_learned(session: tvw.Session) -> None:
    model, criterion = session.model, nn.CrossEntropyLoss()
    assert isinstance(model, Net)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    calls: list[Any] = [
        lambda: session.edit("fc.weight").shift(0.25),
        lambda: session.edit("fc.weight").noise(0.5, seed=1),
        lambda: session.edit("fc.weight").prune(0.5),
        lambda: session.edit("fc.weight").clamp(-0.02, 0.02),
        lambda: session.edit().blend(0.5, epoch=0),
    ]
    for call in calls:
        before = state(model)
        call()
        edited = state(model)
        train(session, model, optimizer, criterion, epochs=1)
        learned = model.fc.weight.detach() - edited["fc.weight"]
        session.undo()
        touched = edited["fc.weight"] != before["fc.weight"]
        keeps = session.edits.undone[-1].edit.op in ("shift", "noise", "blend")
        expected = before["fc.weight"] + (learned if keeps else learned.masked_fill(touched, 0))
        assert torch.allclose(model.fc.weight, expected, atol=1e-6)
        assert learned.abs().max() > 1e-4
    assert torch.equal(model.norm.running_var, before["norm.running_var"])  # a difference could be negative


def test_freezing_keeps_a_parameter_where_it_is(session: tvw.Session) -> None:
    model, criterion = session.model, nn.CrossEntropyLoss()
    assert isinstance(model, Net)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9)
    train(session, model, optimizer, criterion, epochs=1)
    session.edit("fc.weight").freeze()
    frozen = model.fc.weight.detach().clone()
    for _ in session.epochs(1):
        for x, y in session.batches(data()):
            optimizer.zero_grad(set_to_none=False)  # momentum would go on moving it with a gradient of zeros
            criterion(model(x), y).backward()
            optimizer.step()
    assert torch.equal(model.fc.weight, frozen)
    session.undo()
    assert model.fc.weight.requires_grad
    train(session, model, optimizer, criterion, epochs=1)
    assert not torch.equal(model.fc.weight, frozen)
    with pytest.raises(EditError, match=r"'norm\.running_mean' is a buffer: only parameters can be frozen"):
        session.edit("norm.running_mean").freeze()
    names = [name for name, _ in model.named_parameters()]
    for name in names[:-1]:
        session.edit(name).freeze()
    with pytest.raises(EditError, match=r"'fc\.bias' is the last parameter that trains.*pause the training instead"):
        session.edit(names[-1]).freeze()
    assert model.fc.bias.requires_grad
    session.edit("fc.weight").freeze(False)
    assert model.fc.weight.requires_grad


@pytest.mark.parametrize("kind", ["SGD", "Adam", "LBFGS"])
def test_optimizers_forget_what_is_edited_and_undo_brings_it_back(tmp_path: Path, kind: str) -> None:
    model, _, criterion = setup()
    optimizer = {
        "SGD": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        "Adam": lambda p: torch.optim.Adam(p, lr=0.1),
        "LBFGS": lambda p: torch.optim.LBFGS(p, lr=0.1, max_iter=2),
    }[kind](model.parameters())

    def a_step() -> None:
        x, y = data(1)[0]
        torch.manual_seed(5)

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            return loss

        optimizer.step(closure)

    with tvw.watch(model, optimizer, criterion, run=tmp_path / "run") as session:
        a_step()
        key = model.conv.weight if kind == "LBFGS" else model.fc.weight
        known = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in optimizer.state[key].items()}
        session.edit("fc.weight", reset_optimizer=True).reinitialise(seed=1)
        assert key not in optimizer.state
        a_step()  # it goes on without
        session.edit("fc.weight", reset_optimizer=True).scale(0.5)
        there, kept = state(model), {k: v for k, v in optimizer.state.items() if k is not key}
        session.undo()
        assert len(optimizer.state) == len(kept) + 1
        session.undo()  # a step later: the bits of a reinit return, and what belongs to them
        for name, value in known.items():
            found = optimizer.state[key][name]
            assert torch.equal(found, value) if isinstance(value, torch.Tensor) else found == value or kind == "LBFGS"
        assert there.keys() == state(model).keys()


def test_of_a_channel_only_that_part_is_forgotten(session: tvw.Session) -> None:
    model = session.model
    assert isinstance(model, Net)
    (optimizer,) = session._optimizers()
    momentum = optimizer.state[model.conv.weight]["momentum_buffer"]
    was = momentum.clone()
    session.edit("conv.weight", channel=1, reset_optimizer=True).scale(0.0)
    assert not momentum[1].any()
    assert torch.equal(momentum[[0, 2, 3]], was[[0, 2, 3]])
    session.undo()
    assert torch.equal(optimizer.state[model.conv.weight]["momentum_buffer"], was)


def test_edits_that_are_undone_before_the_next_step_leave_no_trace(tmp_path: Path) -> None:
    plain, optimizer, criterion = setup()
    for _ in range(2):
        for _ in steps(plain, optimizer, criterion, data()):
            pass
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, run=tmp_path / "run") as session:
        for _ in session.epochs(2):
            for _ in steps(model, optimizer, criterion, session.batches(data())):
                session.edit("fc.weight", reset_optimizer=True).scale(0.1)
                session.edit("conv.weight").noise(0.5)
                session.edit("norm.weight").freeze()
                session.edit("conv.bias").reinitialise()
                session.undo(), session.redo(), session.undo()
                for _ in range(3):
                    session.undo()
        assert_same_bits(state(model), state(plain))


def test_while_a_loop_runs_edits_wait_for_the_end_of_its_step(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion, run=tmp_path / "run")
    inside, asked = threading.Event(), threading.Event()
    seen: list[float] = []

    def loop() -> None:
        for _ in session.epochs(1):
            for x, y in session.batches(data(2)):
                optimizer.zero_grad()
                loss = criterion(model(x), y)
                inside.set()
                assert asked.wait(20)
                while not seen and not len(session.mailbox):
                    pass
                seen.append(float(model.fc.bias.detach()[0]))
                loss.backward()
                optimizer.step()

    session.start(loop)
    assert inside.wait(20)
    asked.set()
    done = session.edit("fc.bias", channel=0).set(123.0)
    session.wait()
    assert seen[0] != 123.0
    assert abs(seen[1] - 123.0) < 1e-6
    assert (done.step, done.branch) == (1, 0)
    session.close()


def test_edits_from_many_threads_are_each_made_once_and_in_order(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    model.fc.bias.requires_grad_(False).zero_()  # training leaves it alone
    session = tvw.watch(model, optimizer, criterion, run=tmp_path / "run")
    ends: list[int] = []

    def loop() -> None:
        while len(ends) < 3:
            for _ in steps(model, optimizer, criterion, session.batches(data(1))):
                pass

    def steer(seed: int) -> None:
        choices = random.Random(seed)
        numbers = []
        for _ in range(50):
            choice = choices.choice(["shift", "shift", "undo", "redo"])
            if choice == "shift":
                numbers.append(session.edit("fc.bias").shift(1.0).number)
            else:
                getattr(session, choice)()
        assert numbers == sorted(numbers)
        ends.append(seed)

    session.start(loop)
    threads = [threading.Thread(target=steer, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    session.wait()
    assert sorted(ends) == [0, 1, 2]
    assert model.fc.bias.tolist() == [len(session.edits)] * 3
    assert [undone for _, undone in session.run.edited].count(False) == len(session.edits)
    session.close()


def test_the_run_holds_the_edits_with_a_mark_each(session: tvw.Session, tmp_path: Path) -> None:
    session.edit("fc.weight", channel=1).scale(0.5, where=lambda w: w > 0)
    session.edit("fc.bias").set([1.0, 2.0, 3.0])
    session.edit("fc.bias").noise(0.2, seed=4)
    session.edit("conv.weight").reinitialise(seed=9)
    session.undo()
    there, code = list(session.edits), session.edits.as_code()
    marks = [(mark.kind, mark.step, mark.layer, mark.text) for mark in session.run.marked]
    count = int((session.run.state_dict(epoch=1)["fc.weight"][1] > 0).sum())
    assert marks == [
        ("edit", 5, "fc", f"fc.weight[1] ({count} values) × 0.5"),
        ("edit", 5, "fc", "fc.bias = a tensor"),
        ("edit", 5, "fc", "fc.bias + noise of 0.2 σ"),
        ("edit", 5, "conv", "conv.weight re-initialised, undone at step 5"),
    ]
    assert session.run.edits()[["op", "undone"]].to_numpy().tolist() == [
        ["gain", False], ["set", False], ["noise", False], ["reinit", True],
    ]  # fmt: skip
    session.close()
    reopened = tvw.Run(tmp_path / "run")
    assert [mark.text for mark in reopened.marked] == [text for *_, text in marks]
    assert reopened.edits()["undone"].tolist() == [False, False, False, True]
    from torchvis_widgets.watch import of_run

    again = of_run(reopened)
    assert again.edits.edits == [each.edit for each in there]
    assert again.edits.as_code() == code
    assert [(each.step, each.epoch, each.branch) for each in again.edits] == [(5, 1.0, 0)] * 3
    with pytest.raises(RuntimeError, match="edit\\(\\) needs a model to change: a recorded run has none"):
        again.edit("fc.weight")


def test_the_code_of_a_blend_loads_its_snapshot_from_the_run(session: tvw.Session) -> None:
    model = session.model
    assert model is not None
    before = state(model)
    session.edit("fc.weight", channel=1).blend(0.3, epoch=0)
    session.edit().blend(0.5, step=0)
    module: dict[str, Any] = {}
    exec(session.edits.as_code(), module)
    assert_same_bits(module["apply_edits"](before), state(model))


def test_a_snapshot_that_was_thinned_away_is_said(tmp_path: Path) -> None:
    from torchvis_widgets.steer import Edit

    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, run=tmp_path / "run", keep=12_000) as session:
        train(session, model, optimizer, criterion, epochs=8)
        session.run.flush()
        gone = min(set(range(9)) - {snapshot.epoch for snapshot in session.run.snapshots})
        before, step = state(model), 5 * gone
        why = r" any more \(it was thinned away, to stay within keep=…\); the nearest"
        with pytest.raises(
            EditError, match=rf"a blend toward step {step} is not possible: no snapshot at step {step}{why}"
        ):
            session.edits.apply(Edit("", "blend", value=0.5, toward=step), step=session.loop.step)
        for call in (session.edit("fc.weight").blend, lambda _, epoch: session.restore(epoch=epoch)):
            with pytest.raises(LookupError, match=rf"no snapshot at epoch {gone}{why}"):
                call(0.5, epoch=gone)
        assert_same_bits(state(model), before)
        assert session.run.edited == []


def test_a_drag_is_one_edit_of_the_run(session: tvw.Session) -> None:
    from torchvis_widgets.steer import Edit

    for value in (0.9, 0.5, 0.1):
        session.edits.amend(Edit("fc.weight", "gain", value=value), step=5)
    assert [edited.text for edited, _ in session.run.edited] == ["fc.weight × 0.1"]
    assert [mark.text for mark in session.run.marked] == ["fc.weight × 0.1"]


def test_a_run_without_edits_of_an_older_version_lists_none(session: tvw.Session, tmp_path: Path) -> None:
    import sqlite3

    session.close()
    with sqlite3.connect(tmp_path / "run" / "metrics.sqlite") as connection:
        connection.execute("DROP TABLE edits")
    connection.close()
    assert tvw.Run(tmp_path / "run").edited == []
    assert len(tvw.Run(tmp_path / "run").edits()) == 0


def test_a_run_whose_tables_are_just_being_made_has_nothing_yet(session: tvw.Session, tmp_path: Path) -> None:
    import sqlite3

    session.close()
    (tmp_path / "run" / "metrics.sqlite").unlink()
    sqlite3.connect(tmp_path / "run" / "metrics.sqlite").close()
    (tmp_path / "run" / "metrics.sqlite").touch()
    run = tvw.Run(tmp_path / "run")
    assert (run.series, run.marked, run.edited) == ({}, [], [])


def test_going_back_takes_edits_undos_and_freezing_back_too(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, run=tmp_path / "run", resumable=True) as session:
        train(session, model, optimizer, criterion, epochs=1)
        session.edit("fc.weight").scale(0.5)
        session.edit("conv.bias").freeze()
        train(session, model, optimizer, criterion, epochs=1)
        session.undo(), session.undo()
        session.edit("fc.bias").freeze()
        train(session, model, optimizer, criterion, epochs=1)
        session.restore(epoch=2)  # the two edits are in it; that they were undone, and the third, are not
        assert [each.op for each in session.edits.edits] == ["gain", "freeze"]
        assert (model.conv.bias.requires_grad, model.fc.bias.requires_grad) == (False, True)
        assert [undone for _, undone in session.run.edited] == [False, False]
        assert session.run.edits()["undone"].tolist() == [True, True, False]
        there = state(model)
        session.undo(), session.undo()
        assert model.conv.bias.requires_grad
        assert torch.allclose(model.fc.weight, there["fc.weight"] * 2)
        session.restore(epoch=1)
        assert session.edits.edits == []
        assert session.undo() is None
        assert session.redo() is None
        assert_same_bits(state(model), session.run.state_dict(epoch=1))


BAD: list[tuple[Any, type[Exception], str]] = [
    (lambda s: s.edit("fc.wieght"), EditError, r"no tensor 'fc\.wieght'; the nearest are 'fc\.weight'"),
    (lambda s: s.edit("fc.weight", channel=3), EditError, r"no element \[3\]: its shape is \(3, 144\)"),
    (lambda s: s.edit("fc.weight", channel=-1), EditError, r"no element \[-1\]"),
    (lambda s: s.edit("fc.weight", channel=slice(5, 9)), EditError, "channel of 'fc.weight' is a number, a slice"),
    (lambda s: s.edit("fc.weight", channel="all"), EditError, "is a number, a slice or a list of numbers, found 'all'"),
    (lambda s: s.edit("fc.weight", index=((0, 9),)), EditError, r"no part \[\(0, 9\)\]: .*range is \(first, last \+ 1"),
    (lambda s: s.edit("fc.weight", index=((2, 1),)), EditError, r"no part \[\(2, 1\)\]"),
    (lambda s: s.edit("fc.weight", index=(0, 1), channel=1), EditError, "channel and index each pick a part"),
    (lambda s: s.edit("fc.weight", head=0), EditError, "no projection of an attention whose heads are known; pick its"),
    (lambda s: s.edit("norm.num_batches_tracked"), EditError, "is of type int64; only floating-point tensors can be"),
    (lambda s: s.edit("fc.weight").scale(float("nan")), EditError, "nan is no finite value for 'fc.weight'"),
    (lambda s: s.edit("fc.weight").scale("2"), TypeError, r"scale\(\) takes a number, found str"),
    (lambda s: s.edit("fc.weight").scale(True), TypeError, r"scale\(\) takes a number, found bool"),
    (lambda s: s.edit("fc.weight").scale(torch.ones(2)), TypeError, r"scale\(\) takes a number, found Tensor"),
    (lambda s: s.edit("fc.weight").scale(1e38) and s.edit("fc.weight").scale(1e38), EditError, "infinite in float32"),
    (lambda s: s.edit("fc.weight").set(torch.ones(5)), EditError, r"has the shape \(5,\), expected \(3, 144\) or what"),
    (lambda s: s.edit("fc.bias").set([1, float("inf"), 2]), EditError, "the values for 'fc.bias' are not all finite"),
    (lambda s: s.edit("fc.weight").noise(-1), EditError, "noise is a share of the standard deviation, 0 or more"),
    (lambda s: s.edit("norm.weight").set(1) and s.edit("norm.weight").noise(1), EditError, "are all the same, so that"),
    (lambda s: s.edit("fc.weight").prune(30), EditError, "'prune' takes a share from 0 to 1, found 30"),
    (lambda s: s.edit("fc.weight").clamp(1, 0), EditError, r"clamp takes \(lowest, highest\), found \(1, 0\)"),
    (
        lambda s: s.edit("fc.weight").scale(2, where=torch.ones(3, 2) > 0),
        EditError,
        r"shape \(3, 2\), expected \(3,",
    ),
    (lambda s: s.edit("fc.weight").scale(2, where=torch.ones(3, 1)), EditError, "mask of booleans, found float32"),
    (lambda s: s.edit("fc.weight").scale(2, where=lambda w: w > 99), EditError, "picks nothing of 'fc.weight'"),
    (lambda s: s.edit("fc.weight").blend(0.5, epoch=7), LookupError, "epoch"),
    (lambda s: s.edit("fc.weight").blend(1.5, epoch=0), EditError, "takes a share from 0 to 1, found 1.5"),
    (lambda s: s.edit().scale(0.5), EditError, "name a tensor; only a blend is of the whole model"),
    (lambda s: s.edit().blend(0.5, epoch=0, where=torch.ones(1) > 0), EditError, "takes no where="),
    (lambda s: s.edit("fc.weight").reinitialise(seed=-1), EditError, "seed is a whole number from 0"),
]


@pytest.mark.parametrize(("call", "error", "words"), BAD)
def test_bad_input_changes_nothing(shared: tvw.Session, call: Any, error: type[Exception], words: str) -> None:
    assert shared.model is not None
    before = state(shared.model)
    with pytest.raises(error, match=words):
        call(shared)
    while shared.undo():  # what some of them do first
        pass
    assert_same_bits(state(shared.model), before)
    assert all(undone for _, undone in shared.run.edited)


def test_quantised_lazy_and_sparse_tensors_are_refused() -> None:
    from torchvis_widgets.steer import Edit, apply

    tensors: dict[str, tuple[Any, str]] = {
        "float8": (torch.ones(3).to(torch.float8_e4m3fn), r"is quantised \(float8_e4m3fn\); only float16, bfloat16"),
        "complex": (torch.ones(3, dtype=torch.complex64), "is of type complex64; only floating-point"),
        "lazy": (nn.parameter.UninitializedParameter(), "has no values before the first forward pass"),
        "meta": (torch.ones(3, device="meta"), "it is on the meta device"),
        "sparse": (torch.ones(3).to_sparse(), "is sparse_coo; only dense tensors can be edited"),
    }
    for name, (tensor, words) in tensors.items():
        with pytest.raises(EditError, match=words):
            apply({name: tensor}, [Edit(name, "gain", value=2.0)])


def test_a_session_that_is_closed_edits_no_more(session: tvw.Session) -> None:
    ready = session.edit("fc.weight")
    session.close()
    for call in (lambda: session.edit("fc.weight"), lambda: ready.scale(2), session.undo, session.redo):
        with pytest.raises(RuntimeError, match=r"on a closed session: call tvw\.watch"):
            call()


def test_what_is_inspected_can_be_edited_too() -> None:
    with tvw.inspect(Net(), data(1)[0]) as session:
        before = session.activations("fc")
        session.edit("fc.bias").shift(1)
        assert torch.allclose(session.activations("fc"), before + 1, atol=1e-5)
        session.undo()
        assert torch.equal(session.activations("fc"), before)


def test_a_preview_of_edits_is_bit_for_bit_the_live_edit(session: tvw.Session) -> None:
    from torchvis_widgets.steer import Edit

    edits = (Edit("fc.weight", "reinit", seed=3), Edit("conv.weight", "blend", value=0.5, toward=0),
             Edit("conv.weight", "noise", value=0.1, seed=1))  # fmt: skip
    assert session.observer is not None
    preview = session.observer.state(None, edits)
    for edit in edits:
        session.edits.apply(edit, step=session.loop.step)
    assert session.model is not None
    assert_same_bits({name: preview[name] for name in state(session.model)}, state(session.model))
