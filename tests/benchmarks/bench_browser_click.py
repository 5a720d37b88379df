"""A click on a layer until its activations are painted, in JupyterLab and Chromium, beside a bare round trip."""

from __future__ import annotations

import numpy as np

from tests.benchmarks.in_browser import RECORD_JS, notebook
from tests.benchmarks.table import Row
from tests.browser.jupyter import NotebookPage, wait_for
from tests.browser.views import Dashboard

CLICKS = 60
BUDGET = 100.0  # ms, besides the forward pass

SETUP = """
import time
import anywidget
import torch
import torchvision
from sklearn.datasets import load_sample_images
from torchvision.transforms.v2.functional import resize
import torchvis_widgets as tvw

class Echo(anywidget.AnyWidget):
    _esm = '''export default {initialize({model}) {
        window.tvwEcho = () => new Promise((done) => {
            const began = performance.now();
            const heard = () => { model.off("msg:custom", heard); done(performance.now() - began); };
            model.on("msg:custom", heard);
            model.send({});
        });
    }, render() {}}'''

    def __init__(self):
        super().__init__()
        self.on_msg(lambda widget, content, buffers: self.send({}))

photos = [torch.from_numpy(image.copy()).permute(2, 0, 1) / 255 for image in load_sample_images().images]
images = torch.stack([resize(photo, [224, 224], antialias=True) for photo in photos])
torch.manual_seed(0)
model = torchvision.models.resnet18().eval()

@torch.no_grad()
def forward():
    began = time.perf_counter()
    model(images[:1])
    return time.perf_counter() - began

session = tvw.inspect(model, images)
"""
# Those whose outputs are maps: the atlas' canvas is what is timed.
LAYERS = "[m.path for m in session.graph.modules if m.shape.count('×') == 2 and '×1×1' not in m.shape]"


def rows() -> list[Row]:
    """p50 and p95 of clicks on ResNet-18's layers at 224², and of as many bare round trips at the same time."""
    with notebook(SETUP, "Echo()", "session") as page:
        board = Dashboard(page, 2).ready()
        there = _scroll_to(board, None)
        layers = [layer for layer in page.kernel_eval(LAYERS) if layer in there]
        assert len(layers) >= 5, f"the map shows {there}"
        page.page.evaluate(RECORD_JS)
        times, echoes = [], []
        for number in range(CLICKS):
            times.append(_click(page, board, layers[(number + 1) % len(layers)]))
            echoes.append(page.page.evaluate("tvwEcho()"))
        forward = 1e3 * page.kernel_eval("sorted(forward() for _ in range(15))[7]")
    budget = BUDGET + forward
    title = f"click → painted, ResNet-18 at 224², {CLICKS} clicks"
    return [
        Row.limit(f"{title}: p50 vs comm round trip", _share(times, 50), budget, "ms", _share(echoes, 50)),
        Row.limit(f"{title}: p95 vs comm round trip", _share(times, 95), budget, "ms", _share(echoes, 95)),
    ]


def _click(page: NotebookPage, board: Dashboard, layer: str) -> float:
    """Milliseconds from the press of the mouse to the first picture of the layer."""
    _scroll_to(board, layer)
    row = board.row(layer)
    row.scroll_into_view_if_needed()
    page.page.evaluate("() => { tvwPaints.length = 0 }")
    row.click()
    find = "(layer) => tvwPaints.find(([shown]) => shown === layer)?.[2] - tvwClicked || 0"
    return float(wait_for(lambda: page.page.evaluate(find, layer), f"the picture of {layer}", 30))


def _scroll_to(board: Dashboard, layer: str | None) -> list[str]:
    """Scroll the map from its top until the layer's row is in the page (None: to the end); returns the rows passed."""
    tree, passed = board.map.get_by_role("tree"), dict[str, None]()
    tree.evaluate("(tree) => { tree.scrollTop = 0 }")
    down = """(tree) => new Promise((done) => {
        const before = tree.scrollTop;
        tree.scrollTop += 150;
        requestAnimationFrame(() => setTimeout(() => done(tree.scrollTop > before)));
    })"""
    while True:
        rows = board.map.locator(".tvw-row").evaluate_all("(rows) => rows.map((row) => row.dataset.path)")
        passed.update(dict.fromkeys(rows))
        if layer in rows or not tree.evaluate(down):
            return list(passed)


def _share(values: list[float], percent: float) -> float:
    return float(np.percentile(values, percent))
