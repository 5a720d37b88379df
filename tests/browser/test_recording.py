"""What recording shows: a run that another process writes, what went wrong, and the way back to a snapshot."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torchvis_widgets as tvw
from tests.browser import by_hand
from tests.browser.cells import SETUP, START, WATCH, end_training
from tests.browser.conftest import LAB_ALONE, OpenNotebook
from tests.browser.jupyter import wait_for
from tests.browser.views import Dashboard

pytestmark = LAB_ALONE

REPOSITORY = Path(__file__).parents[2]
AT_ONCE = 5.0  # seconds; about one on a machine that does nothing else


class Writer:
    """A training in another process."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.browser.writer", str(path)], cwd=REPOSITORY, stdin=subprocess.PIPE, text=True
        )

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def end(self) -> None:
        self.tell("end")
        assert self._process.wait(timeout=30) == 0

    def kill(self) -> None:
        with self._process:
            self._process.kill()


@contextmanager
def training_elsewhere(path: Path) -> Iterator[Writer]:
    writer = Writer(path)
    try:
        wait_for(lambda: path.joinpath("snapshots").is_dir() and len(tvw.Run(path).snapshots) > 1, "the other process")
        yield writer
    finally:
        writer.kill()


def test_a_run_of_another_process_is_followed(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere"
    open_ = f"run = tvw.Run({str(path)!r})\nrun"
    notebook = open_notebook(SETUP, open_, "tvw.Dashboard(run, model=model)", height=1300)
    with training_elsewhere(path) as writer:
        for cell in range(3):
            notebook.run_cell(cell)
        plain = Dashboard(notebook, 1)
        wait_for(lambda: plain.in_view() and plain.loss_lines(), "the loss of the run elsewhere")
        everything_moves(plain)
        board = Dashboard(notebook, 2).ready()
        everything_moves(board)
        its_snapshots_arrive(board)
        delays = [delay(board, writer, value) for value in ("1.237", "2.468", "1.579", "2.791", "1.924")]
        print(f"from log() elsewhere to the screen: {', '.join(f'{each:.2f}' for each in delays)} s")
        assert max(delays) < AT_ONCE
        board.photograph("recording-following")
        writer.end()
    wait_for(lambda: board.status == "recorded", "the bar to say that nobody writes any more")
    last = tvw.Run(path).snapshots[-1].step
    assert f"step {last:,}" in board.bar.inner_text()
    wait_for(lambda: board.atlas().step == last, "the last snapshot")
    board.timeline.press("Home")
    wait_for(lambda: board.atlas().step == 0, "the first snapshot")


def everything_moves(board: Dashboard) -> None:
    board.in_view()  # the host has scrolled to the cell that ran last
    assert board.status == "following"
    moves(lambda: board.loss_lines()[-1], "the loss")
    moves(lambda: board.bar.inner_text(), "the bar")
    moves(lambda: board.timeline.locator(".tvw-timeline-curve").get_attribute("d"), "the timeline's curve")


def moves(look: Callable[[], object], what: str) -> None:
    before = look()
    wait_for(lambda: look() != before, f"{what} to move")


def its_snapshots_arrive(board: Dashboard) -> None:
    ticks = board.timeline.locator(".tvw-tick:not(.tvw-tick-coming)")
    before, step, weights = ticks.count(), board.atlas().step, board.sliders.locator("canvas").first
    picture, looks = board.atlas().pixels.tobytes(), weights.evaluate("(canvas) => canvas.toDataURL()")
    wait_for(lambda: ticks.count() > before, "a tick more")
    wait_for(lambda: board.atlas().step > step and board.atlas().pixels.tobytes() != picture, "its activations")
    wait_for(lambda: weights.evaluate("(canvas) => canvas.toDataURL()") != looks, "its weights")


def delay(board: Dashboard, writer: Writer, value: str) -> float:
    """Seconds from telling the other process to log a value until the legend shows it."""
    began = time.monotonic()
    writer.tell(value)
    board.page.wait_for_function(
        "([legend, value]) => legend?.textContent.includes('val/loss ' + value)",
        arg=[board.loss.locator(".tvw-loss-legend").element_handle(), value],
    )
    return time.monotonic() - began


# One batch of the data is broken, as a user's own might be.
SPOIL = "batches.__setitem__(12, (batches[12][0] * {}, batches[12][1]))"
STOPPING = WATCH.replace('"c"])', '"c"], on_nonfinite="stop")')
BUSY = "train(session, model, optimizer)"
TOO_SLOW = "the disk is slower than training: 12 snapshots left out so far, the latest of step 1,140"


def test_what_goes_wrong_is_marked(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SETUP, STOPPING, BUSY, height=1300)
    for cell in range(3):
        notebook.run_cell(cell)
    board = Dashboard(notebook, 1).ready()
    wait_for(lambda: notebook.kernel_eval("session.loop.step") > 60, "enough of the loss to tell a jump")
    assert board.marks_on_plot() == board.marks_on_timeline() == 0
    notebook.kernel_eval(SPOIL.format("30.0"))
    wait_for(lambda: board.marks_on_plot() == 1, "the jump on the loss plot")
    wait_for(lambda: board.marks_on_timeline() == 1, "the jump on the timeline")
    notebook.kernel_eval(SPOIL.format("float('nan')"))
    wait_for(lambda: board.status == "stopped", "the loop to be stopped")
    notebook.wait_idle()
    told = re.compile(r"train/loss is NaN at step \d+; at step \d+ .*conv\.weight is not finite")
    why = board.bar.locator(".tvw-bar-detail")
    wait_for(lambda: told.search(why.inner_text()), "the bar to say why")
    assert board.bar.locator(".tvw-bar-warnings").count() == 0  # that would be to say it twice
    wait_for(lambda: board.marks_on_plot() == board.marks_on_timeline() == 2, "a mark more on both")
    they_can_be_read(board, told)
    wait_for(lambda: told.search(board.mark_under_pointer()), "a word at the pointer")
    notebook.kernel_eval(f"session.warn('disk', {TOO_SLOW!r})")
    the_bar_tells_of_the_disk(board)
    board.photograph("recording-alarms")


def they_can_be_read(board: Dashboard, told: re.Pattern[str]) -> None:
    """By keyboard and by screen reader."""
    assert told.search(board.timeline.locator(".tvw-timeline-marks title").last.text_content() or "")
    assert told.search(board.timeline.get_attribute("aria-description") or "")
    board.loss.get_by_role("button", name="2 marks").press("Enter")
    first, second = board.loss.locator(".tvw-loss-marks li").all_inner_texts()
    assert "train/loss jumped to" in first
    assert told.search(second)
    board.timeline.press("m")
    wait_for(lambda: "behind" in board.place, "the snapshot before the first mark")


def the_bar_tells_of_the_disk(board: Dashboard) -> None:
    wait_for(lambda: TOO_SLOW in board.bar.inner_text(), "the disk in the bar")
    for width in (1110, 640):
        beside = board.page.evaluate("innerWidth") - board.root.evaluate("(root) => root.clientWidth")
        board.page.set_viewport_size({"width": width + beside, "height": 1300})
        board.in_view()
        wait_for(lambda width=width: abs(board.root.evaluate("(root) => root.clientWidth") - width) < 20, f"{width} px")
        assert board.bar.evaluate("(bar) => bar.scrollWidth <= bar.clientWidth")


RESUMABLE = WATCH.replace('"c"])', '"c"], resumable=True)')
FOUR_EPOCHS = "train(session, model, optimizer, epochs=4)"
# Another learning rate than the first time, so that the two branches differ.
BACK_AND_ON = """
session.restore(epoch=2)
optimizer.param_groups[0]["lr"] = 0.5
train(session, model, optimizer, epochs=1)
"""


def test_the_way_back_shows_as_a_fork(open_notebook: OpenNotebook) -> None:
    back = "session.restore(epoch=1)"
    notebook = open_notebook(SETUP, RESUMABLE, FOUR_EPOCHS, BACK_AND_ON, START, back, height=1300)
    for cell in range(4):
        notebook.run_cell(cell)
    board = Dashboard(notebook, 1).ready()
    notebook.wait_idle()
    a_later_cell_went_back(board)
    board.photograph("recording-fork")
    it_goes_back_while_the_background_trains(board)
    board.photograph("recording-forks")
    end_training(notebook)
    wait_for(lambda: board.status != "training", "the background training to end")


def a_later_cell_went_back(board: Dashboard) -> None:
    wait_for(lambda: len(board.left_lines()) == 1, "the left branch in grey")
    assert len(board.loss_lines()) > 1
    assert board.loss.locator(".tvw-loss-legend li").count() == 2
    assert "before going back" in board.loss.locator(".tvw-loss-legend").inner_text()
    wait_for(lambda: board.snapshots == 4, "the snapshots of the current branch alone")
    path = board.notebook.kernel_eval("str(session.run.path)")
    for key, epoch in (("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("End", 3)):
        board.timeline.press(key)
        shows(board, tvw.Run(path), epoch)


def shows(board: Dashboard, run: tvw.Run, epoch: int) -> None:
    names: dict[str, Any] = {}
    exec(SETUP, names)
    step = run.snapshot(epoch=epoch).step
    state = run.state_dict(epoch=epoch)
    wait_for(lambda: board.place.startswith(f"epoch {epoch}") and board.atlas().step == step, f"epoch {epoch}")
    expected = by_hand.activation(names["model"], state, "conv", names["images"], 0)
    assert not (difference := board.atlas().differs(expected)), difference


def it_goes_back_while_the_background_trains(board: Dashboard) -> None:
    notebook = board.notebook
    notebook.run_cell(4)
    board.in_view()
    board.button("Live").click()
    wait_for(lambda: board.status == "training" and board.snapshots > 5, "two epochs in the background")
    notebook.run_cell(5)
    board.in_view()
    wait_for(lambda: notebook.kernel_eval("session.run.branch") == 2, "the way back")
    wait_for(lambda: len(board.left_lines()) == 2, "both left branches in grey")
    wait_for(lambda: board.snapshots in (2, 3), "the snapshots of the current branch alone")
    assert board.loss.locator(".tvw-loss-legend li").count() == 2
    assert board.status == "training"
    moves(lambda: board.loss_lines()[-1], "the loss after going back")
    moves(lambda: board.atlas().step, "the activations after going back")
