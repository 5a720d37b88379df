"""The wire: every request gets one reply, errors included; pushes are paced by the browser's answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import torchvis_widgets as tvw
from tests.unit.widgets.front_end import FrontEnd
from torchvis_widgets.widgets import base
from torchvis_widgets.widgets.activation_viewer import ActivationViewer


def test_a_reply_carries_the_requests_id(session: tvw.Session) -> None:
    page = FrontEnd(ActivationViewer(session))
    assert page.send({"kind": "request", "id": "abc", "op": "sample", "args": {"sample": 2}})["id"] == "abc"


@pytest.mark.parametrize(
    ("op", "args", "words"),
    [
        ("nonsense", {}, "unknown request 'nonsense'"),
        (None, {}, "unknown request None"),
        ("sample", {"sample": 99}, "sample is one of 0 … 7, found 99"),
        ("sample", {"sample": True}, "found True"),
        ("sample", {"smaple": 1}, "unexpected keyword argument 'smaple'"),
        ("scope", {"scope": "galaxy"}, "scope is one of unit, layer, epochs, found 'galaxy'"),
        ("values", {"unit": 10**9}, "the picture has no unit"),
    ],
)
def test_bad_requests_are_answered_in_words_and_change_nothing(
    session: tvw.Session, op: Any, args: dict[str, Any], words: str
) -> None:
    page = FrontEnd(ActivationViewer(session))
    cursor = page.widget.stage.selection.now
    reply = page.ask(op, **args)
    assert reply["ok"] is False
    assert words in reply["error"]
    assert page.widget.stage.selection.now == cursor


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    part=st.sampled_from(["scrubber", "map", "viewer", "sliders", "header"]),
    op=st.sampled_from(["move", "select", "sample", "unit", "scope", "values", "gain", "set", "pick", "mode", "axis"]),
    args=json_values
    | st.dictionaries(
        st.sampled_from(["step", "layer", "sample", "unit", "tensor", "value", "index", "row", "col", "mode", "axis"]),
        json_values,
    ),
)
def test_no_message_of_any_shape_breaks_a_view(session: tvw.Session, part: str, op: str, args: Any) -> None:
    if session.stage is None or getattr(session.stage, "dashboard", None) is None:
        session._repr_mimebundle_()
    dashboard = session.stage.dashboard  # type: ignore[union-attr]
    parts = {"scrubber": dashboard.scrubber, "map": dashboard.map, "viewer": dashboard.viewer,
             "sliders": dashboard.sliders, "header": dashboard.loss.header}  # fmt: skip
    weights = {name: tensor.clone() for name, tensor in session.model.state_dict().items()}  # type: ignore[union-attr]
    page = FrontEnd(parts[part])
    reply = page.send({"kind": "request", "id": "x", "op": op, "args": args})
    assert reply["ok"] in (True, False)
    assert page.ask("hello", view="v", visible=True)["ok"] is True
    live = dashboard.sliders.mode == "live"
    assert live or all(weights[name].equal(tensor) for name, tensor in session.model.state_dict().items())  # type: ignore[union-attr]
    dashboard.sliders.mode = "preview"


def test_messages_that_are_no_requests_are_passed_over(session: tvw.Session) -> None:
    page = FrontEnd(ActivationViewer(session))
    for message in (None, [], "hello", {"kind": "gossip"}, {"kind": "ack", "seq": "x"}):
        assert page.send(message) == {}


def test_a_slow_browser_gets_the_latest_frame_and_no_backlog(session: tvw.Session) -> None:
    page = FrontEnd(ActivationViewer(session, scope="layer"), slow=True)
    first = page.count("frame")
    for sample in range(1, 6):
        page.ask("sample", sample=sample)
    assert page.count("frame") == first
    page.acknowledge()
    assert page.count("frame") == first + 1
    assert page.last("frame").value["sample"] == 5


def test_a_push_that_is_never_acknowledged_holds_nothing_up_for_long(
    session: tvw.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = FrontEnd(ActivationViewer(session), slow=True)
    monkeypatch.setattr(base, "PATIENCE", -1.0)
    page.ask("sample", sample=3)
    assert page.last("frame").value["sample"] == 3


def test_nothing_is_sent_to_a_hidden_view_and_all_of_it_when_it_shows(session: tvw.Session) -> None:
    viewer = ActivationViewer(session)
    page = FrontEnd(viewer)
    page.ask("presence", view="v", visible=False)
    before = len(page.pushes)
    viewer.stage.selection.pick_sample(4)
    viewer.changed()
    assert len(page.pushes) == before
    page.ask("presence", view="v", visible=True)
    assert page.last("frame").value["sample"] == 4


def test_a_view_that_does_not_renew_its_presence_is_forgotten(
    session: tvw.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = ActivationViewer(session)
    FrontEnd(viewer)
    assert viewer.shown
    monkeypatch.setattr(base, "LEASE", -1.0)
    assert not viewer.shown


def test_a_second_view_gets_everything_anew(session: tvw.Session) -> None:
    page = FrontEnd(ActivationViewer(session, scope="layer"))
    before = (page.count("frame"), page.count("samples"))
    page.ask("hello", view="second", visible=True)
    assert (page.count("frame"), page.count("samples")) == (before[0] + 1, before[1] + 1)


def test_missing_javascript_says_how_to_build_it() -> None:
    with pytest.raises(FileNotFoundError, match=r"static/none.js is missing: .* Run `make js`"):
        base.asset("none.js")
