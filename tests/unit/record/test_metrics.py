"""From log() to the series, the file and the DataFrame."""

from __future__ import annotations

import math
import sqlite3
import threading
import time

import numpy as np
import pytest
import torch

from torchvis_widgets.record.recording import Recording
from torchvis_widgets.record.run import Run


def rows(path):
    with sqlite3.connect(path / "metrics.sqlite") as connection:
        found = connection.execute(
            "SELECT step, epoch, names.name, value FROM metrics JOIN names ON names.id = metrics.name "
            "ORDER BY metrics.rowid"
        ).fetchall()
    connection.close()
    return found


def test_reaches_the_disk_without_being_asked(run):
    before = time.time()
    run.log(1, 0.5, {"train/loss": torch.tensor(0.25), "train/accuracy": 0.5})
    deadline = time.monotonic() + 10
    while "train/accuracy" not in run.series and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list(run.series) == ["train/loss", "train/accuracy"]
    assert run.series["train/loss"].last == (1, 0.25)
    logged_at = run.series["train/loss"].columns()[2][0]
    assert before <= logged_at <= time.time()
    assert rows(run.path) == [(1, 0.5, "train/loss", 0.25), (1, 0.5, "train/accuracy", 0.5)]


def test_table_is_as_documented(run):
    run.log(3, 1.5, {"a": math.nan, "b": math.inf, "c": -math.inf})
    run.log(3, None, {"a": 1.0})
    run.flush()
    assert rows(run.path) == [
        (3, 1.5, "a", None), (3, 1.5, "b", math.inf), (3, 1.5, "c", -math.inf), (3, None, "a", 1.0),
    ]  # fmt: skip


def test_reopened_run_has_the_same_series(create):
    run = create()
    rng = np.random.default_rng(0)
    for step in range(2500):
        run.log(step, step / 100, {"train/loss": float(rng.normal()), "train/lr": 0.1})
        if step % 100 == 0:
            run.log(step, step / 100, {"val/loss": math.nan})
    run.close()
    again = Run(run.path)
    assert list(again.series) == list(run.series) == ["train/loss", "train/lr", "val/loss"]
    for name, series in run.series.items():
        for kept, read in zip(series.columns(), again.series[name].columns(), strict=True):
            np.testing.assert_array_equal(kept, read)


def test_same_name_at_the_same_step_keeps_both_in_order(run):
    for value in (3.0, 1.0, 2.0):
        run.log(7, 0.0, {"a": value})
    run.flush()
    assert run.series["a"].columns()[3].tolist() == [3.0, 1.0, 2.0]
    assert run.metrics()["value"].tolist() == [3.0, 1.0, 2.0]


def test_reader_follows_a_run_that_is_being_written(run):
    reader = Run(run.path)
    assert reader.series == {}
    for step, names in enumerate([["a"], ["b", "a"], ["b"]]):
        run.log(step, 0.0, dict.fromkeys(names, float(step)))
        run.flush()
        assert [series.last for series in reader.series.values()] == [series.last for series in run.series.values()]
    assert list(reader.series) == ["a", "b"]


def test_data_frame(run):
    assert list(run.metrics().columns) == ["step", "epoch", "time", "name", "value", "branch"]
    assert len(run.metrics()) == 0
    for step in (1, 2):
        run.log(step, step / 2, {"b": step * 10.0, "a": step * 100.0})
    run.flush()
    for frame in (run.metrics(), Run(run.path).metrics()):
        assert frame.drop(columns="time").to_dict("list") == {
            "step": [1, 1, 2, 2],
            "epoch": [0.5, 0.5, 1.0, 1.0],
            "name": ["b", "a", "b", "a"],
            "value": [10.0, 100.0, 20.0, 200.0],
            "branch": [0, 0, 0, 0],
        }
        assert frame["step"].dtype == np.int64
        assert frame["time"].between(time.time() - 60, time.time()).all()


def test_steps_and_epochs_are_checked_where_they_are_given(run):
    run.log(np.int64(3), 1, {"a": 1.0})
    with pytest.raises(TypeError):
        run.log("3", 0.0, {"a": 1.0})
    run.flush()
    assert run.series["a"].last == (3, 1.0)


def test_several_threads_lose_nothing(run):
    def log(name):
        for step in range(500):
            run.log(step, 0.0, {name: float(step)})

    threads = [threading.Thread(target=log, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.flush()
    assert sorted(run.series) == list("abcd")
    assert all(series.columns()[3].tolist() == list(range(500)) for series in run.series.values())
    assert len(rows(run.path)) == 2000


def test_a_file_that_fails_is_given_up_and_the_series_go_on(run):
    run.log(1, 0.0, {"a": 1.0})
    run.flush()
    run._writers.metrics._file._connection.close()
    for step in (2, 3):
        run.log(step, 0.0, {"a": float(step), "new": 1.0})
        run.flush()
    assert run.series["a"].columns()[3].tolist() == [1.0, 2.0, 3.0]
    assert run.series["new"].last == (3, 1.0)
    (problem,) = run.problems
    assert problem.startswith(f"metrics are no longer written to {run.path / 'metrics.sqlite'}: ")
    assert "closed database" in problem


def test_close_is_idempotent_ends_the_threads_and_leaves_one_file(create):
    before = threading.active_count()
    run = create()
    run.save({"w": torch.zeros(2)}, step=0, epoch=0.0)
    run.log(1, 0.0, {"a": 1.0})
    run.close()
    run.close()
    assert threading.active_count() == before
    assert [path.name for path in run.path.glob("metrics*")] == ["metrics.sqlite"]
    # No WAL mode, which needs a directory that can be written: bytes 18 and 19 of the header say so.
    assert (run.path / "metrics.sqlite").read_bytes()[18:20] == b"\1\1"
    assert run.series["a"].last == (1, 1.0)


def test_what_comes_after_close_is_told_and_does_not_raise(create):
    run = create()
    run.close()
    run.log(1, 0.0, {"a": 1.0})
    run.save({"w": torch.zeros(2)}, step=0, epoch=0.0)
    run.flush()
    assert run.problems == [
        "metrics logged after the run was closed are lost",
        "snapshots taken after the run was closed are lost",
    ]


def test_a_forgotten_run_is_closed(tmp_path):
    before = threading.active_count()
    run = Recording.create(tmp_path / "run", model={})
    run.log(1, 0.0, {"a": 1.0})
    del run
    assert threading.active_count() == before
    assert rows(tmp_path / "run") == [(1, 0.0, "a", 1.0)]


def test_a_metrics_file_that_is_no_database(create):
    run = create()
    run.close()
    (run.path / "metrics.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(RuntimeError, match=r"metrics.sqlite cannot be read: file is not a database"):
        Run(run.path).series  # noqa: B018
