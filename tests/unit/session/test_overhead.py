"""What watching costs is measured, and held under its cap: on a clock of the test's own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest
import torch
from torch import nn

import torchvis_widgets as tvw
from tests.unit.session.training import data, hooks_on, setup
from torchvis_widgets.overhead import GRACE, LEAST, PERIOD, SLOWEST, Overhead


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Loop:
    """Steps of `theirs` seconds in which something of ours takes `ours`, on a clock that stands still otherwise."""

    def __init__(self, cap: float | None) -> None:
        self.clock = Clock()
        self.overhead = Overhead(cap, self.clock)
        self.overhead.begin()

    def take(self, seconds: float) -> None:
        self.overhead.timed(lambda: setattr(self.clock, "now", self.clock.now + seconds))()

    def step(self, ours: float = 0.0, theirs: float = 0.01) -> None:
        self.clock.now += theirs
        self.take(ours)
        self.overhead.boundary()

    def warm_up(self) -> None:
        while not self.overhead.judged:
            self.step()

    def due(self, seconds: float) -> bool:
        taken = self.overhead.affords(seconds)
        if taken:
            self.take(seconds)
        return taken


def test_the_share_is_ours_by_theirs() -> None:
    loop = Loop(None)
    for _ in range(int(GRACE / 0.011)):
        loop.step(ours=0.0001)
    assert loop.overhead.share is None
    for _ in range(300):
        loop.step(ours=0.0001)
    assert loop.overhead.share == pytest.approx(0.01)
    for _ in range(30_000):
        loop.step(ours=0.0005)
    assert loop.overhead.share == pytest.approx(0.05, rel=1e-3)


def test_what_a_user_asked_for_and_the_time_between_two_cells_do_not_count() -> None:
    loop = Loop(None)
    loop.warm_up()
    loop.clock.now += PERIOD
    loop.overhead.boundary()
    seconds = loop.overhead._trained

    def pause() -> None:
        loop.clock.now += 1000

    for _ in range(10):
        loop.overhead.timed(lambda: loop.overhead.leave_out(pause))()
        loop.step()
    loop.clock.now += 1000
    loop.overhead.begin()
    loop.step(theirs=PERIOD)
    assert loop.overhead.share == pytest.approx(0)
    assert loop.overhead._trained == pytest.approx(seconds + 10 * 0.01 + PERIOD)


@pytest.mark.parametrize("lump", [0.001, 0.01, 0.2])
def test_what_is_due_too_often_is_taken_as_often_as_the_cap_affords(lump: float) -> None:
    loop = Loop(0.02)
    loop.warm_up()
    began, ours = loop.clock.now, 0.0
    for _ in range(60_000):
        ours += lump * loop.due(lump) if _ % 10 == 0 else 0
        loop.step()
    share = ours / (loop.clock.now - began - ours)
    expected = min(0.02, lump / (10 * 0.01))  # all of them, where they are cheap
    assert expected * 0.9 <= share <= expected * 1.05 + 1e-4
    taken, asked = loop.overhead.taken, loop.overhead.asked
    assert asked == 6000
    assert loop.overhead.savings() == ("" if taken == asked else f"statistics: {taken} of 6000 that were due")


def test_where_the_hooks_alone_are_over_the_cap_a_part_of_it_is_left() -> None:
    loop = Loop(0.02)
    loop.warm_up()
    began, ours = loop.clock.now, 0.0
    for _ in range(60_000):
        ours += 0.002 * loop.due(0.002) if _ % 10 == 0 else 0
        loop.step(ours=0.001)
    theirs = (loop.clock.now - began - ours) / 1.1
    assert ours / theirs == pytest.approx(LEAST * 0.02, rel=0.05)
    assert loop.overhead.slowness() > 1


def test_one_large_cost_now_and_then_is_saved_up_for() -> None:
    loop = Loop(0.02)
    loop.warm_up()
    taken = []
    for _ in range(20):
        for _ in range(10_000):  # 100 seconds, of which two percent are more than is asked for
            loop.step()
        taken.append(loop.due(1.5))
    assert all(taken[1:])  # the first one tells how much there is to be saved


def test_nothing_is_left_out_without_a_cap_or_before_it_can_be_judged() -> None:
    for cap in (None, 0.02):
        loop = Loop(cap)
        assert all(loop.due(0.001) for _ in range(20))
    loop = Loop(None)
    loop.warm_up()
    assert all(loop.due(1.0) for _ in range(20))


def test_frames_come_more_rarely_while_too_much_is_spent_and_as_before_when_it_is_paid() -> None:
    loop = Loop(0.02)
    loop.warm_up()
    assert loop.overhead.slowness() == 1
    loop.step(ours=0.5)
    rarer = [loop.overhead.slowness() for _ in range(10)]
    assert rarer == sorted(rarer)
    assert rarer[-1] == SLOWEST
    assert loop.overhead.savings() == "views redrawn 2.5 times more rarely"
    for _ in range(6000):
        loop.step()
    assert min(loop.overhead.slowness() for _ in range(10)) == 1
    assert loop.overhead.savings() == ""


def test_a_session_measures_its_hooks_and_leaves_statistics_out() -> None:
    model, optimizer, _ = setup()
    with tvw.watch(model, optimizer, statistics=1, overhead=1e-6) as session:
        session.overhead.clock = clock = Clock()

        def step() -> None:
            for parameter in model.parameters():
                parameter.grad = torch.zeros_like(parameter)
            clock.now += 0.5
            optimizer.step()

        for _ in session.batches(range(41)):
            step()
        spent = session.overhead
    measured = session.run.statistics()
    taken = sorted(set(measured[measured["kind"] == "parameter"]["step"]))
    judged_from = int(GRACE / 0.5)
    assert taken[:judged_from] == list(range(judged_from))
    assert len(taken) - judged_from <= spent.taken <= 4
    assert spent.asked >= 41 - judged_from - 1


def test_the_time_of_a_log_and_of_the_iterators_counts() -> None:
    model = nn.Linear(1, 1)
    with tvw.watch(model) as session:
        for _ in session.epochs(1):
            for _ in session.batches(range(3)):
                session.log(loss=1.0)
        assert session.overhead.spent > 0


def calls_of_ours(do: Callable[[], object]) -> int:
    """How many of the package's own functions are called."""
    place, count = str(Path(tvw.__file__).parent), 0

    def see(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += event == "call" and frame.f_code.co_filename.startswith(place)

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        do()
    finally:
        sys.setprofile(before)
    return count


def test_a_step_of_a_small_model_calls_few_functions() -> None:
    """After a model's passes the cache holds nothing of ours, and each call takes microseconds of a step of 5 ms."""
    model, optimizer, criterion = setup()
    (x, y), value = data(1)[0], torch.tensor(0.5)
    others = calls_of_ours(
        optimizer.step
    )  # the hooks of sessions left open elsewhere: torch calls them for every optimizer
    with tvw.watch(model, optimizer, criterion, probe=data(1)[0]) as session:
        for _ in range(3):
            criterion(model(x), y).backward()
            optimizer.step()
            session.log({"train/loss": value})
        assert calls_of_ours(optimizer.step) - others <= 21
        assert calls_of_ours(lambda: criterion(model(x), y)) <= 5
        assert calls_of_ours(lambda: session.log({"train/loss": value, "train/accuracy": 0.5})) <= 10
        session.log({"val/loss": value})
        assert hooks_on(criterion) == 0  # nothing of it is logged any more, and torch's way to a hook takes longest
