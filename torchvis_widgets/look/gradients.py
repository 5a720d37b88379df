"""Gradients of one number that the model gives, with respect to any output inside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from torchvis_widgets.look.capture import listen, stopped_early
from torchvis_widgets.look.errors import CaptureError, LookError
from torchvis_widgets.look.keyring import Keyring
from torchvis_widgets.look.leaves import with_leaves
from torchvis_widgets.look.outcome import logits_of
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica
from torchvis_widgets.look.walk import Call, Listener

Scalar = Callable[[Any, Probe], Tensor]


def gradients(
    replica: Replica, probe: Probe, keys: Iterable[str], scalar: Scalar, *, samples: slice | None = None
) -> dict[str, Tensor]:
    """The gradient of `scalar(output, probe)` with respect to each key's output, of its shape, on the CPU.

    Nothing is recorded for autograd before the first of the keys. Raises CaptureError where no gradient gets there.
    """
    inputs = probe if samples is None else probe.samples(samples)
    marker = _Marker(Keyring(replica.module, keys))
    with replica.lock:
        try:
            output = listen(replica, inputs, marker.keyring, marker, gradients=True)
        except CaptureError:
            raise
        except Exception as error:
            raise stopped_early(
                error, marker.missing()[0] if marker.missing() else next(iter(marker.marked))
            ) from error
        for key in marker.missing():
            raise marker.keyring.explained(key)
        with torch.enable_grad():
            return _of(scalar(output, inputs), marker.marked)


def logit(index: int) -> Scalar:
    """The sum over the samples of the output for one class."""

    def scalar(output: Any, _probe: Probe) -> Tensor:
        logits = logits_of(output)
        if logits is None or logits.dim() != 2:
            raise LookError("the model's answer has no classes", 'Ask of="loss", or give a function of the output.')
        if not 0 <= index < logits.shape[1]:
            raise LookError(
                f"the model has {logits.shape[1]} outputs, none with index {index}",
                "Choose one of them, counted from 0.",
            )
        return logits[:, index].sum()

    return scalar


def own_scalar(function: Callable[[Any], Any]) -> Scalar:
    """A function of the model's output, which has to give a tensor of one element."""

    def scalar(output: Any, _probe: Probe) -> Tensor:
        value = function(output)
        if not isinstance(value, Tensor) or value.numel() != 1:
            found = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise LookError(f"of= gave {found}, expected a tensor of one element", "Sum it up: .sum().")
        return value

    return scalar


def _of(scalar: Tensor, marked: dict[str, Tensor]) -> dict[str, Tensor]:
    remedy = "Some torch.no_grad(), detach(), argmax or reentrant checkpoint() lies between; choose a later layer."
    if not scalar.requires_grad:
        raise CaptureError(f"no gradient reaches {next(iter(marked))!r}", remedy)
    found = torch.autograd.grad(scalar.sum(), list(marked.values()), allow_unused=True)
    for key, gradient in zip(marked, found, strict=True):
        if gradient is None:
            raise CaptureError(f"no gradient reaches {key!r}", remedy)
    return {key: gradient.detach().cpu() for key, gradient in zip(marked, found, strict=True)}


@dataclass
class _Marker(Listener):
    """Makes the outputs asked for known to autograd; what goes on is a clone, which may be changed in place."""

    keyring: Keyring
    marked: dict[str, Tensor] = field(default_factory=dict)

    def missing(self) -> list[str]:
        return [key for key in self.keyring.keys if key not in self.marked]

    def leave(self, call: Call, output: Any) -> Any:
        changed: dict[str, Tensor] = {}
        for key, leaf, tensor in self.keyring.met(call, output):
            if not (tensor.is_floating_point() or tensor.is_complex()):
                raise CaptureError(
                    f"{key!r} holds {str(tensor.dtype).removeprefix('torch.')}, which has no gradient",
                    "Choose a layer whose output is floating-point.",
                )
            with torch.enable_grad():
                self.marked[key] = tensor if tensor.requires_grad else tensor.detach().requires_grad_()
                changed[leaf] = self.marked[key].clone()
        return with_leaves(output, changed)
