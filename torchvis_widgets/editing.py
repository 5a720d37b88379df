"""Editing: the part of a session that changes the model's weights, at step boundaries, and records what was changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

import torch
from torch.optim import Optimizer

from torchvis_widgets.live import LiveState, state_of, tied_names
from torchvis_widgets.loop import Loop
from torchvis_widgets.record.recording import Recording
from torchvis_widgets.record.run import Run
from torchvis_widgets.rewind import wait_for_step
from torchvis_widgets.steer.around import Around
from torchvis_widgets.steer.checks import check
from torchvis_widgets.steer.edits import Edit, EditError, Index
from torchvis_widgets.steer.heads import channel_index, head_index
from torchvis_widgets.steer.initialise import initial
from torchvis_widgets.steer.log import EditLog
from torchvis_widgets.steer.mailbox import Mailbox
from torchvis_widgets.steer.recorder import Recorded, Recorder
from torchvis_widgets.steer.tensor_edits import TensorEdits
from torchvis_widgets.steer.transaction import Transaction
from torchvis_widgets.watcher import Watcher

T = TypeVar("T")

MOST_RECIPES = 256


class Editing:
    """What a session lets edit."""

    run: Run
    model: torch.nn.Module | None
    loop: Loop
    mailbox: Mailbox
    open: bool
    _live: LiveState
    _watcher: Watcher | None
    layers: torch.nn.Module | None
    """The modules that edits are about: the model, or a copy of it where a recorded run is looked at with one."""
    edits: EditLog
    """The edits in effect, oldest first; `edits.as_code()` gives Python that makes them on a state_dict."""

    def edit(
        self,
        tensor: str = "",
        *,
        channel: Any = None,
        head: int | None = None,
        index: Index | None = None,
        reset_optimizer: bool = False,
    ) -> TensorEdits:
        """Change a parameter or buffer of the model: `session.edit("fc2.weight").scale(0.5)`.

        Each edit is a transaction: `undo()` takes it back, the run records it, and the loss plot marks it.

        Args:
            tensor: its name in `model.state_dict()`. Left out, the whole model: `session.edit().blend(0.5, epoch=3)`.
            channel: the output channels: a number, a slice or a list of numbers.
            head: of an attention's projection.
            index: an entry a leading dimension, from 0: a number or a half-open range, as `(3, (0, 2))`.
            reset_optimizer: optimizers forget what they know of what is edited, as its momentum; `undo()` brings it
                back.

        Raises:
            EditError: there is no such tensor (names the nearest), channel, head or part.
            RuntimeError: the session is closed, or shows a recorded run.
        """
        model = self._editable("edit()")
        picked = [word for word, value in (("channel", channel), ("head", head), ("index", index)) if value is not None]
        if len(picked) > 1:
            raise EditError(f"{' and '.join(picked)} each pick a part of {tensor!r}; give one of them")
        if tensor:
            index = self._index(model, tensor, index, channel, head)
        template = Edit(tensor, "reinit", index, reset_optimizer=bool(reset_optimizer))
        return TensorEdits(template, self._apply, self.run.snapshot)

    def undo(self) -> Edit | None:
        """Take the newest edit back and return it; None where there is none.

        Until the next optimizer step the exact bits return. After one, what training has changed since is kept where
        that can be told apart: a gain is divided out, what was added is subtracted.

        Raises:
            EditError: its bits were given up for those of newer edits.
            RuntimeError: the session is closed, or shows a recorded run.
            TimeoutError: the step under way takes more than a minute; it is taken back when that ends.
        """
        self._editable("undo()")
        return self._at_boundary(lambda step: self.edits.undo(step=step))

    def redo(self) -> Edit | None:
        """Make the edit again that `undo()` took back last, and return it; None where there is none. Raises as undo."""
        self._editable("redo()")
        return self._at_boundary(lambda step: self.edits.redo(step=step))

    def _log_of_edits(self) -> EditLog:
        run = self.run
        recorder = Recorder(run) if isinstance(run, Recording) else None
        around = Around(
            parameters=lambda: {} if self.model is None else dict(self.model.named_parameters(remove_duplicate=False)),
            tied=lambda: [] if self.layers is None else tied_names(self.layers),
            states=lambda step, branch: run.state_dict(step=step, branch=branch),
            fresh=lru_cache(MOST_RECIPES)(lambda name, shape, seed: initial(self.layers, name, shape, seed)),
            optimizers=self._optimizers,
            place=lambda: (self.loop.epoch, run.branch),
            **({} if recorder is None else {"record": recorder.record}),
            run=str(run.path),
        )
        past = Recorded(run).transactions if recorder is None else None
        return EditLog(lambda: {} if self.model is None else state_of(self.model), around, past)

    def _optimizers(self) -> Iterable[Optimizer]:
        return self._watcher.optimizers() if self._watcher is not None else ()

    def _index(self, model: torch.nn.Module, name: str, index: Any, channel: Any, head: Any) -> Index | None:
        tensors = state_of(model)
        check(tensors, Edit(name, "reinit"))
        shape = tuple(tensors[name].shape)
        if channel is not None:
            index = channel_index(model, name, shape, channel)
        elif head is not None:
            index = head_index(model, name, shape, head)
        check(tensors, Edit(name, "reinit", index))
        return index  # type: ignore[no-any-return]

    def _apply(self, complete: Callable[[Mapping[str, torch.Tensor]], Edit]) -> Transaction:
        self._editable("edit()")
        return self._at_boundary(lambda step: self.edits.apply(complete(self.edits.tensors()), step=step))

    def _at_boundary(self, command: Callable[[int], T]) -> T:
        def carried_out() -> T:
            result = command(self.loop.step)
            if self.loop.running:
                self._live.keep()
            else:  # a copy is made when somebody looks
                self._live.forget()
            return result

        future = self.mailbox.put(carried_out)
        wait_for_step(future, "the edit will be made when it ends")
        return future.result()

    def _editable(self, call: str) -> torch.nn.Module:
        if self.model is None:
            raise RuntimeError(f"{call} needs a model to change: a recorded run has none, and shows a preview only")
        if not self.open:
            raise RuntimeError(f"{call} on a closed session: call tvw.watch(model, …) again for a new one")
        return self.model
