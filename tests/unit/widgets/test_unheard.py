"""A loop in the cell of a kernel that hears nothing meanwhile: its views move on, ever more rarely."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import torchvis_widgets as tvw
from tests.unit.widgets.front_end import FrontEnd
from torchvis_widgets import kernel
from torchvis_widgets.widgets import base
from torchvis_widgets.widgets.publisher import PERIOD
from torchvis_widgets.widgets.stage import RAREST, UNHEARD


@pytest.fixture
def loop(session: tvw.Session, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The loop of the session, running on the main thread of a kernel."""
    monkeypatch.setattr(kernel, "has_front_end", lambda: True)
    monkeypatch.setattr(session.loop, "_active", 1)
    assert session.loop.thread == threading.main_thread().ident
    return session.loop


def test_a_view_that_could_not_greet_yet_is_drawn(session: tvw.Session, loop: Any) -> None:
    viewer = tvw.ActivationViewer(session)
    sent: list[str] = []
    viewer.send = lambda content, buffers=None: sent.append(content["topic"])  # type: ignore[method-assign]
    viewer.stage.publisher.publish()
    assert "frame" in sent
    loop._active = 0
    assert not viewer.shown


def test_a_view_that_cannot_renew_its_presence_is_not_forgotten(
    session: tvw.Session, loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = tvw.ActivationViewer(session)
    page = FrontEnd(viewer)
    monkeypatch.setattr(base, "LEASE", -1.0)
    assert viewer.shown
    page.ask("presence", view="v", visible=False)
    assert not viewer.shown


def test_one_that_was_answered_elsewhere_is_believed_to_be_gone(
    session: tvw.Session, loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = tvw.ActivationViewer(session)
    page = FrontEnd(viewer)
    asking = threading.Thread(target=page.ask, args=("presence",), kwargs={"view": "v", "visible": True})
    asking.start()
    asking.join()
    assert viewer.shown
    monkeypatch.setattr(base, "LEASE", -1.0)
    assert not viewer.shown


def test_without_a_kernel_there_is_nobody_to_draw_for(session: tvw.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session.loop, "_active", 1)
    assert not kernel.has_front_end()
    assert not tvw.ActivationViewer(session).shown


@pytest.mark.parametrize(("elapsed", "period"), [(1.0, UNHEARD), (600.0, 3.0), (86400.0, RAREST)])
def test_the_longer_it_trains_the_rarer_it_is_drawn(
    session: tvw.Session, loop: Any, monkeypatch: pytest.MonkeyPatch, elapsed: float, period: float
) -> None:
    publisher = tvw.ActivationViewer(session).stage.publisher
    monkeypatch.setattr(loop, "elapsed", lambda: elapsed)
    assert publisher.period() == pytest.approx(period)
    loop.reach.answered(main_thread=False)
    assert publisher.period() == pytest.approx(PERIOD)
