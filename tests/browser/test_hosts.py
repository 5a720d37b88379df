"""Every host with every kernel, the loop in the cell and in the background: README's table says what was seen."""

from __future__ import annotations

import pytest

from tests.browser import hosts
from tests.browser.conftest import OpenNotebook
from tests.tools import kernels


@pytest.fixture(scope="module", autouse=True)
def overlays() -> None:
    missing = kernels.missing()
    assert not missing, f"ipykernel {', '.join(missing)} is not in {kernels.OVERLAYS}: {kernels.REMEDY}"


@pytest.mark.parametrize("kernel", kernels.KERNELS)
def test_the_readme_says_what_is_interactive(open_notebook: OpenNotebook, kernel: str) -> None:
    notebook = open_notebook(*hosts.CELLS, kernel=kernels.spec_name(kernel))
    try:
        seen = hosts.look(notebook, kernel)
    except BaseException:
        notebook.page.screenshot(path=f"/tmp/hosts-{notebook.server.host}-{kernel}.png")
        print(notebook.errors)
        raise
    print(notebook.server.host, kernel, seen)
