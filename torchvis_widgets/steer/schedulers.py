"""Who else sets an optimizer's hyperparameters: its schedulers, found where the training loop keeps them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from types import FrameType
from typing import Any

import torch

UNKNOWN, BY_HAND = "a scheduler", "the training code"
MOST_WITHIN = 64  # attributes of an object, or elements of a list, that are looked through


def setter_of(optimizer: torch.optim.Optimizer, known: Iterable[Any]) -> str:
    """The class of the scheduler that steps `optimizer`, from those `known` and what the calling functions hold.

    "a scheduler" where only its traces are found, "the training code" where there are none. It is called on the
    training thread, from within `optimizer.step()`: the loop that holds the scheduler is among the callers.
    """
    for each in [*known, *_held_by_callers()]:
        if is_scheduler_of(each, optimizer):
            return type(each).__name__
    return UNKNOWN if is_scheduled(optimizer) else BY_HAND


def is_scheduler_of(thing: object, optimizer: torch.optim.Optimizer) -> bool:
    """Whether `thing` is a scheduler, torch's or one that works like it, of this optimizer."""
    # Not getattr(): a property, or a mock, of whatever the user keeps in the loop must not be woken by us.
    own = getattr(thing, "__dict__", None)
    if not isinstance(own, dict) or isinstance(thing, (type, torch.optim.Optimizer)):
        return False
    return own.get("optimizer") is optimizer and callable(getattr(type(thing), "step", None))


def is_scheduled(optimizer: torch.optim.Optimizer) -> bool:
    """Whether a scheduler of torch's has been made for it: it leaves its first learning rate in the groups."""
    return any("initial_lr" in group for group in optimizer.param_groups)


def _held_by_callers() -> Iterator[Any]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] not in ("torch", "torchvis_widgets"):
            yield from _within(_locals(frame))
            yield from _within(frame.f_globals)
        frame = frame.f_back


def _within(names: Mapping[str, Any]) -> Iterator[Any]:
    """What the names stand for, what lists of them hold, and what `self` holds."""
    for name, thing in list(names.items()):
        yield thing
        if type(thing) in (list, tuple):
            yield from thing[:MOST_WITHIN]
        elif type(thing) is dict and len(thing) <= MOST_WITHIN:
            yield from list(thing.values())
        elif name == "self":
            yield from list(getattr(thing, "__dict__", {}).values())[:MOST_WITHIN]


def _locals(frame: FrameType) -> dict[str, Any]:
    """A copy of a function's variables.

    Before Python 3.13 the frame keeps the dict that it makes of them, and with it the batch of this step for as long as
    the loop runs: it is emptied again. That of a module is its own.
    """
    found = frame.f_locals
    copy = dict(found)
    if frame.f_code.co_flags & inspect.CO_OPTIMIZED and type(found) is dict:
        found.clear()
    return copy
