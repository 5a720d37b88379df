"""WeightSliders: the selected layer's weights, changed on a copy (preview) or in the training model (live)."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import TimeoutError as NotYet
from typing import Any, ClassVar

import torch
import traitlets as t

from torchvis_widgets.look.errors import LookError
from torchvis_widgets.steer import Edit, apply
from torchvis_widgets.widgets.base import Reply, Topic
from torchvis_widgets.widgets.matrix import Matrix
from torchvis_widgets.widgets.view import View

MODES = ("preview", "live")
MOST_TENSORS = 24
BOUNDARY_SECONDS = 10.0  # how long a live edit waits for the end of the step before the view hears of the delay


class WeightSliders(View):
    """A gain for each tensor of the selected layer, and a heat map whose clicked value follows a slider.

    `mode` "preview" changes nothing but what the views of this session show; "live" changes the model itself, at the
    next step boundary while a loop runs.
    """

    bundle: ClassVar[str] = "weight_sliders"

    layer = t.Unicode().tag(sync=True)
    mode = t.Enum(MODES, "preview").tag(sync=True)
    can_live = t.Bool(False).tag(sync=True)

    _picked: tuple[str, tuple[int, ...]] | None = None
    _drag: Edit | None = None  # the live transaction that a slider being dragged amends
    _revision = 0

    def update(self) -> None:
        session, cursor = self.stage.session, self.stage.selection.now
        if cursor.layer != self.layer:
            self._picked = None
        self.layer = cursor.layer
        self.can_live = session.model is not None

    def topics(self) -> list[Topic]:
        cursor = self.stage.selection.now
        place = cursor.step if cursor.step is not None and self.mode == "preview" else self.stage.session.live().token
        key = (
            self.stage.session.run.branch,
            cursor.layer,
            place,
            cursor.edits,
            self.mode,
            self._picked,
            self._revision,
        )
        return [Topic("weights", (id(self.stage.session.observer), key), self._weights)]

    # Requests

    def answer_mode(self, mode: str) -> None:
        """Preview or live was chosen."""
        if mode not in MODES:
            raise ValueError(f"mode is one of {', '.join(MODES)}, found {mode!r}")
        if mode == "live" and not self.can_live:
            raise ValueError("a recorded run has no model to change: only the preview works")
        self.mode = mode
        self.changed()

    def answer_gain(self, tensor: str, value: float, done: bool = True) -> None:
        """A gain slider was moved; `done` when it was let go."""
        self._edit(Edit(_name(tensor), "gain", None, _number(value)), bool(done))

    def answer_set(self, tensor: str, index: list[int], value: float, done: bool = True) -> None:
        """The picked element's slider was moved; `done` when it was let go."""
        self._edit(Edit(_name(tensor), "set", _index(index), _number(value)), bool(done))

    def answer_pick(self, tensor: str, row: int, col: int) -> None:
        """A cell of a heat map was clicked."""
        state = self._state()
        if tensor not in state:
            raise ValueError(f"no tensor {tensor!r} in this model")
        self._picked = tensor, Matrix.of(state[tensor]).index(row, col)
        self.changed()

    def answer_undo(self) -> None:
        """Take the newest edit back."""
        session = self.stage.session
        self._drag = None
        if self.mode == "preview":
            self.stage.selection.preview(self.stage.selection.now.edits[:-1])
        else:
            self._at_boundary(lambda: session.edits.undo(step=session.loop.step))
        self.changed()

    def answer_reset(self) -> None:
        """Drop all edits of the preview."""
        self.stage.selection.preview(())
        self.changed()

    # Editing

    def _edit(self, edit: Edit, done: bool) -> None:
        if self.mode == "preview":
            edits = previewed(self.stage.selection.now.edits, edit)
            apply(self._base(), (edit,))  # an edit that does not fit is refused here, not in every view
            self.stage.selection.preview(edits)
        else:
            self._edit_live(edit, done)
        self.changed()

    def _edit_live(self, edit: Edit, done: bool) -> None:
        session, log = self.stage.session, self.stage.session.edits
        same = self._drag is not None and (self._drag.tensor, self._drag.op, self._drag.index) == (
            edit.tensor, edit.op, edit.index,
        )  # fmt: skip
        change = log.amend if same else log.apply
        self._at_boundary(lambda: change(edit, step=session.loop.step))
        self._drag = None if done else edit

    def _at_boundary(self, command: Callable[[], Any]) -> None:
        session = self.stage.session

        def carried_out() -> None:
            command()
            session.keep_live()

        future = session.mailbox.put(carried_out)
        try:
            future.result(timeout=BOUNDARY_SECONDS)
        except NotYet:
            raise TimeoutError("the step under way is taking long; the edit will be made when it ends") from None
        self._revision += 1

    # Data for the view

    def _base(self) -> dict[str, torch.Tensor]:
        session, step = self.stage.session, self.stage.step
        return dict(session.live().state if self.mode == "live" else session.view_state(step))

    def _state(self) -> dict[str, torch.Tensor]:
        base = self._base()
        return base if self.mode == "live" else apply(base, self.stage.selection.now.edits)

    def _weights(self) -> Reply:
        session, cursor = self.stage.session, self.stage.selection.now
        names = [name for name in self._base() if _belongs(name, cursor.layer)]
        state = self._state()
        matrices = {name: Matrix.of(state[name]) for name in names[:MOST_TENSORS]}
        edits = cursor.edits if self.mode == "preview" else tuple(session.edits.edits)
        value = {
            "tensors": [self._tensor(name, state[name], matrix) for name, matrix in matrices.items()],
            "picked": self._picked_value(state, matrices),
            "undo": len(edits),
            "edits": len(cursor.edits),
            "probe": self._probe(),
            "step": session.live().step if cursor.step is None or self.mode == "live" else cursor.step,
            "live": self.mode == "live",
            "error": _left_out(names),
        }
        return value, [matrix.tiles() for matrix in matrices.values()]

    def _tensor(self, name: str, tensor: torch.Tensor, matrix: Matrix) -> dict[str, Any]:
        editable = tensor.is_floating_point()
        lo, hi = matrix.limits()
        rows, columns = matrix.full_size
        return {
            "name": name, "shape": list(tensor.shape), "rows": len(matrix.rows), "cols": len(matrix.columns),
            "rows_total": rows, "cols_total": columns, "lo": lo, "hi": hi, "gain": self._gain(name),
            "editable": editable, "note": "" if editable else f"{tensor.dtype}: not editable".removeprefix("torch."),
        }  # fmt: skip

    def _gain(self, name: str) -> float:
        if self.mode == "live":
            return self._drag.number if self._drag and (self._drag.tensor, self._drag.op) == (name, "gain") else 1.0
        gains = [edit.number for edit in self.stage.selection.now.edits if (edit.tensor, edit.op) == (name, "gain")]
        return math.prod(gains)

    def _picked_value(self, state: dict[str, torch.Tensor], matrices: dict[str, Matrix]) -> dict[str, Any] | None:
        if self._picked is None or self._picked[0] not in matrices:
            return None
        name, index = self._picked
        row, column = matrices[name].cell(index)
        value = float(state[name][index])
        reach = max(2 * float(self._base()[name].detach().abs().max()), 2 * abs(value), 1e-3)
        place = {"tensor": name, "index": list(index), "row": row, "col": column}
        return {**place, "value": value, "lo": -reach, "hi": reach}

    def _probe(self) -> dict[str, Any] | None:
        observer, cursor = self.stage.session.observer, self.stage.selection.now
        if observer is None:
            return None
        step = None if self.mode == "live" else cursor.step
        try:
            before = observer.outputs(step)
            after = observer.outputs(step, cursor.edits) if self.mode == "preview" else before
        except LookError:
            return None
        pairs = zip(before.predictions or [], after.predictions or [], strict=True)
        return {
            "loss_before": before.loss, "loss_after": after.loss, "count": observer.probe.count,
            "changed": sum(one != other for one, other in pairs),
        }  # fmt: skip


def previewed(edits: tuple[Edit, ...], edit: Edit) -> tuple[Edit, ...]:
    """The edits with one more; a new value for what is edited already takes the old one's place."""
    target = (edit.tensor, edit.op, edit.index)
    kept = [edit if (old.tensor, old.op, old.index) == target else old for old in edits]
    return tuple(kept) if edit in kept else (*kept, edit)


def _belongs(name: str, layer: str) -> bool:
    return not layer or name.startswith(f"{layer}.")


def _left_out(names: list[str]) -> str | None:
    if not names:
        return "This layer has no weights of its own; select one that has."
    if len(names) > MOST_TENSORS:
        return f"{MOST_TENSORS} of {len(names)} tensors; select a layer inside for the others."
    return None


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"tensor is a name, found {type(value).__name__}")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"value is a number, found {type(value).__name__}")
    return float(value)


def _index(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(isinstance(each, int) and not isinstance(each, bool) for each in value):
        raise TypeError(f"index is a list of whole numbers, found {value!r}")
    return tuple(value)
