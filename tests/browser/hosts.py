"""What of a dashboard answers while a loop runs, as a user finds out: by looking, a click, two drags and a button."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.browser.cells import SETUP, START, WATCH
from tests.browser.jupyter import NotebookPage, wait_for
from tests.browser.views import Dashboard
from tests.tools import kernels

STEPS, SIGHTS = 400, 20  # that the bar counts meanwhile: what is not answered by then is not, before the cell ends
END = "end-of-training"  # a file that the loop looks for: a busy kernel without subshells hears nothing else
TOLD = f"""
from pathlib import Path

class Told:
    def __bool__(self):
        return Path({END!r}).exists()

done = Told()
"""
CELLS = (SETUP + TOLD, WATCH, "train(session, model, optimizer)", START)
BOARD, LOOP, BACKGROUND = 1, 2, 3

CURVES, LAYERS, TIMELINE, SLIDERS, PAUSE = PARTS = ("curves", "layers", "timeline", "sliders", "pause")
LIVE, LATER, REFUSED, NEVER = ANSWERS = ("live", "when the cell ends", "greyed out", "never")

Seen = dict[str, str]


def look(notebook: NotebookPage, kernel: str) -> tuple[Seen, Seen]:
    """Return what of each part is seen while the loop runs in the cell, and then in `session.start()`."""
    notebook.page.set_viewport_size({"width": 1440, "height": 1400})
    version = notebook.kernel_eval("__import__('ipykernel').__version__", during=False)
    assert kernels.is_version(version, kernel), f"the kernel runs ipykernel {version}, not {kernel}"
    for cell in (0, BOARD, LOOP):  # as Run All does: the loop is on its way before the dashboard is drawn
        notebook.run_cell(cell)
    board = Dashboard(notebook, BOARD).ready()
    in_the_cell = _while_it_runs(board)
    board.notebook.run_cell(BACKGROUND)
    board.in_view()
    board.button("Reset").click()
    board.button("Live").click()
    board.select("conv")
    return in_the_cell, _while_it_runs(board)


class Silence:
    """How long nothing but the bar has moved: in steps that it counted, and in how many sights of it they were seen.

    A page that stood still, as pages of busy machines do, shows many steps at its next sight.
    """

    def __init__(self, board: Dashboard) -> None:
        self._board = board
        self._seen = {_step(board)}

    def long(self) -> bool:
        self._seen.add(_step(self._board))
        return len(self._seen) > SIGHTS and max(self._seen) > min(self._seen) + STEPS


def _while_it_runs(board: Dashboard) -> Seen:
    """Look at each part of the dashboard while the loop runs, then let it end."""
    wait_for(lambda: board.status == "training" and board.snapshots > 2, "two epochs to be seen")
    seen = {CURVES: LIVE if _curves_move(board) else NEVER}
    asked = _ask(board)
    silence = Silence(board)
    wait_for(lambda: _answered(asked, seen) or silence.long(), "answers, or a long silence", 180)
    late = [part for part in asked if part not in seen]
    if late:
        assert board.root.locator(".tvw-busy:visible").count(), f"nothing says that {', '.join(late)} wait"
    seen[PAUSE] = _pause(board)
    _end(board)
    wait_for(lambda: _answered(asked, seen, LATER), f"{', '.join(late)} to be answered after the end")
    wait_for(lambda: board.root.locator(".tvw-busy:visible").count() == 0, "the notice to go")
    return {part: seen[part] for part in PARTS}


def _ask(board: Dashboard) -> dict[str, Callable[[], bool]]:
    """Drag a slider, click a layer, drag the playhead; return what tells that each was answered."""
    board.drag_gain("conv.weight", 0.2)
    board.row("relu").click()
    board.pull_playhead(0.0)
    board.page.mouse.up()
    return {
        SLIDERS: lambda: "→" in board.sliders.locator(".tvw-sliders-foot").inner_text(),
        LAYERS: lambda: board.atlas().layer == "relu",
        TIMELINE: lambda: board.atlas().step == 0,
    }


def _answered(asked: dict[str, Callable[[], bool]], seen: Seen, how: str = LIVE) -> bool:
    """Note what has been answered by now; whether all has."""
    seen.update({part: how for part, answered in asked.items() if part not in seen and answered()})
    return seen.keys() >= asked.keys()


def _curves_move(board: Dashboard) -> bool:
    """Whether the loss goes on to be drawn while the bar counts."""
    lines, silence = board.loss_lines(), Silence(board)
    wait_for(lambda: board.loss_lines() != lines or silence.long(), "the curves to move", 180)
    return board.loss_lines() != lines


def _pause(board: Dashboard) -> str:
    button = board.button("Pause")
    if button.get_attribute("aria-disabled"):
        assert "Use session.start(train)" in (button.get_attribute("title") or "")
        return REFUSED
    button.click()
    wait_for(lambda: board.status == "paused", "the loop to be held")
    board.button("Resume").click()
    wait_for(lambda: board.status == "training", "the loop to go on")
    return LIVE


def _step(board: Dashboard) -> int:
    """Return the step that the bar shows."""
    found = re.search(r"step ([\d,]+)", board.bar.inner_text())
    return int(found[1].replace(",", "")) if found else 0


def _end(board: Dashboard) -> None:
    """Let the loop end with its epoch, and the cell with it."""
    end = board.notebook.server.root / END
    end.touch()
    wait_for(lambda: board.status in ("stopped", "finished"), "the end of the loop")
    board.notebook.wait_idle()
    end.unlink()
