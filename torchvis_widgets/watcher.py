"""What happens at the joints of the loop: steps are counted, commands carried out, snapshots taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from torchvis_widgets.hooks import Attachments
from torchvis_widgets.live import state_of
from torchvis_widgets.loop import Loop
from torchvis_widgets.record.run import Run
from torchvis_widgets.steer.mailbox import Mailbox
from torchvis_widgets.taps import LossTap

FIRST_INTERVAL = 100  # steps between snapshots of a loop that tells nothing of its epochs
SNAPSHOTS_AN_INTERVAL = 64  # after so many the interval is doubled, so that they grow with the logarithm of the steps


class Watcher:
    """Everything that is done on the training thread; each part of it that fails is switched off and reported."""

    def __init__(
        self, model: torch.nn.Module, run: Run, loop: Loop, mailbox: Mailbox, on_error: Callable[[Exception], None]
    ) -> None:
        self._model, self._run, self._loop, self._mailbox = model, run, loop, mailbox
        self._attached = Attachments(on_error)
        self._on_error = on_error
        self._steps_by_hand = True
        self._saved_step: int | None = None
        self._interval, self._interval_count = FIRST_INTERVAL, 0
        self._epoch_began_at = 0
        self.losses = LossTap(run.log)

    # Attaching

    def attach(self, optimizers: list[torch.optim.Optimizer], criterion: object) -> None:
        """Hook the optimizers, or whichever optimizer holds the model's parameters, and the criterion."""
        around = {"before": self.before_step, "after": self._optimizer_stepped}
        if not optimizers:
            self._attached.any_optimizer_steps(self._model.parameters(), **around)
        for optimizer in optimizers:
            self._steps_by_hand = False
            self._attached.optimizer_steps(optimizer, **around)
        if isinstance(criterion, torch.nn.Module):
            self._attached.criterion_calls(criterion, self._criterion_returned)

    def first_inputs(self, model: torch.nn.Module, take: Callable[[Any, Any], None]) -> None:
        """Call `take(args, kwargs)` with what the model is first given."""

        def once(args: Any, kwargs: Any) -> None:
            remove()
            take(args, kwargs)

        remove = self._attached.model_inputs(model, once)

    def detach(self) -> None:
        """Take every hook off and record what is still held back."""
        self._attached.remove()
        self.losses.finish(self._loop.step, self._loop.epoch)

    # The joints, called on the training thread

    def before_step(self) -> None:
        """Snapshot 0, before anything has been learned."""
        if self._saved_step is None:
            self._save(epoch=0.0)

    def after_batch(self) -> None:
        """A batch is done; where no optimizer was ever seen, that is a step."""
        if self._steps_by_hand:
            self._stepped()

    def epoch_ended(self) -> None:
        """The end of an epoch; without optimizer and batches it is a step as well."""
        if self._steps_by_hand and self._loop.step == self._epoch_began_at:
            self._stepped()
        self._epoch_began_at = self._loop.step
        self._guard(lambda: self.losses.finish(self._loop.step, self._loop.epoch))
        self._save(epoch=float(self._loop.finished_epochs))

    def keep_last(self) -> None:
        """The loop has ended somewhere: its last state is kept too."""
        if self._saved_step is not None and self._saved_step < self._loop.step:
            self._save(epoch=None)

    def _optimizer_stepped(self) -> None:
        self._steps_by_hand = False
        self._stepped()

    def _stepped(self) -> None:
        loop = self._loop
        loop.stepped()
        self.losses.stepped(loop.step, loop.epoch)
        self._mailbox.drain()
        if loop.bare and loop.step % self._interval == 0:
            self._save(epoch=None)
            self._interval_count += 1
            if self._interval_count == SNAPSHOTS_AN_INTERVAL:
                self._interval, self._interval_count = self._interval * 2, 0

    def _criterion_returned(self, args: Any, output: Any) -> None:
        self.losses.returned(output, self._model.training)

    def _save(self, epoch: float | None) -> None:
        self._saved_step = self._loop.step
        self._guard(lambda: self._run.save(state_of(self._model), step=self._loop.step, epoch=epoch))

    def _guard(self, action: Callable[[], None]) -> None:
        """Run `action`; unlike what the hooks call, this stands in the user's own loop."""
        try:
            action()
        except Exception as error:
            self._on_error(error)
