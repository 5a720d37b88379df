"""JupyterLab in Chromium for the benchmarks, and what they take the time of in the page itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.jupyter import CHROMIUM_ARGUMENTS, JupyterServer, NotebookPage, write_notebook
from tests.tools import chromium

# Painted: what the canvas says of itself has changed, and the frame of the browser that shows it begins. `tvwPaints`
# holds [layer, step, ms] of every picture since it was emptied, `tvwClicked` the time of the last press of the mouse.
# It asks for a frame only when something changes: asking for all of them would take the time that is measured.
RECORD_JS = """() => {
    window.tvwPaints = [];
    window.tvwClicked = 0;
    let last = '';
    document.addEventListener('click', (event) => { window.tvwClicked = event.timeStamp; }, true);
    const look = (records) => {
        const canvas = records.findLast(({target}) => target.matches('canvas[data-testid=tvw-atlas]'))?.target;
        const {layer, step, frame} = canvas?.dataset ?? {};
        const shown = `${layer} ${step} ${frame}`;
        if (layer === undefined || shown === last) return;
        last = shown;
        requestAnimationFrame((at) => window.tvwPaints.push([layer, step, at]));
    };
    const options = {subtree: true, attributes: true, attributeFilter: ['data-layer', 'data-step', 'data-frame']};
    new MutationObserver(look).observe(document.body, options);
    const added = new MutationObserver(() => {
        const canvas = document.querySelector('canvas[data-testid=tvw-atlas]');
        if (canvas) look([{target: canvas}]);
    });
    added.observe(document.body, {subtree: true, childList: true});
}"""


@contextmanager
def notebook(*cells: str, width: int = 1280, height: int = 900) -> Iterator[NotebookPage]:
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
