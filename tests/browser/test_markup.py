"""Names that hold HTML are shown as text, wherever they come up."""

from __future__ import annotations

import re

from tests.browser.cells import SETUP
from tests.browser.conftest import LAB_ALONE, OpenNotebook
from tests.browser.jupyter import wait_for
from tests.browser.views import Dashboard

IMAGE, BOLD = "<img src=x onerror=alert(1)>", "<b>x</b>"
NAMES = f"""
IMAGE, BOLD = {IMAGE!r}, {BOLD!r}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.add_module(BOLD, nn.Conv2d(1, 4, 3))
        self.add_module(IMAGE, nn.Linear(4 * 6 * 6, 3))

    def forward(self, x):
        return getattr(self, IMAGE)(getattr(self, BOLD)(x).flatten(1))

Net.__name__ = BOLD
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
session = tvw.watch(
    model, optimizer, probe=(images[:6], labels[:6]), classes=[IMAGE, BOLD, "c"], name=IMAGE
)
session
"""
TRAIN = """
def fails():
    for epoch in session.epochs(3):
        for x, y in session.batches(batches):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            session.log({f"train/{BOLD.replace('/', '')}": loss, f"{IMAGE} loss": loss})
    raise ValueError(IMAGE)

session.start(fails)
"""


@LAB_ALONE
def test_names_with_html_are_text(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SETUP, NAMES, TRAIN, height=1400)
    dialogs: list[str] = []
    notebook.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for cell in range(3):
        notebook.run_cell(cell)
    board = Dashboard(notebook, 1).ready()
    wait_for(lambda: board.status == "failed", "the end of the training", 60)
    wait_for(board.loss_lines, "the loss lines")
    assert board.bar.locator(".tvw-bar-detail").inner_text() == f"ValueError: {IMAGE}"
    assert IMAGE in board.bar.locator(".tvw-bar-name").inner_text()
    for layer in (BOLD, IMAGE):
        assert layer in board.map.inner_text()
    assert BOLD in board.viewer.locator(".tvw-path").inner_text()
    assert any(name in "".join(board.captions()) for name in (IMAGE, BOLD))
    for group in ("<b>x<b>", f"{IMAGE} loss"):
        assert group in board.loss.locator(".tvw-loss-head").inner_text()
    assert BOLD in board.sliders.inner_text()

    board.map.locator(".tvw-row").first.click()
    classes = board.viewer.get_by_test_id("tvw-classes")
    classes.wait_for()
    assert IMAGE in classes.inner_text()
    assert not dialogs
    output = notebook.cell_output(1)
    assert output.locator("img").count() == 0
    assert output.locator("b", has_text=re.compile("^x$")).count() == 0
