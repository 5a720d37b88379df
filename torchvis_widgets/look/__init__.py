"""What can be seen inside a model at one snapshot. Knows no widget."""

from __future__ import annotations

from torchvis_widgets.look.capturing.capture import Capture, capture
from torchvis_widgets.look.context import Context
from torchvis_widgets.look.copying import unwrapped
from torchvis_widgets.look.errors import CaptureError, ForwardError, LookError, ProbeError, ReplicaError
from torchvis_widgets.look.observer import Observer
from torchvis_widgets.look.outcome import Outcome
from torchvis_widgets.look.picturing.picture import Picture, colour_limits, picture
from torchvis_widgets.look.picturing.quantise import quantise, robust_limits
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica
from torchvis_widgets.look.tracing.graph import Edge, Graph, Module, Node, Output
from torchvis_widgets.look.tracing.trace import trace, trace_probe

__all__ = [
    "Capture",
    "CaptureError",
    "Context",
    "Edge",
    "ForwardError",
    "Graph",
    "LookError",
    "Module",
    "Node",
    "Observer",
    "Outcome",
    "Output",
    "Picture",
    "Probe",
    "ProbeError",
    "Replica",
    "ReplicaError",
    "capture",
    "colour_limits",
    "picture",
    "quantise",
    "robust_limits",
    "trace",
    "trace_probe",
    "unwrapped",
]
