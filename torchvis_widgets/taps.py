"""What is picked up from the loop by itself: the loss, from the criterion's calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

Log = Callable[[int, float, Mapping[str, Any]], None]


class LossTap:
    """Logs what the criterion returned as `train/loss` and `val/loss`, unless the user logs that name.

    A training loss is held until the next call of the criterion: by then the user's own `log()` of the same step has
    come, if it is to come at all, and nothing is logged twice. Losses stay on their device; nothing waits for them.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._step = 0
        self._epoch = 0.0
        self._stepped = False
        self._in_step = self._closure_called = False
        self._trained: list[torch.Tensor] = []
        self._evaluated: list[torch.Tensor] = []
        self._users_own: set[str] = set()

    def logged(self, names: Iterable[str]) -> None:
        """The user has logged these names: they are the user's from now on."""
        self._users_own.update(names)
        if "train/loss" in self._users_own:
            self._trained.clear()
        if "val/loss" in self._users_own:
            self._evaluated.clear()

    def returned(self, loss: object, training: bool) -> None:
        """The criterion has returned `loss`; only a single number is a loss that can be plotted."""
        if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
            return
        if training and self._in_step:
            if self._closure_called:
                return
            self._closure_called = True
        name, losses = ("train/loss", self._trained) if training else ("val/loss", self._evaluated)
        if training and self._stepped:
            self._flush_training()
        if name not in self._users_own:
            losses.append(loss.detach().clone().reshape(()))

    def step_begins(self) -> None:
        """What is returned until the step ends comes from the optimizer's closure, of which the first call counts.

        LBFGS calls it at every point that its line search tries; the first is the loss at the weights as they were.
        """
        self._in_step, self._closure_called = True, False

    def step_ends(self) -> None:
        """The optimizer has stepped."""
        self._in_step = False

    def stepped(self, step: int, epoch: float) -> None:
        """A step has finished: the losses since the last one (gradient accumulation has several) belong to it."""
        self._step, self._epoch, self._stepped = step, epoch, True

    def finish(self, step: int, epoch: float) -> None:
        """An epoch has ended, or the session: nothing more belongs to what is held."""
        self._flush_training()
        if self._evaluated:
            self._log(step, epoch, {"val/loss": _mean(self._evaluated)})
            self._evaluated.clear()

    def _flush_training(self) -> None:
        if self._trained and self._stepped:
            self._log(self._step, self._epoch, {"train/loss": _mean(self._trained)})
        self._trained.clear()
        self._stepped = False


def _mean(losses: list[torch.Tensor]) -> torch.Tensor:
    return losses[0] if len(losses) == 1 else torch.stack(losses).mean()
