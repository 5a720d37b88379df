"""A kernel whose messages wait for the running cell: views say so, and `session.start(train)` keeps them alive."""

from __future__ import annotations

from tests.browser.cells import SETUP, START, WATCH, end_training
from tests.browser.conftest import LAB_ALONE, OpenNotebook
from tests.browser.jupyter import wait_for
from tests.browser.views import Dashboard

# As in ipykernel before subshells: whatever shell the front end names, the main one has to answer.
NO_SUBSHELLS = """
from torchvis_widgets import kernel
kernel.route_by_sender = lambda comm: setattr(comm, "_reply_subshell_for", lambda data, default: None)
"""
BUSY = "train(session, model, optimizer)"
WAIT = "waited = session.wait()"
FAIL = """
def fails():
    train(session, model, optimizer, epochs=1)
    raise ValueError("first line\\ndigit 7 is on fire")

session.start(fails)
"""
WAIT_AGAIN = """
try:
    session.wait()
except ValueError as error:
    raised = str(error)
"""


@LAB_ALONE
def test_views_say_when_they_wait_and_live_on_in_the_background(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(
        SETUP + NO_SUBSHELLS, WATCH, BUSY, f"done = False\n{START}", WAIT, FAIL, WAIT_AGAIN, height=1600
    )
    notebook.run_cell(0)
    notebook.run_cell(1)
    board = Dashboard(notebook, 1).ready()
    they_wait_for_a_busy_cell(board)
    they_live_while_the_background_trains(board)
    the_bar_tells_of_a_failure(board)


def run(board: Dashboard, cell: int) -> None:
    """Run the cell to its end, then look at the dashboard again."""
    board.notebook.run_cell(cell)
    board.notebook.wait_idle()
    board.in_view()


def they_wait_for_a_busy_cell(board: Dashboard) -> None:
    notebook, notices = board.notebook, board.root.locator(".tvw-busy:visible")
    wait_for(lambda: notices.count() == 0, "nobody to wait for the cell that made the dashboard")
    notebook.run_cell(2)
    wait_for(lambda: board.status == "training", "the busy cell")
    board.row("relu").click()
    notices.wait_for()  # one is enough for the whole dashboard
    assert "interactive when the cell ends; use session.start(train)" in notices.inner_text()
    assert board.atlas().layer == "conv"
    assert notebook.execution_count(2) is None

    end_training(notebook)
    notebook.wait_idle()
    wait_for(lambda: board.atlas().layer == "relu", "the click that had to wait")
    wait_for(lambda: notices.count() == 0, "the notices to go")


def they_live_while_the_background_trains(board: Dashboard) -> None:
    notebook = board.notebook
    run(board, 3)
    wait_for(lambda: board.status == "training", "the background training")
    board.select("conv")
    board.timeline.press("Home")
    wait_for(lambda: board.atlas().step == 0, "the first snapshot")
    assert board.status == "training"
    assert board.root.locator(".tvw-busy:visible").count() == 0

    end_training(notebook)
    run(board, 4)
    assert notebook.kernel_eval("waited and not session.loop.running")
    wait_for(lambda: board.status != "training", "the bar to say that it is over")
    assert board.place.startswith("epoch 0")


def the_bar_tells_of_a_failure(board: Dashboard) -> None:
    run(board, 5)
    wait_for(lambda: board.status == "failed", "the failure in the bar")
    assert board.bar.locator(".tvw-bar-detail").inner_text() == "ValueError: digit 7 is on fire"
    run(board, 6)
    assert board.notebook.kernel_eval("raised.endswith('digit 7 is on fire')")
