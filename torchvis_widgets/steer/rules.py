"""Which values a hyperparameter takes: by its name, by its kind now, and by what its optimizer's class refuses."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from torchvis_widgets.steer.knobs import GroupPlace, Knob, Value

Scale = Literal["log", "near one", "linear", "whole", "switch"]


class HyperparameterError(ValueError):
    """A value is none that the hyperparameter takes."""


@dataclass(frozen=True)
class Rule:
    """The values that fit, `lo` ≤ value ≤ `hi` (`below`: < `hi`), and the scale of a slider for them."""

    lo: float = -math.inf
    hi: float = math.inf
    below: bool = False
    scale: Scale = "linear"

    def fits(self, value: float) -> bool:
        """Whether `value` is among them; NaN and the infinities never are."""
        high = value < self.hi if self.below else value <= self.hi
        return math.isfinite(value) and self.lo <= value and high

    def __str__(self) -> str:
        if math.isinf(self.lo):
            return "a finite number"
        if math.isinf(self.hi):
            return "a finite number that is not negative"
        return f"a number from {self.lo:g} to {self.hi:g}" + (", which itself is too much" if self.below else "")


# The limits are those of torch.optim's own checks.
POSITIVE = Rule(lo=0.0, scale="log")
SHARE = Rule(lo=0.0, hi=1.0, below=True, scale="near one")
RULES = {
    **dict.fromkeys(("lr", "weight_decay", "eps", "lr_decay", "initial_accumulator_value", "lambd"), POSITIVE),
    "momentum": Rule(lo=0.0, scale="near one"),
    "momentum_decay": Rule(lo=0.0),
    "betas": SHARE,
    "rho": Rule(lo=0.0, hi=1.0, scale="near one"),
    "alpha": Rule(lo=0.0, scale="near one"),
    "dampening": Rule(),
    "dropout": Rule(lo=0.0, hi=1.0),
}


def rule_of(knob: Knob) -> Rule:
    """The rule of what a knob turns; of what is not known here, any finite number fits."""
    return RULES.get(knob.what, Rule())


def scale_of(knob: Knob, now: Value) -> Scale:
    """The scale of a slider for it."""
    if isinstance(now, bool):
        return "switch"
    return "whole" if is_whole(knob, now) else rule_of(knob).scale


def is_whole(knob: Knob, now: Value) -> bool:
    """Whether it counts something: a whole number that no rule takes for a quantity, as `lr=1` is one."""
    return isinstance(now, int) and knob.what not in RULES


def checked(knob: Knob, value: object) -> Value:
    """`value` in the type that the knob holds. Raises HyperparameterError, which says what would fit."""
    now = knob.get()
    if isinstance(now, bool):
        if not isinstance(value, bool):
            raise HyperparameterError(f"{knob.name} is a switch, True or False; found {value!r}")
        return value
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        found = repr(value) if isinstance(value, (bool, str)) else type(value).__name__
        raise HyperparameterError(f"{knob.name} takes a number, found {found}; for example {now!r}")
    number, rule = float(value), rule_of(knob)
    if not rule.fits(number):
        raise HyperparameterError(f"{knob.name} takes {rule}; found {number:g}")
    if not is_whole(knob, now):
        return number
    if number != int(number):
        raise HyperparameterError(f"{knob.name} takes a whole number; found {number:g}")
    return int(number)


def check_together(values: Mapping[Knob, Value]) -> None:
    """Raises HyperparameterError for what the optimizers' own classes refuse: Nesterov without momentum, say."""
    for place in {knob.place for knob in values}:
        optimizer = place.optimizer() if isinstance(place, GroupPlace) else None
        if isinstance(place, GroupPlace) and type(optimizer).__module__.startswith("torch.optim"):
            _ask_class(optimizer, place.index, {knob: value for knob, value in values.items() if knob.place == place})


def _ask_class(optimizer: Any, index: int, values: Mapping[Knob, Value]) -> None:
    """Make another optimizer of its class, of one parameter that nobody has, with the values wanted."""
    group = optimizer.param_groups[index]
    left_out = {"params", "foreach", "fused", "capturable", "differentiable"}
    taken = [key for key in inspect.signature(type(optimizer)).parameters if key in group and key not in left_out]
    asked = {key: _plain(group[key]) for key in taken}
    for knob, value in values.items():
        asked[knob.key] = value if knob.element is None else _with(asked[knob.key], knob.element, value)
    try:
        type(optimizer)([torch.nn.Parameter(torch.zeros(1, 1))], **asked)
    except ValueError as error:
        names = ", ".join(f"{knob.name}={value!r}" for knob, value in values.items())
        raise HyperparameterError(f"{type(optimizer).__name__} refuses {names}: {error}") from None


def _with(held: Sequence[Any], element: int, value: Value) -> Sequence[Any]:
    return type(held)([*held[:element], value, *held[element + 1 :]])  # type: ignore[call-arg]  # a tuple or a list


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, torch.Tensor) else value
