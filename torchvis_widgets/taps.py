"""What is picked up from the loop by itself: the loss, from the criterion's calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from torchvis_widgets.record.numbers import at_hand

Log = Callable[[int, float, Mapping[str, Any]], None]
PART = 256  # losses held before they are summed up, so that a long pass takes no more memory than a short one


class LossTap:
    """Logs what the criterion returned as `train/loss` and `val/loss`, unless the user logs that name.

    A training loss is held until the next call of the criterion: by then the user's own `log()` of the same step has
    come, if it is to come at all, and nothing is logged twice. A pass of validation is what is evaluated without a step
    in between; its mean is logged when training goes on. Losses stay on their device; nothing waits for them.
    """

    def __init__(self, log: Log, not_needed: Callable[[], None] = lambda: None) -> None:
        """`not_needed()` is called when the user logs all of it."""
        self._log, self._not_needed = log, not_needed
        self.trains = True  # whether a training loss would be logged
        self._step = 0
        self._epoch = 0.0
        self._stepped = False
        self._in_step = self._closure_called = False
        self._trained, self._evaluated = _Losses(), _Losses()
        self._evaluated_at: tuple[int, float] = (0, 0.0)
        self._users_own: set[str] = set()

    def logged(self, names: Iterable[str]) -> None:
        """The user has logged these names: they are the user's from now on."""
        if self._users_own.issuperset(names):
            return
        self._users_own.update(names)
        if "train/loss" in self._users_own:
            self._trained.clear()
            self.trains = self._in_step = False
        if "val/loss" in self._users_own:
            self._evaluated.clear()
            if not self.trains:
                self._not_needed()

    def returned(self, loss: object, training: bool, step: int, epoch: float) -> None:
        """The criterion has returned `loss` after `step` steps; only a single number is a loss that can be plotted."""
        if training and not self.trains and not self._evaluated.count:
            return
        if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
            return
        if training and self._in_step:
            if self._closure_called:
                return
            self._closure_called = True
        name, losses = ("train/loss", self._trained) if training else ("val/loss", self._evaluated)
        if training or step != self._evaluated_at[0]:
            self._flush_evaluation(*self._evaluated_at)
        if training and self._stepped:
            self._flush_training()
        if not training:
            self._evaluated_at = step, epoch
        if name not in self._users_own:
            losses.add(loss)

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
        # Of a pass that steps have followed, where the loss in training mode is another than the criterion's.
        self._flush_evaluation(*((step, epoch) if step == self._evaluated_at[0] else self._evaluated_at))

    def _flush_training(self) -> None:
        if self._trained.count and self._stepped:
            self._log(self._step, self._epoch, {"train/loss": self._trained.mean()})
        self._trained.clear()
        self._stepped = False

    def _flush_evaluation(self, step: int, epoch: float) -> None:
        if self._evaluated.count:
            mean = self._evaluated.mean()
            self._evaluated.clear()
            self._log(step, epoch, {"val/loss": mean})


class _Losses:
    """Losses on their device, and their mean."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.count = 0
        self._at_hand = 0.0  # the sum of those that could be read at once
        self._newest: list[torch.Tensor] = []
        self._sum: torch.Tensor | None = None  # of those before

    def add(self, loss: torch.Tensor) -> None:
        self.count += 1
        number = at_hand(loss)
        if number is not None:
            self._at_hand += number
            return
        self._newest.append(loss.detach().clone().reshape(()))
        if len(self._newest) == PART:
            self._sum, self._newest = self._total(), []

    def mean(self) -> torch.Tensor | float:
        if self._sum is None and not self._newest:
            return self._at_hand / self.count
        return self._newest[0] if self.count == 1 else (self._total() + self._at_hand) / self.count

    def _total(self) -> torch.Tensor:
        parts = self._newest if self._sum is None else [self._sum, *self._newest]
        # In half precision a sum stops growing long before the losses end.
        return torch.stack([part if part.dtype is torch.float64 else part.float() for part in parts]).sum()
