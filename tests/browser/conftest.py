"""Fixtures of the browser tests: both hosts, one Chromium, and `open_notebook`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.jupyter import CHROMIUM_ARGUMENTS, JupyterServer, NotebookPage, write_notebook
from tests.tools import chromium

OpenNotebook = Callable[..., NotebookPage]


# Package scope: Playwright's event loop must be gone before other packages' tests run loops of their own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium.find()
    assert path, chromium.REMEDY
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="package", params=["lab", "notebook"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    started = JupyterServer(request.param, tmp_path_factory.mktemp(request.param))
    yield started
    started.close()


@pytest.fixture
def open_notebook(browser: Browser, server: JupyterServer, request: pytest.FixtureRequest) -> Iterator[OpenNotebook]:
    """Open a copy of a notebook file, or a notebook made of code cells; fails the test on console errors."""
    opened: list[NotebookPage] = []

    def open_(*cells: str, path: Path | None = None, width: int = 1440, height: int = 1000) -> NotebookPage:
        name = f"{request.node.originalname}-{len(opened)}.ipynb"
        target = server.root / name
        shutil.copy(path, target) if path else write_notebook(target, *cells)
        notebook = NotebookPage(browser.new_page(viewport={"width": width, "height": height}), server)
        opened.append(notebook)
        notebook.open(name)
        return notebook

    yield open_
    for notebook in opened:
        notebook.close()
    errors = [error for notebook in opened for error in notebook.errors]
    assert not errors, "the browser's console has errors:\n" + "\n".join(errors)
