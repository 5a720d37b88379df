"""A run that another process is writing: its views live, within a second, and nobody else writes into it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import torchvis_widgets as tvw
from tests.unit.session.training import CLASSES, Net, data
from tests.unit.widgets.front_end import FrontEnd, wait_for
from torchvis_widgets.record.errors import RunError
from torchvis_widgets.record.writer_lock import is_held

WRITER = """
import sys, time, torch
import torchvis_widgets as tvw
from tests.unit.session.training import CLASSES, data, setup

torch.set_num_threads(1)
model, optimizer, criterion = setup()
session = tvw.watch(model, optimizer, criterion, run=sys.argv[1], classes=CLASSES)
print("watching", flush=True)
sys.stdin.readline()
for epoch in session.epochs(8):
    for x, y in session.batches(data(4)):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        session.log({"train/loss": loss})
        print(session.loop.step, time.time(), flush=True)
        time.sleep(0.05)
print("done", flush=True)
sys.stdin.readline()
session.close()
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has begun a run in tmp_path/run; each line it is sent lets it go on."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "run")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "watching\n"
    yield process
    process.kill()
    process.communicate()


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_every_view_of_a_followed_run_lives_within_a_second(tmp_path: Path, writer: subprocess.Popen[str]) -> None:
    run = tvw.Run(tmp_path / "run")
    assert run.graph is None  # it is traced with the first batch, which has not come yet
    dashboard = tvw.Dashboard(run)
    pages = {name: FrontEnd(getattr(dashboard, name)) for name in ("bar", "scrubber", "map", "viewer", "sliders")}
    pages["loss"] = FrontEnd(dashboard.loss.header)
    assert dashboard.bar.status == "following"
    go_on(writer)

    def shown() -> dict[str, int]:
        """The step that each view has come to."""
        points = dashboard.loss.figure.marks[0].x
        curve = [push.floats(0)[-1] for push in pages["scrubber"].pushes if push.topic == "curve"]
        return {
            "bar": dashboard.bar.step, "scrubber": dashboard.scrubber.last_step,
            "plot": int(points[-1]) if len(points) else 0, "curve": int(curve[-1]) if curve else 0,
        }  # fmt: skip

    lags = []
    for line in iter(writer.stdout.readline, "done\n"):  # type: ignore[union-attr]
        step, logged = int(line.split()[0]), float(line.split()[1])
        wait_for(lambda step=step: min(shown().values()) >= step)
        lags.append(time.time() - logged)
    assert len(lags) == 32
    assert np.quantile(lags, 0.9) < 1.0, lags
    wait_for(lambda: dashboard.scrubber.epochs == [0, 1, 2, 3, 4, 5, 6, 7, 8])
    wait_for(lambda: pages["map"].count("trends") > 0 and pages["map"].last("trends").value["columns"] == 9)
    assert [row["path"] for row in dashboard.map.rows] == ["", "conv", "norm", "relu", "drop", "/flatten", "fc"]
    wait_for(lambda: pages["sliders"].last("weights").value["step"] == 32)
    wait_for(lambda: dashboard.bar.epoch == 8)
    assert (dashboard.bar.status, run.classes) == ("following", CLASSES)
    with_model = FrontEnd(tvw.ActivationViewer(run, model=Net()))
    assert with_model.last("frame").value["step"] == 32
    go_on(writer)
    assert writer.wait(60) == 0
    wait_for(lambda: dashboard.bar.status == "recorded")
    assert dashboard.bar.warnings == []
    publishing = dashboard.bar.stage.publisher._thread
    assert publishing is not None
    wait_for(lambda: not publishing.is_alive())
    again = tvw.Run(run.path)
    assert again.metrics().equals(run.metrics())
    assert all(torch.equal(tensor, run.state_dict(epoch=8)[name]) for name, tensor in again.state_dict(epoch=8).items())


def test_a_recorded_run_is_not_looked_at_again_and_again(tmp_path: Path) -> None:
    with tvw.watch(Net(), run=tmp_path / "run", probe=data(1)[0]) as session:
        session.log(loss=1.0)
    bar = tvw.TrainingBar(tvw.Run(tmp_path / "run"))
    assert bar.status == "recorded"
    assert bar.stage.publisher._thread is None


def test_a_second_process_is_refused_and_one_that_reads_is_not(tmp_path: Path, writer: subprocess.Popen[str]) -> None:
    words = (
        rf"is being written by process {writer.pid} on {os.uname().nodename}\. Stop it, or give another run=…; Run\("
    )
    for _ in range(3):
        with pytest.raises(RunError, match=words):
            tvw.watch(Net(), run=tmp_path / "run")
        assert tvw.Run(tmp_path / "run").followed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]
    writer.kill()
    writer.wait()
    assert not tvw.Run(tmp_path / "run").followed
    with tvw.watch(Net(), run=tmp_path / "run") as session:
        session.log(loss=1.0)


def test_looking_whether_a_run_is_written_keeps_no_writer_out(tmp_path: Path) -> None:
    lock = tmp_path / "run" / "writer.lock"
    reader = subprocess.Popen(
        [sys.executable, "-c",
         "import sys; from pathlib import Path; from torchvis_widgets.record.writer_lock import is_held\n"
         "print('looking', flush=True)\nwhile True: is_held(Path(sys.argv[1]))", str(lock)],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert reader.stdout is not None
    assert reader.stdout.readline() == "looking\n"
    for _ in range(20):
        with tvw.watch(Net(), run=tmp_path / "run"):
            assert is_held(lock)
    reader.kill()
    reader.communicate()


def test_a_followed_run_whose_directory_is_replaced_says_so(tmp_path: Path) -> None:
    with tvw.watch(Net(), run=tmp_path / "run") as session:
        session.log(loss=1.0)
        session.run.flush()
        run = tvw.Run(tmp_path / "run")
        bar = tvw.TrainingBar(run)
        assert bar.status == "following"
    with tvw.watch(Net(), run=tmp_path / "run"):
        wait_for(lambda: run.problems != [])
        assert run.problems[0].startswith(f"{tmp_path / 'run'} holds a newer run by now, which Run('")
        assert not run.followed
