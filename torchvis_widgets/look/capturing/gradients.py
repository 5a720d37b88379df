"""Gradients of one number that the model gives, with respect to any output inside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from torchvis_widgets.look.capturing.effect import Intervener
from torchvis_widgets.look.capturing.interventions import Intervention
from torchvis_widgets.look.capturing.keyring import Keyring
from torchvis_widgets.look.capturing.listen import listen
from torchvis_widgets.look.capturing.unmet import unmet
from torchvis_widgets.look.errors import CaptureError, LookError, OutOfMemory, in_words, out_of_memory, without_values
from torchvis_widgets.look.leaves import with_leaves
from torchvis_widgets.look.outcome import logits_of
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica
from torchvis_widgets.look.tracing.walk import Call, Listener

Scalar = Callable[[Any, Probe], Tensor]

_IN_BETWEEN = "Some torch.no_grad(), detach(), argmax or reentrant checkpoint() lies between; choose a later layer."


def gradients(
    replica: Replica,
    probe: Probe,
    keys: Iterable[str],
    scalar: Scalar,
    *,
    samples: slice | None = None,
    interventions: Sequence[Intervention] = (),
) -> dict[str, Tensor]:
    """The gradient of `scalar(output, probe)` with respect to each key's output, of its shape, on the CPU.

    Nothing is recorded for autograd before the first of the keys. Raises CaptureError where no gradient gets there.
    """
    inputs = probe if samples is None else probe.samples(samples)
    marker = _Marker(Keyring(replica.module, keys))
    with replica.lock, torch.inference_mode(False), torch.enable_grad():
        with _NotComputedAnew():
            intervener = Intervener.of(replica, interventions, marker)
            output = listen(replica, inputs, intervener.following(marker.keyring), intervener, gradients=True)
        for key in marker.keyring.missing():
            raise unmet(replica, inputs, marker.keyring, key)
        try:
            return _of(_number(scalar, output, inputs), marker.marked)
        except Exception as error:
            if out_of_memory(error):
                raise OutOfMemory(inputs.count) from error
            raise


def logit(index: int) -> Scalar:
    """The sum over the samples, and over positions, of the output (N, K, …) for one class."""

    def scalar(output: Any, _probe: Probe) -> Tensor:
        logits = logits_of(output)
        if logits is None or logits.dim() not in (2, 4, 5):
            found = "no tensor" if logits is None else f"of shape {tuple(logits.shape)}"
            raise LookError(
                f"the model's answer is {found}, which has no classes (N, K, …)",
                'Ask for of="loss", or give a function of the output.',
            )
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
            found = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
            raise LookError(f"of= gave {found}, expected a tensor of one element", "Sum it up: .sum().")
        return value

    return scalar


def _of(scalar: Tensor, marked: dict[str, Tensor]) -> dict[str, Tensor]:
    if not scalar.requires_grad:
        raise CaptureError(f"no gradient reaches {next(iter(marked))!r}", _IN_BETWEEN)
    try:
        found = torch.autograd.grad(scalar.sum(), list(marked.values()), allow_unused=True)
    except RuntimeError as error:
        if out_of_memory(error):
            raise
        raise CaptureError(f"autograd cannot get to {next(iter(marked))!r}: {in_words(error)}", _IN_BETWEEN) from error
    gradients: dict[str, Tensor] = {}
    for key, gradient in zip(marked, found, strict=True):
        if gradient is None:
            raise CaptureError(f"no gradient reaches {key!r}", _IN_BETWEEN)
        if gradient.is_meta:
            raise without_values(repr(key))
        gradients[key] = gradient.detach().to("cpu", copy=True)
    return gradients


def _number(scalar: Scalar, output: Any, inputs: Probe) -> Tensor:
    try:
        return scalar(output, inputs)
    except LookError:
        raise
    except Exception as error:
        if out_of_memory(error):
            raise
        raise LookError(
            f"the number to differentiate cannot be computed: {in_words(error)}",
            "Look at criterion(output, targets), or at the function given as of=.",
        ) from error


@dataclass
class _Marker(Listener):
    """Makes the outputs asked for known to autograd; what goes on is a clone, which may be changed in place."""

    keyring: Keyring
    marked: dict[str, Tensor] = field(default_factory=dict)

    def leave(self, call: Call, output: Any) -> Any:
        tensors: dict[str, Tensor] = {}
        for key, leaf, tensor in self.keyring.met(call, output):
            if not (tensor.is_floating_point() or tensor.is_complex()):
                raise CaptureError(
                    f"{key!r} holds {str(tensor.dtype).removeprefix('torch.')}, which has no gradient",
                    "Choose a layer whose output is floating-point.",
                )
            self.marked[key] = tensors.setdefault(leaf, _known(tensor, key))  # two keys may name one output
        with torch.enable_grad():
            return with_leaves(output, {leaf: tensor.clone() for leaf, tensor in tensors.items()})


def _known(tensor: Tensor, key: str) -> Tensor:
    if tensor.is_inference():
        raise CaptureError(
            f"{key!r} is computed in inference mode, where autograd knows nothing",
            "Take torch.inference_mode() off the model's forward, or choose a layer outside of it.",
        )
    return tensor if tensor.requires_grad else tensor.detach().requires_grad_()


class _NotComputedAnew(TorchFunctionMode):
    """Keeps for autograd what each function saves, which checkpoint() would compute once more, without our listener."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with torch.autograd.graph.saved_tensors_hooks(_noted, _unchanged):
            return func(*args, **(kwargs or {}))


def _noted(tensor: Tensor) -> tuple[Tensor, int]:
    return tensor, tensor._version


def _unchanged(noted: tuple[Tensor, int]) -> Tensor:
    tensor, version = noted
    if tensor._version != version:  # autograd's own check is off for what a hook has kept
        raise RuntimeError("a tensor that the gradient needs has been changed in place")
    return tensor
