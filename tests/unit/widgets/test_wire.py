"""The wire: every request gets one reply, errors included; pushes are paced by the browser's answers."""

from __future__ import annotations

from typing import Any

import pytest

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
        ("look", {"changes": {"scope": "galaxy"}}, "scope is one of unit, layer, epochs, found 'galaxy'"),
        ("values", {"panel": 0, "unit": 10**9}, "the picture has no unit"),
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


def test_messages_that_are_no_requests_are_passed_over(session: tvw.Session) -> None:
    page = FrontEnd(ActivationViewer(session))
    for message in (
        None,
        [],
        "hello",
        {"kind": "gossip"},
        {"kind": "ack", "painted": "x"},
        {"painted": [None, {}, True]},
    ):
        assert page.send(message) == {}


def test_a_slow_browser_gets_the_latest_frame_and_no_backlog(session: tvw.Session) -> None:
    page = FrontEnd(ActivationViewer(session, scope="layer"), slow=True)
    first = page.count("frame")
    for sample in range(1, 6):
        page.ask("sample", sample=sample)
    assert page.count("frame") == first + base.WINDOW - 1
    assert page.widget.behind
    page.acknowledge()
    assert page.count("frame") == first + base.WINDOW
    assert page.last("frame").value["sample"] == 5
    assert not page.widget.behind


def test_an_acknowledgement_of_a_later_push_stands_for_those_before(session: tvw.Session) -> None:
    page = FrontEnd(ActivationViewer(session, scope="layer"), slow=True)
    for sample in (1, 2, 3):
        page.ask("sample", sample=sample)
    page.send({"kind": "ack", "painted": [page.last("frame").seq]})
    page.ask("sample", sample=4)
    assert page.last("frame").value["sample"] == 4


def test_a_request_takes_along_what_was_painted(session: tvw.Session) -> None:
    page = FrontEnd(ActivationViewer(session, scope="layer"), slow=True)
    for sample in (1, 2, 3, 4, 5):
        page.ask("sample", sample=sample)
    assert page.widget.behind
    painted = [push.seq for push in page.pushes]
    page.send({"kind": "request", "id": "v:9", "op": "sample", "args": {"sample": 6}, "painted": painted})
    assert page.last("frame").value["sample"] == 6
    assert not page.widget.behind


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
