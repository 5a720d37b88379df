"""axe-core finds no serious violation in any state of the dashboard that a reader comes to, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.cells import SETUP, START, WATCH, end_training
from tests.browser.conftest import OpenNotebook
from tests.browser.jupyter import NotebookPage, Theme, wait_for
from tests.browser.views import Dashboard

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async (root) => {
    const found = await axe.run(root, {resultTypes: ["violations"]});
    return found.violations.filter((each) => ["serious", "critical"].includes(each.impact)).flatMap((each) =>
        each.nodes.map((node) => `${each.id}: ${each.help}: ${node.html.slice(0, 160)}: ${node.failureSummary}`));
}"""
TABS = ("Activations", "Weights", "Gradients", "Distribution")


def violations(notebook: NotebookPage, board: Dashboard) -> list[str]:
    if not notebook.page.evaluate("typeof axe === 'object'"):
        notebook.page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    found: list[Any] = board.root.evaluate(RUN)
    return [str(each) for each in found]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("server", ["lab"], indirect=True)
def test_nothing_serious(open_notebook: OpenNotebook, theme: Theme) -> None:
    notebook = open_notebook(SETUP, WATCH, START, height=1600)
    notebook.set_theme(theme)
    for cell in range(3):
        notebook.run_cell(cell)
    board = Dashboard(notebook, 1).ready()
    wait_for(lambda: len(board.loss_lines()) >= 1, "the loss")
    end_training(notebook)
    for tab in TABS:
        choice = board.viewer.get_by_role("tab", name=tab, exact=True)
        choice.click()
        wait_for(lambda choice=choice: choice.get_attribute("aria-selected") == "true", f"the tab {tab}")
        assert violations(notebook, board) == [], tab
    board.viewer.get_by_role("tab", name="Activations", exact=True).click()
    board.timeline.press("Home")
    for layer in ("fc", "flatten", ""):
        board.row(layer).click()
        wait_for(lambda layer=layer: board.row(layer).get_attribute("aria-selected") == "true", f"layer {layer!r}")
        assert violations(notebook, board) == [], layer
    board.map.get_by_role("radio", name="Graph", exact=True).click()
    wait_for(lambda: board.map.locator("svg, canvas").first.is_visible(), "the graph")
    assert violations(notebook, board) == [], "graph"
