"""Dashboard: all views of one session, composed."""

from __future__ import annotations

from typing import Any, ClassVar

import ipywidgets
import torch

from torchvis_widgets.record.recording import Recording
from torchvis_widgets.session import Session
from torchvis_widgets.widgets.activation_viewer import ActivationViewer
from torchvis_widgets.widgets.epoch_scrubber import EpochScrubber
from torchvis_widgets.widgets.hyperparameter_sliders import HyperparameterSliders
from torchvis_widgets.widgets.loss_plot import LossPlot
from torchvis_widgets.widgets.model_map import ModelMap
from torchvis_widgets.widgets.stage import Source, stage_of
from torchvis_widgets.widgets.training_bar import TrainingBar
from torchvis_widgets.widgets.weight_sliders import WeightSliders


class DashboardBar(TrainingBar):
    """The bar on top of a dashboard, which carries the dashboard's own style sheet to the page."""

    styles: ClassVar[tuple[str, ...]] = ("dashboard",)


class Dashboard(ipywidgets.Box):  # type: ignore[misc]  # ipywidgets is untyped
    """The bar, the timeline, the model map beside the activations, and the loss beside hyperparameters and weights.

    Of a model that is inspected there is neither a timeline nor a loss, and no hyperparameter to set: `scrubber`,
    `loss` and `hyperparameters` are None; the last one is so too of a run in which none was changed.

    Args:
        source: a `Session`, or a `Run` to look at what was recorded.
        model: with a `Run`, a model of the recorded architecture, for activations.
    """

    def __init__(self, source: Source, *, model: torch.nn.Module | None = None) -> None:
        session = stage_of(source, model).session
        self.bar = DashboardBar(session)
        self.scrubber = EpochScrubber(session) if session.records else None
        self.map = ModelMap(session)
        self.viewer = ActivationViewer(session)
        self.loss = LossPlot(session) if session.records else None
        self.hyperparameters = HyperparameterSliders(session, folded=True) if _steers(session) else None
        self.sliders = WeightSliders(session)
        parts: dict[str, ipywidgets.DOMWidget | None] = {
            "bar": self.bar,
            "time": self.scrubber,
            "map": self.map,
            "view": self.viewer,
            "loss": self.loss,
            "weights": self.sliders if self.hyperparameters is None else None,
            "steer": None if self.hyperparameters is None else _stacked(self.hyperparameters, self.sliders),
        }
        shown = {area: widget for area, widget in parts.items() if widget is not None}
        for area, widget in shown.items():
            widget.add_class(f"tvw-dashboard-{area}")
        super().__init__(list(shown.values()))
        self.add_class("tvw-dashboard")


def _steers(session: Session) -> bool:
    """Whether there are hyperparameters to set, or changes of them to tell of."""
    return session.records and (isinstance(session.run, Recording) or bool(session.run.changed))


def _stacked(*widgets: ipywidgets.DOMWidget) -> ipywidgets.DOMWidget:
    return ipywidgets.Box(list(widgets))


def show(source: Source) -> Any:
    """The dashboard of a session or a run, the same one each time: a cell run twice shows it twice, not two of them."""
    stage = stage_of(source)
    if stage.dashboard is None:
        stage.dashboard = Dashboard(source)
    return stage.dashboard
