"""A loop in the cell is driven from the page: held, stepped, rewound, ended; and interrupted while it is held."""

from __future__ import annotations

import pytest

from tests.browser.cells import SETUP, WATCH
from tests.browser.conftest import OpenNotebook
from tests.browser.jupyter import wait_for
from tests.browser.views import Dashboard

pytestmark = pytest.mark.parametrize("server", ["lab"], indirect=True)

RESUMABLE = WATCH.replace('"c"])', '"c"], resumable=True)')
LOOP = "train(session, model, optimizer, epochs=40)\nfollowed = session.loop.step"
STEPS_AN_EPOCH = 25


def test_a_loop_in_the_cell_is_driven(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SETUP, RESUMABLE, LOOP, LOOP, height=1400)
    notebook.run_cell(0)
    notebook.run_cell(1)
    board = Dashboard(notebook, 1).ready()
    assert board.root.locator(".tvw-bar-controls").count() == 0
    notebook.run_cell(2)
    board.in_view()
    wait_for(lambda: step_of(board) > 2, "the loop to run")

    board.button("Pause").click()
    held = its_step(board)
    board.button("Step").click()
    assert its_step(board, held + 1) == held + 1
    board.button("Step").press("s")  # by key, wherever in the bar the focus is
    assert its_step(board, held + 2) == held + 2
    board.photograph("driving-paused")
    board.button("Epoch").click()
    epochs = -(-(held + 2) // STEPS_AN_EPOCH)  # the one in progress is not over at its last step, where it may stand
    end = epochs * STEPS_AN_EPOCH
    wait_for(lambda: board.notebook.kernel_eval("session.loop.finished_epochs") == epochs, "the end of the epoch")
    assert its_step(board, end) == end
    it_goes_back(board, end)
    it_is_stopped_and_what_follows_runs(board)
    it_is_interrupted_while_it_is_held(board)


def step_of(board: Dashboard) -> int:
    return int(board.notebook.kernel_eval("session.loop.step"))


def its_step(board: Dashboard, step: int | None = None) -> int:
    """Return the step that the kernel is at once the bar says that the loop is held there."""

    def stands_still() -> bool:
        shown = f"step {step:,}" if step is not None else "step"
        return board.status == "paused" and shown in board.bar.inner_text()

    wait_for(stands_still, f"the loop to be held at step {step}")
    return step_of(board)


def it_goes_back(board: Dashboard, end: int) -> None:
    """From where it is held between two epochs to the first snapshot; the part that is left turns grey."""
    before = len(board.left_lines())
    board.timeline.press("Home")
    wait_for(lambda: board.atlas().step == 0, "the first snapshot")
    board.photograph("driving-rewind")
    board.button("Continue from here").click()
    board.root.locator(".tvw-scrubber-note").wait_for()
    assert "training goes on from epoch 0 (step 0)" in board.root.locator(".tvw-scrubber-note").inner_text()
    wait_for(lambda: board.notebook.kernel_eval("session.run.branch") == 1, "the branch")
    wait_for(lambda: board.status == "training", "it to go on")
    wait_for(lambda: len(board.left_lines()) > before, "the grey line of what was left")
    wait_for(lambda: step_of(board) > end, "it to pass where it was", 60)


def it_is_stopped_and_what_follows_runs(board: Dashboard) -> None:
    wait_for(lambda: "watching" in board.bar.inner_text(), "what watching costs")
    board.photograph("driving-training")
    board.button("Stop").press("x")
    board.notebook.wait_idle()
    wait_for(lambda: board.status == "stopped", "the bar to say so")
    assert board.notebook.kernel_eval("followed == session.loop.step and not session.loop.running")
    assert board.root.locator(".tvw-bar-controls").count() == 0


def it_is_interrupted_while_it_is_held(board: Dashboard) -> None:
    board.notebook.run_cell(3)
    board.in_view()
    wait_for(lambda: board.status == "training", "the second loop")
    board.button("Pause").click()
    its_step(board)
    board.notebook.command("notebook:interrupt-kernel")
    board.notebook.wait_idle()
    wait_for(lambda: board.status == "interrupted", "the bar to say that it was interrupted")
    board.notebook.errors.clear()  # the host reports the cell's exception, too
    assert "KeyboardInterrupt" in board.notebook.cell_output(3).inner_text()
