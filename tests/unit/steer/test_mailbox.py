from __future__ import annotations

import signal
import threading
import time

import pytest

from torchvis_widgets.steer import Mailbox


class Loop:
    def __init__(self, running: bool = True) -> None:
        self.running = running
        self.mailbox = Mailbox(lambda: self.running)


def test_commands_wait_for_the_training_thread_and_keep_their_order() -> None:
    loop = Loop()
    done: list[tuple[int, int]] = []
    futures = [loop.mailbox.put(lambda n=n: done.append((n, threading.get_ident()))) for n in range(3)]
    assert done == []
    assert len(loop.mailbox) == 3
    trainer = threading.Thread(target=loop.mailbox.drain)
    trainer.start()
    trainer.join()
    assert [n for n, _ in done] == [0, 1, 2]
    assert {ident for _, ident in done} == {trainer.ident}
    assert all(future.done() for future in futures)


def test_without_a_loop_a_command_is_carried_out_at_once() -> None:
    assert Loop(running=False).mailbox.put(lambda: 5).result(timeout=0) == 5


def test_failures_go_to_the_future_and_the_next_command_is_carried_out() -> None:
    loop = Loop()
    bad, good = loop.mailbox.put(lambda: 1 // 0), loop.mailbox.put(lambda: "done")
    loop.mailbox.drain()
    with pytest.raises(ZeroDivisionError):
        bad.result(timeout=0)
    assert good.result(timeout=0) == "done"


def test_an_interrupt_reaches_the_loop() -> None:
    loop = Loop()

    def interrupted() -> None:
        raise KeyboardInterrupt

    future = loop.mailbox.put(interrupted)
    with pytest.raises(KeyboardInterrupt):
        loop.mailbox.drain()
    assert isinstance(future.exception(timeout=0), KeyboardInterrupt)


@pytest.mark.parametrize("waiting", [True, False])
def test_ctrl_c_in_the_middle_of_a_command_comes_when_it_is_done(waiting: bool) -> None:
    loop, done = Loop(running=waiting), []

    def edit() -> str:
        signal.raise_signal(signal.SIGINT)
        done.append(1)
        return "whole"

    futures = [loop.mailbox.put(edit), loop.mailbox.put(edit)] if waiting else []
    with pytest.raises(KeyboardInterrupt):
        loop.mailbox.drain() if waiting else loop.mailbox.put(edit)
    assert done == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if waiting:
        assert futures[0].result(timeout=0) == "whole"
        assert len(loop.mailbox) == 1  # the next one is not lost


def test_a_cancelled_command_is_never_carried_out() -> None:
    loop, done = Loop(), []
    future = loop.mailbox.put(lambda: done.append(1))
    assert future.cancel()
    loop.mailbox.drain()
    assert done == []


def test_a_command_that_puts_another_does_not_hold_up_the_loop() -> None:
    loop = Loop()
    count = [0]

    def again() -> None:
        count[0] += 1
        loop.mailbox.put(again)

    loop.mailbox.put(again)
    loop.mailbox.drain()
    assert count == [1]
    loop.mailbox.drain()
    assert count == [2]


def test_a_loop_that_starts_waits_for_the_command_being_carried_out() -> None:
    loop = Loop(running=False)
    inside, go_on = threading.Event(), threading.Event()
    events: list[str] = []

    def slow() -> None:
        inside.set()
        assert go_on.wait(10)
        events.append("edited")

    def train() -> None:
        loop.running = True
        loop.mailbox.barrier()
        events.append("step")

    editor = threading.Thread(target=loop.mailbox.put, args=(slow,))
    editor.start()
    assert inside.wait(10)
    trainer = threading.Thread(target=train)
    trainer.start()
    trainer.join(0.05)  # were there no barrier, it would have stepped by now
    assert events == []
    go_on.set()
    trainer.join(10)
    editor.join(10)
    assert events == ["edited", "step"]


def test_what_the_loop_left_behind_is_carried_out_first() -> None:
    loop, done = Loop(), []
    loop.mailbox.put(lambda: done.append("late"))
    loop.running = False
    loop.mailbox.put(lambda: done.append("now"))
    assert done == ["late", "now"]
    loop.running = True
    left = loop.mailbox.put(lambda: done.append("left"))
    loop.running = False
    loop.mailbox.barrier()
    assert left.done()


def test_no_command_is_lost_or_doubled_between_threads() -> None:
    loop, done = Loop(), []
    putters = [
        threading.Thread(target=lambda k=k: [loop.mailbox.put(lambda n=n: done.append((k, n))) for n in range(200)])
        for k in range(4)
    ]
    for putter in putters:
        putter.start()
    while any(putter.is_alive() for putter in putters):
        loop.mailbox.drain()
    loop.mailbox.drain()
    assert sorted(done) == [(k, n) for k in range(4) for n in range(200)]
    assert all([n for who, n in done if who == k] == list(range(200)) for k in range(4))


def test_an_empty_drain_costs_next_to_nothing() -> None:
    """It is called at every training step: no more than a few calls of an empty function."""
    drain, empty = Loop().mailbox.drain, lambda: None

    def seconds(call: object) -> float:
        began = time.perf_counter()
        for _ in range(20_000):
            call()  # type: ignore[operator]
        return time.perf_counter() - began

    assert min(seconds(drain) for _ in range(5)) < 5 * min(seconds(empty) for _ in range(5))
