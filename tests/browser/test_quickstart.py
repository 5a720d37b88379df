"""The quickstart as a user has it: Run All, everything tried while the training cell runs, and again afterwards."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

import torchvis_widgets as tvw
from tests.browser import by_hand
from tests.browser.conftest import OpenNotebook
from tests.browser.jupyter import NotebookPage, canvas_pixels, wait_for
from tests.browser.views import Atlas, Dashboard, points

LAYER = "features.conv2"
TENSOR, GAIN = "features.conv2.weight", "conv2.weight"
EPOCHS = 20
PATIENCE = 10.0  # seconds for an answer while the cell runs; one that waits for the cell fails `still_training`

# Makes the loop as slow as the test needs, without touching the notebook: every batch costs `pace` seconds of pure
# Python, which holds the interpreter's lock as a user's own transforms do. The last epochs wait as well, each twice as
# long as the one before, so that they outlast the test on any machine. It also keeps the weight's norm as it is between
# steps. A loader takes its collate_fn at the start of an epoch.
PACED = f"""
import time as _time
pace, norms, _collate = 0.01, [], train_loader.collate_fn

def _paced(batch):
    norms.append(float(model.get_parameter({TENSOR!r}).detach().norm()))
    end = _time.perf_counter() + pace
    while _time.perf_counter() < end:
        pass
    _time.sleep(pace * (2 ** max(0, session.loop.finished_epochs - {EPOCHS - 8}) - 1))
    return _collate(batch)

train_loader.collate_fn = _paced
"""


@dataclass
class Quickstart:
    """The notebook, its dashboard, and what is needed to work its pictures out by hand."""

    notebook: NotebookPage
    board: Dashboard
    names: dict[str, Any] = field(default_factory=by_hand.quickstart_names)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    @property
    def run(self) -> tvw.Run:
        return tvw.Run(self.notebook.server.root / "runs" / "digits-cnn")

    @property
    def training_cell(self) -> int:
        return by_hand.quickstart_cell("session.epochs(")

    def told(self, code: str) -> None:
        """Run code in the kernel, past the running cell."""
        self.notebook.kernel_eval(f"exec({code!r}, globals())")

    def at_pace(self, seconds: float) -> None:
        self.told(f"pace = {seconds}")

    def still_training(self) -> None:
        assert self.notebook.execution_count(self.training_cell) is None
        assert self.board.status == "training"

    def took(self, what: str, seconds: float) -> None:
        self.seconds.setdefault(what, []).append(seconds)

    def epochs_done(self, least: int) -> bool:
        return len(self.run.snapshots) > least

    def by_hand(self, atlas: Atlas, state: dict[str, torch.Tensor] | None = None) -> Any:
        """Return the activation that an atlas claims to show, of the weights on disk or of the given ones."""
        weights = self.run.state_dict(step=atlas.step) if state is None else state
        images = self.names["val_images"]
        return by_hand.activation(self.names["model"], weights, atlas.layer, images, atlas.sample)

    def right(self, atlas: Atlas, state: dict[str, torch.Tensor] | None = None) -> None:
        """The atlas shows exactly what was worked out by hand."""
        assert not (difference := atlas.differs(self.by_hand(atlas, state))), difference

    def snapshot_step(self, epoch: int) -> int:
        return self.run.snapshot(epoch=epoch).step

    def saved_norms(self) -> np.ndarray:
        return np.array(self.notebook.kernel_eval("norms[-400:]"))


@pytest.mark.timeout(600)
def test_everything_works_while_the_cell_trains_and_after(open_notebook: OpenNotebook) -> None:
    quickstart = begin(open_notebook)
    for step in (
        the_loss_line_moves,
        a_click_paints_the_layer,
        the_playhead_goes_back,
        the_playhead_plays_and_follows,
        values_units_and_samples,
        a_preview_leaves_the_model_alone,
        a_live_slider_changes_the_model,
    ):
        began = time.monotonic()
        step(quickstart)
        quickstart.still_training()
        print(f"{step.__name__}: {time.monotonic() - began:.1f} s")
    quickstart.board.photograph(f"quickstart-training-{quickstart.notebook.server.host}")
    report(quickstart)
    finish(quickstart)
    for step in (a_reload_brings_the_views_back, the_reopened_run_works, the_saved_notebook_is_small, watching_again):
        began = time.monotonic()
        step(quickstart)
        print(f"{step.__name__}: {time.monotonic() - began:.1f} s")


def begin(open_notebook: OpenNotebook) -> Quickstart:
    notebook = open_notebook(path=by_hand.QUICKSTART, height=1400)
    notebook.run_all()
    quickstart = Quickstart(notebook, Dashboard(notebook, by_hand.quickstart_cell("tvw.watch(")))
    wait_for(lambda: notebook.kernel_eval("'session' in globals() and session.loop.running"), "the training cell", 180)
    quickstart.told(PACED)
    quickstart.board.ready()
    return quickstart


def the_loss_line_moves(quickstart: Quickstart) -> None:
    seen: set[str] = set()
    wait_for(lambda: seen.update(quickstart.board.loss_lines()[:1]) or len(seen) >= 5, "five different loss lines")
    lengths = [len(line) for line in seen]
    assert max(lengths) > min(lengths)  # it grows


def a_click_paints_the_layer(quickstart: Quickstart) -> None:
    board = quickstart.board
    for layer in ("features.conv1", "features.relu2", LAYER):
        quickstart.took("click a layer", board.select(layer))
        quickstart.right(board.atlas())
    board.viewer.get_by_role("radio", name="layer", exact=True).click()
    wait_for(lambda: "layer" in board.viewer.locator("[aria-checked=true]").all_inner_texts(), "the layer's own limits")

    def own_limits() -> bool:
        atlas = board.atlas()
        hi = float(np.quantile(np.abs(quickstart.by_hand(atlas)), 0.995))
        return np.allclose(atlas.limits, (-hi, hi), rtol=1e-5)

    wait_for(own_limits, "limits that are the layer's 99.5th percentile")
    board.viewer.get_by_role("radio", name="all epochs", exact=True).click()


def the_playhead_goes_back(quickstart: Quickstart) -> None:
    board = quickstart.board
    wait_for(lambda: quickstart.epochs_done(4), "four epochs")
    wait_for(lambda: board.atlas().step >= quickstart.snapshot_step(4), "the fourth on screen")
    newest = board.atlas()
    quickstart.took("drag to epoch 3", board.drag_playhead(3 / EPOCHS))
    pinned = board.atlas()
    assert pinned.step == quickstart.snapshot_step(3)
    assert board.place.startswith("epoch 3")
    quickstart.right(pinned)
    assert newest.differs(quickstart.by_hand(pinned))  # the comparison tells epochs apart

    before, behind = len(quickstart.run.snapshots), board.place
    wait_for(lambda: len(quickstart.run.snapshots) > before, "one more epoch")
    wait_for(lambda: board.place != behind, "a new epoch on the timeline")
    assert board.place.startswith("epoch 3 · ")
    assert board.atlas().step == pinned.step
    quickstart.right(board.atlas())


def the_playhead_plays_and_follows(quickstart: Quickstart) -> None:
    board = quickstart.board
    for key, epoch in (("ArrowRight", 4), ("ArrowLeft", 3), ("ArrowLeft", 2)):
        board.timeline.press(key)
        wait_for(
            lambda epoch=epoch: board.atlas().step == quickstart.snapshot_step(epoch), f"{key} to epoch {epoch}", 20
        )
    quickstart.right(board.atlas())

    seen: set[str] = set()
    board.button("play").click()
    wait_for(lambda: seen.add(board.place) or len(seen) >= 3, "play to pass two epochs")
    live = board.button("Live")
    assert live.get_attribute("aria-pressed") == "false"
    live.click()
    wait_for(lambda: live.get_attribute("aria-pressed") == "true", "Live")
    newest = len(quickstart.run.snapshots) - 1
    wait_for(lambda: board.atlas().step >= quickstart.snapshot_step(newest), "the newest epoch")
    quickstart.right(board.atlas())


def values_units_and_samples(quickstart: Quickstart) -> None:
    board = quickstart.board
    quickstart.took("drag back to epoch 3", board.drag_playhead(3 / EPOCHS))
    for sample in (5, 2):
        quickstart.took("click a sample", board.pick_sample(sample))
        quickstart.right(board.atlas())
    values = quickstart.by_hand(board.atlas())

    for place in ((11, 3, 5), (0, 0, 0)):
        board.canvas.hover(position=board.point(*place))
        tip = board.viewer.locator(".tvw-tip")
        tip.get_by_text(f"({place[1]}, {place[2]}) =").wait_for()
        told = float(tip.inner_text().split("=")[1].replace("−", "-"))
        assert told == pytest.approx(values[place], rel=1e-3, abs=1e-6)

    board.canvas.click(position=board.point(11, 1, 1))
    wait_for(lambda: board.unit_caption() == "channel 11 on sample 2", "channel 11 enlarged")
    enlarged = board.viewer.locator("canvas[data-testid=tvw-unit]")
    scale = int(enlarged.get_attribute("data-scale") or 0)
    middle = slice(scale // 2, None, scale)

    def is_the_same() -> bool:  # both are painted anew when the limits over all epochs have become wider
        return bool((canvas_pixels(enlarged)[middle, middle, :3] == board.atlas().elements(values.shape)[11]).all())

    wait_for(is_the_same, "channel 11 as it is in the atlas", PATIENCE)


def a_preview_leaves_the_model_alone(quickstart: Quickstart) -> None:
    board = quickstart.board
    captions, step = board.captions(), board.atlas().step
    count = len(quickstart.saved_norms())
    board.drag_gain(GAIN, 0.0)
    gain = board.shown_gain(GAIN)
    assert gain < 0.1
    state = quickstart.run.state_dict(step=step)
    state[TENSOR] = state[TENSOR] * gain
    wait_for(lambda: not board.atlas().differs(quickstart.by_hand(board.atlas(), state)), "the preview's picture")
    wait_for(lambda: board.captions() != captions, "other predictions")
    board.sliders.get_by_text("predictions change").wait_for()
    assert "→" in board.sliders.locator(".tvw-sliders-foot").inner_text()

    wait_for(lambda: len(quickstart.saved_norms()) > min(count, 395), "more steps")
    assert not jumps(quickstart.saved_norms())
    board.sliders.get_by_role("button", name="Reset").click()
    wait_for(lambda: board.captions() == captions, "the predictions back")
    quickstart.right(board.atlas())


def a_live_slider_changes_the_model(quickstart: Quickstart) -> None:
    board, notebook = quickstart.board, quickstart.notebook
    board.mode("Live")
    before = notebook.kernel_eval("norms[-1]")
    began = time.monotonic()
    board.click_gain(GAIN, 0.5)
    wait_for(lambda: jumps(quickstart.saved_norms()), "the edit at a step boundary")
    quickstart.took("live gain", time.monotonic() - began)
    undo = board.sliders.get_by_role("button", name="Undo 1")
    undo.wait_for()
    (ratio,) = jumps(quickstart.saved_norms())  # all of it between two steps
    assert ratio == pytest.approx(0.5, abs=0.05)
    assert notebook.kernel_eval("norms[-1]") < 0.7 * before
    quickstart.still_training()

    undo.click()
    wait_for(lambda: len(jumps(quickstart.saved_norms())) == 2, "the edit taken back")
    assert jumps(quickstart.saved_norms())[1] == pytest.approx(1 / ratio, rel=0.05)
    board.mode("Preview")


def jumps(norms: np.ndarray) -> list[float]:
    """The ratios of successive norms that no training step explains."""
    ratios = norms[1:] / norms[:-1]
    return [float(ratio) for ratio in ratios if abs(np.log(ratio)) > 0.25]


def report(quickstart: Quickstart) -> None:
    for what, seconds in quickstart.seconds.items():
        print(f"{quickstart.notebook.server.host}: {what}: {', '.join(f'{each:.2f}' for each in seconds)} s")
    assert np.median([each for seconds in quickstart.seconds.values() for each in seconds]) < PATIENCE


def finish(quickstart: Quickstart) -> None:
    quickstart.at_pace(0)
    quickstart.notebook.wait_idle(180)
    board = quickstart.board
    wait_for(lambda: board.status == "finished", "the bar to say that it is over")
    assert "epoch 20 / 20 · step 1,800" in board.bar.inner_text()
    board.button("Live").click()
    wait_for(lambda: board.atlas().step == quickstart.snapshot_step(EPOCHS), "the last epoch")
    most = max(map(points, board.loss_lines()))
    assert 500 < most <= 1000  # of 1,800 values
    board.photograph(f"quickstart-after-{quickstart.notebook.server.host}")


def a_reload_brings_the_views_back(quickstart: Quickstart) -> None:
    notebook, board = quickstart.notebook, quickstart.board
    notebook.save()
    notebook.reload(board.cell)
    board.ready()
    assert board.status == "finished"
    assert len(board.loss_lines()) >= 2
    atlas = board.atlas()
    assert (atlas.layer, atlas.sample, atlas.step) == (LAYER, 2, quickstart.snapshot_step(EPOCHS))
    quickstart.right(atlas)
    board.drag_playhead(10 / EPOCHS)
    assert board.place.startswith("epoch 10")
    quickstart.right(board.atlas())


def the_reopened_run_works(quickstart: Quickstart) -> None:
    reopened = Dashboard(quickstart.notebook, by_hand.quickstart_cell("tvw.Dashboard(")).ready()
    assert reopened.status == "recorded"
    reopened.select(LAYER)
    quickstart.right(reopened.atlas())
    reopened.drag_playhead(7 / EPOCHS)
    assert reopened.place.startswith("epoch 7")
    quickstart.right(reopened.atlas())


def the_saved_notebook_is_small(quickstart: Quickstart) -> None:
    notebook = quickstart.notebook
    notebook.command("@jupyter-widgets/jupyterlab-manager:saveWidgetState")
    path = notebook.server.root / notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path")

    def saved_with_state() -> bool:
        notebook.save()
        return '"application/vnd.jupyter.widget-state+json"' in path.read_text()

    wait_for(saved_with_state, "the widgets' state in the file")
    print(f"{notebook.server.host}: the notebook with its widgets' state: {path.stat().st_size / 1e6:.2f} MB")
    assert path.stat().st_size <= 1_000_000


def watching_again(quickstart: Quickstart) -> None:
    notebook = quickstart.notebook
    cell = by_hand.quickstart_cell("tvw.watch(")
    for _ in range(2):
        notebook.run_cell(cell)
        notebook.wait_idle()
    on_optimizers = "__import__('sys').modules['torch.optim.optimizer']._global_optimizer_post_hooks"
    hooks = f"[len({on_optimizers}), len(criterion._forward_hooks), "
    hooks += "sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())]"
    assert notebook.kernel_eval(hooks) == [1, 1, 0]
    board = Dashboard(notebook, cell)
    board.ready()
    assert notebook.cell_output(cell).locator(".tvw-dashboard").count() == 1
    assert board.status == "idle"
    board.select(LAYER)
