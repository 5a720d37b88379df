"""Fixtures of the browser tests: both hosts, one Chromium, and `open_notebook`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.jupyter import CHROMIUM_ARGUMENTS, Host, JupyterServer, NotebookPage, write_notebook
from tests.tools import chromium

OpenNotebook = Callable[..., NotebookPage]

PATIENCE = 120.0  # seconds: machines that tests share stand still for a minute now and then

# For what does not depend on the host: the other one is tried with the quickstart, and with what hosts do to widgets.
LAB_ALONE = pytest.mark.parametrize("server", ["lab"], indirect=True)


# Package scope: Playwright's event loop must be gone before other packages' tests run loops of their own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium.find()
    assert path, chromium.REMEDY
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Host], JupyterServer]]:
    """The server of each host, started when the first test asks for it."""
    started: dict[Host, JupyterServer] = {}

    def server_of(host: Host) -> JupyterServer:
        if host not in started:
            started[host] = JupyterServer(host, tmp_path_factory.mktemp(host))
        return started[host]

    yield server_of
    for server in started.values():
        server.close()


@pytest.fixture(scope="package", params=["lab", "notebook"])
def server(request: pytest.FixtureRequest, servers: Callable[[Host], JupyterServer]) -> JupyterServer:
    return servers(request.param)


class Opener:
    """Opens notebooks on a server, and closes them; the browser's console must have stayed without errors."""

    def __init__(self, browser: Browser, server: JupyterServer, name: str) -> None:
        self._browser, self._server, self._name = browser, server, name
        self._opened: list[NotebookPage] = []

    def open(
        self, *cells: str, path: Path | None = None, width: int = 1440, height: int = 1000, kernel: str = "python3"
    ) -> NotebookPage:
        """Open a copy of a notebook file, or a notebook made of code cells that a kernelspec runs."""
        name = f"{self._name}-{len(self._opened)}.ipynb"
        target = self._server.root / name
        shutil.copy(path, target) if path else write_notebook(target, *cells, kernel=kernel)
        page = self._browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(PATIENCE * 1000)
        notebook = NotebookPage(page, self._server)
        self._opened.append(notebook)
        notebook.open(name)
        return notebook

    def close(self) -> None:
        for notebook in self._opened:
            notebook.close()
        errors = [error for notebook in self._opened for error in notebook.errors]
        assert not errors, "the browser's console has errors:\n" + "\n".join(errors)


@pytest.fixture
def open_notebook(browser: Browser, server: JupyterServer, request: pytest.FixtureRequest) -> Iterator[OpenNotebook]:
    """Open a notebook that is the test's own."""
    opener = Opener(browser, server, request.node.originalname)
    yield opener.open
    opener.close()


@pytest.fixture(scope="module")
def open_once(browser: Browser, server: JupyterServer, request: pytest.FixtureRequest) -> Iterator[OpenNotebook]:
    """Open a notebook that the module's tests share: a page and a kernel take longer to start than most tests run."""
    opener = Opener(browser, server, request.module.__name__.rpartition(".")[2])
    yield opener.open
    opener.close()
