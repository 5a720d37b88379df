"""ModelMap as a user has it: search, the graph's boxes and edges, and the picture as a file."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from playwright.sync_api import Locator

from tests.browser.conftest import LAB_ALONE, OpenNotebook
from tests.browser.jupyter import NotebookPage, wait_for

MODEL = """
import torch
from torch import nn
import torchvis_widgets as tvw

class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, x):
        return x + self.conv2(torch.relu(self.conv1(x)))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3)
        self.blocks = nn.Sequential(*(Block(4) for _ in range(12)))
        self.head = nn.Linear(4 * 6 * 6, 3)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).flatten(1))

torch.manual_seed(0)
session = tvw.inspect(Net(), torch.rand(2, 1, 8, 8))
map = tvw.ModelMap(session)
"""
SVG = "{http://www.w3.org/2000/svg}"


@LAB_ALONE
def test_search_select_open_and_save(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    notebook = open_notebook(MODEL, "map")
    for cell in range(2):
        notebook.run_cell(cell)
    view = notebook.cell_output(1).locator(".tvw-model-map")
    view.locator(".tvw-row").first.wait_for()
    searched(notebook, view)
    opened(notebook, view)
    walked(notebook, view)
    saved(view, tmp_path / "model.svg")


def layer(notebook: NotebookPage) -> str:
    return str(notebook.kernel_eval("map.layer"))


def node(view: Locator, key: str) -> Locator:
    return view.locator(f'.tvw-node[data-key="{key}"]')


def top(box: Locator) -> tuple[float, float]:
    """Return the middle of a box's upper edge on the page."""
    found = box.locator(".tvw-node-box").bounding_box()
    assert found is not None
    return found["x"] + found["width"] / 2, found["y"]


def in_window(view: Locator, box: Locator) -> bool:
    window = view.locator(".tvw-graph").bounding_box()
    assert window is not None
    return bool(window["y"] < top(box)[1] < window["y"] + window["height"] - 10)


def edges(view: Locator) -> set[tuple[str, str]]:
    script = "(edges) => edges.map((edge) => [edge.dataset.source, edge.dataset.target])"
    return {(source, target) for source, target in view.locator(".tvw-edge").evaluate_all(script)}


def searched(notebook: NotebookPage, view: Locator) -> None:
    """Rows that were folded come out, and Enter selects one after the other."""
    assert view.locator('.tvw-row[data-path="blocks.7.conv2"]').count() == 0
    box = view.get_by_role("searchbox")
    view.get_by_role("tree").press("/")
    box.fill("7 4x6")
    assert view.locator(".tvw-found").inner_text() == "5"  # the block, its two layers, relu and add
    view.locator('.tvw-row[data-path="blocks.7.conv2"]').wait_for()
    box.press("Enter")
    wait_for(lambda: layer(notebook) == "blocks.7", "the first match to be selected in the kernel")
    box.press("Enter")
    wait_for(lambda: layer(notebook) == "blocks.7.conv1", "the next match")
    box.press("Shift+Enter")
    wait_for(lambda: layer(notebook) == "blocks.7", "the match before")
    box.press("Escape")
    assert box.input_value() == ""


def opened(notebook: NotebookPage, view: Locator) -> None:
    """A double click opens a box where it is; its inside shows the residual edge."""
    view.get_by_role("radio", name="Graph", exact=True).click()
    block = node(view, "blocks.7")
    block.wait_for()
    wait_for(lambda: block.get_attribute("data-state") == "selected", "the selected layer to be marked in the graph")
    assert ("blocks.6", "blocks.7") in edges(view)
    before = top(block)
    notebook.page.mouse.dblclick(before[0], before[1] + 8)
    node(view, "blocks.7/add").wait_for()
    wait_for(lambda: top(block) == pytest.approx(before, abs=1), "the box to be where it was")
    inside = {("blocks.7.conv1", "blocks.7/relu"), ("blocks.7.conv2", "blocks.7/add"), ("blocks.7/add", "blocks.8")}
    assert inside | {("blocks.6", "blocks.7/add")} <= edges(view)
    residual = view.locator('.tvw-edge[data-source="blocks.6"][data-target="blocks.7/add"]')
    assert residual.get_attribute("data-skip") == "true"
    residual.dispatch_event("pointermove")
    assert "4×6×6" in view.locator(".tvw-graph-tip").inner_text()


def walked(notebook: NotebookPage, view: Locator) -> None:
    """A click selects for every view, the arrow keys go along the edges, a drag moves the picture."""
    conv = node(view, "blocks.7.conv1")
    view.get_by_role("button", name="fit", exact=True).click()
    wait_for(lambda: in_window(view, conv), "the whole to be in the window")
    x, y = top(conv)
    notebook.page.mouse.click(x, y + 4)
    wait_for(lambda: layer(notebook) == "blocks.7.conv1", "a click to select")
    notebook.page.keyboard.press("ArrowDown")
    wait_for(lambda: layer(notebook) == "blocks.7/relu", "the arrow to follow the edge")
    x, y = top(conv)
    notebook.page.mouse.move(x, y + 4)
    notebook.page.mouse.down()
    notebook.page.mouse.move(x + 60, y + 44, steps=4)
    notebook.page.mouse.up()
    wait_for(lambda: top(conv) == pytest.approx((x + 60, y + 40), abs=1), "the drag to move the picture")
    assert layer(notebook) == "blocks.7/relu"


def saved(view: Locator, path: Path) -> None:
    """The file holds every box and line, and needs no stylesheet."""
    view.get_by_role("button", name="options").click()
    with view.page.expect_download() as download:
        view.get_by_role("button", name="SVG", exact=True).click()
    download.value.save_as(path)
    root = ElementTree.parse(path).getroot()
    words = {"".join(text.itertext()) for text in root.iter(f"{SVG}text")}
    assert {"add", "▸ 11 Block", "▾ 7 Block", "stem Conv2d", "head Linear"} <= words
    lines = [path for path in root.iter(f"{SVG}path") if path.get("d")]
    assert len(lines) >= 17
    assert all((path.get("stroke") or "").startswith("rgb") for path in lines)
    assert not any("var(" in value or "color" in value for each in root.iter() for value in each.attrib.values())
