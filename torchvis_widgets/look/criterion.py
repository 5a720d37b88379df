"""The user's criterion, and functions of the output, called so that neither they nor the training notices."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from torchvis_widgets.look.errors import LookError
from torchvis_widgets.look.outcome import Criterion
from torchvis_widgets.look.randomness import RandomStateKept


def own_criterion(criterion: Criterion | None, device: torch.device) -> Criterion | None:
    """A copy on a device, without gradients, hooks of the training loop's or a state that it shares."""
    if not isinstance(criterion, nn.Module):
        return criterion
    try:
        own = copy.deepcopy(criterion).to(device)
    except Exception:
        return cast("Criterion", criterion.forward)  # not the module itself: hooks on it belong to the training loop
    return own.requires_grad_(False)


def guarded(
    function: Callable[..., Tensor], quiet: Callable[[], bool], devices: Sequence[torch.device]
) -> Callable[..., Tensor]:
    """The function, called so that the process's random state stays as it was.

    quiet: whether nothing else draws meanwhile, so that it can be put back. Else LookError is raised in place of a draw
    of torch's; those of Python and numpy go unnoticed.
    """

    def call(*args: Any) -> Tensor:
        with RandomStateKept(devices) if quiet() else _Refusing():
            return function(*args)

    return call


class _Refusing(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if torch.Tag.nondeterministic_seeded in func.tags:
            raise LookError(
                "it draws random numbers, and computing it now would change those that training draws",
                "Look when training has ended.",
            )
        return func(*args, **(kwargs or {}))
