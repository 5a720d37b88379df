"""Around: what the log of edits is told of the training beside the tensors, and whom it tells of each edit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from torch import nn
from torch.optim import Optimizer

from torchvis_widgets.steer.preview import Fresh, States, fan_based, no_states
from torchvis_widgets.steer.transaction import Transaction

__all__ = ["Around"]


def _nowhere() -> tuple[float | None, int]:
    return None, 0


def _nobody(transaction: Transaction) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class Around:
    """Functions, each asked when its answer is needed.

    parameters: the model's own, by name. tied: names that share a tensor, a group each. states, fresh: as for `apply`.
    optimizers: those that may hold the parameters. place: the epoch and the branch of now. record: hears of every
    transaction that is new or has changed. run: the directory that snapshots are loaded from.
    """

    parameters: Callable[[], Mapping[str, nn.Parameter]] = dict
    tied: Callable[[], Iterable[Collection[str]]] = tuple
    states: States = no_states
    fresh: Fresh = fan_based
    optimizers: Callable[[], Iterable[Optimizer]] = tuple
    place: Callable[[], tuple[float | None, int]] = _nowhere
    record: Callable[[Transaction], None] = _nobody
    run: str = ""
