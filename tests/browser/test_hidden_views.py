"""Nothing is drawn for nobody: views that are out of sight get no data, and catch up when they are back."""

from __future__ import annotations

import time

from tests.browser.cells import SETUP, START, WATCH, end_training
from tests.browser.conftest import LAB_ALONE, OpenNotebook
from tests.browser.jupyter import NotebookPage, wait_for
from tests.browser.views import Dashboard

# Counts what the widgets send by themselves: updates of traits and pushes, not answers.
COUNTED = """
from ipykernel.comm.comm import BaseComm

sent, publish = [], BaseComm.publish_msg

def counted(self, msg_type, data=None, *args, **kwargs):
    if (data or {}).get("content", {}).get("kind") != "reply" and (data or {}).get("method") in ("update", "custom"):
        sent.append(msg_type)
    return publish(self, msg_type, data, *args, **kwargs)

BaseComm.publish_msg = counted
"""
FAR = "\n".join(["# far away"] * 300)
SECONDS = 2.0
VISIBILITY_JS = """(state) => {
    Object.defineProperty(document, 'visibilityState', {configurable: true, get: () => state});
    document.dispatchEvent(new Event('visibilitychange'));
}"""


def sent(notebook: NotebookPage) -> int:
    return int(notebook.kernel_eval("len(sent)"))


def quiet(notebook: NotebookPage) -> bool:
    """Whether nothing is sent for a while."""
    before = sent(notebook)
    time.sleep(SECONDS)  # a rate is measured over a time
    return sent(notebook) == before


@LAB_ALONE
def test_out_of_sight_nothing_is_sent(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SETUP + COUNTED, WATCH, FAR, START, height=1300)
    for cell in range(4):
        notebook.run_cell(cell)
    notebook.wait_idle()
    board = Dashboard(notebook, 1)

    def live() -> None:
        board.ready()
        step = board.atlas().step
        wait_for(lambda: board.atlas().step > step, "the next epoch on screen")
        before, began = sent(notebook), time.monotonic()
        wait_for(lambda: sent(notebook) > before + 20, "messages to the views on screen")
        print(f"{notebook.server.host}: on screen {20 / (time.monotonic() - began):.0f} messages a second or more")

    live()
    notebook.cell(3).scroll_into_view_if_needed()
    wait_for(lambda: quiet(notebook), "silence when scrolled away")
    assert board.notebook.kernel_eval("session.loop.running")
    live()
    notebook.page.evaluate(VISIBILITY_JS, "hidden")
    wait_for(lambda: quiet(notebook), "silence in a hidden tab")
    notebook.page.evaluate(VISIBILITY_JS, "visible")
    live()
    end_training(notebook)
