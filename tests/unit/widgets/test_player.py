"""Play: from snapshot to snapshot in the kernel, as fast as the views draw and no faster than was asked for."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest

import torchvis_widgets as tvw
from tests.unit.widgets.front_end import FrontEnd, wait_for
from torchvis_widgets.widgets import base, publisher
from torchvis_widgets.widgets.player import Player


class Views:
    """What the player moves: views that have room when they are told to."""

    def __init__(self, steps: list[int], at: int | None) -> None:
        self.steps, self.at = steps, at
        self.seen: list[int] = []
        self.ready = threading.Event()
        self.ready.set()
        self.ended = 0
        self.player = Player(
            steps=lambda: self.steps, at=lambda: self.at, move=self._move, when_sent=self._when_sent, ended=self._end
        )

    def _move(self, step: int) -> None:
        self.at = step
        self.seen.append(step)

    def _when_sent(self, then: Callable[[], None]) -> None:
        assert self.ready.wait(20)
        then()

    def _end(self) -> None:
        self.ended += 1


@pytest.mark.parametrize(
    ("at", "seen"), [(0, [10, 20, 30]), (10, [20, 30]), (15, [20, 30]), (30, [0, 10, 20, 30]), (None, [0, 10, 20, 30])]
)
def test_it_goes_on_from_the_step_on_show_or_from_the_first(at: int | None, seen: list[int]) -> None:
    views = Views([0, 10, 20, 30], at)
    views.player.play(1000)
    wait_for(lambda: views.ended == 1)
    assert views.seen == seen
    assert not views.player.playing


def test_it_plays_what_is_recorded_meanwhile() -> None:
    views = Views([0, 10], 0)
    views.ready.clear()
    views.player.play(1000)
    wait_for(lambda: views.seen == [10])
    views.steps = [0, 10, 20]
    views.ready.set()
    wait_for(lambda: views.ended == 1)
    assert views.seen == [10, 20]


def test_it_leaves_no_frame_out_however_slow_the_views_are() -> None:
    views = Views([0, 10, 20], 0)
    views.ready.clear()
    views.player.play(1000)
    wait_for(lambda: views.seen == [10])
    assert views.player.playing
    views.ready.set()
    wait_for(lambda: views.ended == 1)
    assert views.seen == [10, 20]


def test_no_move_comes_after_it_was_halted() -> None:
    views = Views(list(range(0, 100_000, 10)), 0)
    views.player.play(1e6)
    wait_for(lambda: len(views.seen) > 3)
    views.player.halt()
    seen = list(views.seen)
    wait_for(lambda: "tvw-player" not in {thread.name for thread in threading.enumerate()})
    assert views.seen == seen
    assert views.ended == 0


def test_another_speed_goes_on_from_where_it_is() -> None:
    views = Views([0, 10, 20, 30], 0)
    views.player.play(0.1)
    wait_for(lambda: views.seen == [10])
    views.player.play(1000)
    wait_for(lambda: views.ended == 1)
    assert views.seen == [10, 20, 30]


def step(session: tvw.Session, epoch: int) -> int:
    return session.run.snapshot(epoch=epoch).step


def test_the_timeline_plays_every_view(session: tvw.Session) -> None:
    viewer, scrubber = FrontEnd(tvw.ActivationViewer(session)), FrontEnd(tvw.EpochScrubber(session))
    assert scrubber.ask("play", speed=60)["ok"]
    wait_for(lambda: not scrubber.widget.playing and scrubber.widget.position == step(session, 3))
    shown = [
        step for step, _ in itertools.groupby(push.value["step"] for push in viewer.pushes if push.topic == "frame")
    ]
    assert shown[-4:] == [step(session, epoch) for epoch in range(4)]


def test_a_view_that_draws_slowly_slows_it_down(session: tvw.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "PATIENCE", 60.0)
    viewer = FrontEnd(tvw.ActivationViewer(session, scope="layer"), slow=True)
    scrubber = FrontEnd(tvw.EpochScrubber(session))
    for sample in range(1, base.WINDOW):
        viewer.ask("sample", sample=sample)
    scrubber.ask("play", speed=60)
    wait_for(lambda: scrubber.widget.position == step(session, 0))
    assert scrubber.widget.playing
    viewer.acknowledge()
    wait_for(lambda: scrubber.widget.position == step(session, 1))
    scrubber.widget.pause()


@pytest.mark.parametrize(("op", "argument"), [("play", "speed"), ("move", "step")])
def test_pause_and_a_move_end_it(session: tvw.Session, op: str, argument: str) -> None:
    scrubber = FrontEnd(tvw.EpochScrubber(session))
    scrubber.ask("play", speed=0.1)
    wait_for(lambda: scrubber.widget.position == step(session, 0))
    assert scrubber.widget.playing
    assert scrubber.ask(op, **{argument: None})["ok"]
    assert not scrubber.widget.playing


def test_closing_the_session_ends_it(session: tvw.Session) -> None:
    scrubber = FrontEnd(tvw.EpochScrubber(session))
    scrubber.ask("play", speed=0.1)
    session.close()
    wait_for(lambda: "tvw-player" not in {thread.name for thread in threading.enumerate()})


@pytest.mark.parametrize("speed", [0, -1, 61, float("nan"), True, "10", [10]])
def test_a_speed_that_is_none_changes_nothing(session: tvw.Session, speed: Any) -> None:
    scrubber = FrontEnd(tvw.EpochScrubber(session))
    assert "play(speed=10)" in scrubber.ask("play", speed=speed)["error"]
    assert not scrubber.widget.playing
    assert scrubber.widget.position is None
