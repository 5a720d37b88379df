"""A witness of every state that a model has at a boundary of its loop, and of the copies that views are given."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any
from zlib import crc32

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

import torchvis_widgets as tvw
from torchvis_widgets.live import LiveState, Version, state_of


def checksum(state: dict[str, torch.Tensor]) -> int:
    total = 0
    for tensor in state.values():
        total = crc32(tensor.detach().numpy().tobytes(), total)
    return total


class Witness:
    """The checksum of the model at every boundary, by step, and those of the copies that were handed out."""

    def __init__(self, model: torch.nn.Module) -> None:
        """Made before the session: of the hooks at the end of a step this one has to be the first."""
        self.model, self.session = model, None  # type: ignore[var-annotated]
        self.states: dict[int, set[int]] = defaultdict(set)
        self.copies: dict[Any, tuple[Version, int]] = {}
        self._handle = register_optimizer_step_post_hook(lambda *_: self.note(1))

    def watch(self, session: tvw.Session, patch: pytest.MonkeyPatch) -> None:
        """Note from now on what commands make of the model, and the copies that views get."""
        self.session = session
        session.on_close(self._handle.remove)
        self.note()
        self._hear_of_commands(patch)
        self._hear_of_copies(patch)

    def note(self, steps: int = 0) -> None:
        """What the model is now, at a boundary: that of the step counted last, or of one that is not counted yet."""
        self.states[self.session.loop.step + steps].add(checksum(state_of(self.model)))

    def _hear_of_commands(self, patch: pytest.MonkeyPatch) -> None:
        put = self.session.mailbox.put

        def noted(command: Callable[[], Any]) -> Future[Any]:
            def carried_out() -> Any:
                self.note()  # after the step, or the command before
                try:
                    return command()
                finally:
                    self.note()

            return put(carried_out)

        patch.setattr(self.session.mailbox, "put", noted)

    def _hear_of_copies(self, patch: pytest.MonkeyPatch) -> None:
        newest = LiveState.newest

        def seen(live: LiveState, loop_elsewhere: bool) -> Version:
            version = newest(live, loop_elsewhere)
            ours = live is self.session._live  # a view of an earlier test's session may still be refreshed
            if ours and version.snapshot is None and version.token not in self.copies:
                self.copies[version.token] = version, checksum(dict(version.state))
            return version

        patch.setattr(LiveState, "newest", seen)

    def assert_nothing_torn(self) -> int:
        """Every copy, then and now, and every snapshot is a state of a boundary; returns how many copies there are."""
        for version, then in self.copies.values():
            assert then in self.states[version.step], f"a copy of step {version.step} is no state of a boundary"
            assert checksum(dict(version.state)) == then
        run = self.session.run
        run.flush()
        for snapshot in run.snapshots:
            state = run.state_dict(step=snapshot.step, branch=snapshot.branch)
            assert checksum({name: state[name] for name in state_of(self.model)}) in self.states[snapshot.step]
        return len(self.copies)
