"""Copies of a model that may be run unnoticed: in eval mode, eager, with no hook of ours and no gradient."""

from __future__ import annotations

import contextlib
import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from operator import is_, methodcaller
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from torchvis_widgets.look.errors import ON_THE_CPU, ReplicaError, in_words, out_of_memory
from torchvis_widgets.look.leaves import leaves
from torchvis_widgets.look.randomness import RandomStateKept

_PLAIN = {bool, int, float, str, type(None)}


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
    tables: list[dict[str, Any]] = []
    for part in module.modules():
        if not isinstance(part, torch.jit.ScriptModule):  # theirs are not in Python
            own = vars(part)
            tables += own, own["_parameters"], own["_buffers"], own["_modules"]
    before = _contents(tables)
    try:
        yield
    finally:
        # By identity, of all tables at once and in no loop in Python: this is done after every pass.
        sizes, *now = _contents(tables)
        if sizes != before[0] or not all(all(map(is_, *pair)) for pair in zip(now, before[1:], strict=True)):
            _put_back(tables, *before)


def _contents(tables: Sequence[dict[str, Any]]) -> tuple[list[int], list[str], list[Any]]:
    """How long each table is, and the keys and values of all of them."""
    values = chain.from_iterable(map(methodcaller("values"), tables))
    return list(map(len, tables)), list(chain.from_iterable(tables)), list(values)


def _put_back(tables: Sequence[dict[str, Any]], sizes: list[int], keys: list[str], values: list[Any]) -> None:
    pairs = zip(keys, values, strict=True)
    for table, size in zip(tables, sizes, strict=True):
        table.clear()
        table.update(islice(pairs, size))


def _at_hand(model: nn.Module, device: torch.device | str | None) -> dict[int, Any]:
    """Copies that deepcopy cannot make, for its memo, and those that would take room on the wrong device."""
    found: dict[int, Any] = {}
    for module in model.modules():
        attributes = [value for value in vars(module).values() if type(value) not in _PLAIN]
        # The tables of hooks: a dozen a module, of which deepcopy makes half of its work.
        found |= {id(value): OrderedDict() for value in attributes if _is_empty_table(value)}
        for _, tensor in leaves([value for value in attributes if id(value) not in found]):
            if not tensor.is_leaf:  # a result of autograd, such as the weight that torch.nn.utils.weight_norm computes
                found[id(tensor)] = tensor.detach().clone()
            elif device is not None and type(tensor) in (Tensor, nn.Parameter):
                moved = tensor.detach().to(device, copy=True)
                found[id(tensor)] = nn.Parameter(moved, False) if isinstance(tensor, nn.Parameter) else moved
    return found


def _is_empty_table(value: object) -> bool:
    return type(value) is OrderedDict and not value and not vars(value)


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
