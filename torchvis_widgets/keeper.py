"""Keeper: takes a session's snapshots when they are due, and puts one back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from torchvis_widgets.every import Due, Every, Policy
from torchvis_widgets.live import state_of
from torchvis_widgets.loop import Loop
from torchvis_widgets.record.recording import Recording
from torchvis_widgets.record.snapshots import Snapshot
from torchvis_widgets.steer.restore import check_fits, put_back
from torchvis_widgets.steer.training_state import TrainingState

LONGEST_NAME = 100


@dataclass(frozen=True)
class Recorded:
    """A snapshot as it was read from the disk."""

    snapshot: Snapshot
    state: Mapping[str, torch.Tensor]
    training: Mapping[str, Any]


class Keeper:
    """What is kept of one model's training, and when; every method but `read` belongs to the training thread."""

    def __init__(
        self,
        model: torch.nn.Module,
        run: Recording,
        loop: Loop,
        policy: Policy = "auto",
        parts: Mapping[str, Any] | None = None,
    ) -> None:
        self._model, self._run, self._loop = model, run, loop
        self._due = Due(policy)
        self._training = TrainingState(parts or {}, lambda: {t.device for t in state_of(model).values()})
        self._saved_step: int | None = None
        self._counts_steps = isinstance(policy, Every) and policy.steps is not None
        self.wants_first = self._due.ever
        """Whether none has been taken yet, and some are to be."""

    def before_step(self) -> None:
        """Snapshot 0, before anything has been learned."""
        if self.wants_first:
            self.save(epoch=0.0)

    def after_step(self) -> None:
        """An optimizer step has finished."""
        if self._loop.iterators and not self._counts_steps:
            return  # epochs tell
        if self._due.after_step(self._loop.step, self._loop.bare) and self._saved_step != self._loop.step:
            self.save(epoch=None)

    def after_epoch(self) -> None:
        """An epoch has ended."""
        if self._due.after_epoch(self._loop.finished_epochs):
            self.save(epoch=float(self._loop.finished_epochs))

    def last(self, at_epochs_end: bool) -> None:
        """The loop has ended somewhere: its last state is kept too."""
        if self._due.ever and self._saved_step is not None and self._saved_step < self._loop.step:
            self.save(epoch=float(self._loop.finished_epochs) if at_epochs_end else None)

    def save(self, epoch: float | None, name: str | None = None) -> None:
        """Take a snapshot now."""
        loop = self._loop
        self._saved_step, self.wants_first = loop.step, False
        self._run.save(
            state_of(self._model),
            step=loop.step,
            epoch=epoch,
            name=name,
            finished_epochs=loop.finished_epochs,
            training=self._training.take(),
        )

    def check_name(self, name: object) -> None:
        """Raises TypeError or ValueError for what cannot be the name of another snapshot."""
        if not isinstance(name, str):
            raise TypeError(
                f"snapshot() takes a name, found {type(name).__name__}: session.snapshot('before the edit')"
            )
        if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
            rule = f"1 to {LONGEST_NAME} printable characters without spaces around them"
            raise ValueError(f"a snapshot's name is {rule}, found {name!r}")
        if name in self._run.snapshot_names():
            raise ValueError(f"there is a snapshot named {name!r} already; take another name, such as {name + ' 2'!r}")

    def read(self, **which: Any) -> Recorded:
        """Read a snapshot (see `Run.snapshot`), and see that it fits the model.

        Raises:
            LookupError: there is none; names the nearest.
            RestoreError: the model has other tensors now.
            RunError: a file is damaged.
        """
        self._run.flush()  # it may have been taken just now
        found = self._run.snapshot(**which)
        recorded = Recorded(found, self._run.state_dict(**which), self._run.training_state(**which))
        check_fits(state_of(self._model), recorded.state)
        return recorded

    def not_recorded(self, recorded: Recorded) -> str | None:
        """What a snapshot cannot put back, in words; None where it holds all that this session keeps."""
        at = recorded.snapshot
        if not recorded.training:
            return (
                f"the snapshot at {at} holds the model alone: optimizer, schedulers and random numbers go on from what "
                "they are now. To go on exactly as then, record them too: tvw.watch(model, optimizer, resumable=True)"
            )
        missing = self._training.missing(recorded.training)
        return (
            f"the snapshot at {at} holds no state of {', '.join(missing)}: it stays as it is now" if missing else None
        )

    def put_back(self, recorded: Recorded) -> None:
        """Put model, optimizers, schedulers and random numbers back; what follows belongs to a new branch."""
        put_back(self._model, state_of(self._model), recorded.state)
        self._run.begin_branch(recorded.snapshot)
        self._loop.go_back(recorded.snapshot.step, recorded.snapshot.finished_epochs)
        self._saved_step, self.wants_first = recorded.snapshot.step, False
        self._training.put_back(recorded.training)
