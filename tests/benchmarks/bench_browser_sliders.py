"""Updates a second while a slider is dragged, in JupyterLab and Chromium: the activations and the probe's loss."""

from __future__ import annotations

from typing import Any

from tests.benchmarks.bench_browser_scrub import RECORD
from tests.benchmarks.in_browser import RECORD_JS, notebook
from tests.benchmarks.table import Row
from tests.browser.by_hand import cells_before_watch
from tests.browser.jupyter import wait_for
from tests.browser.views import Dashboard

LEAST = 10.0  # updates a second
SECONDS = 5
LAYER, TENSOR = "features.conv2", "conv2.weight"
DRAGS = {"gain": f"{TENSOR} · gain", "prune": f"{TENSOR} · prune", "one channel": "weight[0] · gain"}

# A mouse that is moved at 50 Hz gives the page that many events; what is painted of them is counted. The map of the
# tensor's values, and the foot with the loss and the predictions, are of one frame, whose number the map bears: it
# changes with every answer that is drawn, also where that moves no digit of the loss.
DRAG_JS = """async (slider, seconds) => {
    const board = slider.closest('.tvw-sliders');
    const map = slider.closest('.tvw-tensor').querySelector('canvas[data-testid=tvw-heat]');
    if (!board.querySelector('.tvw-sliders-foot')) throw new Error('no loss is on screen');
    const told = [];
    const heard = new MutationObserver(() => requestAnimationFrame((at) => told.push(at)));
    heard.observe(map, {attributeFilter: ['data-frame']});
    const [lo, hi] = [Number(slider.min), Number(slider.max)];
    window.tvwPaints.length = 0;
    const began = performance.now();
    for (let i = 0; performance.now() - began < 1000 * seconds; i++) {
        slider.value = lo + (hi - lo) * (0.5 + 0.45 * Math.sin(i / 8));
        slider.dispatchEvent(new Event('input', {bubbles: true}));
        await new Promise((done) => setTimeout(done, 20));
    }
    const end = performance.now();
    slider.dispatchEvent(new Event('change', {bubbles: true}));
    heard.disconnect();
    const rate = (times) => new Set(times.filter((at) => at < end)).size / ((end - began) / 1000);
    return [rate(window.tvwPaints.map(([, , at]) => at)), rate(told)];
}"""


def rows() -> list[Row]:
    """Of each kind of drag the updates a second: the fewer of pictures painted and of answers (weights, loss) drawn."""
    cells = [*cells_before_watch(), RECORD.format(epochs=3), "session"]
    with notebook(*cells, width=1400, height=1100) as page:
        board = Dashboard(page, len(cells) - 1).ready()
        board.select(LAYER)
        board.sliders.get_by_label(f"more of {LAYER}.weight").click()
        wait_for(lambda: board.sliders.get_by_label(DRAGS["one channel"], exact=True).count(), "the channels")
        page.page.evaluate(RECORD_JS)
        return [_row(board, what, label) for what, label in DRAGS.items()]


def _row(board: Dashboard, what: str, label: str) -> Row:
    slider: Any = board.sliders.get_by_label(label, exact=True)
    pictures, answers = slider.evaluate(DRAG_JS, SECONDS)
    print(f"{what}: {pictures:.1f} pictures and {answers:.1f} answers a second")
    board.button("Reset").click()
    rate = min(pictures, answers)
    return Row(f"dragging a preview, digits CNN, {what}: updated", rate, None, LEAST, "updates/s", rate >= LEAST)
