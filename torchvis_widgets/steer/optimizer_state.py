"""What optimizers know of a parameter, such as its momentum: forgotten when it is edited, and brought back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from torchvis_widgets.steer.edits import Edit
from torchvis_widgets.steer.region import read, write

__all__ = ["Forgotten", "forget"]


@dataclass
class Forgotten:
    """What optimizers knew before."""

    states: list[tuple[Optimizer, Tensor, dict[Any, Any]]] = field(default_factory=list)

    @classmethod
    def joined(cls, several: Iterable[Forgotten]) -> Forgotten:
        """All of it as one."""
        return cls([state for each in several for state in each.states])

    def bring_back(self) -> None:
        """Let the optimizers know it again."""
        for optimizer, parameter, state in self.states:
            optimizer.state[parameter] = _copied(state)

    def nbytes(self) -> int:
        """Bytes that this takes."""
        values = [value for _, _, state in self.states for value in state.values()]
        return sum(value.nbytes for value in values if isinstance(value, Tensor))


def forget(optimizers: Iterable[Optimizer], parameter: nn.Parameter, edit: Edit) -> Forgotten:
    """Make optimizers forget the parameter: all of it, or (where a part is edited) what they know of that part.

    Optimizers that keep one state for all their parameters, as LBFGS, forget that.
    """
    forgotten = Forgotten()
    for optimizer in optimizers:
        held = [each for group in optimizer.param_groups for each in group["params"]]
        if not any(each is parameter for each in held):
            continue
        key = held[0] if isinstance(optimizer, torch.optim.LBFGS) else parameter
        state = optimizer.state.get(key)
        if not state:
            continue
        forgotten.states.append((optimizer, key, _copied(state)))
        if (edit.index is None and edit.where is None) or key is not parameter:
            del optimizer.state[key]
        else:
            _forget_part(state, parameter, edit)
    return forgotten


def _forget_part(state: dict[Any, Any], parameter: nn.Parameter, edit: Edit) -> None:
    for value in state.values():
        if isinstance(value, Tensor) and value.shape == parameter.shape:
            write(value, edit, torch.zeros_like(read(value, edit)))


def _copied(state: dict[Any, Any]) -> dict[Any, Any]:
    # Not the dict itself: the optimizer goes on changing the tensors in one that was brought back.
    return {name: value.clone() if isinstance(value, Tensor) else value for name, value in state.items()}
