"""How often the publisher sends: ten times a second, and more rarely where it takes long until things are drawn."""

from __future__ import annotations

import time

import pytest

import torchvis_widgets as tvw
from tests.unit.widgets.front_end import FrontEnd, wait_for
from torchvis_widgets.widgets import publisher
from torchvis_widgets.widgets.publisher import IDLE_PERIOD, PERIOD, SLOWEST, Publisher


def test_a_slow_browser_is_sent_less(session: tvw.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = FrontEnd(tvw.ActivationViewer(session), slow=True)
    own = viewer.widget.stage.publisher
    monkeypatch.setattr(session.loop, "_active", 1)
    assert own.period() == PERIOD
    now = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + 1.5)
    viewer.acknowledge()
    assert PERIOD < own.period() <= SLOWEST
    monkeypatch.setattr(session.loop, "_active", 0)
    assert own.period() == IDLE_PERIOD


def test_the_pace_follows_the_delay_both_ways() -> None:
    own = Publisher(lambda: True, lambda: True, print)
    for delay, period in ((0.01, PERIOD), (0.2, 0.4), (60.0, SLOWEST), (0.02, PERIOD)):
        for _ in range(50):
            own.heard(delay)
        assert own.period() == pytest.approx(period, abs=0.01)


@pytest.fixture
def board(session: tvw.Session) -> tuple[FrontEnd, FrontEnd, FrontEnd]:
    """The sliders, a map, and a viewer whose browser has not drawn yet."""
    sliders, tree = FrontEnd(tvw.WeightSliders(session)), FrontEnd(tvw.ModelMap(session))
    return sliders, tree, FrontEnd(tvw.ActivationViewer(session), slow=True)


def test_the_sliders_follow_when_the_picture_that_was_clicked_for_is_drawn(
    board: tuple[FrontEnd, FrontEnd, FrontEnd], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "GRACE", 60.0)
    sliders, tree, viewer = board
    viewer.acknowledge()
    assert tree.ask("select", layer="norm")["ok"]
    assert viewer.last("frame").value["layer"] == "norm"
    assert sliders.widget.layer != "norm"
    viewer.acknowledge()
    assert sliders.widget.layer == "norm"


def test_the_sliders_do_not_wait_for_ever(
    board: tuple[FrontEnd, FrontEnd, FrontEnd], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "GRACE", 0.01)
    sliders, tree, _ = board
    assert tree.ask("select", layer="norm")["ok"]
    wait_for(lambda: sliders.widget.layer == "norm")


def test_the_sliders_do_not_wait_where_they_were_asked_themselves(
    board: tuple[FrontEnd, FrontEnd, FrontEnd], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "GRACE", 60.0)
    sliders, _, viewer = board
    assert viewer.widget.drawing
    assert sliders.ask("show", tensor="norm.weight")["ok"]
    assert sliders.widget.layer == "norm"
