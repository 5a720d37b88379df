"""A run in TensorBoard's files, read by TensorBoard's own reader; and TensorBoard's scalars in a run."""

from __future__ import annotations

import builtins
import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

import torchvis_widgets as tvw
from tests.unit.session.training import setup, train
from torchvis_widgets.record.errors import RunError


def accumulated(logdir: Path) -> EventAccumulator:
    events = EventAccumulator(str(logdir), size_guidance={"scalars": 0, "histograms": 0, "tensors": 0})
    events.Reload()
    return events


@pytest.fixture
def run(tmp_path: Path) -> tvw.Run:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, run=tmp_path / "run") as session:
        train(session, model, optimizer, criterion, epochs=2)
        session.log({"val/loss": float("nan"), "accuracy": 0.5})
        session.log({"accuracy": float("inf")})
    return tvw.Run(tmp_path / "run")


def test_scalars_come_back_with_their_steps_and_times(run: tvw.Run, tmp_path: Path) -> None:
    run.to_tensorboard(tmp_path / "events")
    events = accumulated(tmp_path / "events")
    assert sorted(events.Tags()["scalars"]) == ["accuracy", "train/loss", "val/loss"]
    for name, series in run.series.items():
        steps, _, times, values = series.columns()
        found = events.Scalars(name)
        assert [event.step for event in found] == steps.tolist()
        assert [event.wall_time for event in found] == times.tolist()
        np.testing.assert_array_equal([event.value for event in found], values.astype(np.float32))


def test_snapshots_come_back_as_histograms_of_their_weights(run: tvw.Run, tmp_path: Path) -> None:
    run.to_tensorboard(tmp_path / "events")
    events = accumulated(tmp_path / "events")
    assert "fc.weight" in events.Tags()["histograms"]
    found = events.Histograms("fc.weight")
    assert [event.step for event in found] == [0, 5, 10]
    for event, snapshot in zip(found, run.snapshots, strict=True):
        weights = run.state_dict(step=snapshot.step)["fc.weight"].double()
        told = event.histogram_value
        assert event.wall_time == snapshot.time
        assert (told.num, told.min, told.max) == (weights.numel(), weights.min().item(), weights.max().item())
        assert told.sum == pytest.approx(weights.sum().item(), abs=1e-4)
        assert sum(told.bucket) == weights.numel()


def test_several_snapshots_of_one_step_and_a_damaged_one(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, run=tmp_path / "run") as session:
        train(session, model, optimizer, criterion, epochs=1)
        largest = [model.fc.weight.max().item()]
        for name, value in (("threes", 3.0), ("fours", 4.0)):
            torch.nn.init.constant_(model.fc.weight, value)
            session.snapshot(name)
            largest.append(value)
    run = tvw.Run(tmp_path / "run")
    first = tmp_path / "run" / "snapshots" / "000000000.safetensors"
    first.write_bytes(first.read_bytes()[:50])
    words = (
        r"left out of the event file: the snapshot at epoch 0 \(step 0\)\. .*000000000.safetensors is damaged or gone"
    )
    with pytest.warns(RuntimeWarning, match=words):
        run.to_tensorboard(tmp_path / "events")
    events = accumulated(tmp_path / "events")
    found = [(event.step, event.histogram_value.max) for event in events.Histograms("fc.weight")]
    assert found == [(5, value) for value in largest]
    assert len(events.Scalars("train/loss")) == 5


def test_gradients_come_back_as_the_statistics_have_them(run: tvw.Run, tmp_path: Path) -> None:
    run.to_tensorboard(tmp_path / "events")
    events = accumulated(tmp_path / "events")
    table = run.statistics()
    rows = table[(table["kind"] == "gradient") & (table["name"] == "fc.weight")]
    history = run.histograms("fc.weight", "gradient")
    found = events.Histograms("gradient/fc.weight")
    assert [event.step for event in found] == rows["step"].tolist() == history.steps.tolist()
    for event, time, norm, counts in zip(found, rows["time"], rows["norm"], history.counts, strict=True):
        told = event.histogram_value
        assert event.wall_time == time
        assert told.num == sum(told.bucket) == counts.sum() == 3 * 144
        assert told.sum_squares == pytest.approx(norm**2, rel=1e-4)


def test_a_directory_with_other_event_files_is_left_alone(run: tvw.Run, tmp_path: Path) -> None:
    run.to_tensorboard(tmp_path / "events")
    with pytest.raises(RunError, match=r"events' already holds event files, which TensorBoard would mix with these"):
        run.to_tensorboard(tmp_path / "events")


def test_there_and_back_again(run: tvw.Run, tmp_path: Path) -> None:
    run.to_tensorboard(tmp_path / "events")
    again = tvw.Run.from_tensorboard(tmp_path / "events", tmp_path / "again")
    before, after = run.metrics(), again.metrics()
    columns = ["step", "time", "name"]
    order = ["name", "step", "time"]
    assert after.sort_values(order)[columns].values.tolist() == before.sort_values(order)[columns].values.tolist()
    values = before.sort_values(order)["value"].to_numpy(np.float32)
    np.testing.assert_array_equal(after.sort_values(order)["value"].to_numpy(), values)


def write(logdir: Path, values: dict[str, list[float]], **how: Any) -> None:
    with SummaryWriter(str(logdir)) as writer:
        for name, numbers in values.items():
            for step, number in enumerate(numbers):
                writer.add_scalar(name, number, step * 10, walltime=1000.0 + step, **how)
        writer.add_histogram("weights", torch.arange(10.0), 0)
        writer.add_text("note", "not a number", 0)


def test_both_ways_of_storing_scalars_are_read_folder_by_folder(tmp_path: Path) -> None:
    write(tmp_path / "logs", {"lr": [0.1, 0.01]})
    write(tmp_path / "logs" / "train", {"loss": [3.0, float("nan"), 1.0]}, new_style=True)
    write(tmp_path / "logs" / "val" / "deep", {"loss": [1 / 3]}, new_style=True, double_precision=True)
    run = tvw.Run.from_tensorboard(tmp_path / "logs", tmp_path / "run")
    assert (run.name, run.path, run.began) == ("logs", tmp_path / "run", 1000.0)
    assert sorted(run.series) == ["lr", "train/loss", "val/deep/loss"]
    step, epoch, time, value = run.series["train/loss"].columns()
    assert (step.tolist(), time.tolist()) == ([0, 10, 20], [1000.0, 1001.0, 1002.0])
    assert np.isnan(epoch).all()
    np.testing.assert_array_equal(value, [3.0, np.nan, 1.0])
    assert run.series["val/deep/loss"].last == (0, 1 / 3)
    plot = tvw.LossPlot(run)
    assert [entry["name"] for entry in plot.header.legend] == ["train/loss", "val/deep/loss"]
    assert tvw.TrainingBar(run).status == "recorded"


def test_two_folders_that_come_to_one_name_lose_nothing(tmp_path: Path) -> None:
    write(tmp_path / "logs", {"train/loss": [3.0, 2.0]})
    write(tmp_path / "logs" / "train", {"loss": [2.5, 1.5, 1.0]})
    run = tvw.Run.from_tensorboard(tmp_path / "logs", tmp_path / "run")
    assert run.series["train/loss"].columns()[3].tolist() == [3.0, 2.5, 2.0, 1.5, 1.0]


def test_a_directory_without_event_files(tmp_path: Path) -> None:
    with pytest.raises(
        RunError, match=r"no event files \(…tfevents…\) in '.*'; give the directory that TensorBoard was"
    ):
        tvw.Run.from_tensorboard(tmp_path, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_without_tensorboard_the_package_to_install_is_named(
    run: tvw.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_module = builtins.__import__

    def missing(name: str, *args: Any, **more: Any) -> Any:
        if name.startswith("tensorboard"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return import_module(name, *args, **more)

    integrations = importlib.import_module("torchvis_widgets.integrations")
    monkeypatch.delitem(sys.modules, "torchvis_widgets.integrations.tensorboard", raising=False)
    monkeypatch.delattr(integrations, "tensorboard", raising=False)
    monkeypatch.setattr(builtins, "__import__", missing)
    for call in (lambda: run.to_tensorboard(tmp_path / "e"), lambda: tvw.Run.from_tensorboard(tmp_path / "e")):
        with pytest.raises(ImportError, match=r"which is not installed .*: pip install tensorboard"):
            call()


def test_it_is_imported_only_when_it_is_used(tmp_path: Path) -> None:
    import subprocess

    code = "import sys, torchvis_widgets; print([m for m in sys.modules if m.split('.')[0] == 'tensorboard'])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert found.stdout == "[]\n"
