"""What is found beside the frames: the latest wins, work is dropped half-way, and what is known stays known."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch

import torchvis_widgets as tvw
from tests.unit.session.training import Net, data, steps
from tests.unit.widgets.front_end import FrontEnd, wait_for
from torchvis_widgets.look.errors import LookError
from torchvis_widgets.widgets.epoch_limits import EpochLimits
from torchvis_widgets.widgets.viewing.history import History, Known
from torchvis_widgets.widgets.viewing.latest import Latest
from torchvis_widgets.widgets.viewing.spread import spread

FAR = [(step, f"place {step}") for step in range(0, 1000, 10)]


def test_only_the_newest_work_is_carried_out_to_its_end() -> None:
    errors: list[Exception] = []
    done: list[str] = []
    latest, begun = Latest("tvw-test", errors.append), threading.Event()

    def slow(stale: Any) -> None:
        begun.set()
        wait_for(stale)

    latest.want(slow)
    begun.wait(20)
    latest.want(lambda stale: done.append("dropped"))
    latest.want(lambda stale: done.append("newest"))
    wait_for(lambda: done == ["newest"])
    latest.want(lambda stale: 1 // 0)  # type: ignore[arg-type, return-value]
    wait_for(lambda: len(errors) == 1)
    latest.close()
    latest.want(lambda stale: done.append("late"))
    assert done == ["newest"]
    assert not [thread for thread in threading.enumerate() if thread.name == "tvw-test"]


def test_work_begins_when_the_wanting_is_over() -> None:
    done: list[int] = []
    latest = Latest("tvw-test", print, calm=0.2)
    for number in range(5):
        latest.want(lambda stale, number=number: done.append(number))  # type: ignore[misc]
    wait_for(lambda: bool(done))
    assert done == [4]
    latest.close()


def test_a_growing_run_asks_for_little_that_is_new() -> None:
    few = spread(FAR, 8)
    assert len(few) <= 9
    assert few[-1] == FAR[-1]
    more = spread([*FAR, (1000, "place 1000")], 8)
    assert len(set(more) - set(few)) == 1
    assert spread(FAR[:1], 8) == FAR[:1]
    assert spread([], 8) == []


def test_limits_span_all_epochs_from_a_handful() -> None:
    asked: list[int | None] = []
    found = threading.Event()
    limits = EpochLimits(found.set, print)

    def at(step: int | None) -> tuple[float, float]:
        asked.append(step)
        if step == 0:
            raise LookError("gone", "")
        return (-1.0, 1.0) if step == FAR[-1][0] else (0.0, float(step or 0) / 100)

    assert limits.of("conv", FAR, at) is None
    found.wait(20)
    assert limits.of("conv", FAR, at) == (-max(s for s in asked[:-1] if s) / 100, max(s for s in asked[:-1] if s) / 100)
    assert len(asked) <= 9
    before = len(asked)
    found.clear()
    limits.of("conv", [*FAR, (1000, "place 1000")], at)
    found.wait(20)
    assert [step for step in asked[before:] if step != 0] == [1000]  # the others are known
    limits.close()


def test_a_history_grows_and_begins_anew_for_another_subject() -> None:
    told: list[int] = []
    history: History[int] = History("tvw-test", 99, lambda: told.append(1), print)

    def look(step: int | None) -> int:
        if step == 20:
            raise LookError("gone", "")
        return (step or 0) + 1

    assert history.of("a", FAR[:4], look).found == [None] * 4
    wait_for(lambda: history.of("a", FAR[:4], look).done)
    assert history.of("a", FAR[:4], look) == Known([0, 10, 20, 30], [1, 11, None, 31], done=True)
    assert history.version == len(told) >= 1
    assert history.of("a", FAR[:5], look).found[:2] == [1, 11]
    assert history.of("b", FAR[:4], look).found == [None] * 4
    history.close()


def passes(session: tvw.Session) -> list[int]:
    found: list[int] = []
    session.observer._replica.module.register_forward_pre_hook(lambda module, args: found.append(len(args[0])))  # type: ignore[union-attr]
    return found


@pytest.mark.parametrize("ablated", [False, True])
def test_a_frame_computed_ahead_needs_no_pass(session: tvw.Session, ablated: bool) -> None:
    viewer = tvw.ActivationViewer(session, scope="layer")
    page = FrontEnd(viewer)
    if ablated:
        page.ask("ablate", unit=1, method="zero")
    counted, before = passes(session), page.count("frame")
    viewer.prefetch(5)
    assert sorted(counted) == ([8, 8] if ablated else [8])
    assert page.count("frame") == before
    viewer.stage.selection.move(5)
    viewer.changed()
    assert page.last("frame").value["step"] == 5
    assert len(counted) == (2 if ablated else 1)


def test_answer_and_output_of_a_new_snapshot_are_one_pass(session: tvw.Session) -> None:
    viewer = tvw.ActivationViewer(session, scope="layer")
    page = FrontEnd(viewer)
    counted = passes(session)
    viewer.stage.selection.move(10)
    viewer.changed()
    assert counted == [8]
    page.ask("sample", sample=4)
    assert counted == [8]
    viewer.stage.selection.select("norm")
    viewer.changed()
    wait_for(lambda: page.last("frame").value["dead"] is not None)
    assert counted[:2] == [8, 1]


@pytest.mark.timeout(100)
def test_the_viewer_follows_a_training_on_another_thread() -> None:
    torch.manual_seed(0)
    model, criterion = Net(), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    go = threading.Event()

    def train() -> None:
        for _ in session.epochs(3):
            for _ in steps(model, optimizer, criterion, session.batches(data(2))):
                go.wait(20)

    with tvw.watch(model, optimizer, criterion, probe=data(1)[0]) as session:
        session.start(train)
        page = FrontEnd(tvw.ActivationViewer(session))
        for op, args in (
            ("look", {"changes": {"tab": "gradients"}}), ("look", {"changes": {"tab": "weights"}}),
            ("look", {"changes": {"tab": "activations", "sort": "change"}}), ("ablate", {"unit": 1, "method": "mean"}),
            ("pin", {"unit": 2, "on": True}),
        ):  # fmt: skip
            assert page.ask(op, **args)["ok"], page.replies[-1]
            assert page.last("frame").value["error"] is None
        go.set()
        assert session.wait(60)
        page.widget.changed()
        wait_for(lambda: page.last("frame").value["epoch"] == 3)
        wait_for(lambda: page.last("pins").value["epochs"] == [0, 1, 2, 3] and page.last("pins").value["done"])
        assert session.problems == []
