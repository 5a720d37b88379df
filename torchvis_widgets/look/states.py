"""States: the weights at a snapshot or of now, loaded into the replica before it is run."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

import torch
from torch import Tensor

from torchvis_widgets.look.errors import LookError, explained
from torchvis_widgets.look.replica import Replica

State: TypeAlias = Mapping[str, Tensor]
Edits: TypeAlias = tuple[Hashable, ...]
Live: TypeAlias = tuple[Hashable | None, Callable[[], State]]
T = TypeVar("T")


@dataclass(frozen=True)
class Found:
    """A state that was asked for: `token` tells it from every other, and `load()` gives that very one."""

    step: int | None
    token: Hashable | None
    load: Callable[[], State]

    def unnamed(self) -> Found:
        """The same, of which nothing is to be kept."""
        return replace(self, token=None)


class States:
    """What an `Observer` is given to find states with, and the replica that they are loaded into."""

    def __init__(
        self,
        replica: Replica,
        state_of: Callable[[int | None], State],
        apply_edits: Callable[[State, Edits], State] | None,
        quiet: Callable[[], bool],
        place_of: Callable[[int], Hashable],
        live: Callable[[], Live],
    ) -> None:
        self.quiet = quiet
        self._replica = replica
        self._state_of, self._apply_edits = state_of, apply_edits
        self._place_of, self._newest = place_of, live
        self._identity = object()  # two observers of one replica may take their states from two runs
        self._steady = threading.local()

    def token(self, step: int | None, edits: Edits) -> Hashable | None:
        """What tells a state from every other; None where it may change at any time."""
        return self.find(step, edits).token

    def find(self, step: int | None, edits: Edits) -> Found:
        """A state and its token, of one moment: the loop may go on before the state is loaded. Raises LookError."""
        with explained(_name_of(step)):
            place, load = self._live() if step is None else (self._place_of(step), lambda: self._state_of(step))
        token = None if place is None else (self._identity, step is None, place, tuple(edits))
        return Found(step, token, lambda: self._edited(step, load, edits))

    @contextlib.contextmanager
    def steady(self) -> Iterator[None]:
        """Within it, on this thread, the live state is asked for its token once: a large model's takes milliseconds."""
        if hasattr(self._steady, "live"):
            yield
            return
        self._steady.live = None
        try:
            yield
        finally:
            del self._steady.live

    def of(self, step: int | None, edits: Edits) -> State:
        """The weights and buffers by name, with the edits made. Raises LookError."""
        return self.find(step, edits).load()

    def _edited(self, step: int | None, load: Callable[[], State], edits: Edits) -> State:
        with explained(_name_of(step)):
            state = load()
            if not edits:
                return state
            if self._apply_edits is None:
                raise LookError("edits cannot be previewed here", "Give the observer apply_edits.")
            return self._apply_edits(state, tuple(edits))

    def look(self, found: Found, look: Callable[[], T]) -> T:
        """What `look()` gives with the state in the replica. Raises LookError and nothing else."""
        self._refuse_random()
        with explained(_name_of(found.step)), torch.inference_mode(False), self._loaded(found):
            return look()

    def _live(self) -> Live:
        if not hasattr(self._steady, "live"):
            return self._newest()
        if self._steady.live is None:
            self._steady.live = self._newest()
        found: Live = self._steady.live
        return found

    @contextlib.contextmanager
    def _loaded(self, found: Found) -> Iterator[None]:
        while True:
            # Not under the lock: load() may wait for the training thread, which may be waiting for a view.
            state = None if self._replica.holds(found.token) else found.load()
            with self._replica.lock:
                if state is None and not self._replica.holds(found.token):
                    continue  # another thread has loaded something else in between
                if state is not None:
                    self._replica.load(state, found.token)
                yield
                return

    def _refuse_random(self) -> None:
        draws = self._replica.draws_random_numbers
        if draws is False or self.quiet():
            return
        if draws is None:
            raise LookError(
                "whether the model draws random numbers is not known yet", "Call trace() on the replica first."
            )
        raise LookError(
            "the model draws random numbers in eval mode, and running a copy of it now would change the numbers "
            "that training draws",
            "Look when training has ended, or switch the randomness off in eval mode "
            "(F.dropout(x, training=self.training)).",
        )


def _name_of(step: int | None) -> str:
    return "the live model" if step is None else f"step {step}"
