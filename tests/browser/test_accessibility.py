"""axe-core finds no serious violation in any state of the dashboard that a reader comes to, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.browser.cells import SETUP, START, WATCH, end_training
from tests.browser.conftest import LAB_ALONE, OpenNotebook
from tests.browser.jupyter import Theme, wait_for
from tests.browser.views import Dashboard

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async (root) => {
    const found = await axe.run(root, {resultTypes: ["violations"]});
    return found.violations.filter((each) => ["serious", "critical"].includes(each.impact)).flatMap((each) =>
        each.nodes.map((node) => `${each.id}: ${each.help}: ${node.html.slice(0, 160)}: ${node.failureSummary}`));
}"""
TABS = ("Activations", "Weights", "Gradients", "Distribution")


def violations(board: Dashboard) -> list[str]:
    if not board.page.evaluate("typeof axe === 'object'"):
        board.page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    found: list[Any] = board.root.evaluate(RUN)
    return [str(each) for each in found]


@LAB_ALONE
def test_nothing_serious(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SETUP, WATCH, START, height=1600)
    for cell in range(3):
        notebook.run_cell(cell)
    board = Dashboard(notebook, 1).ready()
    wait_for(lambda: len(board.loss_lines()) >= 1, "the loss")
    end_training(notebook)
    themes: tuple[Theme, ...] = ("light", "dark")
    for theme in themes:
        notebook.set_theme(theme)
        looked_through(board, theme)


def looked_through(board: Dashboard, theme: Theme) -> None:
    board.map.get_by_role("radio", name="Tree", exact=True).click()
    for tab in TABS:
        choice = board.viewer.get_by_role("tab", name=tab, exact=True)
        choice.click()
        wait_for(lambda choice=choice: choice.get_attribute("aria-selected") == "true", f"the tab {tab}")
        assert violations(board) == [], (theme, tab)
    board.viewer.get_by_role("tab", name="Activations", exact=True).click()
    board.timeline.press("Home")
    for layer in ("fc", "flatten", ""):
        board.row(layer).click()
        wait_for(lambda layer=layer: board.row(layer).get_attribute("aria-selected") == "true", f"layer {layer!r}")
        assert violations(board) == [], (theme, layer)
    board.map.get_by_role("radio", name="Graph", exact=True).click()
    wait_for(lambda: board.map.locator("svg, canvas").first.is_visible(), "the graph")
    assert violations(board) == [], (theme, "graph")
