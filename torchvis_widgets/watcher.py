"""What happens at the joints of the loop: steps are counted, commands carried out, snapshots taken."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any

import torch

from torchvis_widgets.alarms import Alarms
from torchvis_widgets.hooks import Attachments
from torchvis_widgets.keeper import Keeper, Recorded
from torchvis_widgets.loop import Loop
from torchvis_widgets.overhead import Overhead
from torchvis_widgets.record.recording import Recording
from torchvis_widgets.steer.hyperparameters import Hyperparameters
from torchvis_widgets.steer.mailbox import Mailbox
from torchvis_widgets.step_statistics import StepStatistics
from torchvis_widgets.steps import Lead
from torchvis_widgets.taps import LossTap


class Watcher:
    """Everything that is done on the training thread; each part of it that fails is switched off and reported."""

    def __init__(
        self,
        model: torch.nn.Module,
        run: Recording,
        loop: Loop,
        mailbox: Mailbox,
        on_error: Callable[[Exception], None],
        keeper: Keeper,
        overhead: Overhead,
    ) -> None:
        self._model, self._run, self._loop, self._mailbox = model, run, loop, mailbox
        self._attached = Attachments(on_error, overhead)
        self._overhead = overhead
        self._on_error = on_error
        self._steps_by_hand = True
        self.keeper = keeper
        self._epoch_began_at = 0
        self.losses = LossTap(run.log, self._criterion_not_needed)
        self._leave_criterion: Callable[[], None] = _nothing
        self.statistics: StepStatistics | None = None  # where they are wanted
        self.alarms: Alarms | None = None  # where losses are looked at
        self.hyperparameters = Hyperparameters()
        self._stepped_last: Callable[[], torch.optim.Optimizer | None] = lambda: None

    # Attaching

    def attach(self, optimizers: list[torch.optim.Optimizer], criterion: object) -> None:
        """Hear of the optimizers' steps, of every other's that holds the model's parameters, and of the criterion's."""
        self._steps_by_hand = not optimizers
        self._lead = Lead(self._model.parameters, optimizers)
        before, after = [self._optimizer_steps], [self._optimizer_stepped]
        if self.statistics is not None:  # first, as the end of a step may carry out edits of the weights
            before, after = [self.statistics.before, *before], [self.statistics.after, *after]
        self._attached.optimizer_steps(self._lead.concerns, before=before, after=after)
        if isinstance(criterion, torch.nn.Module):
            self._leave_criterion = self._attached.criterion_calls(criterion, self._criterion_returned)
        else:
            self.losses.trains = False

    def first_inputs(self, model: torch.nn.Module, take: Callable[[Any, Any], None]) -> None:
        """Call `take(args, kwargs)` with what the model is first given."""

        def once(args: Any, kwargs: Any) -> None:
            remove()
            take(args, kwargs)

        remove = self._attached.model_inputs(model, once)

    def detach(self) -> None:
        """Take every hook off and record what is still held back."""
        self._look_for_bad()
        self._attached.remove()
        self._guard(lambda: self.losses.finish(self._loop.step, self._loop.epoch))

    def optimizers(self) -> list[torch.optim.Optimizer]:
        """Those that train the model, as far as they are known."""
        return self._lead.optimizers()

    # The joints, called on the training thread

    def log(self, values: Mapping[str, Any], step: int, epoch: float | None) -> None:
        """The user has logged `values`. Raises TypeError and ValueError for what is no name or no number."""
        self._run.log(step, epoch, values)
        self.losses.logged(values)

    def before_step(self) -> None:
        """Snapshot 0, before anything has been learned."""
        self._guard(self.keeper.before_step)

    def after_batch(self) -> None:
        """A batch is done; where no optimizer was ever seen, that is a step."""
        if self.alarms is not None and self.alarms.wanted:
            self.alarms.at_boundary()
        if self._steps_by_hand and self._stepped_by_hand():
            self._stepped()

    def epoch_ended(self) -> None:
        """The end of an epoch; without optimizer and batches it is a step as well."""
        if self._loop.step == self._epoch_began_at and self._stepped_by_hand():
            self._stepped()
        self._epoch_began_at = self._loop.step
        self._guard(lambda: self.losses.finish(self._loop.step, self._loop.epoch))
        self._guard(self.keeper.after_epoch)

    def between_epochs(self) -> None:
        """One epoch has ended and another is to begin."""
        self._overhead.leave_out(lambda: self._loop.epoch_ended(self._mailbox.drain))

    def loop_ended(self) -> None:
        """No further step comes for now."""
        self._look_for_bad()
        self._guard(self.hyperparameters.look)

    def keep_last(self) -> None:
        """The loop has ended somewhere: its last state is kept too."""
        self._guard(lambda: self.losses.finish(self._loop.step, self._loop.epoch))
        at_epochs_end = self._loop.finished_epochs > 0 and self._epoch_began_at == self._loop.step
        self._guard(lambda: self.keeper.last(at_epochs_end))

    def go_back(self, recorded: Recorded) -> None:
        """Put a snapshot back; what was logged so far belongs to the branch that is left."""
        self._guard(lambda: self.losses.finish(self._loop.step, self._loop.epoch))
        self.keeper.put_back(recorded)
        self._epoch_began_at = self._loop.step
        self.hyperparameters.go_back()
        if self.statistics is not None:
            self.statistics.go_back()
        if self.alarms is not None:
            self.alarms.gone_back()

    # Of each step: after its passes nothing of ours is in the processor's cache. Every call and every object that is
    # touched costs a microsecond then, and one of weakref's dictionaries or sets five.

    def _optimizer_steps(self, *_: Any) -> None:
        alarms, losses = self.alarms, self.losses
        if self.keeper.wants_first:
            self.before_step()
        if alarms is not None and alarms.wanted:
            alarms.at_boundary()
        if losses.trains:
            losses.step_begins()
        if self.hyperparameters.wished:
            self._guard(self.hyperparameters.look)

    def _optimizer_stepped(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        self._steps_by_hand = False
        if self.losses.trains:
            self.losses.step_ends()
        if self._stepped_last() is not optimizer:
            self._stepped_last = weakref.ref(optimizer)
            self.hyperparameters.stepped(optimizer)
        if self._lead.counts(optimizer):
            self._stepped()

    def _stepped_by_hand(self) -> bool:
        """Whether the loop changes the weights without an optimizer; one that exists has only not stepped yet."""
        if self._steps_by_hand and self._loop.step == 0:
            self._steps_by_hand = not self._lead.is_awaited()
        return self._steps_by_hand

    def _stepped(self) -> None:
        loop = self._loop
        loop.stepped()
        self._overhead.boundary()
        if self.losses.trains:
            self.losses.stepped(loop.step, loop.epoch)
        if self._mailbox.waits or loop.brake.counts:
            self._overhead.leave_out(self._serve)
        try:
            self.keeper.after_step()
        except Exception as error:
            self._on_error(error)

    def _serve(self) -> None:
        """Do what others have asked for, and stand still if they have."""
        self._mailbox.drain()
        self._loop.step_ended(self._mailbox.drain)

    def _look_for_bad(self) -> None:
        if self.alarms is not None and self.alarms.wanted:
            self.alarms.at_boundary()

    def _criterion_returned(self, criterion: object, args: object, output: object) -> None:
        self.losses.returned(output, self._model.training, self._loop.step, self._loop.epoch)

    def _criterion_not_needed(self) -> None:
        self._leave_criterion()  # a module with a hook takes a longer way, at every call

    def _guard(self, action: Callable[[], None]) -> None:
        """Run `action`; unlike what the hooks call, this stands in the user's own loop."""
        try:
            action()
        except Exception as error:
            self._on_error(error)


def _nothing() -> None:
    """There is no criterion."""
