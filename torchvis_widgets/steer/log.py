"""EditLog: edits carried out on the live model, as transactions that can be undone and redone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from torch import Tensor

from torchvis_widgets.steer.around import Around
from torchvis_widgets.steer.bits import Bits
from torchvis_widgets.steer.checks import check
from torchvis_widgets.steer.code import code
from torchvis_widgets.steer.edits import Edit, EditError
from torchvis_widgets.steer.freezing import check_freeze, let_train
from torchvis_widgets.steer.optimizer_state import Forgotten, forget
from torchvis_widgets.steer.outcome import outcome
from torchvis_widgets.steer.preview import Made, apply, new_values
from torchvis_widgets.steer.recipe import Recipe
from torchvis_widgets.steer.region import read, write
from torchvis_widgets.steer.taking_back import taken_back
from torchvis_widgets.steer.transaction import Kept, Transaction, Turn
from torchvis_widgets.steer.trying import Tries
from torchvis_widgets.steer.words import in_words

__all__ = ["MOST_BYTES", "EditLog"]

MOST_BYTES = 512 * 2**20  # of bits that undo() brings back; beyond them the oldest are given up

Past = Callable[[], "list[Transaction]"]


class EditLog:
    """The edits made to the live model, oldest first: those in effect, which `undo()` takes back.

    What changes the model belongs to the training thread at a step boundary; `step` is always the number of optimizer
    steps finished.

    tensors: the live parameters and buffers by name. around: what else there is. past: of a run that was recorded, or
    is being written by another process, its transactions. most_bytes: that may be kept for undo().
    version: counts the changes made. The tensors' own version counters do not tell of them.
    """

    def __init__(
        self,
        tensors: Callable[[], Mapping[str, Tensor]],
        around: Around | None = None,
        past: Past | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.version = 0
        self.tensors, self._around = tensors, around or Around()
        self._past = past
        self._tries = Tries(self._tried)
        self._all: list[Transaction] = []
        self._done: list[Transaction] = []
        self._undone: list[Transaction] = []
        self._bits = Bits(most_bytes)

    # Reading

    def __len__(self) -> int:
        return len(self.transactions)

    def __iter__(self) -> Iterator[Transaction]:
        return iter(self.transactions)

    def __getitem__(self, place: int) -> Transaction:
        return self.transactions[place]

    @property
    def transactions(self) -> list[Transaction]:
        """Those in effect, oldest first."""
        if self._past is not None:
            return [each for each in self._past() if not each.undone]
        return self._done.copy()

    @property
    def undone(self) -> list[Transaction]:
        """Those that `redo()` makes again, the next one last."""
        return self._undone.copy()

    @property
    def edits(self) -> list[Edit]:
        """The edits in effect, oldest first."""
        return [transaction.edit for transaction in self.transactions]

    def as_code(self) -> str:
        """Python that makes these edits on a state_dict, bit for bit; it needs nothing but torch.

        A blend loads its snapshot from the run.
        """
        return code(self.transactions, self._around.run)

    def code_of(self, edits: Iterable[Edit], state: Mapping[str, Tensor]) -> str:
        """The same of edits that have not been made, as those of a preview, on a state."""
        step, (epoch, branch) = 0, self._around.place()
        made = [
            Transaction(number, edit, step, epoch, time.time(), branch, *self._about(state, edit))
            for number, edit in enumerate(edits)
        ]
        return code(made, self._around.run)

    def preview(self, state: Mapping[str, Tensor], edits: Iterable[Edit]) -> dict[str, Tensor]:
        """A copy of a state with edits made, bit for bit as `apply` would change the model. Raises EditError."""
        return self._tried(state, edits, outcome)

    def try_out(self, state: Mapping[str, Tensor], edits: Iterable[Edit]) -> Mapping[str, Tensor]:
        """`preview()` of a state that is never changed, nor is what this gives: a drag asks again and again."""
        return self._tries.of(state, tuple(edits))

    def _tried(self, state: Mapping[str, Tensor], edits: Iterable[Edit], made: Made) -> dict[str, Tensor]:
        around = self._around
        return apply(state, edits, around.tied(), around.states, around.fresh, made)

    def __repr__(self) -> str:
        lines = [f"  {each!r}" for each in self.transactions]
        return "\n".join([f"{len(lines)} edits in effect, {len(self._undone)} undone", *lines])

    # Changing the model

    def apply(self, edit: Edit, *, step: int) -> Transaction:
        """Carry out an edit as a transaction of its own. Raises EditError; then nothing was changed."""
        tensors = self._checked(edit)
        after = new_values(tensors, edit, self._around.states, self._around.fresh)
        epoch, branch = self._around.place()
        done = Transaction(len(self._all), edit, step, epoch, time.time(), branch, *self._about(tensors, edit))
        before = {name: read(tensors[name], edit).cpu() for name in after}
        done.kept = self._make(edit, after, Kept(step, before))
        self._all.append(done)
        self._done.append(done)
        self._undone.clear()
        self._bits.hold(done)
        self._changed(done)
        return done

    def amend(self, edit: Edit, *, step: int) -> Transaction:
        """Give the newest transaction another value, as a drag does: relative to the weights before that transaction.

        After an optimizer step what training has changed since is kept. An edit of something else is a transaction of
        its own. Raises EditError; then nothing was changed.
        """
        last = self._done[-1] if self._done else None
        if (
            last is None
            or last.kept is None
            or replace(edit, value=last.edit.value) != last.edit
            or edit.op == "freeze"
        ):
            return self.apply(edit, step=step)
        tensors, kept = self._checked(edit), last.kept
        back, _ = self._back(last, kept, step)
        present = {name: read(tensors[name], edit) for name in back}
        self._write(edit, back)
        try:
            after = new_values(tensors, edit, self._around.states, self._around.fresh)
        except Exception:
            self._write(edit, present)
            raise
        if step != kept.step:
            kept = replace(kept, step=step, before={name: each.cpu() for name, each in back.items()})
        last.kept, last.edit = self._make(edit, after, kept), edit
        self._undone.clear()
        self._bits.hold(last)
        self._changed(last)
        return last

    def undo(self, *, step: int) -> Edit | None:
        """Take the newest transaction back and return its edit; None when there is none.

        The exact bits return when no optimizer step was made since, and after ops that put new values in their place.
        After a step a gain is divided out and what was added is subtracted, so that what training has changed since is
        kept. Raises EditError where its bits were given up.
        """
        if not self._done:
            return None
        last = self._done[-1]
        if last.kept is None:
            raise EditError(
                f"{in_words(last.edit)} cannot be undone: the bits of older edits were given up, "
                f"as they took more than {self._bits.most:,} bytes; go back with session.restore(…)"
            )
        values, exact = self._back(last, last.kept, step)
        self._write(last.edit, values)
        self._unfreeze(last, last.kept.gradient if exact else None)
        if exact:
            last.kept.optimizers.bring_back()
        self._undone.append(self._done.pop())
        self._turned(last, step)
        return last.edit

    def redo(self, *, step: int) -> Edit | None:
        """Make the edit again that was undone last, and return it; None when there is none. Raises EditError."""
        if not self._undone:
            return None
        again = self._undone[-1]
        tensors = self._checked(again.edit)
        after = new_values(tensors, again.edit, self._around.states, self._around.fresh)
        before = {name: read(tensors[name], again.edit).cpu() for name in after}
        again.kept = self._make(again.edit, after, Kept(step, before))
        self._undone.pop()
        self._done.append(again)
        self._bits.hold(again)
        self._turned(again, step)
        return again.edit

    def go_back(self, is_past: Callable[[int, int, float], bool]) -> None:
        """The model has gone back to a snapshot: what was edited, undone and redone after it is no more.

        is_past: (branch, step, time) → whether that moment is in the past of now.
        """
        before, past = self._done, [each for each in self._all if is_past(each.branch, each.step, each.time)]
        turns = {each: [t for t in each.turns if is_past(t.branch, t.step, t.time)] for each in past}
        newest = max((each.time for each in past), default=0.0)
        self._done = [each for each in past if len(turns[each]) % 2 == 0]
        now, then = set(self._done), set(before)
        undone = [each for each in past if len(turns[each]) % 2 and turns[each][-1].time >= newest]
        self._undone = sorted(undone, key=lambda each: turns[each][-1].time)
        for each in self._all:
            each.undone = len(turns.get(each, ())) % 2 == 1
        for each in reversed([each for each in before if each not in now]):
            self._unfreeze(each)
        for each in [each for each in self._done if each not in then and each.edit.op == "freeze"]:
            let_train(self._around.parameters()[each.edit.tensor], not each.edit.value)
        self.version += 1

    def _checked(self, edit: Edit) -> Mapping[str, Tensor]:
        tensors = self.tensors()
        check(tensors, edit)
        if edit.op == "freeze":
            check_freeze(self._around.parameters(), edit)
        return tensors

    def _about(self, tensors: Mapping[str, Tensor], edit: Edit) -> tuple[tuple[str, ...], Recipe | None]:
        tied = next((tuple(group) for group in self._around.tied() if edit.tensor in group), ())
        if edit.op != "reinit":
            return tied, None
        return tied, self._around.fresh(edit.tensor, tuple(tensors[edit.tensor].shape), edit.seed)

    def _back(self, last: Transaction, kept: Kept, step: int) -> tuple[dict[str, Tensor], bool]:
        tensors, parameters = self.tensors(), self._around.parameters()
        buffers = tensors.keys() - parameters.keys() if parameters else ()
        return taken_back(tensors, last.edit, kept, step, self._around.states, self._around.fresh, buffers)

    def _make(self, edit: Edit, values: Mapping[str, Tensor], kept: Kept) -> Kept:
        """Change the model; what it takes to change it back."""
        self._write(edit, values)
        parameters = self._around.parameters() if edit.reset_optimizer or edit.op == "freeze" else {}
        if edit.op == "freeze":
            parameter = parameters[edit.tensor]
            kept = replace(kept, trained=parameter.requires_grad, gradient=parameter.grad)
            let_train(parameter, not edit.value, parameter.grad if not edit.value else None)
        if edit.reset_optimizer:
            names = [name for name in values or [edit.tensor] if name in parameters]
            forgotten = [forget(self._around.optimizers(), parameters[name], edit) for name in names]
            # Of a drag the first: what optimizers have learned since is about weights that are gone.
            kept = kept if kept.optimizers.states else replace(kept, optimizers=Forgotten.joined(forgotten))
        return kept

    def _write(self, edit: Edit, values: Mapping[str, Tensor]) -> None:
        tensors = self.tensors()
        for name, each in values.items():
            write(tensors[name], edit, each)

    def _unfreeze(self, each: Transaction, gradient: Tensor | None = None) -> None:
        if each.kept is not None and each.kept.trained is not None:
            let_train(self._around.parameters()[each.edit.tensor], each.kept.trained, gradient)

    def _turned(self, turned: Transaction, step: int) -> None:
        turned.turns.append(Turn(step, time.time(), self._around.place()[1]))
        turned.undone = not turned.undone
        self._changed(turned)

    def _changed(self, changed: Transaction) -> None:
        self.version += 1
        self._around.record(changed)
