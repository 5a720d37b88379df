"""Every host with every kernel, the loop in the cell and in the background: README's table says what is seen."""

from __future__ import annotations

import pytest

from tests.browser import hosts
from tests.browser.conftest import OpenNotebook
from tests.tools import hosts as table
from tests.tools import kernels


@pytest.mark.parametrize("kernel", kernels.KERNELS)
def test_the_readme_says_what_is_interactive(open_notebook: OpenNotebook, kernel: str) -> None:
    missing = kernels.missing()
    assert not missing, f"ipykernel {', '.join(missing)} is not in {kernels.OVERLAYS}: {kernels.REMEDY}"
    notebook = open_notebook(*hosts.CELLS, kernel=kernels.spec_name(kernel))
    seen = hosts.look(notebook, kernel)
    assert table.said(notebook.server.host, kernel) == tuple(map(table.told, seen)), table.REMEDY
