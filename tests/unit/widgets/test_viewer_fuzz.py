"""The viewer under messages of any shape: always one reply; one that says no has changed nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import torchvis_widgets as tvw
from tests.unit.session.training import CLASSES, data, setup, train
from tests.unit.widgets.front_end import FrontEnd
from torchvis_widgets.widgets.viewing.lens import CHOICES, FIELDS

OPS = {
    "look": ["changes"],
    "sample": ["sample"],
    "unit": ["unit"],
    "values": ["panel", "unit"],
    "ablate": ["unit", "method", "axis"],
    "ablate_reset": [],
    "pin": ["unit", "on"],
    "compare": ["step", "sample"],
    "upload": ["name"],
    "draw": ["height", "width"],
    "forget_input": [],
}

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, 5, 8, -1, 2**31, 2**64, 10**400])
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["zero", "mean", "token", "conv", "loss"])
    | st.sampled_from([each for known in CHOICES.values() for each in known if each])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
lenses = st.dictionaries(st.sampled_from([*FIELDS, "x"]), values, max_size=4)


@st.composite
def requests(draw: Any) -> tuple[Any, Any, list[bytes]]:
    op = draw(st.sampled_from([*OPS]) | st.text(max_size=4))
    names = OPS.get(op, [])
    changes = {"changes": draw(lenses | values)} if op == "look" else {}
    args = {name: draw(values) for name in names} | changes
    if draw(st.integers(0, 5)) == 0:
        args = draw(values)
    elif draw(st.integers(0, 5)) == 0:
        args |= {draw(st.text(max_size=5)): draw(values)}
    elif args and draw(st.integers(0, 5)) == 0:
        args.pop(draw(st.sampled_from(sorted(args))))
    buffers = draw(st.lists(st.binary(max_size=40) | st.just(bytes(36)), max_size=2))
    return op, args, buffers


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontEnd]:
    model, optimizer, criterion = setup()
    run: Path = tmp_path_factory.mktemp("runs") / "run"
    with tvw.watch(model, optimizer, criterion, probe=data(1)[0], classes=CLASSES, run=run) as session:
        train(session, model, optimizer, criterion, epochs=2)
        session.run.flush()
        yield FrontEnd(tvw.ActivationViewer(session))


def state(page: FrontEnd) -> tuple[Any, ...]:
    viewer = page.widget
    traits = {name: getattr(viewer, name) for name in type(viewer).class_own_traits(sync=True)}
    return traits, viewer.stage.selection.now, viewer.own_input  # type: ignore[attr-defined]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(request=requests())
def test_a_request_that_is_refused_changes_nothing(page: FrontEnd, request: tuple[Any, Any, list[bytes]]) -> None:
    op, args, buffers = request
    session = page.widget.stage.session  # type: ignore[attr-defined]
    before, replies = state(page), len(page.replies)
    weights = [tensor.clone() for tensor in session.model.state_dict().values()]
    page.widget._receive(None, {"kind": "request", "id": "x", "op": op, "args": args}, buffers)
    assert len(page.replies) == replies + 1
    reply = page.replies[-1]
    assert reply["ok"] or reply["error"]
    if not reply["ok"]:
        assert state(page) == before
    frame = page.last("frame").value
    assert frame["panels"] or frame["error"]
    assert session.problems == []
    assert all(map(torch.equal, weights, session.model.state_dict().values()))
    page.pushes[:] = page.pushes[-4:]


@pytest.mark.parametrize(
    ("op", "args", "words"),
    [
        ("look", {"changes": 3}, "changes is an object of settings, found int"),
        ("look", {"changes": {"colour": 1}}, "the viewer has no setting 'colour'; it has tab, key, parameter"),
        ("look", {"changes": {"tab": "input"}}, "tab is one of activations, weights, gradients, distribution, found"),
        ("look", {"changes": {"alive": 1}}, "alive is one of False, True, found 1"),
        ("look", {"changes": {"key": "fc"}}, "key is one of 'conv', or null, found 'fc'"),
        ("look", {"changes": {"parameter": 1.5}}, "parameter is a name or null, found 1.5"),
        ("look", {"changes": {"of": 3}}, "of is 'loss' or one of 0 … 2, found 3"),
        ("look", {"changes": {"of": True}}, "of is 'loss' or the index of a class, found True"),
        ("look", {"changes": {"since": -5}}, "since is the step of a snapshot or null, found -5"),
        ("look", {"changes": {"input": "own"}}, "there is no own input: give one with viewer.set_input(image)"),
        ("ablate", {"unit": 4, "method": "zero"}, "unit is one of 0 … 3, found 4"),
        ("ablate", {"unit": -1, "method": None}, "unit is one of 0 … 3, found -1"),
        ("pin", {"unit": 99, "on": True}, "unit is one of 0 … 3, found 99"),
        ("pin", {"unit": 0, "on": "yes"}, "on is true or false, found 'yes'"),
        ("unit", {"unit": 4}, "unit is one of 0 … 3, found 4"),
        ("compare", {"step": 7, "sample": None}, "no snapshot at step 7"),
        ("compare", {"step": True, "sample": None}, "step is that of a snapshot or null, found True"),
        ("compare", {"step": None, "sample": -1}, "sample is one of 0 … 7, found -1"),
        ("values", {"panel": 2, "unit": 0}, "panel is one of 0 … 0, found 2"),
        ("values", {"panel": 0, "unit": -1}, "unit counts from 0, found -1"),
    ],
)
def test_refusals_are_in_words(page: FrontEnd, op: str, args: dict[str, Any], words: str) -> None:
    for cleared in ("ablate_reset", "forget_input"):
        page.ask(cleared)
    page.ask("compare", step=None, sample=None)
    page.ask("look", changes={"tab": "activations", "key": None, "kind": None, "parameter": None, "of": "loss"})
    before = state(page)
    reply = page.ask(op, **args)
    assert reply["ok"] is False
    assert words in reply["error"]
    assert state(page) == before


def test_settings_are_checked_when_the_viewer_is_made(page: FrontEnd) -> None:
    session = page.widget.stage.session  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="the viewer has no setting 'tabs'"):
        tvw.ActivationViewer(session, tabs="weights")
    with pytest.raises(ValueError, match="sort is one of index, energy, variance, change, found 'size'"):
        tvw.ActivationViewer(session, sort="size")
