"""The values that a layer begins with: what its own reset_parameters() draws, from a generator of our own."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["initial"]


def initial(model: nn.Module | None, name: str, shape: tuple[int, ...], seed: int) -> Tensor:
    """Fresh float32 values of the tensor `name`, on the CPU; equal for equal seeds, and no global generator is touched.

    Drawn by the layer's own `reset_parameters()` (on a blank copy of it), else uniformly in ±1/√fan_in as nn.Linear's.
    """
    module, _, leaf = name.rpartition(".")
    try:
        drawn = _drawn_by(model.get_submodule(module), leaf, seed) if model is not None else None
    except Exception:  # a layer's own code, on a copy without data: what it cannot do there is not the user's concern
        drawn = None
    if drawn is not None and drawn.shape == shape:
        return drawn
    return _by_fan_in(shape, seed)


def _drawn_by(module: nn.Module, leaf: str, seed: int) -> Tensor | None:
    blank = _blank(module)
    reset = getattr(blank, "reset_parameters", None) or getattr(blank, "_reset_parameters", None)
    if not callable(reset):
        return None
    with _Seeded(seed), torch.no_grad():
        reset()
    drawn = {**blank._parameters, **blank._buffers}.get(leaf)
    # NaN is what was there before: reset_parameters() knows nothing of this tensor.
    return None if drawn is None or bool(drawn.isnan().any()) else drawn.detach()


def _blank(module: nn.Module) -> nn.Module:
    """A copy that shares no tensor: every floating-point one is NaN, in float32 on the CPU."""
    copy = object.__new__(type(module))
    copy.__dict__ = dict(module.__dict__)
    copy._parameters = {name: _unset(each, nn.Parameter) for name, each in module._parameters.items()}
    copy._buffers = {name: _unset(each, Tensor.detach) for name, each in module._buffers.items()}
    copy._modules = {name: None if each is None else _blank(each) for name, each in module._modules.items()}
    return copy


def _unset(tensor: Tensor | None, kind: Any) -> Any:
    if tensor is None:
        return None
    if not tensor.is_floating_point():
        return torch.zeros(tensor.shape, dtype=tensor.dtype)
    return kind(torch.full(tensor.shape, math.nan, dtype=torch.float32))


def _by_fan_in(shape: tuple[int, ...], seed: int) -> Tensor:
    fan_in = math.prod(shape[1:]) if len(shape) > 1 else math.prod(shape)
    bound = 1 / math.sqrt(max(fan_in, 1))
    return torch.empty(shape).uniform_(-bound, bound, generator=torch.Generator().manual_seed(seed))


class _Seeded(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within it, on this thread, everything random draws from a generator of its own."""

    def __init__(self, seed: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._generator = torch.Generator().manual_seed(seed)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if torch.Tag.nondeterministic_seeded in func.tags and given.get("generator") is None:
            func, given = _taking_a_generator(func), {**given, "generator": self._generator}
        return func(*args, **given)


def _taking_a_generator(func: Any) -> Any:
    names = _arguments(func)
    if "generator" in names:
        return func
    packet = func.overloadpacket
    for overload in (getattr(packet, each) for each in packet.overloads()):
        if sorted(_arguments(overload)) == sorted([*names, "generator"]):
            return overload
    raise NotImplementedError(f"{func} takes no generator")


def _arguments(func: Any) -> list[str]:
    return [argument.name for argument in func._schema.arguments]
