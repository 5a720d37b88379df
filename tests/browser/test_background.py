"""`session.start(train)`: the cell is over at once, the views live on, and `wait()` has the last word."""

from __future__ import annotations

from tests.browser.cells import SETUP, START, WATCH, end_training
from tests.browser.conftest import OpenNotebook
from tests.browser.jupyter import wait_for
from tests.browser.views import Dashboard

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


def test_training_in_the_background_keeps_the_views_alive(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SETUP, WATCH, START, WAIT, FAIL, WAIT_AGAIN)
    for cell in range(3):
        notebook.run_cell(cell)
    board = Dashboard(notebook, 1).ready()
    wait_for(lambda: board.status == "training", "the background training")
    notebook.wait_idle()
    assert notebook.kernel_eval("session.loop.running", during=False)  # the main shell is free

    board.select("relu")
    wait_for(
        lambda: len(notebook.kernel_eval("session.run.snapshots and [0] * len(session.run.snapshots)")) > 3, "epochs"
    )
    board.timeline.press("Home")
    wait_for(lambda: board.atlas().step == 0, "the first snapshot", 20)
    assert board.status == "training"

    end_training(notebook)
    notebook.run_cell(3)
    notebook.wait_idle()
    assert notebook.kernel_eval("waited") is True
    assert not notebook.kernel_eval("session.loop.running")
    wait_for(lambda: board.status != "training", "the bar to say that it is over", 20)
    assert board.place.startswith("epoch 0")
    board.select("conv")

    notebook.run_cell(4)
    notebook.wait_idle()
    board.in_view()
    detail = board.bar.locator(".tvw-bar-detail")
    wait_for(lambda: board.status == "failed", "the failure in the bar", 30)
    assert detail.inner_text() == "ValueError: digit 7 is on fire"
    notebook.run_cell(5)
    notebook.wait_idle()
    assert notebook.kernel_eval("raised").endswith("digit 7 is on fire")
