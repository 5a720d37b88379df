"""The weight sliders by mouse and keyboard: a channel, a value, a blend, the list and Live, against plain PyTorch."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator

from tests.browser.cells import SETUP, START, WATCH, end_training
from tests.browser.conftest import OpenNotebook
from tests.browser.jupyter import NotebookPage, wait_for
from tests.browser.views import Dashboard

pytestmark = pytest.mark.parametrize("server", ["lab"], indirect=True)

# What the sliders show, as one number of each tensor, and the model's own.
SHOWN = "{name: t.double().abs().sum().item() for name, t in session.stage.dashboard.sliders.state_dict().items()}"
MODEL = "{name: t.double().abs().sum().item() for name, t in model.state_dict().items()}"


def test_weights_are_changed_by_hand(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SETUP, WATCH, START.replace("optimizer)", "optimizer, 3)"), height=1400)
    notebook.run_all()
    board = Dashboard(notebook, 1).ready()
    wait_for(lambda: board.status == "finished", "the end of the training", 60)
    notebook.wait_idle()
    before = notebook.kernel_eval(MODEL)
    for step in (a_channel_is_switched_off, a_value_is_dragged_and_typed, a_blend_goes_all_the_way):
        step(board, notebook, before)
        assert notebook.kernel_eval(MODEL) == before
    live_edits_are_listed_and_taken_back(board, notebook, before)
    end_training(notebook)


def shown(notebook: NotebookPage, name: str) -> float:
    return float(notebook.kernel_eval(SHOWN)[name])


def a_channel_is_switched_off(board: Dashboard, notebook: NotebookPage, before: dict[str, float]) -> None:
    sliders, picture = board.sliders, board.atlas()
    sliders.get_by_label("more of conv.weight").click()
    off = sliders.get_by_role("button", name="weight[2] off", exact=True)
    off.click()
    wait_for(lambda: off.get_attribute("aria-pressed") == "true", "the channel off")
    kernel = notebook.kernel_eval("model.conv.weight[2].abs().double().sum().item()")
    assert shown(notebook, "conv.weight") == pytest.approx(before["conv.weight"] - kernel)
    wait_for(lambda: (board.atlas().pixels != picture.pixels).any(), "its map, another one")
    sliders.get_by_label("find a channel").fill("3")
    wait_for(lambda: sliders.locator(".tvw-unit-line").count() == 1, "the channel found")
    board.button("Reset").click()
    wait_for(lambda: (board.atlas().pixels == picture.pixels).all(), "the picture back")
    sliders.get_by_label("more of conv.weight").click()


def a_value_is_dragged_and_typed(board: Dashboard, notebook: NotebookPage, before: dict[str, float]) -> None:
    heat = board.sliders.locator(".tvw-heat").first
    heat.scroll_into_view_if_needed()
    box = heat.bounding_box()
    assert box is not None
    page = notebook.page
    page.mouse.move(box["x"] + 3, box["y"] + 3)
    page.mouse.down()
    field = board.sliders.get_by_label("weight[0, 0, 0, 0], typed", exact=True)
    field.wait_for()
    page.mouse.move(box["x"] + 60, box["y"] + 3, steps=8)
    page.mouse.up()
    value = notebook.kernel_eval("model.conv.weight[0, 0, 0, 0].item()")
    dragged = "session.stage.dashboard.sliders.state_dict()['conv.weight'][0, 0, 0, 0].item()"
    wait_for(lambda: notebook.kernel_eval(dragged) > value, "the value dragged")
    field.fill("−1.5")
    field.press("Enter")
    wait_for(lambda: notebook.kernel_eval(dragged) == -1.5, "the value typed")
    field.press("ArrowUp")
    wait_for(lambda: notebook.kernel_eval(dragged) > -1.5, "a step of the arrow")
    board.button("Reset").click()


def a_blend_goes_all_the_way(board: Dashboard, notebook: NotebookPage, before: dict[str, float]) -> None:
    tab(board, "Blend").click()
    line = board.sliders.locator(".tvw-way polyline")
    wait_for(lambda: line.count() and line.get_attribute("data-points") == "21", "the loss all along the way")
    slider = board.sliders.get_by_label("blend", exact=True)
    slider.press("End")
    start = notebook.kernel_eval("session.run.state_dict(step=0)['fc.weight'].double().abs().sum().item()")
    wait_for(lambda: shown(notebook, "fc.weight") == start, "the weights of step 0")
    board.button("Reset").click()
    tab(board, "Weights").click()


def live_edits_are_listed_and_taken_back(board: Dashboard, notebook: NotebookPage, before: dict[str, float]) -> None:
    board.mode("Live")
    board.click_gain("conv.weight", 0.5)
    wait_for(lambda: notebook.kernel_eval(MODEL)["conv.weight"] < 0.6 * before["conv.weight"], "the edit")
    tab(board, "Edits 1").click()
    rows = board.sliders.locator(".tvw-edits li")
    wait_for(lambda: rows.count() == 1, "the edit in the list")
    assert "conv.weight × 0.5" in rows.inner_text()
    wait_for(lambda: board.marks_on_timeline() > 0, "its mark on the timeline")
    board.sliders.get_by_role("button", name="Undo 1").click()
    wait_for(lambda: notebook.kernel_eval(MODEL) == before, "the bits back")
    wait_for(lambda: "taken back" in rows.inner_text(), "the edit struck out")
    notebook.page.keyboard.press("r")
    wait_for(lambda: notebook.kernel_eval(MODEL) != before, "the edit made again by key")
    assert not notebook.errors


def tab(board: Dashboard, name: str) -> Locator:
    return board.sliders.get_by_role("tab", name=name, exact=True)
