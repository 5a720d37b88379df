"""Live widgets for a running PyTorch model: loss plots, weight sliders, activations, and a timeline over them all."""

from torchvis_widgets.every import Every
from torchvis_widgets.look.capturing.interventions import Intervention
from torchvis_widgets.look.tracing.trace import trace
from torchvis_widgets.record.run import Run
from torchvis_widgets.record.statistics import Statistics
from torchvis_widgets.session import Session
from torchvis_widgets.watch import inspect, watch
from torchvis_widgets.widgets.activation_viewer import ActivationViewer
from torchvis_widgets.widgets.dashboard import Dashboard, show
from torchvis_widgets.widgets.epoch_scrubber import EpochScrubber
from torchvis_widgets.widgets.hyperparameter_sliders import HyperparameterSliders
from torchvis_widgets.widgets.loss_plot import LossPlot
from torchvis_widgets.widgets.model_map import ModelMap
from torchvis_widgets.widgets.training_bar import TrainingBar
from torchvis_widgets.widgets.weight_sliders import WeightSliders

__version__ = "0.1.0"

__all__ = [
    "ActivationViewer",
    "Dashboard",
    "EpochScrubber",
    "Every",
    "HyperparameterSliders",
    "Intervention",
    "LossPlot",
    "ModelMap",
    "Run",
    "Session",
    "Statistics",
    "TrainingBar",
    "WeightSliders",
    "inspect",
    "trace",
    "watch",
]

Session.viewer = Run.viewer = show
