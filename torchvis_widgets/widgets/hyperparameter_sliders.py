"""HyperparameterSliders: the optimizers' numbers and the Dropout shares, set while training runs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import TimeoutError as NotYet
from typing import Any, ClassVar

import torch
import traitlets as t

from torchvis_widgets.widgets.stage import Source
from torchvis_widgets.widgets.tuning.rows import Rows, told
from torchvis_widgets.widgets.view import View

BOUNDARY_SECONDS = 10.0  # how long a change waits for the end of the step before the view hears of the delay


class HyperparameterSliders(View):
    """A slider and a field for each learning rate, momentum, weight decay, dropout, …, an optimizer's group at a time.

    What is set here holds from the next step on, is recorded in the run and marked on the loss plot. Where a scheduler
    sets something else, that is said, and "Hold" keeps the value against it. Of a recorded run it lists the changes.
    """

    bundle: ClassVar[str] = "hyperparameter_sliders"

    rows = t.List(t.Dict()).tag(sync=True)
    changes = t.List(t.Dict()).tag(sync=True)  # {step, text, by} of each, the newest last
    undoable = t.Int(0).tag(sync=True)
    why_empty = t.Unicode().tag(sync=True)
    folded = t.Bool(False).tag(sync=True)

    _drag: str | None = None  # the slider that is being dragged: one change, however often it asks

    def __init__(
        self, source: Source, *, model: torch.nn.Module | None = None, folded: bool = False, **traits: Any
    ) -> None:
        self._rows: Rows | None = None
        super().__init__(source, model=model, folded=folded, **traits)

    def update(self) -> None:
        session = self.stage.session
        hyperparameters = session.hyperparameters
        if self._rows is None:
            parameters = session.model.named_parameters() if session.model is not None else ()
            self._rows = Rows(hyperparameters, {id(each): name for name, each in parameters})
        rows = self._rows.now()
        self.show(
            rows=rows,
            changes=told(session.run.changed),
            undoable=hyperparameters.undoable,
            why_empty="" if rows else hyperparameters.why_empty(),
        )

    # Requests

    def answer_set(self, name: str, value: object, done: bool = True) -> None:
        """A slider was moved, `done` when it was let go; or a value was typed."""
        amend, self._drag = self._drag == name, None if done else name
        hyperparameters = self.stage.session.hyperparameters
        self._at_boundary(lambda: hyperparameters.put(name, value, amend=amend))

    def answer_hold(self, name: str, held: bool) -> None:
        """A value is to be kept against schedulers, or no longer."""
        self._at_boundary(lambda: self.stage.session.hyperparameters.keep(name, bool(held)))

    def answer_undo(self) -> None:
        """Take the newest change back."""
        self._at_boundary(self.stage.session.hyperparameters.take_back)

    def answer_fold(self, folded: bool) -> None:
        """Only the learning rates are to be shown, or everything."""
        self.folded = bool(folded)

    def _at_boundary(self, command: Callable[[], None]) -> None:
        session = self.stage.session
        if not session.open:
            raise RuntimeError("the session is closed: its hyperparameters are set on the optimizer itself")
        future = session.mailbox.put(command)
        try:
            future.result(timeout=BOUNDARY_SECONDS)
        except NotYet:
            raise TimeoutError("the step under way is taking long; the change will be made when it ends") from None
        self.changed()
