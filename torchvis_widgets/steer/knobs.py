"""Knobs: the single numbers and switches of optimizers and Dropout modules that may be turned while a model trains."""

from __future__ import annotations

import numbers
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

Value = float | int | bool

# How an optimizer computes, what its schedulers keep in it, and what it is made of: nothing to steer a training with.
NOT_STEERED = {
    *("params", "param_names", "name", "foreach", "fused", "capturable", "differentiable"),
    *("initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum"),
}
DROPOUTS: dict[str, tuple[type[nn.Module], ...]] = {
    "p": (nn.modules.dropout._DropoutNd,),
    "dropout": (nn.MultiheadAttention, nn.RNNBase),
}
MOST_ELEMENTS = 8  # of a tuple such as betas


class Place(Protocol):
    """What holds a value under a key."""

    def read(self, key: str) -> Any:
        """The value, as it is held."""

    def write(self, key: str, value: Any) -> None:
        """Put another in its place."""


@dataclass(frozen=True)
class GroupPlace:
    """A parameter group of an optimizer, found anew each time: `load_state_dict()` puts other dicts in their places."""

    optimizer: weakref.ref[torch.optim.Optimizer]
    index: int

    def read(self, key: str) -> Any:
        """The group's value."""
        return self._group()[key]

    def write(self, key: str, value: Any) -> None:
        """Give the group another."""
        self._group()[key] = value

    def _group(self) -> dict[str, Any]:
        optimizer = self.optimizer()
        if optimizer is None:
            raise LookupError("the optimizer is gone")
        return optimizer.param_groups[self.index]


@dataclass(frozen=True)
class ModulePlace:
    """A module's attribute."""

    module: weakref.ref[nn.Module]

    def read(self, key: str) -> Any:
        """The attribute."""
        return getattr(self._module(), key)

    def write(self, key: str, value: Any) -> None:
        """Set the attribute."""
        setattr(self._module(), key, value)

    def _module(self) -> nn.Module:
        module = self.module()
        if module is None:
            raise LookupError("the module is gone")
        return module


@dataclass(frozen=True)
class Knob:
    """One number or switch: `what` it is ("lr", "betas", "dropout"), and `where`, if that must be told from others.

    element: of a tuple, such as betas. Equal knobs turn the same thing.
    """

    place: Place
    key: str
    what: str
    where: str = field(default="", compare=False)
    element: int | None = None

    @property
    def name(self) -> str:
        """`lr`, `group 1/lr`, `betas[0]`, `head.drop/dropout`."""
        what = self.what if self.element is None else f"{self.what}[{self.element}]"
        return f"{self.where}/{what}" if self.where else what

    @property
    def tensor(self) -> Tensor | None:
        """The tensor that holds the value, where one does: `SGD(…, lr=torch.tensor(0.1))`."""
        held = self.place.read(self.key)
        return held if isinstance(held, Tensor) else None

    def get(self) -> Value:
        """The value now; of a tensor on a device this waits for the device."""
        held = self.place.read(self.key)
        if self.element is not None:
            held = held[self.element]
        value: Value = held.item() if isinstance(held, Tensor) else held
        return value

    def set(self, value: Value) -> None:
        """Give it another value; unchecked, on the training thread at a step boundary."""
        held = self.place.read(self.key)
        if isinstance(held, Tensor):
            held.fill_(value)  # the same tensor: a captured graph, or a compiled step, reads it from there
        elif self.element is None:
            self.place.write(self.key, value)
        else:
            changed = list(held)
            changed[self.element] = value
            self.place.write(self.key, type(held)(changed))


def of_optimizers(optimizers: Sequence[torch.optim.Optimizer]) -> Iterator[Knob]:
    """Every number and switch of the optimizers' groups, a group after the other."""
    for number, optimizer in enumerate(optimizers):
        groups = optimizer.param_groups
        for index, group in enumerate(groups):
            parts = [f"optimizer {number}"] if len(optimizers) > 1 else []
            parts += [str(group.get("name") or f"group {index}")] if len(groups) > 1 else []
            place, where = GroupPlace(weakref.ref(optimizer), index), "/".join(parts)
            for key in optimizer.defaults:
                if key in group and key not in NOT_STEERED:
                    yield from _of_value(place, key, where, group[key])


def of_modules(model: nn.Module) -> Iterator[Knob]:
    """Every share that a Dropout, an attention or a recurrent module drops, by the module's path."""
    modules = list(model.named_modules())
    found = [(path, module, key) for path, module in modules for key in DROPOUTS if _drops(module, key)]
    for path, module, key in found:
        where = path if len(found) > 1 else ""
        yield Knob(ModulePlace(weakref.ref(module)), key, "dropout", where)


def _drops(module: nn.Module, key: str) -> bool:
    layered = not isinstance(module, nn.RNNBase) or module.num_layers > 1
    return isinstance(module, DROPOUTS[key]) and layered and _is_number(getattr(module, key))


def _of_value(place: Place, key: str, where: str, value: Any) -> Iterator[Knob]:
    if isinstance(value, (bool, Tensor)) or _is_number(value):
        if not isinstance(value, Tensor) or value.numel() == 1:
            yield Knob(place, key, key, where)
    elif type(value) in (tuple, list) and len(value) <= MOST_ELEMENTS:
        for element, each in enumerate(value):
            if _is_number(each):
                yield Knob(place, key, key, where, element)


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
