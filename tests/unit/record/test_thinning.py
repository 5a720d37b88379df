"""The byte budget: what goes, what stays, and that a kill in between leaves whole snapshots."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from torchvis_widgets.record.best import check_best
from torchvis_widgets.record.run import Run
from torchvis_widgets.record.snapshots import SnapshotStore
from torchvis_widgets.record.thinning import to_bytes

BYTES = 40_000
Create = Callable[..., Run]


def save(run: Run, step: int, *, frozen: bool = False, **labels: Any) -> None:
    """A snapshot of about BYTES bytes that all changed since the last one, but for a frozen tensor of as many."""
    state = {"w": torch.full((BYTES // 4,), float(step))}
    if frozen:
        state["frozen"] = torch.zeros(BYTES // 4)
    run.save(state, step=step, epoch=float(step), **labels)
    run.flush()


def steps(run: Run) -> list[int]:
    return [snapshot.step for snapshot in run.snapshots]


def used(run: Run) -> int:
    return sum(path.stat().st_size for path in (run.path / "snapshots").iterdir())


def assert_whole(run: Run) -> None:
    for snapshot in Run(run.path).all_snapshots:
        assert (run.state_dict(step=snapshot.step, branch=snapshot.branch)["w"] == snapshot.step).all()


@pytest.mark.parametrize(
    ("keep", "expected"),
    [("2GB", 2 * 10**9), ("500 MB", 500 * 10**6), ("1.5GiB", 3 * 2**29), ("20kB", 20_000), ("64 KiB", 65536), (7, 7),
     ("12", 12), (None, None)],
)  # fmt: skip
def test_amounts(keep: Any, expected: int | None) -> None:
    assert to_bytes(keep) == expected


@pytest.mark.parametrize("keep", ["2 apples", "", "-1GB", 0, -5, "1.2.3MB", "0"])
def test_words_for_no_amount(keep: Any) -> None:
    with pytest.raises(ValueError, match=r'expected a positive amount as in "2GB", "500MB" or 10\*\*9'):
        to_bytes(keep)


@pytest.mark.parametrize("keep", [True, 1.5, ["2GB"]])
def test_words_for_another_kind(keep: Any) -> None:
    with pytest.raises(TypeError, match='expected bytes as in "2GB", an int, or None'):
        to_bytes(keep)


@pytest.mark.parametrize("best", ["", ("val/loss", "least"), 3, ("val/loss",), ["a", "b", "c"]])
def test_words_for_no_metric(best: Any) -> None:
    with pytest.raises(ValueError, match=r'expected a metric as in "val/loss", \("val/accuracy", "max"\), or None'):
        check_best(best)


def test_snapshots_are_thinned_evenly_and_first_and_last_stay(create: Create) -> None:
    run = create(keep=10 * BYTES)
    for step in range(100):
        save(run, step)
        assert used(run) <= 10 * BYTES
    kept = steps(run)
    assert (kept[0], kept[-1]) == (0, 99)
    assert len(kept) == 9  # a file is a little more than its tensor
    gaps = [later - earlier for earlier, later in pairwise(kept)]
    assert max(gaps[:-1]) <= 2 * min(gaps[:-1])
    assert run.problems == []
    assert_whole(run)


def test_without_a_budget_all_stay(create: Create) -> None:
    run = create(keep=None)
    for step in range(12):
        save(run, step)
    assert steps(run) == list(range(12))


@pytest.mark.parametrize(("best", "stays"), [("val/loss", 3), (("val/accuracy", "max"), 5)])
def test_the_best_and_the_named_stay(create: Create, best: Any, stays: int) -> None:
    run = create(keep=5 * BYTES, best=check_best(best))
    for step in range(30):
        run.log(step, float(step), {"val/loss": abs(step - 3.0), "val/accuracy": -abs(step - 5.0)})
        save(run, step, name="mine" if step == 7 else None)
    assert {0, stays, 7, 29} <= set(steps(run))
    assert len(steps(run)) == 4
    assert run.best(*check_best(best)).step == stays  # type: ignore[misc]


def test_files_that_others_still_need_stay(create: Create) -> None:
    run = create(keep=6 * BYTES)
    for step in range(20):
        save(run, step, frozen=step > 0)  # the frozen tensor lies in the file of step 1
    for snapshot in run.snapshots[1:]:
        state = run.state_dict(step=snapshot.step)
        assert (state["frozen"] == 0).all()
        assert (state["w"] == snapshot.step).all()
    assert 1 not in steps(run) or len(steps(run)) >= 3
    assert used(run) <= 6 * BYTES
    assert (run.path / "snapshots" / "000000001.safetensors").exists()


def test_a_thinned_one_names_the_nearest_and_says_why(create: Create) -> None:
    run = create(keep=4 * BYTES)
    for step in range(9):
        save(run, step)
    gone = sorted(set(range(9)) - set(steps(run)))[0]
    words = (
        rf"no snapshot at epoch {gone} any more \(it was thinned away, to stay within keep=…\); the nearest: epoch 0 "
    )
    with pytest.raises(LookupError, match=words):
        run.snapshot(epoch=gone)


def test_named_ones_beyond_the_budget_are_told(create: Create) -> None:
    run = create(keep=2 * BYTES)
    for step in range(4):
        save(run, step, name=f"n{step}")
    assert steps(run) == [0, 1, 2, 3]
    words = "the first, last, best and named snapshots alone take 161 kB, more than keep=80 kB"
    assert run.problems == [words]


@pytest.mark.parametrize("where", ["remove", "discard"])
def test_a_kill_while_thinning_leaves_whole_snapshots(
    create: Create, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    run = create(keep=4 * BYTES)
    seen: list[tuple[list[int], int]] = []
    action = getattr(SnapshotStore, where)

    def watched(self: SnapshotStore, what: Any) -> None:
        seen.append((steps(Run(run.path)), used(run)))
        assert_whole(run)  # before
        action(self, what)
        assert_whole(run)  # and after: a kill at either point leaves nothing half

    monkeypatch.setattr(SnapshotStore, where, watched)
    for step in range(8):
        save(run, step)
    assert len(seen) >= 4
    assert run.problems == []


def test_a_disk_that_refuses_to_delete_ends_the_thinning_and_not_the_recording(
    create: Create, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    run = create(keep=3 * BYTES)
    monkeypatch.setattr(SnapshotStore, "remove", refuse)
    for step in range(6):
        save(run, step)
    assert steps(run) == list(range(6))
    assert run.problems == ["snapshots are no longer thinned out: [Errno 30] Read-only file system"]


def test_what_tells_of_snapshots_counts_where_their_tensors_take_nothing(create: Create) -> None:
    run = create(keep=20_000)
    for step in range(60):
        run.save({f"layer{n}.weight": torch.zeros(1) for n in range(20)}, step=step, epoch=float(step))
        run.flush()
        assert used(run) <= 20_000
    assert (steps(run)[0], steps(run)[-1]) == (0, 59)
    assert 3 < len(steps(run)) < 20
    assert len(list((run.path / "snapshots").glob("*.safetensors"))) == 1
    assert run.problems == []


def test_a_snapshot_deleted_by_hand_does_not_end_the_thinning(create: Create) -> None:
    run = create(keep=4 * BYTES)
    for step in range(3):
        save(run, step)
    (run.path / "snapshots" / "000000001.json").unlink()
    for step in range(3, 20):
        save(run, step)
    assert used(run) <= 4 * BYTES
    assert (steps(run)[0], steps(run)[-1]) == (0, 19)
    assert run.problems == []
    assert_whole(run)


def test_a_replaced_state_leaves_no_file_behind(create: Create) -> None:
    run = create(keep=100 * BYTES)
    for value in (1.0, 2.0):
        run.save({"w": torch.full((10,), value)}, step=0, epoch=None)
        run.flush()
    assert len(list((run.path / "snapshots").glob("*.safetensors"))) == 1


def test_best_is_the_value_at_the_very_step(create: Create) -> None:
    run = create()
    for step, loss in [(0, 5.0), (1, float("nan")), (2, 3.0), (3, 4.0)]:
        save(run, step)
        run.log(step, float(step), {"val/loss": 9.0})
        run.log(step, float(step), {"val/loss": loss})  # the last of several counts
    run.log(7, 7.0, {"val/loss": 0.0})  # a step without a snapshot
    run.flush()
    for reader in (run, Run(run.path)):
        assert reader.best("val/loss").step == 2
        assert reader.best("val/loss", "max").step == 0
        with pytest.raises(
            LookupError, match="no snapshot has a value of 'val/los' at its step; logged are 'val/loss'"
        ):
            reader.best("val/los")


def test_a_run_that_went_back_keeps_the_best_of_both_branches(create: Create, tmp_path: Path) -> None:
    run = create(keep=6 * BYTES, best=("val/loss", "min"))
    for step in range(6):
        run.log(step, float(step), {"val/loss": abs(step - 4.0)})
        save(run, step)
    run.begin_branch(run.snapshot(step=2))
    for step in range(3, 12):
        run.log(step, float(step), {"val/loss": 1 + abs(step - 8.0)})
        save(run, step)
    places = [(snapshot.branch, snapshot.step) for snapshot in run.all_snapshots]
    assert {(0, 0), (0, 4), (1, 8), (1, 11)} <= set(places)
    assert used(run) <= 6 * BYTES
    assert_whole(run)
