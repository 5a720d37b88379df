"""ChangeLog: each change of a hyperparameter as a row of the run and as a mark on the loss plot and the timeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torchvis_widgets.record.recording import Recording
from torchvis_widgets.steer.knobs import GroupPlace, Knob, Value

KIND = "hyperparameter"
MOST_NAMED = 3  # hyperparameters that a mark tells one by one


class ChangeLog:
    """Writes to `run`; `at()` gives the steps taken and the epochs finished. Of the training thread."""

    def __init__(self, run: Recording, at: Callable[[], tuple[int, float]]) -> None:
        self.run, self._at = run, at
        self._before: dict[Knob, Value] = {}
        self._rows: dict[Knob, int] = {}
        self._mark = 0

    def turned(self, before: dict[Knob, Value], after: Mapping[Knob, Value]) -> None:
        """The user has changed these, together."""
        step, epoch = self._at()
        self._before = before
        self._rows = {
            knob: self.run.note_change(step, epoch, knob.name, before[knob], value) for knob, value in after.items()
        }
        self._mark = self.run.mark(step, epoch, KIND, told(before, after))

    def amend(self, after: Mapping[Knob, Value]) -> None:
        """The newest change goes on: a slider is being dragged."""
        for knob, value in after.items():
            self.run.amend_change(self._rows[knob], value)
        self.run.amend_mark(self._mark, text=told(self._before, after))

    def overridden(self, knob: Knob, wished: Value, found: Value, by: str, text: str) -> None:
        """Something else has set what the user had set."""
        step, epoch = self._at()
        self.run.note_change(step, epoch, knob.name, wished, found, by)
        self.run.mark(step, epoch, KIND, text)


def told(before: Mapping[Knob, Value], after: Mapping[Knob, Value]) -> str:
    """`lr 0.1 → 0.01`, `lr 0.1 → 0.01 in 3 groups`, `betas[0] 0.9 → 0.8, betas[1] 0.999 → 0.99`."""
    first = next(iter(after))
    alike = {(knob.what, knob.element, before[knob], value) for knob, value in after.items()}
    if len(alike) == 1 and len(after) > 1:
        places = "groups" if isinstance(first.place, GroupPlace) else "modules"
        return f"{first.what} {short(before[first])} → {short(after[first])} in {len(after)} {places}"
    lines = [f"{knob.name} {short(before[knob])} → {short(value)}" for knob, value in after.items()]
    more = [f"{len(lines) - MOST_NAMED} more"] if len(lines) > MOST_NAMED else []
    return ", ".join(lines[:MOST_NAMED] + more)


def short(value: Value) -> str:
    """A value for reading, in four digits."""
    return str(value) if isinstance(value, (bool, int)) else f"{value:.4g}"
