"""Line charts over training: the only file that imports bqplot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bqplot
import numpy as np
from ipywidgets import Layout

Array = np.ndarray

COLOURS = ("accent", "warm", "series-3", "series-4", "series-5", "series-6", "series-7", "series-8")


@dataclass(frozen=True)
class Curve:
    """One line: its points as drawn (`x`, `y`), and smoothed (`smooth_x`, `smooth_y`) where it is to be."""

    name: str
    colour: str
    x: Array
    y: Array
    smooth_x: Array | None = None
    smooth_y: Array | None = None


class LineChart:
    """A bqplot figure of a few curves with a playhead.

    A redraw costs the browser in proportion to the points sent, so callers send about a thousand a line at most.
    All methods must be called from one thread at a time: `hold_sync` is not for two.
    """

    def __init__(self, height: int = 200) -> None:
        self._x = bqplot.LinearScale()
        self._y: bqplot.Scale = bqplot.LinearScale()
        self._cursor = bqplot.Lines(
            x=[0.0, 0.0], y=[0.0, 1.0], visible=False, colors=["var(--tvw-warm)"], stroke_width=1.2,
            scales={"x": self._x, "y": bqplot.LinearScale(min=0.0, max=1.0)},
        )  # fmt: skip
        self._raw: dict[str, bqplot.Lines] = {}
        self._smooth: dict[str, bqplot.Lines] = {}
        self._x_axis = bqplot.Axis(scale=self._x, grid_lines="dashed", num_ticks=8)
        self.figure = bqplot.Figure(
            axes=[self._x_axis, self._y_axis()],
            marks=[self._cursor],
            animation_duration=0,
            fig_margin={"top": 10, "bottom": 26, "left": 46, "right": 14},
            padding_x=0.0,
            background_style={"fill": "none"},
            min_aspect_ratio=0.05,
            max_aspect_ratio=50.0,
            display_toolbar=False,
            layout=Layout(width="100%", height=f"{height}px", min_width="200px"),
        )

    def set_scale(self, scale: str) -> None:
        """Draw the vertical axis `"linear"` or `"log"`."""
        kind = bqplot.LogScale if scale == "log" else bqplot.LinearScale
        if type(self._y) is kind:
            return
        self._y = kind()
        self._raw.clear()
        self._smooth.clear()
        self.figure.axes = [self._x_axis, self._y_axis()]

    def draw(self, curves: Sequence[Curve], *, x_ticks: Sequence[float] | None, cursor: float | None) -> None:
        """Replace what is drawn by `curves`, with grid lines at `x_ticks` (None: where they fall) and the playhead."""
        names = [curve.name for curve in curves]
        if names != list(self._raw):
            self._lay_out(curves)
        end = max((float(curve.x[-1]) for curve in curves if len(curve.x)), default=1.0)
        with self._x.hold_sync(), self._x_axis.hold_sync():
            self._x.min, self._x.max = 0.0, max(end, 1e-9)
            self._x_axis.tick_values = None if x_ticks is None else np.asarray(x_ticks, dtype=float)
        for curve in curves:
            smoothed = curve.smooth_x is not None
            _set(self._raw[curve.name], curve.x, self._drawable(curve.y))
            self._raw[curve.name].opacities = [0.28 if smoothed else 1.0]
            if curve.smooth_x is not None and curve.smooth_y is not None:
                _set(self._smooth[curve.name], curve.smooth_x, self._drawable(curve.smooth_y))
            self._smooth[curve.name].visible = smoothed
        with self._cursor.hold_sync():
            self._cursor.visible = cursor is not None
            if cursor is not None:
                self._cursor.x = np.array([cursor, cursor])

    def _lay_out(self, curves: Sequence[Curve]) -> None:
        self._raw = {curve.name: self._line(curve.colour, 1.3) for curve in curves}
        self._smooth = {curve.name: self._line(curve.colour, 1.8) for curve in curves}
        self.figure.marks = [*self._raw.values(), *self._smooth.values(), self._cursor]

    def _line(self, colour: str, width: float) -> bqplot.Lines:
        return bqplot.Lines(
            x=[], y=[], colors=[f"var(--tvw-{colour})"], stroke_width=width, scales={"x": self._x, "y": self._y}
        )

    def _y_axis(self) -> bqplot.Axis:
        return bqplot.Axis(scale=self._y, orientation="vertical", num_ticks=5, tick_format="~g")

    def _drawable(self, y: Array) -> Array:
        # A logarithm has no place for what is not positive; NaN leaves a gap.
        return np.where(y > 0, y, np.nan) if isinstance(self._y, bqplot.LogScale) else y


def _set(line: bqplot.Lines, x: Array, y: Array) -> None:
    with line.hold_sync():
        line.x, line.y = x, y
