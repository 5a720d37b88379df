"""JupyterLab in Chromium for the benchmarks, and what they take the time of in the page itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.jupyter import CHROMIUM_ARGUMENTS, JupyterServer, NotebookPage, write_notebook
from tests.tools import chromium

# Painted: what the canvas says of itself is another one when a frame of the browser begins. `tvwPaints` holds
# [layer, step, ms] of every picture since it was emptied, `tvwClicked` the time of the last press of the mouse.
RECORD_JS = """() => {
    window.tvwPaints = [];
    window.tvwClicked = 0;
    let last = '';
    document.addEventListener('click', (event) => { window.tvwClicked = event.timeStamp; }, true);
    const look = () => {
        const {layer, step, frame} = document.querySelector('canvas[data-testid=tvw-atlas]')?.dataset ?? {};
        const shown = `${layer} ${step} ${frame}`;
        if (layer !== undefined && shown !== last) window.tvwPaints.push([layer, step, performance.now()]);
        last = shown;
        requestAnimationFrame(look);
    };
    look();
}"""


@contextmanager
def notebook(*cells: str, width: int = 1400, height: int = 1300) -> Iterator[NotebookPage]:
    """A notebook of these cells, all of them run, in a JupyterLab of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, sync_playwright() as playwright:
        path = chromium.find()
        assert path, chromium.REMEDY
        server = JupyterServer("lab", Path(folder))
        try:
            write_notebook(server.root / "bench.ipynb", *cells)
            browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
            page = NotebookPage(browser.new_page(viewport={"width": width, "height": height}), server)
            page.open("bench.ipynb")
            page.run_all()
            page.wait_idle(seconds=300)
            assert not page.errors, page.errors
            yield page
            page.close()
            browser.close()
        finally:
            server.close()
