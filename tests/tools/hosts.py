"""`python -m tests.tools.hosts`: writes the README's table of hosts from what a real browser sees in each."""

from __future__ import annotations

import re
import tempfile
from importlib.metadata import version
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser import hosts
from tests.browser.jupyter import CHROMIUM_ARGUMENTS, Host, JupyterServer, NotebookPage, write_notebook
from tests.tools import chromium, kernels

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- written by python -m tests.tools.hosts -->", "<!-- as far as here -->"
HEAD = ("host", "ipykernel", "loop in the cell", "`session.start(train)`")
HOSTS: dict[Host, tuple[str, str]] = {"lab": ("JupyterLab", "jupyterlab"), "notebook": ("Notebook", "notebook")}
REMEDY = "README.md says otherwise; run `python -m tests.tools.hosts`, which writes what it sees"


def told(seen: hosts.Seen) -> str:
    """Return one cell of the table: how each part answers, the parts of one kind together."""
    groups = {how: [part for part in hosts.PARTS if seen[part] == how] for how in hosts.ANSWERS}
    if len(groups[hosts.LIVE]) == len(hosts.PARTS):
        return "all live"
    return "; ".join(f"{how}: {', '.join(parts)}" for how, parts in groups.items() if parts)


def said(host: Host, kernel: str) -> tuple[str, ...]:
    """Return what the README says of a host with a kernel: the loop in the cell, and in the background."""
    wanted = (HOSTS[host][0], kernel)
    for line in _table(README.read_text())[1].splitlines():
        name, which, *answers = (cell.strip() for cell in line.strip("|").split("|"))
        # The versions are what was there when the table was written: newer ones must not make it wrong.
        if (_bare(name), _bare(which)) == wanted:
            return tuple(answers)
    return ()


def write(seen: dict[tuple[Host, str], tuple[hosts.Seen, hosts.Seen]]) -> None:
    """Write the table into the README."""
    rows = [HEAD, ("---",) * len(HEAD), *(_row(host, kernel, *both) for (host, kernel), both in seen.items())]
    before, _, after = _table(README.read_text())
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    README.write_text(f"{before}{BEGIN}\n{table}{END}{after}")


def _row(host: Host, kernel: str, *seen: hosts.Seen) -> tuple[str, ...]:
    name, package = HOSTS[host]
    which = f"{kernel} ({_minor('ipykernel')})" if kernel == kernels.NEWEST else kernel
    return f"{name} ({_minor(package)})", which, *map(told, seen)


def _table(text: str) -> tuple[str, str, str]:
    before, _, rest = text.partition(BEGIN)
    table, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"README.md has no {BEGIN} … {END}, between which the table of hosts stands")
    return before, table.strip("\n"), after


def _bare(text: str) -> str:
    return re.sub(r" \([\d.]+\)$", "", text)


def _minor(package: str) -> str:
    return ".".join(version(package).split(".")[:2])


def main() -> None:
    """Looks at every host with every kernel."""
    path = chromium.find()
    assert path, chromium.REMEDY
    assert not kernels.missing(), kernels.REMEDY
    seen: dict[tuple[Host, str], tuple[hosts.Seen, hosts.Seen]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        for host in HOSTS:
            with tempfile.TemporaryDirectory() as folder:
                server = JupyterServer(host, Path(folder))
                try:
                    seen |= {(host, kernel): _look(browser, server, kernel) for kernel in kernels.KERNELS}
                finally:
                    server.close()
        browser.close()
    write(seen)


def _look(browser: Browser, server: JupyterServer, kernel: str) -> tuple[hosts.Seen, hosts.Seen]:
    name = f"{kernel}.ipynb"
    write_notebook(server.root / name, *hosts.CELLS, kernel=kernels.spec_name(kernel))
    notebook = NotebookPage(browser.new_page(), server)
    notebook.open(name)
    try:
        return hosts.look(notebook, kernel)
    finally:
        notebook.close()


if __name__ == "__main__":
    main()
