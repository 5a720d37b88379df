"""Any message at all gets one answer, and one that is refused changes nothing."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import torchvis_widgets as tvw
from tests.unit.widgets.front_end import FrontEnd
from torchvis_widgets.widgets.base import LiveWidget
from torchvis_widgets.widgets.dashboard import Dashboard

PARTS = ("bar", "scrubber", "map", "sliders", "header")

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 0, 1, 2**31, 2**63, -(2**63), 10**400])
    | st.floats()
    | st.sampled_from(["", "conv", "fc", "conv.weight", "log", "live", "__class__", "../..", "<b>x</b>", "\0"])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def part(session: tvw.Session, name: str) -> LiveWidget:
    session._repr_mimebundle_()
    board = session.stage.dashboard  # type: ignore[union-attr]
    assert isinstance(board, Dashboard)
    widget = board.loss.header if name == "header" else getattr(board, name)
    assert isinstance(widget, LiveWidget)
    session.run.measured.look()  # which the map does beside its frames: what it finds must not come between
    widget.refresh()
    return widget


def requests(widget: LiveWidget) -> dict[str, list[str]]:
    """The arguments of each request that the widget answers."""
    names = [name for name in dir(widget) if name.startswith("answer_")]
    return {name.removeprefix("answer_"): list(inspect.signature(getattr(widget, name)).parameters) for name in names}


def state(session: tvw.Session, widget: LiveWidget) -> tuple[Any, ...]:
    """All that a refused message must leave alone."""
    traits = {name: getattr(widget, name) for name in widget.trait_names(sync=True) if name not in ("comm", "layout")}
    weights = {name: tensor.tolist() for name, tensor in session.model.state_dict().items()}  # type: ignore[union-attr]
    return widget.stage.selection.now, traits, weights, session.loop.status, len(session.run.snapshots)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", PARTS)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_refused_request_changes_nothing(session: tvw.Session, name: str, data: st.DataObject) -> None:
    widget = part(session, name)
    page = FrontEnd(widget)
    known = requests(widget)
    op = data.draw(st.sampled_from(sorted(known)))
    given_args = {argument: data.draw(json_values) for argument in known[op]}
    args: Any = data.draw(st.just(given_args) | json_values)
    before = state(session, widget)
    reply = page.send({"kind": "request", "id": "x", "op": op, "args": args})
    assert reply["id"] == "x"
    if not reply["ok"]:
        assert reply["error"]
        assert state(session, widget) == before
    assert page.ask("hello", view="v", visible=True)["ok"] is True


@pytest.mark.parametrize("name", PARTS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=json_values | st.fixed_dictionaries({"kind": st.sampled_from(["request", "ack"]) | json_values},
                                                   optional={"id": json_values, "op": json_values, "args": json_values,
                                                             "painted": json_values}))  # fmt: skip
def test_a_message_of_any_shape_changes_nothing(session: tvw.Session, name: str, message: Any) -> None:
    widget = part(session, name)
    page = FrontEnd(widget)
    before = state(session, widget)
    reply = page.send(message)
    assert bool(reply) == (isinstance(message, dict) and message.get("kind") == "request")
    assert not reply or not reply["ok"]
    assert state(session, widget) == before
