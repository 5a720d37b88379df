"""LossPlot: the metrics as they are logged, train and val of one metric in one panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, cast

import ipywidgets
import torch
import traitlets as t

from torchvis_widgets.record.marks import Mark
from torchvis_widgets.record.series import Axis, Series
from torchvis_widgets.widgets.base import Reply, Topic
from torchvis_widgets.widgets.charts import COLOURS, Curve, LineChart
from torchvis_widgets.widgets.marked import latest_marks, told
from torchvis_widgets.widgets.stage import Source
from torchvis_widgets.widgets.ticks import Ticks, linear_ticks, round_step
from torchvis_widgets.widgets.view import View

POINTS = 1000  # a line; bqplot's redraw costs what is sent, however long the history
LEAST_POINTS = 50  # of a branch that was left, however many were
FEW = 50  # values drawn as they are: smoothing has nothing to tell from so few
GRID_LINES = 8
SCALES, AXES = ("linear", "log"), ("step", "epoch", "time")


class LossHeader(View):
    """The controls and the legend above the chart, and what paces the chart by the browser's answers."""

    bundle: ClassVar[str] = "loss_plot"

    groups = t.List(t.Unicode()).tag(sync=True)
    group = t.Unicode().tag(sync=True)
    scale = t.Unicode("linear").tag(sync=True)
    axis = t.Unicode("step").tag(sync=True)
    smoothing = t.Float(0.6).tag(sync=True)
    legend = t.List(t.Dict()).tag(sync=True)
    marks = t.List(t.Dict()).tag(sync=True)  # {step, kind, text} of each moment marked in the run

    def __init__(self, source: Source, chart: LineChart, metric: str | None) -> None:
        self._chart = chart
        super().__init__(source, group=metric or "")

    def update(self) -> None:
        self.groups = list(dict.fromkeys(map(group_of, self.stage.session.run.series)))
        if not self.group and self.groups:
            self.group = "loss" if "loss" in self.groups else self.groups[0]
        lines = self._lines()
        self.legend = [
            {"name": series.name, "value": _number(series.last), "colour": colour, "line": index}
            for index, (series, colour) in enumerate(lines)
        ]
        if self._left_series():
            self.legend = [*self.legend, {"name": "before going back", "value": "", "colour": "faint", "line": -1}]
        self.marks = told(latest_marks(self.stage.session.run))
        self._chart.point_at(self._cursor())  # no topic: the chart's own traits are all that it takes

    def topics(self) -> list[Topic]:
        lines = self._lines()
        key = (tuple((series.name, len(series)) for series, _ in lines), self.scale, self.axis, self.smoothing)
        run = self.stage.session.run
        return [Topic("drawn", (key, run.branch, tuple(latest_marks(run))), lambda: self._draw(lines))]

    def draw(self) -> None:
        """Draw what there is before any view: bqplot loses lines that are added while a figure is being shown."""
        lines = self._lines()
        if lines:
            self._draw(lines)

    def answer_group(self, group: str) -> None:
        """Another panel was chosen."""
        self._choose("group", group, self.groups)

    def answer_scale(self, scale: str) -> None:
        """The vertical axis was switched."""
        self._choose("scale", scale, SCALES)

    def answer_axis(self, axis: str) -> None:
        """The horizontal axis was switched."""
        self._choose("axis", axis, AXES)

    def answer_smoothing(self, smoothing: float) -> None:
        """The smoothing slider was moved."""
        if not isinstance(smoothing, (int, float)) or not 0 <= smoothing < 1:
            raise ValueError(f"smoothing lies in 0 … 1 (1 left out), found {smoothing!r}")
        self.smoothing = float(smoothing)
        self.changed()

    def _choose(self, trait: str, value: object, choices: Sequence[str]) -> None:
        if value not in choices:
            raise ValueError(f"{trait} is one of {', '.join(choices)}, found {value!r}")
        self.set_trait(trait, value)
        self.changed()

    def _lines(self) -> list[tuple[Series, str]]:
        ours = [series for name, series in self.stage.session.run.series.items() if group_of(name) == self.group]
        return [(series, COLOURS[index % len(COLOURS)]) for index, series in enumerate(ours)]

    def _draw(self, lines: list[tuple[Series, str]]) -> Reply:
        self._chart.set_scale(self.scale)
        curves = [*self._left(), *(self._curve(series, colour) for series, colour in lines)]
        end = max((float(curve.x[-1]) for curve in curves if len(curve.x)), default=0.0)
        self._chart.draw(curves, self._ticks(end))
        self._chart.mark(self._marks())
        return {"points": [len(curve.x) for curve in curves]}, []

    def _left(self) -> list[Curve]:
        """What branches that were left went on to, behind the lines of now and fainter."""
        left = self._left_series()
        points = max(LEAST_POINTS, POINTS // max(1, len(left)))
        curves = [self._curve(series, "faint", points) for series in left]
        return [
            Curve(f"{curve.name}, left {number}", curve.colour, *curve.smoothed())
            for number, curve in enumerate(curves, start=1)
        ]

    def _left_series(self) -> list[Series]:
        left = self.stage.session.run.left.items()
        return [each for name, found in left if group_of(name) == self.group for each in found]

    def _curve(self, series: Series, colour: str, points: int = POINTS) -> Curve:
        view = series.view(cast(Axis, self.axis), points)
        start = self._origin()
        if not self.smoothing or len(series) < FEW:
            return Curve(series.name, colour, view.x - start, view.y)
        smooth = series.smooth(view, self.smoothing)
        return Curve(series.name, colour, view.x - start, view.y, view.mean_x - start, smooth)

    def _origin(self) -> float:
        return self.stage.session.run.began if self.axis == "time" else 0.0

    def _ticks(self, end: float) -> Ticks:
        """Grid lines at the ends of epochs, a round number of them apart, where the axis has epochs."""
        ends = [(s.epoch, s.step) for s in self.stage.session.run.snapshots if s.epoch is not None]
        if self.axis == "time" or len(ends) < 2:
            round_ticks = linear_ticks(0.0, end or 1.0, GRID_LINES)
            return replace(round_ticks, hi=end or 1.0)
        stride = max(1, round(round_step((len(ends) - 1) / GRID_LINES)))
        marks = [float(epoch if self.axis == "epoch" else step) for epoch, step in ends if epoch % stride == 0]
        return Ticks(marks, 0.0, max(end, marks[-1]), "d")

    def _marks(self) -> list[tuple[float, str]]:
        """Where on the axis something went wrong, and what."""
        marks = latest_marks(self.stage.session.run)
        places = [(self._place(mark), mark.text) for mark in marks]
        return [(float(place), text) for place, text in places if place is not None]

    def _place(self, mark: Mark) -> float | None:
        if self.axis == "time":
            return mark.time - self._origin()
        return mark.step if self.axis == "step" else mark.epoch

    def _cursor(self) -> float | None:
        step = self.stage.step
        if step is None:
            return None
        if self.axis == "step":
            return float(step)
        try:
            snapshot = self.stage.session.run.snapshot(step=step)
        except LookupError:  # thinned away meanwhile; the activations say so
            return None
        return snapshot.time - self._origin() if self.axis == "time" else snapshot.epoch


class LossPlot(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets is untyped
    """The metrics of a run, live: one line a metric, `train/…` and `val/…` of one metric together.

    However long the history, at most about 1,000 points a line are sent, every spike among them.

    Args:
        source: a `Session`, or a `Run` to look at what was recorded.
        metric: the panel to open with, the part of the names after the last `/`; by default `"loss"`, or the first.
    """

    def __init__(self, source: Source, *, metric: str | None = None, model: torch.nn.Module | None = None) -> None:
        self._chart = LineChart()
        self.header = LossHeader(source, self._chart, metric)
        self.header.draw()
        super().__init__([self.header, self._chart.figure])
        self.add_class("tvw-loss-plot-box")

    @property
    def figure(self) -> Any:
        """The bqplot figure, to be styled or saved."""
        return self._chart.figure


def group_of(name: str) -> str:
    """The panel of a metric: the last part of its name."""
    return name.rsplit("/", 1)[-1]


def _number(last: tuple[int, float] | None) -> str:
    return "" if last is None else f"{last[1]:.4g}".replace("nan", "NaN").replace("inf", "Inf")
