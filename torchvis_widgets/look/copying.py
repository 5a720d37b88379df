"""Copies of a model that may be run unnoticed: in eval mode, eager, with no hook of ours and no gradient."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping
from operator import is_
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from torchvis_widgets.look.errors import ON_THE_CPU, ReplicaError, in_words, out_of_memory
from torchvis_widgets.look.leaves import leaves
from torchvis_widgets.look.randomness import RandomStateKept

_TABLES = ("_parameters", "_buffers", "_modules")


def unwrapped(model: nn.Module) -> nn.Module:
    """The model inside DataParallel, DistributedDataParallel and torch.compile, whose names have no prefix."""
    while True:
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            model = model.module
        elif isinstance(getattr(model, "_orig_mod", None), nn.Module):
            model = model._orig_mod  # type: ignore[assignment]  # checked above; torch.compile's wrapper
        else:
            return model


def copied(model: nn.Module, device: torch.device | str | None) -> nn.Module:
    """A deep copy, on `device` where one is given. Raises ReplicaError where there can be none."""
    try:
        with torch.no_grad():  # the parameters of a scripted module would be results of autograd
            return copy.deepcopy(model, _at_hand(model, device))
    except Exception as error:
        if out_of_memory(error):
            raise ReplicaError("the device has no room for a copy of the model", ON_THE_CPU) from error
        raise ReplicaError(
            f"the model cannot be copied with copy.deepcopy ({in_words(error)})",
            "Pass a function that builds it anew: replica=lambda: MyModel(…).",
        ) from error


def built(factory: Callable[[], nn.Module]) -> nn.Module:
    """What `replica=` builds. Raises ReplicaError where that is no module."""
    with RandomStateKept():  # building a model draws its initial weights
        module = factory()
    if not isinstance(module, nn.Module):
        raise ReplicaError(f"replica= gave a {type(module).__name__}, expected an nn.Module", "Return the model built.")
    return unwrapped(module)


def refuse_lazy(model: nn.Module) -> None:
    """Raises ReplicaError for a model with parameters that have no shape yet."""
    for name, parameter in model.named_parameters():
        if is_lazy(parameter):
            raise ReplicaError(f"{name!r} is not initialised yet", "Run one batch through the model, then watch it.")


def quieted(module: nn.Module, drop_hook: Callable[[Any], bool]) -> nn.Module:
    """The module itself, in eval mode, without gradients, without the hooks that are to be dropped, and eager."""
    for part in module.modules():
        _drop_hooks(part, drop_hook)
        _make_eager(part)
    module.eval()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
        parameter.grad = None
    return module


@contextlib.contextmanager
def attributes_kept(module: nn.Module) -> Iterator[None]:
    """Puts back what the block assigned to attributes, buffers included: a pass must not hang on the one before."""
    before = [
        (vars(part), dict(vars(part)), {name: dict(vars(part)[name]) for name in _TABLES})
        for part in module.modules()
        if not isinstance(part, torch.jit.ScriptModule)  # theirs are not in Python
    ]
    try:
        yield
    finally:
        for attributes, kept, tables in before:
            _put_back(attributes, kept)
            for name, table in tables.items():
                _put_back(attributes[name], table)


def _put_back(table: dict[str, Any], kept: Mapping[str, Any]) -> None:
    # By identity, and without a loop in Python: this is done for every module after every pass.
    same = len(table) == len(kept) and all(map(is_, table.values(), kept.values())) and all(map(is_, table, kept))
    if not same:
        table.clear()
        table.update(kept)


def _at_hand(model: nn.Module, device: torch.device | str | None) -> dict[int, Any]:
    """Copies that deepcopy cannot make, for its memo, and those that would take room on the wrong device."""
    found: dict[int, Any] = {}
    for module in model.modules():
        for _, tensor in leaves(vars(module)):
            if not tensor.is_leaf:  # a result of autograd, such as the weight that torch.nn.utils.weight_norm computes
                found[id(tensor)] = tensor.detach().clone()
            elif device is not None and type(tensor) in (Tensor, nn.Parameter):
                moved = tensor.detach().to(device, copy=True)
                found[id(tensor)] = nn.Parameter(moved, False) if isinstance(tensor, nn.Parameter) else moved
    return found


def _drop_hooks(module: nn.Module, drop_hook: Callable[[Any], bool]) -> None:
    registries = [value for name, value in vars(module).items() if "_hooks" in name and isinstance(value, dict)]
    ours = {number for hooks in registries for number, hook in hooks.items() if drop_hook(hook)}
    for hooks in registries:  # the same number stands in the side tables, such as _forward_hooks_with_kwargs
        for number in ours & hooks.keys():
            del hooks[number]


def _make_eager(module: nn.Module) -> None:
    """Compiled code runs no hook of the modules inside, and a view's pass would have it compiled once more."""
    vars(module).pop("_compiled_call_impl", None)  # module.compile()
    compiled = unwrapped(module)
    if compiled is not module and "dynamo_ctx" in vars(module):  # torch.compile(module)
        vars(module)["forward"] = lambda *args, **kwargs: compiled(*args, **kwargs)
