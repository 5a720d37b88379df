"""Page objects: the dashboard's views as a user has them, by what is on screen and by mouse and keyboard."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Locator

from tests.browser import by_hand
from tests.browser.jupyter import ALBUM, PIXELS_JS, NotebookPage, decoded, wait_for

Array = npt.NDArray[Any]

# Attributes and pixels in one go: between two calls a training model paints another frame.
ATLAS_JS = f"(canvas) => [{{...canvas.dataset}}, ...({PIXELS_JS})(canvas)]"


@dataclass(frozen=True)
class Atlas:
    """What the atlas' canvas shows at one moment: its data attributes and its pixels, (H, W, 3)."""

    about: dict[str, str]
    pixels: Array

    @property
    def layer(self) -> str:
        return self.about["layer"]

    @property
    def step(self) -> int:
        return int(self.about["step"])

    @property
    def sample(self) -> int:
        return int(self.about["sample"])

    @property
    def limits(self) -> tuple[float, float]:
        return float(self.about["lo"]), float(self.about["hi"])

    @property
    def first_row(self) -> int:
        """Return the first row of tiles on the canvas: what is scrolled out of view is not painted."""
        return int(self.about.get("top", 0)) // (int(self.about["tileHeight"]) + int(self.about["gap"]))

    def elements(self, shape: tuple[int, ...]) -> Array:
        """Return the colour at the middle of every element of (tiles, height, width), with 3 at the end.

        The tiles are counted from the first row on the canvas.
        """
        scale, gap, columns = (int(self.about[name]) for name in ("scale", "gap", "columns"))
        across, down = int(self.about.get("scaleX", scale)), int(self.about.get("scaleY", scale))
        tile, row, column = np.indices(shape)
        tile += self.first_row * columns
        top = int(self.about.get("top", 0))
        y = (tile // columns) * (int(self.about["tileHeight"]) + gap) + row * down + down // 2 - top
        x = (tile % columns) * (int(self.about["tileWidth"]) + gap) + column * across + across // 2
        colours: Array = self.pixels[y, x]
        return colours

    def differs(self, values: Array) -> str:
        """Say how the picture differs from these values, (tiles, height, width), or return ""."""
        shown = self.elements(values.shape)
        table = by_hand.colours(self.about["diverging"] == "true")
        allowed = [table[level] for level in by_hand.levels(values, *self.limits)]
        wrong = ~((shown == allowed[0]).all(-1) | (shown == allowed[1]).all(-1))
        if not wrong.any():
            return ""
        place = tuple(int(i[0]) for i in np.nonzero(wrong))
        value, found, expected = values[place], shown[place].tolist(), allowed[0][place].tolist()
        return f"{wrong.sum()} of {wrong.size}; at {place} value {value:.4g} is {found}, not {expected}: {self.about}"


class Dashboard:
    """The dashboard that a cell shows."""

    def __init__(self, notebook: NotebookPage, cell: int, nth: int = 0) -> None:
        self.notebook, self.page, self.cell = notebook, notebook.page, cell
        self.root = notebook.cell_output(cell).locator(".tvw-dashboard").nth(nth)
        self.bar = self.root.locator(".tvw-training-bar")
        self.map = self.root.locator(".tvw-model-map")
        self.timeline = self.root.locator(".tvw-timeline")
        self.viewer = self.root.locator(".tvw-activation-viewer")
        self.canvas = self.viewer.locator("canvas[data-testid=tvw-atlas]")
        self.sliders = self.root.locator(".tvw-weight-sliders")
        self.loss = self.root.locator(".tvw-loss-plot-box")

    def ready(self) -> Dashboard:
        """Scroll to the dashboard, as a user does after Run All, and wait until every view has drawn."""
        rest = (self.bar, self.map.locator(".tvw-row").first, self.sliders.locator("canvas").first)
        wait_for(
            lambda: self.in_view() and all(view.is_visible() for view in (self.canvas, *rest)), "the dashboard", 120
        )
        if self.root.locator(".tvw-dashboard-time").count():  # an inspected model has none
            self.timeline.wait_for()
        return self

    def photograph(self, name: str) -> None:
        """Take it wide and narrow, in both themes, where TVW_SHOTS asks for pictures."""
        if not ALBUM:
            return
        notebook, before = self.notebook, self.page.viewport_size
        lab = notebook.server.host == "lab"  # the file browser would take half of a narrow window
        if lab:
            notebook.command("application:toggle-left-area")
        for width, height, theme in ((1200, 1400, "dark"), (1200, 1400, "light"), (740, 2200, "light")):
            self.page.set_viewport_size({"width": width, "height": height})
            notebook.set_theme(theme)  # type: ignore[arg-type]
            wait_for(lambda: self.in_view() and self.loss_lines(), "the loss plot to fit the window")
            notebook.screenshot(f"{name}-{width}-{theme}", self.root)
        if lab:
            notebook.command("application:toggle-left-area")
        if before:
            self.page.set_viewport_size(before)
        self.in_view()

    def in_view(self) -> bool:
        """Bring the dashboard's top to the window's; False while there is none."""
        self.notebook.cell(self.cell)
        if not self.root.count():
            return False
        self.root.evaluate("(dashboard) => dashboard.scrollIntoView({block: 'start'})")
        return True

    # The bar and the loss

    @property
    def status(self) -> str:
        return str(self.bar.locator(".tvw-bar-status").get_attribute("data-status"))

    def loss_lines(self) -> list[str]:
        """Return the `d` of each line that the loss plot draws, the playhead left out."""
        paths = self.loss.locator(".bqplot path.line").evaluate_all(
            "(paths) => paths.filter((p) => p.checkVisibility()).map((p) => p.getAttribute('d') ?? '')"
        )
        return [path for path in paths if points(path) > 2]

    def left_lines(self) -> list[str]:
        """Return the `d` of each grey line of the loss plot: a branch that was left by going back."""
        paths = self.loss.locator(".bqplot path.line").evaluate_all(
            "(paths) => paths.filter((p) => p.checkVisibility() && p.style.stroke.includes('faint'))"
            ".map((p) => p.getAttribute('d') ?? '')"
        )
        return [path for path in paths if points(path) > 2]

    def marks_on_plot(self) -> int:
        """Return how many marks the loss plot shows at its foot."""
        feet = self.loss.locator(".bqplot .object_grp path")
        return int(feet.evaluate_all("(feet) => feet.filter((foot) => foot.checkVisibility()).length"))

    def marks_on_timeline(self) -> int:
        return self.timeline.locator(".tvw-timeline-marks path").count()

    def mark_under_pointer(self) -> str:
        """Point at the last mark of the loss plot and return what is said there."""
        foot = self.loss.locator(".bqplot .object_grp path").last.bounding_box()
        assert foot is not None
        self.page.mouse.move(foot["x"] + foot["width"] / 2, foot["y"] + foot["height"] / 2)
        return " ".join(self.page.locator(".bqplot_mark_tooltip").all_inner_texts())

    # The map

    def row(self, layer: str) -> Locator:
        return self.map.locator(f'.tvw-row[data-path="{layer}"]')

    def select(self, layer: str) -> float:
        """Click a layer's row and return the seconds until its atlas is painted."""
        return self._timed(self.row(layer).click, lambda: self.atlas().layer == layer, f"the atlas of {layer}")

    # The activations

    def atlas(self) -> Atlas:
        about, *image = self.canvas.evaluate(ATLAS_JS)
        return Atlas(about, decoded(*image)[..., :3])

    def thumbnail(self, sample: int) -> Locator:
        return self.viewer.locator(".tvw-thumb").nth(sample)

    def captions(self) -> list[str]:
        """Return what is under the thumbnails: the true class, and the predicted one where it is another."""
        return self.viewer.locator(".tvw-thumb span").all_inner_texts()

    def pick_sample(self, sample: int) -> float:
        return self._timed(self.thumbnail(sample).click, lambda: self.atlas().sample == sample, f"sample {sample}")

    def point(self, tile: int, row: int, column: int) -> dict[str, float]:
        """Return where an element is on the atlas' canvas, in CSS pixels."""
        about = self.atlas().about
        scale, gap, columns = (int(about[name]) for name in ("scale", "gap", "columns"))
        ratio = self.page.evaluate("devicePixelRatio")
        x = (tile % columns) * (int(about["tileWidth"]) + gap) + (column + 0.5) * scale
        y = (tile // columns) * (int(about["tileHeight"]) + gap) + (row + 0.5) * scale
        return {"x": x / ratio, "y": y / ratio}

    def unit_caption(self) -> str:
        return self.viewer.locator(".tvw-unit .tvw-caption").inner_text()

    # The timeline

    @property
    def place(self) -> str:
        """Return what the playhead says: "epoch 3 · 2 behind"."""
        return self.timeline.get_attribute("aria-valuetext") or ""

    @property
    def playhead_step(self) -> int:
        return int(self.timeline.get_attribute("data-step") or -1)

    @property
    def snapshots(self) -> int:
        """Return how many snapshots the playhead can go to."""
        return int(self.timeline.get_attribute("aria-valuemax") or -1) + 1

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def drag_playhead(self, share: float) -> float:
        """Drag the playhead with the mouse to a share (0 … 1) of the timeline, and return the seconds till painted."""
        self.pull_playhead(share)
        return self._timed(self.page.mouse.up, self._at_playhead, "the atlas of the playhead's epoch")

    def pull_playhead(self, share: float) -> None:
        """Drag the playhead to a share of the timeline and hold it there."""
        self.timeline.scroll_into_view_if_needed()
        box = self.timeline.bounding_box()
        head = self.timeline.locator(".tvw-playhead circle").bounding_box()
        assert box is not None
        assert head is not None
        y = box["y"] + 15
        self.page.mouse.move(head["x"] + head["width"] / 2, y)
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + share * box["width"], y, steps=8)

    def _at_playhead(self) -> bool:
        return self.atlas().step == self.playhead_step

    # The sliders

    def mode(self, name: str) -> None:
        """Switch the sliders to "Preview" or "Live"."""
        button = self.sliders.get_by_role("radio", name=name, exact=True)
        button.click()
        wait_for(lambda: button.get_attribute("aria-checked") == "true", f"the mode {name}")

    def gain(self, tensor: str) -> Locator:
        """Return the gain slider of a tensor, named by its last two parts."""
        return self.sliders.get_by_label(f"{tensor} · gain", exact=True)

    def shown_gain(self, tensor: str) -> float:
        return float(self.gain(tensor).locator("xpath=../input[@type='text']").input_value())

    def click_gain(self, tensor: str, value: float) -> None:
        """Click the slider's track at a value of its 0 … 2."""
        slider, box = self._slider_box(tensor)
        slider.click(position={"x": self._along(box, value), "y": box["height"] / 2})

    def drag_gain(self, tensor: str, value: float) -> None:
        """Drag the slider's thumb to a value with the mouse."""
        _, box = self._slider_box(tensor)
        y = box["y"] + box["height"] / 2
        self.page.mouse.move(box["x"] + self._along(box, self.shown_gain(tensor)), y)
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + self._along(box, value), y, steps=6)
        self.page.mouse.up()

    def _slider_box(self, tensor: str) -> tuple[Locator, Any]:
        self.sliders.scroll_into_view_if_needed()  # out of sight they do not follow the selection
        slider = self.gain(tensor)
        slider.scroll_into_view_if_needed()
        return slider, slider.bounding_box()

    @staticmethod
    def _along(box: Any, value: float, thumb: float = 16) -> float:
        """Chromium's thumb, `thumb` pixels wide, stays within the track."""
        return float(thumb / 2 + value / 2 * (box["width"] - thumb))

    @staticmethod
    def _timed(act: Callable[[], Any], done: Callable[[], bool], what: str) -> float:
        began = time.monotonic()
        act()
        wait_for(done, what)
        return time.monotonic() - began


def points(path: str) -> int:
    """Return how many points an SVG path has."""
    return len(re.findall("[ML]", path))
