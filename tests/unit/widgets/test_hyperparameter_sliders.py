"""HyperparameterSliders: its rows, its requests, what it says of schedulers, and its place in the dashboard."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

import torchvis_widgets as tvw
from tests.unit.session.training import CLASSES, data, setup, steps
from tests.unit.widgets.front_end import FrontEnd
from torchvis_widgets.widgets.dashboard import Dashboard
from torchvis_widgets.widgets.tuning.reach import reach

Watched = tuple[tvw.Session, nn.Module, torch.optim.Optimizer, nn.Module]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion, probe=data(1)[0], classes=CLASSES, run=tmp_path / "run")
    yield session, model, optimizer, criterion
    session.close()


def row(sliders: FrontEnd, name: str) -> dict[str, Any]:
    sliders.widget.refresh()
    rows: list[dict[str, Any]] = sliders.widget.rows  # type: ignore[attr-defined]
    return next(each for each in rows if each["name"] == name)


def test_there_is_a_row_for_each_under_what_it_belongs_to(watched: Watched) -> None:
    sliders = FrontEnd(tvw.HyperparameterSliders(watched[0]))
    assert [(each["section"], each["label"], each["scale"], each["main"]) for each in sliders.widget.rows] == [
        ("SGD", "lr", "log", True),
        ("SGD", "momentum", "near one", True),
        ("SGD", "dampening", "linear", False),
        ("SGD", "weight_decay", "log", True),
        ("SGD", "nesterov", "switch", False),
        ("SGD", "maximize", "switch", False),
        ("Dropout", "dropout", "linear", True),
    ]
    found = row(sliders, "lr")
    assert (found["value"], found["lo"], found["hi"]) == (0.1, 1e-4, 10)
    assert found["about"] == "6 tensors: conv.weight, conv.bias, norm.weight, …"


def test_groups_and_dropouts_have_rows_of_their_own_and_the_dropouts_one_for_all() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.Linear(2, 2), nn.Dropout(0.1))
    groups = [{"params": model[0].parameters(), "lr": 0.2}, {"params": model[2].parameters(), "name": "head"}]
    optimizer = torch.optim.Adam(groups, lr=0.1)
    session = tvw.watch(model, optimizer, statistics=None)
    sliders = FrontEnd(tvw.HyperparameterSliders(session))
    rows = sliders.widget.rows
    assert [(each["section"], each["name"], each["value"]) for each in rows if each["label"] == "lr"] == [
        ("Adam · group 0", "group 0/lr", 0.2), ("Adam · head", "head/lr", 0.1),
    ]  # fmt: skip
    assert [(each["name"], each["label"], each["value"], each["main"]) for each in rows[-3:]] == [
        ("dropout", "all 2", None, True), ("1/dropout", "1", 0.5, False), ("3/dropout", "3", 0.1, False),
    ]  # fmt: skip
    assert sliders.ask("set", name="dropout", value=0.3, done=True)["ok"]
    assert (model[1].p, model[3].p, row(sliders, "dropout")["value"]) == (0.3, 0.3, 0.3)
    assert sliders.widget.changes[0]["text"] == "1/dropout 0.5 → 0.3"
    session.close()


def test_a_drag_is_one_change_and_one_mark_and_undo_takes_it_back(watched: Watched) -> None:
    session, _, optimizer, _ = watched
    sliders = FrontEnd(tvw.HyperparameterSliders(session))
    for value, done in ((0.1, False), (0.05, False), (0.02, False), (0.03, True)):
        assert sliders.ask("set", name="lr", value=value, done=done)["ok"]
    assert sliders.ask("set", name="lr", value=0.5)["ok"]
    assert [change["text"] for change in sliders.widget.changes] == ["lr 0.1 → 0.03", "lr 0.03 → 0.5"]
    assert [mark.text for mark in session.run.marked] == ["lr 0.1 → 0.03", "lr 0.03 → 0.5"]
    assert sliders.widget.undoable == 2
    sliders.ask("undo")
    sliders.ask("undo")
    assert (optimizer.param_groups[0]["lr"], sliders.widget.undoable) == (0.1, 0)


@pytest.mark.parametrize(
    ("op", "args", "words"),
    [
        ("set", {"name": "lr", "value": "much"}, "lr takes a number, found 'much'; for example 0.1"),
        ("set", {"name": "lr", "value": float("nan")}, "lr takes a finite number that is not negative; found nan"),
        ("set", {"name": "lr", "value": None}, "lr takes a number, found NoneType"),
        ("set", {"name": "lr", "value": -1}, "not negative; found -1"),
        ("set", {"name": "l", "value": 1}, "there is no hyperparameter 'l'; the nearest are 'lr'"),
        ("set", {"name": {"lr": 1}, "value": 1}, "there is no hyperparameter {'lr': 1}"),
        ("set", {"name": "dropout", "value": 2}, "dropout takes a number from 0 to 1; found 2"),
        ("hold", {"name": "rate", "held": True}, "there is no hyperparameter 'rate'"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(watched: Watched, op: str, args: dict[str, Any], words: str) -> None:
    session = watched[0]
    sliders = FrontEnd(tvw.HyperparameterSliders(session))
    before = dict(session.hyperparameters)
    reply = sliders.ask(op, **args)
    assert (reply["ok"], words in reply.get("error", "")) == (False, True), reply
    assert dict(session.hyperparameters) == before
    assert (sliders.widget.changes, sliders.widget.undoable, session.run.marked) == ([], 0, [])


def test_a_scheduler_that_overrides_is_said_and_hold_keeps_the_users_value(watched: Watched) -> None:
    session, model, optimizer, criterion = watched
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)
    sliders = FrontEnd(tvw.HyperparameterSliders(session))
    sliders.ask("set", name="lr", value=0.02, done=True)
    for _ in steps(model, optimizer, criterion, session.batches(data(3))):
        scheduler.step()
    found = row(sliders, "lr")
    assert (found["remark"], found["wished"], found["held"]) == ("LambdaLR set lr back to 0.1", 0.02, False)
    assert found["scheduler"] == "LambdaLR"
    assert sliders.widget.changes[-1] == {"step": 1, "text": "lr 0.02 → 0.1", "by": "LambdaLR"}
    assert sliders.ask("hold", name="lr", held=True)["ok"]
    shown = []
    for _ in steps(model, optimizer, criterion, session.batches(data(3))):
        scheduler.step()
        shown.append(row(sliders, "lr")["value"])  # between the scheduler's step and the next one
    found = row(sliders, "lr")
    assert shown == [0.02, 0.02, 0.02]
    assert (found["remark"], found["wished"], found["held"]) == ("lr is held at 0.02 against LambdaLR", None, True)
    assert sliders.ask("hold", name="lr", held=False)["ok"]
    assert (row(sliders, "lr")["held"], row(sliders, "lr")["remark"]) == (False, "")


def test_what_is_asked_while_a_loop_runs_is_done_at_a_step_boundary(watched: Watched) -> None:
    session, model, optimizer, criterion = watched
    sliders = FrontEnd(tvw.HyperparameterSliders(session))
    go, seen = threading.Event(), []
    replies: list[bool] = []

    def drag() -> None:
        assert go.wait(20)
        replies.append(sliders.ask("set", name="momentum", value=0.25, done=True)["ok"])

    hand = threading.Thread(target=drag)
    hand.start()
    for x, y in session.batches(data(2)):
        criterion(model(x), y).backward()
        go.set()
        while not len(session.mailbox) and hand.is_alive():
            assert not seen
        seen.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        hand.join(20)
    assert (seen, replies) == ([0.9, 0.25], [True])


def test_a_reopened_run_lists_the_changes(watched: Watched) -> None:
    session = watched[0]
    session.hyperparameters["lr"] = 0.05
    session.close()
    run = tvw.Run(session.run.path)
    sliders = FrontEnd(tvw.HyperparameterSliders(run))
    assert sliders.widget.changes == [{"step": 0, "text": "lr 0.1 → 0.05", "by": "user"}]
    assert sliders.widget.rows == []
    assert "while a training is watched" in sliders.widget.why_empty
    assert "while a training is watched" in sliders.ask("set", name="lr", value=1)["error"]
    assert Dashboard(run).hyperparameters is not None


def test_a_dashboard_has_them_folded_above_the_weights_where_there_are_any(watched: Watched) -> None:
    board = Dashboard(watched[0])
    assert board.hyperparameters is not None
    assert board.hyperparameters.folded
    above = next(child for child in board.children if board.sliders in getattr(child, "children", ()))
    assert list(above.children) == [board.hyperparameters, board.sliders]
    FrontEnd(board.hyperparameters).ask("fold", folded=False)
    assert not board.hyperparameters.folded
    watched[0].close()
    assert Dashboard(tvw.Run(watched[0].run.path)).hyperparameters is None


REACHES = [
    ("log", "lr", 0.1, 0.1, (1e-4, 10.0)),
    ("log", "lr", 3e-4, 3e-4, (1e-7, 0.1)),
    ("log", "lr", 0.0, 0.0, (1e-6, 0.1)),  # a warm-up's first step
    ("log", "lr", 0.1, 1e-9, (1e-9, 10.0)),  # where a schedule has gone
    ("log", "lr", math.inf, math.nan, (1e-6, 0.1)),
    ("log", "weight_decay", 0, 0, (1e-7, 0.01)),
    ("near one", "momentum", 0.9, 0.9, (0.0, 0.9999)),
    ("linear", "dropout", 0.1, 0.1, (0.0, 1.0)),
    ("linear", "dampening", 0, 0, (0.0, 1.0)),
    ("linear", "beta2_decay", -0.8, -0.8, (-1.6, 1.6)),
    ("linear", "own", math.nan, math.inf, (0.0, 1.0)),
    ("whole", "max_iter", 20, 20, (0.0, 40.0)),
]


@pytest.mark.parametrize(("scale", "what", "first", "now", "expected"), REACHES)
def test_a_slider_reaches_what_is_usual(scale: Any, what: str, first: float, now: float, expected: Any) -> None:
    assert reach(scale, what, first, now) == pytest.approx(expected)
