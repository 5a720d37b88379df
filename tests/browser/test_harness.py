"""The harness itself, and what the widgets rest on: messages reach a kernel whose main thread is busy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.conftest import OpenNotebook
from tests.browser.jupyter import canvas_pixels, wait_for

WIDGET = """
import threading, time
import anywidget
from torchvis_widgets.kernel import route_by_sender

class Echo(anywidget.AnyWidget):
    _esm = '''
    function render({ model, el, signal }) {
      const canvas = Object.assign(document.createElement('canvas'), { className: 'echo', width: 3, height: 2 });
      el.append(canvas);
      const asked = new Map();
      canvas.trips = [];
      model.on('msg:custom', ({ n, thread }, [buffer]) => {
        canvas.trips.push([performance.now() - asked.get(n), thread]);
        const [r, g, b] = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
        const paint = canvas.getContext('2d');
        paint.fillStyle = `rgb(${r} ${g} ${b})`;
        paint.fillRect(1, 1, 1, 1);
      });
      canvas.addEventListener('click', () => {
        asked.set(asked.size, performance.now());
        model.send({ n: asked.size - 1 });
      }, { signal });
    }
    export default { render };
    '''

    def __init__(self):
        super().__init__()
        self.on_msg(self._answer)

    def _answer(self, _, content, buffers):
        main = threading.current_thread() is threading.main_thread()
        self.send({'n': content['n'], 'thread': 'main' if main else 'other'}, [bytes([10, 200, 30])])

echo = Echo()
"""
ROUTE = "route_by_sender(echo.comm)\necho"
BUSY = """
echo.send({'n': -1, 'thread': 'cell'}, [bytes(3)])  # ties the comm to this cell's shell where nothing routes it
steps = 0
done = False
while not done:
    steps += sum(range(1000)) > 0
"""


@pytest.mark.timeout(120)
def test_a_busy_kernel_answers_off_the_main_thread(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(WIDGET, ROUTE, BUSY)
    notebook.run_all()
    canvas = notebook.cell_output(1).locator("canvas.echo")
    canvas.wait_for()
    wait_for(lambda: notebook.kernel_eval("'steps' in globals() and steps") > 0, "the busy cell to run")

    def answers() -> list[tuple[float, str]]:
        return canvas.evaluate("(canvas) => canvas.trips.filter(([, thread]) => thread !== 'cell')")

    for n in range(12):
        canvas.click()
        wait_for(lambda n=n: len(answers()) > n, f"answer {n} of the busy kernel")
    latencies = [milliseconds for milliseconds, _ in answers()]
    print(f"{notebook.server.host}: {min(latencies):.0f} to {max(latencies):.0f} ms while the cell runs")
    assert {thread for _, thread in answers()} == {"other"}
    assert np.median(latencies) < 1000
    assert canvas_pixels(canvas)[:, :, :3].tolist() == [[[0, 0, 0]] * 3, [[0, 0, 0], [10, 200, 30], [0, 0, 0]]]

    assert notebook.execution_count(2) is None  # all of this happened during the cell
    notebook.kernel_eval("globals().update(done=True)")
    notebook.wait_idle()
    assert notebook.execution_count(2) == 3


def test_reload_brings_the_widget_back(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(WIDGET, ROUTE)
    notebook.run_all()
    notebook.cell_output(1).locator("canvas.echo").wait_for()
    notebook.wait_idle()
    notebook.save()
    notebook.reload(1)
    notebook.cell_output(1).locator("canvas.echo").wait_for()
    assert notebook.kernel_eval("echo.comm is not None")


def test_themes_and_screenshots(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("1 + 1")
    bright = {}
    for theme in ("light", "dark"):
        notebook.set_theme(theme)
        colour = notebook.page.evaluate(
            "() => getComputedStyle(document.body).getPropertyValue('--jp-layout-color0').trim()"
        )
        bright[theme] = colour
        assert notebook.screenshot(f"harness-{notebook.server.host}-{theme}").stat().st_size > 1000
    assert bright["light"] != bright["dark"]
