"""capture: the outputs asked for, copied inside one forward pass of the replica that stops once it has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from torchvis_widgets.look.capturing.keyring import Keyring
from torchvis_widgets.look.capturing.listen import HaveAll, listen
from torchvis_widgets.look.capturing.unmet import unmet
from torchvis_widgets.look.errors import CaptureError, in_words, without_values
from torchvis_widgets.look.leaves import unpacked
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica
from torchvis_widgets.look.tracing.walk import Call, Listener

Reduce = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Capture:
    """Outputs by key, on the CPU, with their batch dimension; `stopped` when the pass ended early, having them all."""

    outputs: dict[str, Tensor]
    stopped: bool


def capture(
    replica: Replica,
    probe: Probe,
    keys: Iterable[str],
    *,
    samples: slice | None = None,
    reduce: Reduce | None = None,
) -> Capture:
    """The outputs named by `keys` for the probe, or for some of its samples.

    A key without a leaf stands for the first tensor. `reduce` is applied on the model's device, to what is copied.
    Raises CaptureError for a key that yields nothing and ForwardError where the model itself raises first.
    """
    inputs = probe if samples is None else probe.samples(samples)
    taker = Taker(Keyring(replica.module, keys), reduce, stops=True)
    try:
        listen(replica, inputs, taker.keyring, taker)
    except HaveAll:
        return Capture(taker.found, stopped=True)
    for key in taker.keyring.missing():
        raise unmet(replica, inputs, taker.keyring, key)
    return Capture(taker.found, stopped=False)


@dataclass
class Taker(Listener):
    """Copies the outputs that its keys name; ends the pass when it has them all, if `stops`."""

    keyring: Keyring
    reduce: Reduce | None = None
    stops: bool = False
    found: dict[str, Tensor] = field(default_factory=dict)

    def leave(self, call: Call, output: Any) -> Any:
        """Copy what was asked for."""
        made = call.args[0] if call.function == "setitem" else unpacked(output)  # x[0] = y gives None
        for key, _, tensor in self.keyring.met(call, made):
            tensor = tensor.detach()
            self.found[key] = _copied(_reduced(tensor, self.reduce, key) if self.reduce else tensor, key)
        if self.stops and not self.keyring.missing():
            raise HaveAll
        return output


def _reduced(tensor: Tensor, reduce: Reduce, key: str) -> Tensor:
    remedy = "Give a function of one tensor (N, …) that gives a tensor (N, …)."
    try:
        found = reduce(tensor)
    except Exception as error:
        raise CaptureError(f"reduce= raised on {key!r}: {in_words(error)}", remedy) from error
    if not isinstance(found, Tensor):
        raise CaptureError(f"reduce= gave a {type(found).__name__} for {key!r}", remedy)
    return found


def _copied(tensor: Tensor, key: str) -> Tensor:
    """An own dense copy on the CPU: the next module may change the output in place."""
    if tensor.is_meta:
        raise without_values(repr(key))
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        raise CaptureError(
            f"{key!r} is inside torch.func.vmap or grad, where a tensor stands for many",
            "Choose the layer around it, or a function after it.",
        )
    if tensor.is_quantized:
        return tensor.dequantize().cpu()
    if tensor.is_nested:
        padded: Tensor = torch.nested.to_padded_tensor(tensor, 0)
        return padded.cpu()
    if tensor.layout != torch.strided:
        return tensor.to_dense().cpu()
    return tensor.to("cpu", copy=True)
