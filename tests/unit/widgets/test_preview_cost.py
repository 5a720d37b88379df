"""What one step of a previewed drag may cost: one pass of the model, and nothing for what it does not move."""

from __future__ import annotations

from collections import Counter

import pytest

import torchvis_widgets as tvw
from tests.unit.widgets.front_end import FrontEnd
from torchvis_widgets.look.replica import Replica
from torchvis_widgets.widgets.matrix import Matrix
from torchvis_widgets.widgets.viewing.latest import Latest

W = "conv.weight"


@pytest.fixture(autouse=True)
def nothing_beside_the_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is computed beside them, such as colour limits, makes another frame whenever it is known."""
    monkeypatch.setattr(Latest, "want", lambda latest, work: None)


def counted(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> Counter[str]:
    """How often a method is called from now on."""
    calls: Counter[str] = Counter()
    method = getattr(owner, name)

    def call(*args: object, **kwargs: object) -> object:
        calls[name] += 1
        return method(*args, **kwargs)

    monkeypatch.setattr(owner, name, call)
    return calls


def dashboard(session: tvw.Session) -> dict[str, FrontEnd]:
    """The page of each view of the dashboard, which looks at the convolution; its channels are listed."""
    shown = tvw.Dashboard(session)
    views = [
        shown.bar,
        shown.scrubber,
        shown.map,
        shown.viewer,
        shown.loss.header,
        shown.hyperparameters,
        shown.sliders,
    ]
    pages = {type(view).__name__: FrontEnd(view) for view in views}
    assert pages["ModelMap"].ask("select", layer="conv")["ok"]
    assert pages["WeightSliders"].ask("units", tensor=W)["ok"]
    return pages


@pytest.mark.parametrize("change", ["gain", "noise", "prune"])
def test_a_step_of_a_drag_is_one_pass_and_goes_to_the_views_that_it_moves(
    session: tvw.Session, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    pages = dashboard(session)
    assert pages["WeightSliders"].ask("edit", change=change, tensor=W, value=0.9, done=False)["ok"]
    before = {name: len(page.pushes) for name, page in pages.items()}
    passes = counted(monkeypatch, Replica, "run")
    for value in (0.8, 0.7, 0.6):
        assert pages["WeightSliders"].ask("edit", change=change, tensor=W, value=value, done=False)["ok"]
    assert passes["run"] == 3
    sent = {name: [push.topic for push in page.pushes[before[name] :]] for name, page in pages.items()}
    moved = {name: topics for name, topics in sent.items() if topics}
    assert moved == {"ActivationViewer": 3 * ["frame"], "WeightSliders": 3 * ["weights", "units"]}


def test_only_the_tensor_that_is_dragged_is_laid_out_anew(
    session: tvw.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = dashboard(session)["WeightSliders"]
    laid = counted(monkeypatch, Matrix, "of")
    for value in (0.8, 0.7, 0.6):
        assert page.ask("edit", change="gain", tensor=W, value=value, done=False)["ok"]
    assert laid["of"] == 3
    assert [row["name"] for row in page.last("weights").value["tensors"]] == [W, "conv.bias"]


def test_the_state_is_asked_for_its_version_once_for_the_check_and_once_for_the_view(
    session: tvw.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = FrontEnd(tvw.WeightSliders(session, layer="conv"))
    assert page.ask("units", tensor=W)["ok"]
    assert page.ask("edit", change="gain", tensor=W, value=0.9, done=False)["ok"]
    edited = type(page.widget._edited)  # type: ignore[attr-defined]
    finds = counted(monkeypatch, edited, "find")
    assert page.ask("edit", change="gain", tensor=W, value=0.8, done=False)["ok"]
    assert finds["find"] == 2
