"""Two views of one session stay in step; two sessions in one notebook do not mix."""

from __future__ import annotations

from tests.browser.cells import SETUP, WATCH
from tests.browser.conftest import LAB_ALONE, OpenNotebook
from tests.browser.jupyter import wait_for
from tests.browser.views import Atlas, Dashboard

OTHER = """
other_model, other_optimizer = net()
other = tvw.watch(other_model, other_optimizer, criterion, probe=(images[6:10], labels[6:10]), name="the other")
other
"""
BOTH = """
pause = 0
session.start(train, session, model, optimizer, epochs=4)
other.start(train, other, other_model, other_optimizer, epochs=4)
"""


@LAB_ALONE
def test_views_of_one_session_agree_and_sessions_do_not_mix(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SETUP, WATCH, "session", OTHER, BOTH, height=3000)
    for cell in range(5):
        notebook.run_cell(cell)
    first, second, other = (Dashboard(notebook, cell).ready() for cell in (1, 2, 3))
    for board in (first, second, other):
        wait_for(lambda board=board: len(board.loss_lines()) >= 1, "each dashboard's loss")
        wait_for(lambda board=board: board.status == "finished", "each dashboard to say that training is over")

    first.select("relu")
    wait_for(lambda: second.atlas().layer == "relu", "the other view of the session to follow")
    second.timeline.press("Home")
    wait_for(lambda: first.atlas().step == 0, "the first view to follow the second's playhead")
    second.pick_sample(3)
    wait_for(lambda: first.atlas().sample == 3, "the first view to follow the second's sample")
    wait_for(lambda: same(first.atlas(), second.atlas()), "one picture in both")

    alone = other.atlas()
    assert (alone.layer, alone.sample) == ("conv", 0)
    assert alone.step > 0
    assert other.viewer.locator(".tvw-thumb").count() == 4
    other.select("relu")
    other.pick_sample(1)
    assert (first.atlas().sample, second.atlas().sample) == (3, 3)
    assert "the other" in other.bar.inner_text()


def same(one: Atlas, other: Atlas) -> bool:
    return one.about == other.about and bool((one.pixels == other.pixels).all())
