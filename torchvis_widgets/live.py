"""The newest state of a model that can be had without waiting for its training loop."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass

import torch

from torchvis_widgets.record.run import Run
from torchvis_widgets.record.snapshots import Snapshot
from torchvis_widgets.steer.mailbox import Mailbox

State = Mapping[str, torch.Tensor]

STEP_SECONDS = 60.0  # the longest step that a view waits for


def state_of(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The model's own parameters and buffers by name, not copied; extra state that is no tensor is left out."""
    return {name: value for name, value in model.state_dict().items() if isinstance(value, torch.Tensor)}


def tied_names(model: torch.nn.Module) -> list[Collection[str]]:
    """The names that share a tensor, a group each."""
    groups: dict[int, list[str]] = defaultdict(list)
    for name, parameter in model.named_parameters(remove_duplicate=False):
        groups[id(parameter)].append(name)
    return [names for names in groups.values() if len(names) > 1]


@dataclass(frozen=True)
class Version:
    """A state, the step it belongs to, and a token that differs for every other state; `load()` gives the state."""

    token: Hashable
    step: int
    load: Callable[[], State]
    snapshot: int | None = None  # the step, where it is a snapshot: that stays what it is, the live state does not

    @property
    def state(self) -> State:
        """The tensors by name; read from the disk only when they are asked for."""
        return self.load()


class LiveState:
    """Copies of the model's state, taken only where that is safe.

    While no loop runs, the model itself; while one does, the newest snapshot, or what `keep()` copied at a later step
    boundary.
    """

    def __init__(self, run: Run, model: torch.nn.Module | None, mailbox: Mailbox, step: Callable[[], int]) -> None:
        self._run, self._model, self._mailbox, self._step = run, model, mailbox, step
        self._lock = threading.Lock()
        self._kept: Version | None = None
        self._copies = 0

    def newest(self, loop_elsewhere: bool) -> Version:
        """The newest state; waits for the loop only where there is none yet, and then for one step at most."""
        if (not loop_elsewhere or self._nothing_yet()) and self._outdated():
            self._mailbox.put(self.keep).result(timeout=STEP_SECONDS)
        kept, snapshots = self._kept, self._run.snapshots
        if kept is not None and (not snapshots or kept.step >= snapshots[-1].step):
            return kept
        if not snapshots:
            return Version(None, 0, dict)
        last = snapshots[-1]
        with self._lock:
            if self._kept is kept:  # and not a copy that has been made since
                self._kept = None
        return Version(last.place, last.step, self._loader(last), snapshot=last.step)

    def _loader(self, last: Snapshot) -> Callable[[], State]:
        # By its branch: the run may go back before it is loaded, and have another one at that step.
        return lambda: self._run.state_dict(step=last.step, branch=last.branch)

    def _outdated(self) -> bool:
        if self._model is None:
            return False
        return self._kept is None or self._kept.token != self._token(self._model)

    def _nothing_yet(self) -> bool:
        return self._kept is None and not self._run.snapshots

    def keep(self) -> None:
        """Copy the model's state; called on the training thread at a step boundary, or while no loop runs."""
        if self._model is None:
            return
        copy = {name: tensor.detach().clone() for name, tensor in state_of(self._model).items()}
        self._copies += 1
        with self._lock:
            self._kept = Version(self._token(self._model), self._step(), lambda: copy)

    def forget(self) -> None:
        """The model may have been changed in a way that its tensors' version counters do not tell: `.data` writes."""
        self._kept = None

    def _token(self, model: torch.nn.Module) -> Hashable:
        return self._copies, self._step(), _versions(model)


def _versions(model: torch.nn.Module) -> tuple[int, ...]:
    """Counters that tell of in-place changes; not by `state_dict()`, as a view asks several times a frame."""
    held = (tensors for module in model.modules() for tensors in (module._parameters, module._buffers))
    return tuple(tensor._version for tensors in held for tensor in tensors.values() if tensor is not None)
