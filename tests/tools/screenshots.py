"""`python -m tests.tools.screenshots`: takes the README's pictures anew: the dashboard in training, and the gallery."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import by_hand
from tests.browser.jupyter import CHROMIUM_ARGUMENTS, JupyterServer, NotebookPage, wait_for
from tests.browser.views import Dashboard
from tests.tools import chromium, gallery

IMAGES = Path(__file__).parents[2] / "notebooks" / "images"
WIDTH, HEIGHT = 1290, 1300  # the dashboard is then as wide as the mock that it was drawn after
LOOKED_AT, REACHED = 3, 7


def main() -> None:
    """Writes dashboard-light.png and dashboard-dark.png, and the gallery's."""
    path = chromium.find()
    assert path, chromium.REMEDY
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = JupyterServer("notebook", Path(folder))
        try:
            shutil.copy(by_hand.QUICKSTART, server.root / "quickstart.ipynb")
            browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            take(NotebookPage(page, server))
            page = browser.new_page(viewport={"width": gallery.WIDTH, "height": HEIGHT}, device_scale_factor=1)
            gallery.take(NotebookPage(page, server), IMAGES / "gallery")
            browser.close()
        finally:
            server.close()


def take(notebook: NotebookPage) -> None:
    """Trains, goes back to an earlier epoch, and photographs the dashboard in both themes."""
    notebook.open("quickstart.ipynb")
    notebook.run_all()
    board = Dashboard(notebook, by_hand.quickstart_cell("tvw.watch(")).ready()
    board.select("features.conv2")
    wait_for(lambda: notebook.kernel_eval(f"session.loop.finished_epochs >= {REACHED}"), "epochs to go back from")
    notebook.kernel_eval(f"session.stage.dashboard.scrubber.seek(epoch={LOOKED_AT})")
    board.canvas.click(position={"x": 220, "y": 90})
    IMAGES.mkdir(exist_ok=True)
    for theme in gallery.THEMES:
        notebook.set_theme(theme)
        board.ready()
        wait_for(lambda: board.atlas().about["layer"] == "features.conv2", "the atlas")
        board.root.screenshot(path=IMAGES / f"dashboard-{theme}.png")


if __name__ == "__main__":
    main()
