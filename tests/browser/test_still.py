"""An executed notebook that nbconvert has made a page of shows the last picture, and says that it is one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from playwright.sync_api import Browser, Route

import torchvis_widgets as tvw
from tests.browser import by_hand
from tests.browser.cells import SETUP
from tests.browser.jupyter import decoded, wait_for
from tests.browser.views import ATLAS_JS, Atlas
from tests.tools import html_manager

EVIL = "</script><img src=x onerror=alert(1)>"
CELL = f"""
session = tvw.watch(
    model, optimizer, criterion, probe=(images[:6], labels[:6]), classes=["a", {EVIL!r}, "c"], run="run"
)
session
"""
TRAIN = """
pause = 0
train(session, model, optimizer, epochs=2)
session.close()
"""
BARS = """
tvw.ActivationViewer(tvw.inspect(nn.Sequential(nn.Linear(8, 5)), torch.rand(2, 8)))
"""
ADDRESS = "http://notebook.test/page.html"


def executed(folder: Path) -> Path:
    """Execute a notebook without any front end, as `jupyter execute` does, and make a page of it."""
    cells = [nbformat.v4.new_code_cell(cell) for cell in (SETUP, CELL, TRAIN, BARS)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(
        notebook, timeout=200, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    nbformat.write(notebook, folder / "page.ipynb")
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "page.ipynb"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "page.html"


@pytest.mark.timeout(300)
def test_a_converted_notebook_shows_the_last_picture(browser: Browser, tmp_path: Path) -> None:
    html = executed(tmp_path).read_text(encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(error.stack or str(error)))

    def serve(route: Route) -> None:
        kind, body = (
            ("text/html", html.encode()) if route.request.url == ADDRESS else html_manager.served(route.request.url)
        )
        route.fulfill(body=body, content_type=kind, headers={"Access-Control-Allow-Origin": "*"})

    page.route("**/*", serve)
    page.goto(ADDRESS)
    canvas = page.locator("canvas[data-testid=tvw-atlas]").first
    canvas.wait_for(timeout=60_000)

    def shown() -> Atlas:
        about, *image = canvas.evaluate(ATLAS_JS)
        return Atlas(about, decoded(*image)[..., :3])

    names: dict[str, object] = {}
    exec(SETUP, names)
    state = _last_state(tmp_path / "run")
    values = by_hand.activation(names["model"], state, "conv", names["images"], 0)  # type: ignore[arg-type]
    wait_for(lambda: shown().differs(values) == "", "the last epoch's picture")
    page.locator("canvas[data-testid=tvw-bars]").wait_for()  # which the viewer's second bundle draws
    assert "saved with the notebook" in page.locator(".tvw-gone").first.inner_text()
    assert page.locator(".tvw-dashboard .tvw-gone:visible").count() == 1
    assert page.locator(".tvw-bar-status").get_attribute("data-status") == "finished"
    wait_for(lambda: page.locator(".bqplot path.line").count() > 1, "the loss plot")
    assert EVIL in "".join(page.locator(".tvw-thumb span").all_inner_texts())
    assert page.locator("img").count() == 0
    page.screenshot(path=str(tmp_path / "page.png"), full_page=True)
    page.close()
    assert errors == []


def _last_state(run: Path) -> dict[str, torch.Tensor]:
    found = tvw.Run(run)
    return found.state_dict(step=found.snapshots[-1].step)
