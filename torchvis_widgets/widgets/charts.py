"""Line charts over training: the only file that imports bqplot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import bqplot
import numpy as np
from ipywidgets import Layout
from numpy.typing import NDArray

from torchvis_widgets.widgets.ticks import Ticks, linear_ticks, log_ticks

Array = NDArray[np.float64]

COLOURS = ("accent", "warm", "series-3", "series-4", "series-5", "series-6", "series-7", "series-8")
Y_TICKS = 5
FOOT = 0.02  # of the height, where the feet of marks are
STROKE = 0.06  # length of what stands for a value that is not finite, as a share of the height


@dataclass(frozen=True)
class Curve:
    """One line: its points as drawn (`x`, `y`), and smoothed (`smooth_x`, `smooth_y`) where it is to be."""

    name: str
    colour: str
    x: Array
    y: Array
    smooth_x: Array | None = None
    smooth_y: Array | None = None

    def smoothed(self) -> tuple[Array, Array]:
        """Its points as smoothed, or as drawn where it is not to be smoothed."""
        if self.smooth_x is None or self.smooth_y is None:
            return self.x, self.y
        return self.smooth_x, self.smooth_y


class LineChart:
    """A bqplot figure of a few curves with a playhead.

    A redraw costs the browser in proportion to the points sent, so callers send about a thousand a line at most.
    All methods must be called from one thread at a time: `hold_sync` is not for two.
    """

    def __init__(self, height: int = 200) -> None:
        self._x = bqplot.LinearScale(min=0.0, max=1.0)
        self._y: Any = bqplot.LinearScale(min=0.0, max=1.0)
        self._cursor = bqplot.Lines(
            x=[0.0, 0.0], y=[0.0, 1.0], visible=False, colors=["var(--tvw-warm)"], stroke_width=1.2,
            scales={"x": self._x, "y": bqplot.LinearScale(min=0.0, max=1.0)},
        )  # fmt: skip
        # Drawn over and over from the bottom to the top: one line of bqplot's for all, with NaN between them.
        self._marks = bqplot.Lines(
            x=[], y=[], visible=False, colors=["var(--tvw-warm)"], stroke_width=1.0, line_style="dashed",
            opacities=[0.7], scales={"x": self._x, "y": bqplot.LinearScale(min=0.0, max=1.0)},
        )  # fmt: skip
        # Their feet, which the pointer finds and which say what happened.
        self._feet = bqplot.Scatter(
            x=[], y=[], visible=False, colors=["var(--tvw-warm)"], marker="triangle-up", default_size=50,
            display_names=False, scales={"x": self._x, "y": bqplot.LinearScale(min=0.0, max=1.0)},
            tooltip=_tip(), tooltip_location="mouse",
        )  # fmt: skip
        # A short stroke where a value is NaN or -Inf, at the bottom, or +Inf, at the top.
        self._nonfinite = bqplot.Lines(
            x=[], y=[], visible=False, colors=["var(--tvw-warm)"], stroke_width=1.5,
            scales={"x": self._x, "y": bqplot.LinearScale(min=0.0, max=1.0)},
        )  # fmt: skip
        self._pointed: float | None = None
        self._raw: dict[str, Any] = {}
        self._smooth: dict[str, Any] = {}
        self._x_axis = bqplot.Axis(scale=self._x, grid_lines="dashed", tick_format="d")
        self._y_axis = self._make_y_axis()
        self.figure = bqplot.Figure(
            axes=[self._x_axis, self._y_axis],
            marks=[self._nonfinite, self._marks, self._cursor, self._feet],
            animation_duration=0,
            fig_margin={"top": 10, "bottom": 24, "left": 42, "right": 16},
            padding_x=0.0,
            padding_y=0.0,
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
        self._y = kind(min=0.1, max=1.0)
        self._y_axis = self._make_y_axis()
        self._raw.clear()
        self._smooth.clear()
        self.figure.axes = [self._x_axis, self._y_axis]

    def draw(self, curves: Sequence[Curve], x_ticks: Ticks) -> None:
        """Replace what is drawn by `curves`."""
        if [curve.name for curve in curves] != list(self._raw):
            self._lay_out(curves)
        self._fit(self._x, self._x_axis, x_ticks)
        self._fit(self._y, self._y_axis, self._y_ticks(curves))
        for curve in curves:
            raw, smooth = self._raw[curve.name], self._smooth[curve.name]
            smoothed = curve.smooth_x is not None and curve.smooth_y is not None
            _set(raw, curve.x, self._drawable(curve.y), opacities=[0.28 if smoothed else 1.0])
            if curve.smooth_x is not None and curve.smooth_y is not None:
                _set(smooth, curve.smooth_x, self._drawable(curve.smooth_y), visible=True)
            else:
                smooth.visible = False
        self._draw_nonfinite(curves)

    def point_at(self, cursor: float | None) -> None:
        """Put the playhead at x = `cursor` (None: none); all that is drawn anew is itself."""
        if cursor == self._pointed:
            return
        self._pointed = cursor
        with self._cursor.hold_sync():
            self._cursor.visible = cursor is not None
            if cursor is not None:
                self._cursor.x = np.array([cursor, cursor])

    def mark(self, marks: Sequence[tuple[float, str]]) -> None:
        """Draw a vertical line at each (x, text) of `marks`, with a foot that tells the text at the pointer."""
        texts: dict[float, list[str]] = {}
        for place, text in marks:
            texts.setdefault(place, []).append(text)
        places = np.array(list(texts), dtype=float)
        with self._marks.hold_sync():
            self._marks.visible = bool(texts)
            x, y = np.repeat(places, 3), np.tile([0.0, 1.0, np.nan], len(texts))
            self._marks.x, self._marks.y = _without_gap_at_end(x, y)
        with self._feet.hold_sync():
            self._feet.visible = bool(texts)
            self._feet.names = np.array(["; ".join(each) for each in texts.values()])
            self._feet.x, self._feet.y = places, np.full(len(texts), FOOT)

    def _draw_nonfinite(self, curves: Sequence[Curve]) -> None:
        x, y = (np.concatenate([np.zeros(0), *each]) for each in ([c.x for c in curves], [c.y for c in curves]))
        bad = ~np.isfinite(y)
        foot = np.where(y[bad] == np.inf, 1.0 - STROKE, 0.0)
        strokes = np.stack([foot, foot + STROKE, np.full(len(foot), np.nan)], axis=1).ravel()
        _set(self._nonfinite, np.repeat(x[bad], 3), strokes, visible=bool(bad.any()))

    def _y_ticks(self, curves: Sequence[Curve]) -> Ticks:
        drawn = np.concatenate([self._drawable(curve.y) for curve in curves]) if curves else np.zeros(0)
        finite = drawn[np.isfinite(drawn)]
        lo, hi = (float(finite.min()), float(finite.max())) if finite.size else (0.1, 1.0)
        return log_ticks(lo, hi) if self._is_log else linear_ticks(min(lo, 0.0) if lo < hi / 2 else lo, hi, Y_TICKS)

    def _fit(self, scale: Any, axis: Any, ticks: Ticks) -> None:
        axis.tick_format = ticks.format  # before the values: bqplot writes the labels when those change, not for this
        with scale.hold_sync():
            scale.min, scale.max = ticks.lo, ticks.hi
        axis.tick_values = np.array(ticks.values)

    def _lay_out(self, curves: Sequence[Curve]) -> None:
        self._raw = {curve.name: self._line(curve.colour, 1.3) for curve in curves}
        self._smooth = {curve.name: self._line(curve.colour, 1.8) for curve in curves}
        lines = (*self._raw.values(), *self._smooth.values())
        self.figure.marks = [*lines, self._nonfinite, self._marks, self._cursor, self._feet]

    def _line(self, colour: str, width: float) -> Any:
        return bqplot.Lines(
            x=[], y=[], colors=[f"var(--tvw-{colour})"], stroke_width=width, scales={"x": self._x, "y": self._y}
        )

    def _make_y_axis(self) -> Any:
        return bqplot.Axis(scale=self._y, side="left", tick_format=".1f")

    @property
    def _is_log(self) -> bool:
        return isinstance(self._y, bqplot.LogScale)

    def _drawable(self, y: Array) -> Array:
        # A logarithm has no place for what is not positive, a plot none for Inf; NaN leaves a gap.
        return np.where(np.isfinite(y) & (y > 0 if self._is_log else True), y, np.nan)


def _tip() -> Any:
    tip = bqplot.Tooltip(fields=["name"], show_labels=False, layout=Layout(max_width="320px"))
    return tip.add_class("tvw-mark-tip")


def _set(line: Any, x: Array, y: Array, **traits: Any) -> None:
    with line.hold_sync():
        line.x, line.y = _without_gap_at_end(x, y)
        for name, value in traits.items():
            setattr(line, name, value)


def _without_gap_at_end(x: Array, y: Array) -> tuple[Array, Array]:
    """The points up to the last that is drawn: bqplot puts a label there, and an error on the console for NaN."""
    drawn = np.flatnonzero(np.isfinite(y))
    end = int(drawn[-1]) + 1 if len(drawn) else 0
    return x[:end], y[:end]
