"""capture: the outputs asked for, copied inside one forward pass of the replica that stops once it has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from torchvis_widgets.look.errors import CaptureError, ForwardError, in_words
from torchvis_widgets.look.keyring import Keyring
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica
from torchvis_widgets.look.walk import Call, Listener, Walk

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
    taker = Taker(Keyring(replica.module, keys), reduce, stops=True)
    try:
        listen(replica, probe if samples is None else probe.samples(samples), taker.keyring, taker)
    except HaveAll:
        return Capture(taker.found, stopped=True)
    except CaptureError:
        raise
    except Exception as error:
        raise stopped_early(error, taker.missing()[0]) from error
    for key in taker.missing():
        raise taker.keyring.explained(key)
    return Capture(taker.found, stopped=False)


def listen(replica: Replica, inputs: Probe, keyring: Keyring, listener: Listener, *, gradients: bool = False) -> Any:
    """Run the inputs with `listener` told of the calls that the keys name; gives the model's output."""
    run: Any = (lambda operator, *args, **kwargs: operator(*args, **kwargs)) if keyring.operators else None
    with (
        replica.lock,
        Walk(replica.module, listener, modules=keyring.modules, functions=keyring.functions, run=run),
    ):
        return replica.run(replica.moved(inputs.args), replica.moved(inputs.kwargs), gradients=gradients)


def stopped_early(error: Exception, key: str) -> ForwardError:
    """What the model raised before a key was reached, in words."""
    if isinstance(error, torch.OutOfMemoryError):
        return OutOfMemory("the device ran out of memory", "Use fewer probe samples, or look on the CPU: device='cpu'.")
    return ForwardError(
        f"the model raised before reaching {key!r}: {in_words(error)}",
        "Choose an earlier layer, or a probe that runs through the whole model.",
    )


class OutOfMemory(ForwardError):
    """The device has no room for the pass."""


class HaveAll(BaseException):
    """Ends the pass; no Exception, lest a model's own `except Exception` swallow it."""


@dataclass
class Taker(Listener):
    """Copies the outputs that its keys name; ends the pass when it has them all, if `stops`."""

    keyring: Keyring
    reduce: Reduce | None = None
    stops: bool = False
    found: dict[str, Tensor] = field(default_factory=dict)

    def missing(self) -> list[str]:
        """The keys not met yet."""
        return [key for key in self.keyring.keys if key not in self.found]

    def leave(self, call: Call, output: Any) -> Any:
        """Copy what was asked for."""
        for key, _, tensor in self.keyring.met(call, output):
            tensor = tensor.detach()
            self.found[key] = _copied(self.reduce(tensor) if self.reduce else tensor, key)
        if self.stops and not self.missing():
            raise HaveAll
        return output


def _copied(tensor: Tensor, key: str) -> Tensor:
    """An own dense copy on the CPU: the next module may change the output in place."""
    if tensor.is_meta:
        raise CaptureError(f"{key!r} is on the meta device and has no values", "Give the model real weights.")
    if tensor.is_quantized:
        return tensor.dequantize().cpu()
    if tensor.layout != torch.strided:
        return tensor.to_dense().cpu()
    return tensor.to("cpu", copy=True)
