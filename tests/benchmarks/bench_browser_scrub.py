"""Epochs painted a second while the timeline plays, in JupyterLab and Chromium; long runs as fluid as short ones."""

from __future__ import annotations

import itertools

from tests.benchmarks.in_browser import RECORD_JS, notebook
from tests.benchmarks.table import Row
from tests.browser.by_hand import cells_before_watch
from tests.browser.jupyter import NotebookPage, wait_for
from tests.browser.views import Dashboard

SHORT, LONG = 20, 300
LEAST = 15.0  # epochs a second
FASTEST = 30  # what the timeline offers

RECORD = """
import time
session = tvw.watch(model, optimizer, criterion, probe=(val_images[:8], val_labels[:8]), run="runs/bench")
batches = list(train_loader)[:20]
for epoch in session.epochs({epochs}):
    for x, y in session.batches(batches):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        session.log({{"train/loss": loss}})
session.close()
"""
SHOW = {
    "one layer": "import ipywidgets\nrun = tvw.Run('runs/bench')\nscrubber = tvw.EpochScrubber(run, model=model)\n"
    "box = ipywidgets.VBox([scrubber, tvw.ActivationViewer(run)]).add_class('tvw-dashboard')\nbox",
    "dashboard": "run = tvw.Run('runs/bench')\ntvw.Dashboard(run, model=model)",
}


def rows() -> list[Row]:
    """Epochs painted a second with the scrubber and one layer on screen, and with the whole dashboard."""
    return [_row(what, epochs) for what in SHOW for epochs in (SHORT, LONG)]


def _row(what: str, epochs: int) -> Row:
    with notebook(*cells_before_watch(), RECORD.format(epochs=epochs), SHOW[what]) as page:
        rate = _rate(page, epochs)
    return Row(f"scrubbing, digits CNN, {epochs} epochs, {what}: painted", rate, None, LEAST, "epochs/s", rate >= LEAST)


def _rate(page: NotebookPage, epochs: int) -> float:
    board = Dashboard(page, page.page.locator(".jp-Cell").count() - 1)
    wait_for(lambda: board.in_view() and board.canvas.is_visible(), "the dashboard")
    wait_for(lambda: board.snapshots > epochs, "every snapshot")
    speed = board.root.get_by_label("epochs a second")
    if speed.count():
        speed.select_option(str(FASTEST))
    board.timeline.press("Home")
    wait_for(lambda: board.atlas().step == 0, "the first epoch")
    last = page.kernel_eval("run.snapshots[-1].step")
    page.page.evaluate(RECORD_JS)
    board.timeline.press(" ")
    # Asked for seldom: each look takes time from the page that is measured.
    page.page.wait_for_function(f"() => tvwPaints.at(-1)?.[1] === '{last}'", polling=500, timeout=120_000)
    paints = page.page.evaluate("tvwPaints")
    times = sorted({at for *_, at in paints})  # of two pictures within one frame of the browser one is seen
    gaps = sorted(later - sooner for sooner, later in itertools.pairwise(times))
    print(f"{len(times)} of {epochs + 1} epochs painted; longest gap {gaps[-1]:.0f} ms")
    return 1e3 * (len(times) - 1) / (times[-1] - times[0])
