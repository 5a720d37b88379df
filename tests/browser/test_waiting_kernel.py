"""A kernel whose messages wait for the running cell: the views say so, and say how to train instead."""

from __future__ import annotations

from tests.browser.cells import SETUP, START, WATCH, end_training
from tests.browser.conftest import OpenNotebook
from tests.browser.jupyter import wait_for
from tests.browser.views import Dashboard

# As in ipykernel before subshells: whatever shell the front end names, the main one has to answer.
NO_SUBSHELLS = """
from torchvis_widgets import kernel
kernel.route_by_sender = lambda comm: setattr(comm, "_reply_subshell_for", lambda data, default: None)
"""
BUSY = "train(session, model, optimizer)"
AGAIN = "done = False"


def test_views_say_when_they_have_to_wait(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SETUP, NO_SUBSHELLS, WATCH, BUSY, AGAIN, START)
    for cell in range(3):
        notebook.run_cell(cell)
    board = Dashboard(notebook, 2).ready()
    notices = board.root.locator(".tvw-busy")
    assert notices.count() == 0

    notebook.run_cell(3)
    wait_for(lambda: board.status == "training", "the busy cell")
    board.row("relu").click()
    notice = board.map.locator(".tvw-busy")
    notice.wait_for(timeout=10_000)
    assert "interactive when the cell ends; use session.start(train)" in notice.inner_text()
    assert board.atlas().layer == "conv"
    assert notebook.execution_count(3) is None

    end_training(notebook)
    notebook.wait_idle()
    wait_for(lambda: board.atlas().layer == "relu", "the click that had to wait", 20)
    wait_for(lambda: notices.count() == 0, "the notices to go", 20)

    notebook.run_cell(4)
    notebook.run_cell(5)
    wait_for(lambda: board.status == "training", "the background training")
    board.select("conv")
    assert notices.count() == 0
    assert board.status == "training"
    end_training(notebook)
