"""The number that is differentiated: the loss, a class's logit, or a function of the output."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from torchvis_widgets.look.capturing.by_sample import slice_with
from torchvis_widgets.look.capturing.gradients import Scalar, logit, own_scalar
from torchvis_widgets.look.criterion import guarded
from torchvis_widgets.look.errors import LookError
from torchvis_widgets.look.leaves import map_tensors
from torchvis_widgets.look.outcome import Criterion
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica

Of = str | int | Callable[[Any], Any]


def scalar_of(of: Of, replica: Replica, probe: Probe, criterion: Criterion | None, quiet: Callable[[], bool]) -> Scalar:
    """The number that `of` names: "loss", an output's index, or a function. Raises LookError where there is none."""
    if callable(of):
        return guarded(own_scalar(of), quiet, replica.devices)
    if hasattr(of, "__index__"):
        return logit(operator.index(of))
    if of != "loss":
        raise LookError(
            f"of={of!r} is no number of the model's output",
            'Ask for of="loss", a class by its index, or give a function of the output.',
        )
    if criterion is None or probe.targets is None:
        missing = "criterion" if criterion is None else "targets"
        raise LookError(f"there is no loss: no {missing}", "Give watch() a criterion and a probe=(inputs, targets).")
    loss = criterion
    return lambda output, inputs: loss(output, replica.moved(inputs.targets))


def of_samples(scalar: Scalar, samples: Sequence[int], count: int) -> Scalar:
    """The same number, of some samples of the output for all."""
    which = slice_with(samples)

    def chosen(tensor: Tensor) -> Tensor:
        return tensor[which] if tensor.shape[:1] == (count,) else tensor

    def of_chosen(output: Any, inputs: Probe) -> torch.Tensor:
        return scalar(map_tensors(output, chosen), inputs.samples(which))

    return of_chosen
