"""WeightSliders: the selected layer's weights, changed on a copy (preview) or in the training model (live)."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any, ClassVar

from torchvis_widgets.steer.edits import Edit, EditError
from torchvis_widgets.widgets.matrix import Matrix
from torchvis_widgets.widgets.sliding.asked import edit_asked, flag, index_asked, name_asked, same_place, whole_asked
from torchvis_widgets.widgets.sliding.blend import Blend
from torchvis_widgets.widgets.sliding.board import MODES, Board
from torchvis_widgets.widgets.sliding.finding import found
from torchvis_widgets.widgets.sliding.units import BYS, ORDERS, By, Window


class WeightSliders(Board):
    """The selected layer's weights under sliders: whole tensors, output channels, attention heads, single values.

    A whole tensor is scaled, shifted, made noisy, pruned, clamped, re-initialised or frozen; the tensor or the whole
    model is blended toward a snapshot. `mode` "preview" changes nothing but what the views of this session show; "live"
    changes the model itself, at the next step boundary while a loop runs, as one of `session.edits`.

    `observe(draw, "changes")` calls `draw` whenever the weights on show are others, which `state_dict()` gives.

    Args:
        source: a `Session`, or a `Run` to look at what was recorded.
        model: with a `Run`, a model of the recorded architecture, for the answers on the probe.
        layer: what this and the other views look at; "" is the whole model.
    """

    turn: ClassVar[int] = 1

    # Requests

    def answer_mode(self, mode: str) -> None:
        """Preview or live was chosen."""
        if mode not in MODES:
            raise ValueError(f"mode is one of {', '.join(MODES)}, found {mode!r}")
        if mode == "live" and not self.can_live:
            raise ValueError("a recorded run has no model to change: only the preview works")
        if mode != self.mode:
            drafts = self.stage.drafts
            drafts.set_aside() if mode == "live" else drafts.take_up()
        self.mode = mode
        self.changed()

    def answer_reset_optimizer(self, reset_optimizer: bool) -> None:
        """Whether optimizers forget what they know of what is edited from now on."""
        self.reset_optimizer = flag(reset_optimizer, "reset_optimizer")

    def answer_edit(
        self,
        change: str,
        tensor: str,
        value: Any = None,
        index: list[Any] | None = None,
        done: bool = True,
        again: bool = False,
    ) -> None:
        """A slider was moved; `done` when it was let go. `again`: what is drawn at random is drawn anew."""
        edit = edit_asked(change, tensor, value, index)
        if edit.op in ("noise", "reinit"):
            edit = replace(edit, seed=self._seed(edit, flag(again, "again")))
        self._put(edit, flag(done, "done"))

    def answer_drop(self, change: str, tensor: str, index: list[Any] | None = None) -> None:
        """A previewed edit is to be no more."""
        edit = edit_asked(change, tensor, None, index)
        self._previewing("drop")
        self.stage.drafts.drop(edit)
        self.changed()

    def answer_off(self, tensor: str, index: list[Any], off: bool) -> None:
        """A channel or head was switched off, or on again."""
        edit = Edit(name_asked(tensor), "gain", index_asked(index), 0.0)
        if flag(off, "off"):
            self._put(edit, True)
        elif self.mode == "preview":
            self.answer_drop("gain", tensor, index)
        else:
            self._on_again(edit)

    def answer_pick(self, tensor: str, row: int, col: int) -> None:
        """A cell of a heat map was clicked."""
        state = self._state()
        if name_asked(tensor) not in state:
            raise ValueError(f"no tensor {tensor!r} in this model")
        self._picked = tensor, Matrix.of(state[tensor]).index(whole_asked(row, "row"), whole_asked(col, "col"))
        self.changed()

    def answer_undo(self) -> None:
        """Take the newest edit back."""
        (self.stage.drafts if self.mode == "preview" else self._live).undo()
        self.changed()

    def answer_redo(self) -> None:
        """Make the edit again that was taken back last."""
        (self.stage.drafts if self.mode == "preview" else self._live).redo()
        self.changed()

    def answer_reset(self) -> None:
        """Drop all edits of the preview."""
        self._previewing("reset")
        self.stage.drafts.clear()
        self.changed()

    def answer_make_live(self) -> None:
        """Make the previewed edits in the model, each a transaction, and preview none any more."""
        self._previewing("make_live")
        if not self.can_live:
            raise ValueError("a recorded run has no model to change: only the preview works")
        self._live.put_all([self._as_asked(edit) for edit in self.stage.drafts.edits])
        self.stage.drafts.clear()
        self.changed()

    def answer_code(self) -> dict[str, Any]:
        """The edits as Python."""
        session = self.stage.session
        if self.mode == "live":
            return {"text": session.edits.as_code()}
        return {"text": session.edits.code_of(self.stage.drafts.edits, self._base())}

    def answer_find(self, text: str) -> dict[str, Any]:
        """Tensors whose names hold all the words."""
        return found(name_asked(text), self._base())

    def answer_show(self, tensor: str) -> None:
        """Look at the layer that a tensor belongs to."""
        if name_asked(tensor) not in self._base():
            raise ValueError(f"no tensor {tensor!r} in this model")
        self.stage.selection.select(tensor.rpartition(".")[0])
        self.changed()

    def answer_listing(self, on: bool) -> None:
        """The list of edits has come on screen, or is no more."""
        self._listing = flag(on, "on")
        self.changed()

    def answer_units(
        self, tensor: str | None, by: By = "channel", first: int = 0, query: str = "", order: str = "number"
    ) -> None:
        """A list of channels or heads is on screen from its row `first` on; None: no list is."""
        if tensor is None:
            self._window = None
            return
        if by not in BYS or order not in ORDERS:
            raise ValueError(f"by is one of {', '.join(BYS)} and order one of {', '.join(ORDERS)}")
        window = Window(name_asked(tensor), by, whole_asked(first, "first"), name_asked(query), order)
        self._units_in(window, self._base())
        self._window = window
        self.changed()

    def answer_blend(self, tensor: str | None, toward: int | None = None) -> None:
        """What is blended (a tensor, "" = the whole model) toward the snapshot of which step; None: nothing."""
        if tensor is None:
            self._blend = None
            return
        if name_asked(tensor) and tensor not in self._base():
            raise ValueError(f"no tensor {tensor!r} in this model")
        snapshots = self.stage.session.run.snapshots
        if not snapshots:
            raise ValueError("there is no snapshot to blend toward yet: one is kept at the end of every epoch")
        step = snapshots[0].step if toward is None else whole_asked(toward, "toward")
        snapshot = self.stage.session.run.snapshot(step=step)
        self._blend = Blend(tensor, snapshot.step, snapshot.branch)
        self.changed()

    def answer_blended(self, value: float, done: bool = True) -> None:
        """The blend's slider was moved; `done` when it was let go."""
        if self._blend is None:
            raise ValueError("nothing has been chosen to be blended")
        edit = edit_asked(
            "blend", self._blend.tensor, value, None, toward=self._blend.toward, branch=self._blend.branch
        )
        self._put(edit, flag(done, "done"))

    # Editing

    def _put(self, edit: Edit, done: bool) -> None:
        if self.mode == "live":
            self._live.put(self._as_asked(edit), done)
        elif edit.op == "freeze":
            raise EditError("freezing changes no values, so there is nothing to preview: choose Live")
        else:
            self.stage.drafts.put(edit, done, lambda edits: self._checked(edit, edits))
        self.changed()

    def _checked(self, edit: Edit, edits: tuple[Edit, ...]) -> None:
        """Raises EditError for an edit that does not fit, alone or after the others."""
        found = self._edited.find(self._step)
        if edit not in edits:  # one at rest, which is left out, has to fit all the same
            self.stage.session.edits.preview(self._edited.base(found), (edit,))
        self._edited.state(found, edits)

    def _as_asked(self, edit: Edit) -> Edit:
        return replace(edit, reset_optimizer=self.reset_optimizer and edit.op != "freeze")

    def _on_again(self, off: Edit) -> None:
        newest = next(iter(self.stage.session.edits.transactions[-1:]), None)
        if newest is None or not same_place(newest.edit, off) or newest.edit.value != 0:
            raise EditError("it was switched off before other edits: take those back first (Undo)")
        self.answer_undo()

    def _seed(self, edit: Edit, again: bool) -> int:
        """Of what is drawn at random: the same while a slider is dragged or a preview goes on."""
        before = self.stage.drafts.edits if self.mode == "preview" else [self._live.dragged]
        kept = [old.seed for old in before if old is not None and same_place(old, edit)]
        return kept[0] if kept and not again else secrets.randbelow(2**31)

    def _previewing(self, call: str) -> None:
        if self.mode != "preview":
            raise ValueError(f"{call!r} is about the preview, and Live is on: take back what was made with Undo")
