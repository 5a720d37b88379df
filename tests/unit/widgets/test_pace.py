"""How often the publisher sends: ten times a second, and more rarely where it takes long until things are drawn."""

from __future__ import annotations

import time

import pytest

import torchvis_widgets as tvw
from tests.unit.widgets.front_end import FrontEnd
from torchvis_widgets.widgets.publisher import IDLE_PERIOD, PERIOD, SLOWEST, Publisher


def test_a_slow_browser_is_sent_less(session: tvw.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = FrontEnd(tvw.ActivationViewer(session), slow=True)
    publisher = viewer.widget.stage.publisher
    monkeypatch.setattr(session.loop, "_active", 1)
    assert publisher.period() == PERIOD
    now = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + 1.5)
    viewer.acknowledge()
    assert PERIOD < publisher.period() <= SLOWEST
    monkeypatch.setattr(session.loop, "_active", 0)
    assert publisher.period() == IDLE_PERIOD


def test_the_pace_follows_the_delay_both_ways() -> None:
    publisher = Publisher(lambda: True, lambda: True, print)
    for delay, period in ((0.01, PERIOD), (0.2, 0.4), (60.0, SLOWEST), (0.02, PERIOD)):
        for _ in range(50):
            publisher.heard(delay)
        assert publisher.period() == pytest.approx(period, abs=0.01)


def test_the_picture_that_was_clicked_for_goes_out_before_the_sliders(session: tvw.Session) -> None:
    kinds = (tvw.WeightSliders, tvw.ActivationViewer, tvw.WeightSliders)
    pages = [FrontEnd(kind(session)) for kind in kinds]
    tree = FrontEnd(tvw.ModelMap(session))
    before = [list(page.widget._sent.values()) for page in pages]
    shown = pages[0].widget.stage.publisher.shown()
    assert [isinstance(each, tvw.WeightSliders) for each in shown] == [False, False, True, True]
    assert tree.ask("select", layer="norm")["ok"]
    assert all(list(page.widget._sent.values()) != old for page, old in zip(pages, before, strict=True))
