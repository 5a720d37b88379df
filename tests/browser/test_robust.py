"""What hosts do to widgets: kernels that end, reloads, cleared outputs, new views, zoom, themes, any width."""

from __future__ import annotations

import pytest

from tests.browser.cells import SETUP, WATCH
from tests.browser.conftest import LAB_ALONE, OpenNotebook
from tests.browser.jupyter import KERNEL_JS, NotebookPage, Theme, wait_for
from tests.browser.views import Dashboard

TRAIN = """
pause = 0
train(session, model, optimizer, epochs=3)
"""
BOARD = 1


@pytest.fixture(scope="module")
def notebook(open_once: OpenNotebook) -> NotebookPage:
    return open_once(SETUP, WATCH, TRAIN, "session", height=1300)


@pytest.fixture
def board(notebook: NotebookPage) -> Dashboard:
    """The dashboard of three trained epochs."""
    notebook.page.set_viewport_size({"width": 1440, "height": 1300})
    notebook.clear_outputs()
    return trained(notebook)


def trained(notebook: NotebookPage) -> Dashboard:
    for cell in range(3):
        notebook.run_cell(cell)
    notebook.wait_idle()
    found = Dashboard(notebook, BOARD).ready()
    wait_for(lambda: found.status == "finished", "the training's end")
    return found


def notices(board: Dashboard) -> list[str]:
    return [text for text in board.root.locator(".tvw-notice").all_inner_texts() if text]


def told_that_the_kernel_is_gone(board: Dashboard) -> None:
    gone = board.root.locator(".tvw-gone").first
    wait_for(lambda: gone.is_visible(), "the notice")
    assert gone.inner_text().startswith("The kernel is gone: this is the last picture.")
    assert board.root.locator(".tvw-gone:visible").count() == 1


def moves(board: Dashboard) -> None:
    """The playhead goes to the start and to the newest again, and the picture with it."""
    board.timeline.press("Home")
    wait_for(lambda: board.atlas().step == 0, "the first epoch")
    board.timeline.press("l")
    wait_for(lambda: board.atlas().step > 0, "the newest epoch")


def test_a_cleared_output_leaves_nothing_behind_and_shows_again(board: Dashboard) -> None:
    notebook = board.notebook
    notebook.run_cell(3)
    second = Dashboard(notebook, 3).ready()
    notebook.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1 }")
    notebook.command("notebook:clear-cell-output")
    wait_for(lambda: board.root.count() == 0, "the output to be cleared")
    moves(second)
    notebook.run_cell(3)
    second.ready()
    moves(second)
    shown = "[w for w in session.stage.publisher.shown() if type(w).__name__ == 'ActivationViewer']"
    assert notebook.kernel_eval(f"len({shown})") == 1


@LAB_ALONE
def test_a_new_view_of_the_output_follows(board: Dashboard) -> None:
    page = board.notebook.page
    page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1 }")
    board.notebook.command("notebook:create-output-view")
    other = page.locator(".jp-LinkedOutputView canvas[data-testid=tvw-atlas]").first
    other.wait_for()
    other.scroll_into_view_if_needed()
    scrubber = page.locator(".jp-LinkedOutputView .tvw-timeline").first
    scrubber.press("Home")
    wait_for(lambda: other.get_attribute("data-step") == "0", "the new view to move")
    wait_for(lambda: board.atlas().step == 0, "the first view to follow")


def test_a_reloaded_page_has_a_live_dashboard_again(board: Dashboard) -> None:
    board.notebook.save()
    board.notebook.reload(board.cell)
    board.ready()
    moves(board)
    assert not notices(board)


def test_nothing_is_wider_than_the_cell(board: Dashboard) -> None:
    page = board.notebook.page
    fits = """(board) => [board, ...board.querySelectorAll('.tvw')].every(
        (each) => each.scrollWidth <= each.clientWidth + 1
            && each.getBoundingClientRect().right <= board.getBoundingClientRect().right + 1)"""
    if board.notebook.server.host == "lab":
        board.notebook.command("application:toggle-left-area")
    for width in (1400, 740, 480):
        page.set_viewport_size({"width": width, "height": 1200})
        board.in_view()
        wait_for(lambda: board.root.evaluate(fits), f"everything to fit into {width} pixels")
        moves(board)
        wait_for(lambda: crisp(board), "a pixel of the canvas to be one of the screen")
    if board.notebook.server.host == "lab":
        board.notebook.command("application:toggle-left-area")


def crisp(board: Dashboard) -> bool:
    """Whether a pixel of the canvas is one of the screen."""
    script = """(canvas) => {
        const {width, height} = canvas.getBoundingClientRect();
        return Math.abs(width * devicePixelRatio - canvas.width) < 1
            && Math.abs(height * devicePixelRatio - canvas.height) < 1;
    }"""
    return bool(board.canvas.evaluate(script))


def test_at_twice_the_size_pictures_are_crisp_and_clicks_hit(board: Dashboard) -> None:
    page = board.notebook.page
    client = page.context.new_cdp_session(page)
    metrics = {"width": 720, "height": 1000, "deviceScaleFactor": 2, "mobile": False}
    client.send("Emulation.setDeviceMetricsOverride", metrics)
    wait_for(lambda: page.evaluate("devicePixelRatio") == 2, "the zoom")
    board.in_view()
    wait_for(lambda: crisp(board), "a crisp canvas")
    board.canvas.scroll_into_view_if_needed()
    for tile in (3, 1):
        board.canvas.click(position=board.point(tile, 2, 2))  # type: ignore[arg-type]
        wait_for(lambda tile=tile: f"channel {tile}" in board.unit_caption(), f"channel {tile} enlarged")
    client.send("Emulation.clearDeviceMetricsOverride")


def test_a_theme_that_changes_while_shown_changes_everything(board: Dashboard) -> None:
    wear(board, "light")  # the server keeps the theme that a test before may have left
    before, seen = board.atlas(), colours(board)
    wear(board, "dark")
    for part, colour in seen.items():
        wait_for(lambda part=part, colour=colour: colours(board)[part] != colour, f"{part} to change from {colour}")
    after = board.atlas()
    assert after.about["step"] == before.about["step"]
    moves(board)
    board.notebook.set_theme("light")


def wear(board: Dashboard, theme: Theme) -> None:
    board.notebook.set_theme(theme)
    scheme = "(board) => getComputedStyle(board).colorScheme"
    wait_for(lambda: board.root.evaluate(scheme) == theme, f"the {theme} scheme")


PARTS = [".tvw-bar-name", ".tvw-timeline-ground", ".tvw", ".bqplot .axis text"]


def colours(board: Dashboard) -> dict[str, str]:
    """Return what a few parts are painted with."""
    look = """(board, parts) => parts.map((selector) => {
        const style = getComputedStyle(board.querySelector(selector));
        return [style.color, style.fill, style.backgroundColor].join();
    })"""
    return dict(zip(PARTS, board.root.evaluate(look, PARTS), strict=True))


def test_a_restarted_kernel_is_told_and_the_last_picture_stays(board: Dashboard) -> None:
    notebook, before = board.notebook, board.atlas()
    notebook.page.evaluate(f"async () => {{ await {KERNEL_JS}.restart() }}")
    told_that_the_kernel_is_gone(board)
    board.timeline.press("Home")
    assert (board.atlas().pixels == before.pixels).all()
    notebook.wait_idle()
    trained(notebook)
    wait_for(lambda: not notices(board), "a live dashboard without a notice")
    moves(board)


def test_a_kernel_that_dies_is_told_and_the_last_picture_stays(board: Dashboard) -> None:
    notebook, before = board.notebook, board.atlas()
    notebook.page.evaluate(f"() => void {KERNEL_JS}.requestExecute({{code: 'import os; os._exit(1)'}})")
    dialog = notebook.page.locator(".jp-Dialog").get_by_role("button")
    wait_for(dialog.count, "the host's word about the kernel", 60)
    dialog.last.click()
    board.timeline.press("Home")
    told_that_the_kernel_is_gone(board)
    assert (board.atlas().pixels == before.pixels).all()
    notebook.errors.clear()  # what the host itself says of a connection that broke off
