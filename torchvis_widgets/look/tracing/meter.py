"""Meter: multiply-adds, time and memory of the operators that one pass runs."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import flop_counter

from torchvis_widgets.look.tracing.sizes import any_nested


@dataclass
class Cost:
    """Multiply-adds; seconds; and bytes of tensors alive at most, beyond those alive when it began."""

    macs: int = 0
    seconds: float = 0.0
    memory: int = 0


class Meter:
    """Measures between `begin()` and `end()`, which nest.

    Multiply-adds are half the FLOPs of `torch.utils.flop_counter`'s formulas, which FlopCounterMode sums too: matrix
    products, convolutions and attention; all else counts 0. Memory is that of the tensors made within the pass and
    still alive; what a kernel uses for itself is not seen. On CUDA times are the device's, known after `settle()`.
    """

    def __init__(self, device: torch.device, known: Iterable[Tensor]) -> None:
        self._macs = 0
        self._alive = 0
        self._peaks = [0]
        self._storages: dict[int, weakref.ref[Any]] = {}
        self._events: list[tuple[Cost, Any, Any]] = []
        self._cuda = device.type == "cuda"
        for tensor in known:
            self._note(tensor, counted=False)

    def begin(self) -> tuple[int, int, Any]:
        """What `end()` wants to know."""
        self._peaks.append(self._alive)
        return self._macs, self._alive, self._now()

    def end(self, mark: tuple[int, int, Any]) -> Cost:
        """What was used since then."""
        macs, alive, began = mark
        peak = self._peaks.pop()
        self._peaks[-1] = max(self._peaks[-1], peak)
        cost = Cost(self._macs - macs, 0.0, peak - alive)
        if self._cuda:
            self._events.append((cost, began, self._now()))
        else:
            cost.seconds = time.perf_counter() - began
        return cost

    def settle(self) -> None:
        """Wait for the device and fill in the seconds of every cost."""
        for cost, began, ended in self._events:
            ended.synchronize()
            cost.seconds = began.elapsed_time(ended) / 1000
        self._events.clear()

    def run(self, operator: Any, *args: Any, **kwargs: Any) -> Any:
        """Carry out an operator of the dispatcher and count it."""
        formula: Callable[..., int] | None = flop_counter.flop_registry.get(operator.overloadpacket)
        output = operator(*args, **kwargs)
        if formula is not None and not any_nested(args):  # whose shapes it cannot read
            self._macs += _flops(formula, args, kwargs, output) // 2
        for tensor in output if isinstance(output, tuple | list) else (output,):
            if isinstance(tensor, Tensor):
                self._note(tensor, counted=True)
        return output

    def _now(self) -> Any:
        if not self._cuda:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def _note(self, tensor: Tensor, *, counted: bool) -> None:
        try:
            storage = tensor.untyped_storage()
        except (NotImplementedError, RuntimeError):  # sparse ones, and those inside vmap, have none
            return
        place = storage._cdata
        known = self._storages.get(place)
        if known is not None and known() is not None:
            return
        size = storage.nbytes() if counted else 0
        self._storages[place] = weakref.ref(storage, lambda _: self._freed(place, size))
        self._alive += size
        self._peaks[-1] = max(self._peaks[-1], self._alive)

    def _freed(self, place: int, size: int) -> None:
        self._storages.pop(place, None)
        self._alive -= size


def _flops(formula: Callable[..., int], args: Sequence[Any], kwargs: Mapping[str, Any], output: Any) -> int:
    bare: Callable[..., int] | None = getattr(formula, "__wrapped__", None)
    if bare is None or getattr(formula, "_get_raw", False):
        return formula(*args, **kwargs, out_val=output)
    # Of shapes, which torch's wrapper would look for with pytree in a third of a millisecond.
    named = {name: _shape(value) for name, value in kwargs.items()}
    return bare(*map(_shape, args), out_shape=_shape(output), **named)


def _shape(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.shape
    return tuple(map(_shape, value)) if isinstance(value, tuple) else value
