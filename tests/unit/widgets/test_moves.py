"""A move of the playhead: answered when every view on screen has its frame, with the frames ahead computed."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch

import torchvis_widgets as tvw
from tests.unit.widgets.front_end import FrontEnd, wait_for
from torchvis_widgets.widgets import base, publisher
from torchvis_widgets.widgets.prefetcher import Prefetcher, upcoming
from torchvis_widgets.widgets.selection import Against


def step(session: tvw.Session, epoch: int) -> int:
    return session.run.snapshot(epoch=epoch).step


def fill(page: FrontEnd, session: tvw.Session) -> None:
    """Let the viewer's window run full: the browser has yet to paint as many frames as may be on their way."""
    for sample in range(1, base.WINDOW):
        page.ask("sample", sample=sample)


def test_a_move_is_answered_when_the_slowest_view_has_its_frame(session: tvw.Session) -> None:
    viewer = FrontEnd(tvw.ActivationViewer(session, scope="layer"), slow=True)
    scrubber = FrontEnd(tvw.EpochScrubber(session))
    fill(viewer, session)
    assert scrubber.ask("move", step=step(session, 1)) == {}
    assert scrubber.widget.position == step(session, 1)
    viewer.acknowledge()
    wait_for(lambda: scrubber.replies[-1]["id"] == "v:1")
    assert viewer.last("frame").value["step"] == step(session, 1)


def test_an_answer_does_not_wait_for_ever_for_a_view_that_says_nothing(
    session: tvw.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "PATIENCE", 0.05)
    viewer = FrontEnd(tvw.ActivationViewer(session, scope="layer"), slow=True)
    scrubber = FrontEnd(tvw.EpochScrubber(session))
    fill(viewer, session)
    assert scrubber.ask("move", step=step(session, 1)) == {}
    wait_for(lambda: len(scrubber.replies) == 2, 5)


def test_an_answer_does_not_wait_for_a_view_that_is_out_of_sight(session: tvw.Session) -> None:
    viewer = FrontEnd(tvw.ActivationViewer(session, scope="layer"), slow=True)
    scrubber = FrontEnd(tvw.EpochScrubber(session))
    fill(viewer, session)
    assert scrubber.ask("move", step=step(session, 1)) == {}
    viewer.ask("presence", view="v", visible=False)
    assert len(scrubber.replies) == 2


def test_a_move_that_is_refused_is_answered_at_once(session: tvw.Session) -> None:
    viewer = FrontEnd(tvw.ActivationViewer(session, scope="layer"), slow=True)
    scrubber = FrontEnd(tvw.EpochScrubber(session))
    fill(viewer, session)
    assert "no snapshot at step 99999" in scrubber.ask("move", step=99999)["error"]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (0, 10, [20, 30]),
        (20, 10, [0]),
        (10, 30, [50]),
        (40, 50, []),
        (10, 10, []),
        (None, 40, [30, 20]),
        (40, None, []),
        (15, 40, [30, 20]),  # a snapshot that has been thinned away counts as the newest
    ],
)
def test_what_comes_next_lies_in_the_direction_of_the_move(
    before: int | None, now: int | None, expected: list[int]
) -> None:
    assert upcoming([0, 10, 20, 30, 40, 50], before, now) == expected


def test_a_long_jump_says_nothing_about_the_next() -> None:
    assert upcoming(list(range(0, 1000, 10)), 0, 500) == []


def test_a_move_has_the_views_on_screen_compute_what_comes_next(session: tvw.Session) -> None:
    asked: list[int] = []

    class Curious(tvw.ActivationViewer):
        def prefetch(self, step: int) -> None:
            asked.append(step)

    shown, hidden = Curious(session), Curious(session)
    FrontEnd(shown)
    scrubber = FrontEnd(tvw.EpochScrubber(session))
    scrubber.ask("move", step=step(session, 0))
    asked.clear()
    scrubber.ask("move", step=step(session, 1))
    wait_for(lambda: asked == [step(session, 2), step(session, 3)])
    assert not hidden.shown


def test_only_the_latest_aim_is_computed_and_a_failure_ends_nothing() -> None:
    began, go = threading.Event(), threading.Event()
    done: list[int] = []

    def compute(step: int) -> None:
        began.set()
        assert go.wait(10)
        done.append(step)

    prefetcher = Prefetcher(compute)
    prefetcher.aim([1, 2, 3])
    assert began.wait(10)
    prefetcher.aim([7])
    go.set()
    wait_for(lambda: done == [1, 7])
    prefetcher.aim([])
    prefetcher.aim([8])
    wait_for(lambda: done == [1, 7, 8])


def test_who_moves_to_what_is_being_computed_waits_for_just_that() -> None:
    began, go = threading.Event(), threading.Event()

    def compute(_: int) -> None:
        began.set()
        assert go.wait(10)

    prefetcher = Prefetcher(compute)
    prefetcher.aim([5])
    assert began.wait(10)
    prefetcher.wait_for(4, 10)
    waiting = threading.Thread(target=prefetcher.wait_for, args=(5, 10))
    waiting.start()
    assert waiting.is_alive()
    go.set()
    waiting.join(10)
    assert not waiting.is_alive()


def test_compare_keeps_the_epoch_on_show_and_lets_it_go(session: tvw.Session) -> None:
    scrubber = FrontEnd(tvw.EpochScrubber(session))
    selection = scrubber.widget.stage.selection
    assert scrubber.ask("compare", on=True)["ok"]
    assert selection.now.against == Against(step=step(session, 3))
    assert scrubber.widget.against == step(session, 3)
    scrubber.ask("move", step=step(session, 1))
    scrubber.ask("compare", on=True)
    assert scrubber.widget.against == step(session, 1)
    scrubber.ask("compare", on=False)
    assert selection.now.against is None
    assert scrubber.widget.against is None


@pytest.mark.parametrize("on", [1, None, "yes", []])
def test_compare_takes_true_or_false(session: tvw.Session, on: Any) -> None:
    scrubber = FrontEnd(tvw.EpochScrubber(session))
    assert "on must be true or false" in scrubber.ask("compare", on=on)["error"]
    assert scrubber.widget.stage.selection.now.against is None


def test_there_is_nothing_to_compare_with_before_the_first_snapshot() -> None:
    session = tvw.inspect(torch.nn.Linear(2, 2), torch.zeros(1, 2))
    scrubber = FrontEnd(tvw.EpochScrubber(session))
    assert "there is no snapshot yet to compare with" in scrubber.ask("compare", on=True)["error"]
