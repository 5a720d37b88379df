"""Thousands of random requests from front ends while loops run at full speed: nothing torn, lost, doubled or stuck."""

from __future__ import annotations

import ctypes
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import torchvis_widgets as tvw
from tests.unit.session.hammer import Page, UnderFire
from tests.unit.session.test_truth import assert_same_bits
from tests.unit.session.training import data, setup, steps
from tests.unit.widgets.front_end import wait_for
from torchvis_widgets.live import LiveState, Version
from torchvis_widgets.record.edits import read_edits
from torchvis_widgets.steer.edits import Edit

COMMANDS = int(os.environ.get("TORCHVIS_COMMANDS", "1000"))  # of each test; 10,000 take half a minute each

pytestmark = pytest.mark.timeout(120 + COMMANDS // 10)


@pytest.fixture(autouse=True)
def threads_take_turns_often() -> Iterator[None]:
    """At the usual 5 ms a thread would be through with most of what it does at one go."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def under_fire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[UnderFire]:
    shot_at = UnderFire(tmp_path, monkeypatch, COMMANDS, seed=len(request.node.name))
    yield shot_at
    shot_at.session.close()


def test_loops_in_the_cell(under_fire: UnderFire) -> None:
    with under_fire.hammer as hammer:
        while hammer.working:
            for _ in under_fire.loop():
                pass
    under_fire.assert_all_well()


def test_loops_in_the_background(under_fire: UnderFire) -> None:
    with under_fire.hammer as hammer:
        while hammer.working:
            under_fire.session.start(lambda: list(under_fire.loop()))
            assert under_fire.session.wait(60)
    under_fire.assert_all_well()


class OutOfLuckError(Exception):
    pass


@pytest.mark.parametrize("where", ["cell", "background"])
def test_loops_that_fail_again_and_again(under_fire: UnderFire, where: str) -> None:
    dice, session, failures = random.Random(5), under_fire.session, 0

    def training() -> None:
        for _ in under_fire.loop():
            if dice.random() < 0.05:
                raise OutOfLuckError

    with under_fire.hammer as hammer:
        while hammer.working:
            try:
                if where == "cell":
                    training()
                else:
                    session.start(training)
                    assert session.wait(60)
            except OutOfLuckError as error:
                failures += 1
                session._cell_ended(error)  # as IPython tells it
                assert session.loop.status == "failed"
    assert failures > 0
    under_fire.assert_all_well()


def test_loops_that_are_interrupted_again_and_again(tmp_path: Path) -> None:
    strict = [sys.executable, "-W", "error::RuntimeWarning"]
    finished = subprocess.run(
        [*strict, "-m", "tests.unit.session.interrupts", tmp_path, str(COMMANDS // 2)],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert finished.stdout.endswith(" interrupts\n")
    assert int(finished.stdout.split()[0]) > 3


def test_a_copy_that_is_made_while_a_view_looks_is_not_lost(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion, run=tmp_path / "run", statistics=None)
    for _ in session.epochs(1):
        list(steps(model, optimizer, criterion, session.batches(data(2))))
    session.run.flush()

    class Interleaved:
        """The run, of which the loop makes a copy just when a view asks for what snapshots there are."""

        @property
        def snapshots(self) -> Any:
            session.loop.step += 1
            live.keep()
            return session.run.snapshots

    live = LiveState(Interleaved(), model, session.mailbox, lambda: session.loop.step)  # type: ignore[arg-type]
    live._kept = Version("old", 0, dict)
    assert live.newest(loop_elsewhere=True).snapshot == 2
    assert live._kept is not None
    assert live._kept.step == 3
    session.close()


def unwatched(epochs: int) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    model, optimizer, criterion = setup()
    torch.manual_seed(3)
    for _ in range(epochs):
        list(steps(model, optimizer, criterion, data()))
    return model, optimizer


CHANGES: list[tuple[str, Any]] = [
    ("gain", 0.0), ("gain", 3.0), ("noise", 2.0), ("prune", 0.9), ("shift", 1.0), ("clamp", [-0.1, 0.1]),
    ("reinit", None), ("set", 7.0), ("freeze", 1.0),
]  # fmt: skip


def momenta(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    return {str(number): each["momentum_buffer"] for number, each in optimizer.state_dict()["state"].items()}


def there_and_back(page: Page) -> None:
    """Edits of every kind while the loop stands still, and all of them taken back."""
    dice, made = page.random, 0
    for _ in range(dice.randrange(1, 5)):
        change, value = dice.choice(CHANGES)
        tensor = dice.choice(["conv.weight", "conv.bias", "fc.weight"])
        assert page.ask("edit", change=change, tensor=tensor, value=value), page.errors
        made += 1
        if dice.random() < 0.3:
            assert page.ask("undo")
            assert page.ask("redo")
    for _ in range(made):
        assert page.ask("undo")


def test_with_all_edits_undone_before_the_next_step_the_training_is_the_same(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion, probe=data(1)[0], run=tmp_path / "run", statistics=None)
    board = tvw.Dashboard(session)
    editor, tuner, bar = (Page(each, 1) for each in (board.sliders, board.hyperparameters, board.bar))
    torch.manual_seed(3)

    def training() -> None:
        session.pause()
        for _ in session.epochs(3):
            list(steps(model, optimizer, criterion, session.batches(data())))

    session.start(training)
    wait_for(lambda: session.loop.status == "paused")
    assert editor.ask("mode", mode="live")
    while session.loop.running:
        at = session.loop.step
        editor.random.choice([there_and_back, lambda _: None])(editor)
        if editor.random.random() < 0.5:
            assert tuner.ask("set", name=editor.random.choice(["lr", "momentum", "dropout"]), value=0.5)
            assert tuner.ask("undo")
        assert bar.ask("step")
        wait_for(
            lambda at=at: not session.loop.running or (session.loop.step, session.loop.status) == (at + 1, "paused")
        )  # type: ignore[misc]
    assert session.wait(60)
    session.close()
    assert len(session.edits) == 0 < len(read_edits(tmp_path / "run" / "metrics.sqlite"))
    alone = unwatched(3)
    assert_same_bits(dict(model.state_dict()), dict(alone[0].state_dict()))
    assert_same_bits(momenta(optimizer), momenta(alone[1]))


def test_edits_undone_at_the_same_boundary_leave_no_trace_at_full_speed(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion, probe=data(1)[0], run=tmp_path / "run", snapshots=None)
    made = [0, 0]

    def there_and_back_again(edit: Edit) -> None:
        log, step = session.edits, session.loop.step
        log.apply(edit, step=step)
        log.undo(step=step)

    def edits(number: int) -> None:
        dice = random.Random(number)
        while session.loop.running:
            change, value = dice.choice(CHANGES)
            value = tuple(value) if isinstance(value, list) else value
            tensor = dice.choice(["conv.weight", "conv.bias", "fc.weight"])
            edit = Edit(tensor, change, value=value, seed=1, reset_optimizer=dice.random() < 0.5)  # type: ignore[arg-type]
            session.mailbox.put(lambda edit=edit: there_and_back_again(edit)).result(60)  # type: ignore[misc]
            made[number] += 1

    def training() -> None:
        for _ in session.epochs(8):
            list(steps(model, optimizer, criterion, session.batches(data())))

    torch.manual_seed(3)
    session.start(training)
    wait_for(lambda: session.loop.running)
    editors = [threading.Thread(target=edits, args=[number]) for number in range(2)]
    for editor in editors:
        editor.start()
    assert session.wait(100)
    for editor in editors:
        editor.join(60)
    session.close()
    assert session.loop.step == 40
    assert min(made) > 0
    alone = unwatched(8)
    assert_same_bits(dict(model.state_dict()), dict(alone[0].state_dict()))
    assert_same_bits(momenta(optimizer), momenta(alone[1]))


def test_an_exception_from_outside_at_any_moment_of_a_background_loop(tmp_path: Path) -> None:
    """As interrupting a thread does: the session hears of it, and another training can begin."""
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion, run=tmp_path / "run", snapshots=None, statistics=None)
    dice = random.Random(3)

    def training() -> None:
        while True:
            for _ in session.epochs(1000):
                list(steps(model, optimizer, criterion, session.batches(data())))

    for kind, status in [(KeyboardInterrupt, "interrupted"), (SystemExit, "failed")] * 4:
        session.start(training)
        until = session.loop.step + dice.randrange(1, 12)
        wait_for(lambda until=until: session.loop.step >= until)  # type: ignore[misc]
        interrupt = ctypes.pythonapi.PyThreadState_SetAsyncExc
        assert interrupt(ctypes.c_ulong(session.loop.thread), ctypes.py_object(kind)) == 1
        with pytest.raises(kind):
            session.wait(60)
        wait_for(lambda: not session.loop.running)
        assert session.loop.status == status
        session.edit("fc.weight").scale(0.5)
        assert session.undo() is not None
    assert session.problems == []
    session.close()
