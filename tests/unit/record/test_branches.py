"""What a run holds once it has gone back: the current line, what was left, and who belongs where."""

from __future__ import annotations

import json

import numpy as np
import torch

from tests.unit.record.test_snapshots import save
from torchvis_widgets.record.run import Run


def column(series, index=3):
    return series.columns()[index].tolist()


def log(run, steps, value):
    for step in steps:
        run.log(step, step / 10, {"a": value + step})
    run.flush()


def test_what_was_logged_at_the_fork_belongs_to_the_side_of_its_time(run):
    run.log(10, 1.0, {"val": 1.0})  # before the snapshot: of the epoch that it ends
    save(run, {"w": torch.zeros(1)}, 10, 1.0)
    run.log(10, 1.0, {"loss": 2.0})  # after it: of the next step, which is taken again
    run.begin_branch(run.snapshot(epoch=1))
    run.log(10, 1.0, {"loss": 3.0})
    run.flush()
    for reader in (run, Run(run.path)):
        assert {name: column(series) for name, series in reader.series.items()} == {"val": [1.0], "loss": [3.0]}
        assert reader.metrics()["branch"].tolist() == [0, 0, 1]


def test_a_fork_of_a_fork_and_back_to_the_first(run):
    for step in range(4):
        log(run, [step], 100.0)
        save(run, {"w": torch.tensor(step)}, step)
    run.begin_branch(run.snapshot(step=2))  # 1
    for step in (3, 4):
        log(run, [step], 200.0)
        save(run, {"w": torch.tensor(10 * step)}, step)
    run.begin_branch(run.snapshot(step=3))  # 2: from branch 1
    log(run, [4], 300.0)
    for reader in (run, Run(run.path)):
        assert reader.branch == 2
        assert column(reader.series["a"]) == [100, 101, 102, 203, 304]
        assert [column(series) for series in reader.left["a"]] == [[102, 103], [203, 204]]
        assert [(s.branch, s.step) for s in reader.snapshots] == [(0, 0), (0, 1), (0, 2), (1, 3)]
    run.begin_branch(run.snapshot(step=3, branch=0))  # 3: from branch 0's own end
    log(run, [4], 400.0)
    for reader in (run, Run(run.path)):
        assert column(reader.series["a"]) == [100, 101, 102, 103, 404]
        assert [column(series) for series in reader.left["a"]] == [[102, 203, 204], [203, 304]]
        assert reader.state_dict(step=3)["w"].item() == 3
        assert reader.state_dict(step=3, branch=2)["w"].item() == 30


def test_marks_of_what_was_left_are_in_the_table_alone(run):
    save(run, {"w": torch.zeros(1)}, 10, 1.0)
    run.mark(9, 0.9, "jump", "before")
    run.mark(12, 1.2, "loss", "left")
    run.begin_branch(run.snapshot(epoch=1))
    run.mark(13, 1.3, "loss", "noticed late", branch=0)
    run.mark(12, 1.2, "jump", "after")
    run.flush()
    for reader in (run, Run(run.path)):
        assert [mark.text for mark in reader.marked] == ["before", "after"]
        assert reader.marks()["branch"].tolist() == [0, 0, 0, 1]


def test_a_reader_that_was_open_before_follows(run):
    reader = Run(run.path)
    log(run, range(5), 0.0)
    save(run, {"w": torch.zeros(1)}, 2)
    assert column(reader.series["a"]) == [0, 1, 2, 3, 4]
    run.begin_branch(run.snapshot(step=2))
    log(run, [3], 50.0)
    assert reader.branch == 1
    assert column(reader.series["a"])[-1] == 53
    assert len(reader.left["a"]) == 1


def test_values_that_arrive_from_a_device_after_the_fork_go_where_they_were_logged(run):
    log(run, [0, 1], 0.0)
    save(run, {"w": torch.zeros(1)}, 1)
    late = (2, 0.2, run.snapshots[0].time + 1, 1, 2.0, 0)  # of branch 0, stored when branch 1 has begun
    run.begin_branch(run.snapshot(step=1))
    log(run, [2], 10.0)
    run._writers.metrics._queue.append(late)
    run.flush()
    assert column(run.series["a"]) == [0, 1, 12]
    assert [column(series) for series in run.left["a"]] == [[1, 2]]


def test_branches_are_in_run_json_before_anything_that_belongs_to_them(run, monkeypatch):
    save(run, {"w": torch.zeros(1)}, 1)
    at = run.snapshot(step=1)
    seen = []
    begin = type(run._writers.metrics).begin_branch
    monkeypatch.setattr(
        type(run._writers.metrics),
        "begin_branch",
        lambda *args: (seen.append(json.loads((run.path / "run.json").read_text())["branches"]), begin(*args)),
    )
    assert run.begin_branch(at) == 1
    assert seen == [[[None, 0, 0.0], [0, 1, at.time]]]


def test_a_name_logged_only_on_a_branch_that_was_left_is_in_the_table_alone(run):
    save(run, {"w": torch.zeros(1)}, 0)
    log(run, [1, 2], 0.0)
    run.begin_branch(run.snapshot(step=0))
    assert dict(run.series) == {}
    assert [column(series) for series in run.left["a"]] == [[1, 2]]
    assert run.metrics()["value"].tolist() == [1.0, 2.0]
    run.log(1, 0.1, {"a": np.float32(7.0)})
    run.flush()
    assert column(run.series["a"]) == [7]
