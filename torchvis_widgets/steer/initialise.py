"""How a layer's values begin: what its own reset_parameters() draws, from a generator of our own."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from torchvis_widgets.steer.packed import Packed
from torchvis_widgets.steer.recipe import Recipe

__all__ = ["initial"]


def initial(model: nn.Module | None, name: str, shape: tuple[int, ...], seed: int) -> Recipe:
    """How fresh values of the tensor `name` are drawn; no global generator is touched to find it out.

    As the layer's own `reset_parameters()` draws them (on a blank copy of it), else uniformly in ±1/√fan_in.
    """
    module, _, leaf = name.rpartition(".")
    try:
        found = _as_drawn_by(model.get_submodule(module), leaf, shape, seed) if model is not None else None
    except Exception:  # a layer's own code, on a copy without data: what it cannot do there is not the user's concern
        found = None
    return Recipe.by_fan_in(shape) if found is None else found


def _as_drawn_by(module: nn.Module, leaf: str, shape: tuple[int, ...], seed: int) -> Recipe | None:
    blank = _blank(module)
    reset = getattr(blank, "reset_parameters", None) or getattr(blank, "_reset_parameters", None)
    if not callable(reset):
        return None
    with _Seeded(seed) as draws, torch.no_grad():
        reset()
    drawn = {**blank._parameters, **blank._buffers}.get(leaf)
    # NaN is what was there before: reset_parameters() knows nothing of this tensor.
    if drawn is None or drawn.shape != shape or bool(drawn.isnan().any()):
        return None
    found: Recipe = draws.recipe(drawn.detach())
    return found


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
        return torch.zeros(tensor.shape, dtype=tensor.dtype, device="cpu")
    return kind(torch.full(tensor.shape, math.nan, dtype=torch.float32, device="cpu"))


class _Seeded(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within it, on this thread, everything random draws from a generator of its own; what is drawn is noted."""

    def __init__(self, seed: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._generator = torch.Generator("cpu").manual_seed(seed)
        self._draws: dict[int, tuple[Recipe, Tensor]] = {}  # by the place of what was drawn, with the values

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # or the first use would import torch._dynamo, two seconds, maybe between two steps

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        return True  # or a compiled model on another thread would run uncompiled meanwhile

    def recipe(self, drawn: Tensor) -> Recipe:
        """How the values of a tensor came about."""
        recipe, values = self._draws.get(drawn.data_ptr(), (None, None))
        if recipe is not None and values is not None and torch.equal(values, drawn):
            return recipe
        first = drawn.flatten()[:1]
        if drawn.numel() and bool((drawn == first).all()):
            return Recipe("constant", float(first))
        return Recipe("values", values=Packed.of(drawn))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **given)
        if given.get("generator") is None:
            func, given = _taking_a_generator(func), {**given, "generator": self._generator}
        result = func(*args, **given)
        kind = {"aten::uniform_": "uniform", "aten::normal_": "normal"}.get(func._schema.name)
        if kind is not None and given.keys() <= {"generator"}:
            a, b = list(args[1:3]) + [0.0, 1.0][len(args) - 1 :]
            self._draws[args[0].data_ptr()] = Recipe(cast(Any, kind), float(a), float(b)), args[0].clone()
        return result


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
