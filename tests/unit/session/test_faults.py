"""What can go wrong around a training: it goes on, the views say so, and what was recorded stays readable."""

from __future__ import annotations

import gc
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import tracemalloc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import psutil
import pytest
import torch

import torchvis_widgets as tvw
from tests.unit.session.training import Net, data, hooks_on, hooks_on_optimizers, setup, steps, train
from tests.unit.widgets.front_end import FrontEnd, wait_for

FULL = """
import json, os, resource, signal, sys
from pathlib import Path
import torch
import torchvis_widgets as tvw
from tests.unit.session.training import setup, train

place, limited = Path(sys.argv[1]), sys.argv[2] == "limited"
torch.set_num_threads(int(sys.argv[3]))  # as many as the one it is compared with: sums are as long
model, optimizer, criterion = setup()
session = tvw.watch(model, optimizer, criterion, run=place / "run")
train(session, model, optimizer, criterion, epochs=2)
session.run.flush()
before = len(session.run.series["train/loss"])
if limited:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
else:
    with open(place / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError as error:
            assert error.errno == 28
train(session, model, optimizer, criterion, epochs=2)
session.run.flush()
in_memory = len(session.run.series["train/loss"])
session.close()
weights = float(sum(p.detach().double().sum() for p in model.parameters()))
print(json.dumps([before, in_memory, session.loop.step, session.problems, weights]))
"""


def returned(command: list[str]) -> int:
    return subprocess.run(command, capture_output=True, check=False).returncode


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A file system of 1 MB; where none may be mounted, a limit on the size of files does its work."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    ways: list[list[str]] = [[], ["sudo", "-n"]]  # as root, or where root asks for no password
    there = (how for how in ways if all(map(shutil.which, [*how[:1], "mount"])))
    mounted = next((how for how in there if not returned([*how, *mount])), None)
    yield place, "limited" if mounted is None else "small"
    if mounted is not None:
        assert not returned([*mounted, "umount", str(place)])


@pytest.mark.parametrize("how", ["small", "limited"])
def test_a_full_disk_stops_the_recording_and_not_the_training(small_disk: tuple[Path, str], how: str) -> None:
    place = small_disk[0]
    how = "limited" if small_disk[1] == "limited" else how
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FULL, place, how, str(torch.get_num_threads())],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    before, in_memory, step, problems, weights = json.loads(finished.stdout)
    assert (before, in_memory, step) == (10, 20, 20)
    assert any(text.startswith("metrics are no longer written to") for text in problems), problems
    assert any(text.startswith("no snapshots are kept from step 15 on") for text in problems), problems
    model, optimizer, criterion = setup()
    for _ in range(4):
        list(steps(model, optimizer, criterion, data()))
    assert weights == pytest.approx(float(sum(p.detach().double().sum() for p in model.parameters())), abs=1e-9)
    run = tvw.Run(place / "run")
    assert len(run.series["train/loss"]) == 10
    assert [snapshot.epoch for snapshot in run.snapshots] == [0, 1, 2]
    assert all(run.state_dict(epoch=epoch)["fc.weight"].isfinite().all() for epoch in range(3))


def test_the_directory_is_removed_under_it(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion, run=tmp_path / "run", probe=data(1)[0])
    dashboard = tvw.Dashboard(session)
    pages = [FrontEnd(view) for view in (dashboard.bar, dashboard.scrubber, dashboard.viewer, dashboard.loss.header)]
    train(session, model, optimizer, criterion, epochs=1)
    session.run.flush()
    shutil.rmtree(tmp_path / "run")
    train(session, model, optimizer, criterion, epochs=2)
    session.run.flush()
    assert session.loop.step == 15
    assert any(f"metrics are no longer written to {tmp_path / 'run' / 'metrics.sqlite'}" in t for t in session.problems)
    assert any(text.startswith("no snapshots are kept from step") for text in session.problems)
    assert len(session.run.series["train/loss"]) == 15
    wait_for(lambda: set(session.problems) <= set(dashboard.bar.warnings))
    for page in pages:
        assert page.ask("presence", view="v", visible=True)["ok"]
    session.close()
    assert not (tmp_path / "run").exists()


def test_a_database_that_is_locked_is_written_when_it_no_longer_is(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, run=tmp_path / "run")
    train(session, model, optimizer, criterion, epochs=1)
    session.run.flush()
    other = sqlite3.connect(tmp_path / "run" / "metrics.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    train(session, model, optimizer, criterion, epochs=1)
    session.log({"new/loss": 1.0})
    assert time.monotonic() - began < 5  # nothing on the training thread waits for the file
    wait_for(lambda: "new/loss" in session.run.series)
    assert len(session.run.series["train/loss"]) == 10
    (problem,) = session.problems
    assert problem.endswith("metrics.sqlite is locked by another program: 6 values wait to be written")
    other.execute("COMMIT")
    other.execute("BEGIN")
    other.execute("SELECT * FROM metrics").fetchone()  # one that only reads keeps nobody waiting
    session.run.flush()
    assert session.problems == []
    assert len(tvw.Run(tmp_path / "run").metrics()) == 11
    other.close()
    session.close()


def test_a_damaged_snapshot_is_named_in_the_views_and_the_rest_is_shown(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, run=tmp_path / "run", probe=data(1)[0]) as session:
        train(session, model, optimizer, criterion, epochs=3)
    file = tmp_path / "run" / "snapshots" / "000000010.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    dashboard = tvw.Dashboard(tvw.Run(tmp_path / "run"), model=Net())
    page = FrontEnd(dashboard.viewer)
    for epoch, damaged in ((1, False), (2, True), (3, False), (0, False)):
        dashboard.scrubber.seek(epoch=epoch)
        frame = page.last("frame").value
        assert frame["epoch"] == epoch
        assert (not frame["panels"]) == damaged
        if damaged:
            assert "000000010.safetensors is damaged or gone" in frame["error"]["reason"]
    assert dashboard.scrubber.steps == [0, 5, 10, 15]


@pytest.mark.timeout(300)
def test_a_hundred_sessions_leave_nothing_behind(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    process, sessions = psutil.Process(), []

    def one() -> None:
        session = tvw.watch(model, optimizer, criterion, run=tmp_path / "run", probe=data(1)[0])
        FrontEnd(tvw.Dashboard(session).viewer)
        list(steps(model, optimizer, criterion, session.batches(data(1))))
        session.close()
        sessions.append(weakref.ref(session))
        ipywidgets.Widget.close_all()  # it holds each widget until then, the parts of a chart included

    def held() -> dict[str, Any]:
        gc.collect()
        return {
            "hooks": hooks_on(model, criterion) + hooks_on_optimizers(),
            "threads": threading.active_count(), "files": process.num_fds(),
        }  # fmt: skip

    for _ in range(80):  # also what is imported and cached on first use
        one()
    before = held()
    tracemalloc.start()  # which makes everything several times as slow, so not for all of them
    python, resident = tracemalloc.get_traced_memory()[0], process.memory_info().rss
    for _ in range(20):
        one()
    after = held()
    python = tracemalloc.get_traced_memory()[0] - python
    resident = process.memory_info().rss - resident
    tracemalloc.stop()
    assert after == before
    assert sum(reference() is not None for reference in sessions) <= 1
    assert python < 2**19, f"{python / 2**20:.2f} MB of Python objects more after 20 sessions"
    assert resident < 20 * 2**20, f"{resident / 2**20:.1f} MB more memory after 20 sessions"
