"""States: the weights at a snapshot or of now, loaded into the replica before it is run."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import TypeAlias, TypeVar

import torch
from torch import Tensor

from torchvis_widgets.look.errors import LookError, explained
from torchvis_widgets.look.replica import Replica

State: TypeAlias = Mapping[str, Tensor]
Edits: TypeAlias = tuple[Hashable, ...]
T = TypeVar("T")


class States:
    """What an `Observer` is given to find states with, and the replica that they are loaded into."""

    def __init__(
        self,
        replica: Replica,
        state_of: Callable[[int | None], State],
        apply_edits: Callable[[State, Edits], State] | None,
        quiet: Callable[[], bool],
        place_of: Callable[[int], Hashable],
        live_token: Callable[[], Hashable | None],
    ) -> None:
        self.quiet = quiet
        self._replica = replica
        self._state_of, self._apply_edits = state_of, apply_edits
        self._place_of, self._live_token = place_of, live_token
        self._identity = object()  # two observers of one replica may take their states from two runs
        self._steady = threading.local()

    def token(self, step: int | None, edits: Edits) -> Hashable | None:
        """What tells a state from every other; None where it may change at any time."""
        # Read before the state: a step taken in between makes a stale token, whose entry is never found again.
        with explained(_name_of(step)):
            place = self._live() if step is None else self._place_of(step)
        return None if place is None else (self._identity, step is None, place, tuple(edits))

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
        with explained(_name_of(step)):
            state = self._state_of(step)
            if not edits:
                return state
            if self._apply_edits is None:
                raise LookError("edits cannot be previewed here", "Give the observer apply_edits.")
            return self._apply_edits(state, tuple(edits))

    def look(self, step: int | None, edits: Edits, token: Hashable | None, look: Callable[[], T]) -> T:
        """What `look()` gives with the state in the replica. Raises LookError and nothing else."""
        self._refuse_random()
        with explained(_name_of(step)), torch.inference_mode(False), self._loaded(step, edits, token):
            return look()

    def _live(self) -> Hashable | None:
        if not hasattr(self._steady, "live"):
            return self._live_token()
        if self._steady.live is None:
            self._steady.live = (self._live_token(),)
        found: Hashable | None = self._steady.live[0]
        return found

    @contextlib.contextmanager
    def _loaded(self, step: int | None, edits: Edits, token: Hashable | None) -> Iterator[None]:
        while True:
            # Not under the lock: state_of may wait for the training thread, which may be waiting for a view.
            state = None if self._replica.holds(token) else self.of(step, edits)
            with self._replica.lock:
                if state is None and not self._replica.holds(token):
                    continue  # another thread has loaded something else in between
                if state is not None:
                    self._replica.load(state, token)
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
