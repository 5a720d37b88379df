"""When snapshots are taken, what they hold and cost, and those that are asked for by name."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import torch

import torchvis_widgets as tvw
from tests.unit.session.training import Net, data, setup, steps, train
from torchvis_widgets.every import Due
from torchvis_widgets.record import snapshot_writer
from torchvis_widgets.record.snapshots import SnapshotStore
from torchvis_widgets.record.tensor_file import same_bits


def taken(tmp_path: Path, snapshots: Any, epochs: int = 5, **options: Any) -> list[tuple[int, float | None]]:
    """Step and epoch of the snapshots of a loop of five steps an epoch."""
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, run=tmp_path / "run", snapshots=snapshots, **options) as session:
        train(session, model, optimizer, criterion, epochs=epochs)
    assert session.problems == []
    return [(snapshot.step, snapshot.epoch) for snapshot in session.run.snapshots]


@pytest.mark.parametrize(
    ("snapshots", "expected"),
    [
        ("auto", [(0, 0), (5, 1), (10, 2), (15, 3), (20, 4), (25, 5)]),
        (tvw.Every(epochs=1), [(0, 0), (5, 1), (10, 2), (15, 3), (20, 4), (25, 5)]),
        (tvw.Every(epochs=2), [(0, 0), (10, 2), (20, 4), (25, 5)]),
        (tvw.Every(steps=10), [(0, 0), (10, None), (20, None), (25, 5)]),
        (tvw.Every(epochs=2, steps=4), [(0, 0), (4, None), (8, None), (10, 2), (12, None), (16, None), (20, 4),
                                        (24, None), (25, 5)]),
        (None, []),
    ],
)  # fmt: skip
def test_policies(tmp_path: Path, snapshots: Any, expected: list[tuple[int, float | None]]) -> None:
    assert taken(tmp_path, snapshots) == expected


def test_a_bare_loop_by_steps(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion, snapshots=tvw.Every(steps=3))
    list(steps(model, optimizer, criterion, data(8)))
    session.close()
    assert [s.step for s in session.run.snapshots] == [0, 3, 6, 8]


def test_a_bare_loop_in_the_background_is_one_too(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()

    def train() -> None:
        for _ in range(41):
            for _ in steps(model, optimizer, criterion, data(5)):
                pass

    with tvw.watch(model, optimizer, run=tmp_path / "run", snapshots="auto") as session:
        session.start(train)
        assert session.wait(60)
    assert [each.step for each in session.run.snapshots] == [0, 100, 200, 205]


def test_a_bare_loop_of_which_nothing_is_said_doubles() -> None:
    due = Due("auto")
    kept = [step for step in range(1, 30_000) if due.after_step(step, bare=True)]
    assert kept[:64] == list(range(100, 6401, 100))
    assert kept[64:128] == list(range(6600, 19201, 200))
    assert not any(Due("auto").after_step(step, bare=False) for step in range(1000))
    assert not any(Due(tvw.Every(epochs=1)).after_step(step, bare=True) for step in range(1000))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, r"Every\(\) needs epochs=…, steps=… or both"),
        ({"epochs": 0}, r"Every\(epochs=…\) takes a positive whole number, found 0"),
        ({"steps": 2.5}, r"Every\(steps=…\) takes a positive whole number, found 2\.5"),
        ({"steps": True}, r"Every\(steps=…\) takes a positive whole number, found True"),
    ],
)
def test_words_for_no_interval(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        tvw.Every(**arguments)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"snapshots": 500}, TypeError, r"snapshots: found 500, expected tvw.Every\(epochs=1\)"),
        ({"snapshots": tvw.Every}, TypeError, "snapshots: found <class"),
        ({"keep": "lots"}, ValueError, "keep: found 'lots', expected a positive amount"),
        ({"best": ("val/loss", "least")}, ValueError, "best: found .* expected a metric"),
    ],
)
def test_words_for_bad_options(options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        tvw.watch(Net(), **options)


def test_a_frozen_part_costs_nothing_after_the_first(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(300, 300).requires_grad_(False), torch.nn.Linear(300, 1))
    optimizer = torch.optim.Adam(model[1].parameters())
    with tvw.watch(model, optimizer, run=tmp_path / "run", resumable=True) as session:
        for _ in session.epochs(4):
            optimizer.zero_grad()
            model(torch.randn(2, 300)).sum().backward()
            optimizer.step()
    sizes = [path.stat().st_size for path in sorted((tmp_path / "run" / "snapshots").glob("*.safetensors"))]
    assert sizes[0] > 4 * 300 * 300
    assert max(sizes[1:]) < 30_000
    assert len(sizes) == 5


def test_thinning_of_a_session(tmp_path: Path) -> None:
    kept = taken(tmp_path, tvw.Every(steps=1), epochs=8, keep="30kB", best=None)
    assert (kept[0], kept[-1]) == ((0, 0), (40, None))
    assert 4 < len(kept) < 20


# By name


def test_a_snapshot_by_name(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, run=tmp_path / "run", snapshots=None) as session:
        train(session, model, optimizer, criterion, epochs=1)
        there = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        session.snapshot("before the edit")
        with torch.no_grad():
            model.fc.weight.zero_()
        session.snapshot("edited")
        session.run.flush()
        assert [(s.step, s.name) for s in session.run.snapshots] == [(5, "before the edit"), (5, "edited")]
        for reader in (session.run, tvw.Run(tmp_path / "run")):
            found = reader.state_dict(name="before the edit")
            assert all(same_bits(found[name], tensor) for name, tensor in there.items())
            assert not reader.state_dict(name="edited")["fc.weight"].any()
        with pytest.warns(RuntimeWarning, match="holds the model alone"):
            assert session.restore(name="before the edit").name == "before the edit"
        assert all(same_bits(model.state_dict()[name], tensor) for name, tensor in there.items())


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("taken", ValueError, "there is a snapshot named 'taken' already; take another name, such as 'taken 2'"),
        ("", ValueError, "1 to 100 printable characters without spaces around them, found ''"),
        (" a", ValueError, "found ' a'"),
        ("a\nb", ValueError, r"found 'a\\nb'"),
        ("a" * 101, ValueError, "1 to 100 printable"),
        (3, TypeError, r"snapshot\(\) takes a name, found int"),
    ],
)
def test_names_that_are_refused(name: Any, error: type[Exception], words: str) -> None:
    with tvw.watch(Net()) as session:
        session.snapshot("taken")
        with pytest.raises(error, match=words):
            session.snapshot(name)


def test_by_name_at_a_step_boundary_while_a_loop_runs_elsewhere(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    inside, asked = threading.Event(), threading.Event()
    states: dict[int, torch.Tensor] = {}

    def loop() -> None:
        for loss in steps(model, optimizer, criterion, session.batches(data())):
            states[session.loop.step] = model.fc.weight.detach().clone()
            session.log(loss=loss)
            if session.loop.step == 2:
                inside.set()
                assert asked.wait(20)

    with tvw.watch(model, optimizer, criterion, run=tmp_path / "run") as session:
        put = session.mailbox.put
        session.mailbox.put = lambda command: (put(command), asked.set())[0]  # type: ignore[method-assign,assignment]
        session.start(loop)
        assert inside.wait(20)
        session.snapshot("mine")
        session.wait(60)
        session.run.flush()
        assert session.run.snapshot(name="mine").step == 3
        assert torch.equal(session.run.state_dict(name="mine")["fc.weight"], states[3])


# Slow disk


def test_a_slow_disk_makes_snapshots_rarer_and_the_bar_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = threading.Event()
    commit = SnapshotStore.commit
    monkeypatch.setattr(SnapshotStore, "commit", lambda *args: opened.wait(60) and commit(*args))
    monkeypatch.setattr(snapshot_writer, "_ROOM_BYTES", 0)
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, run=tmp_path / "run", snapshots=tvw.Every(steps=1)) as session:
        train(session, model, optimizer, criterion, epochs=3)
        (warning,) = tvw.TrainingBar(session).warnings
        opened.set()
    kept = [snapshot.step for snapshot in session.run.snapshots]
    assert (kept[0], kept[-1]) == (0, 15)
    assert len(kept) <= 5
    assert warning.startswith("the disk is slower than training: ")
