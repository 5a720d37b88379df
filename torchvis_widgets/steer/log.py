"""EditLog: edits carried out on the live model, as transactions that can be undone."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from torchvis_widgets.steer.checks import check
from torchvis_widgets.steer.edits import Edit
from torchvis_widgets.steer.preview import new_values
from torchvis_widgets.steer.region import read, write

__all__ = ["EditLog", "Transaction"]

_MOST_TRANSACTIONS = 100


@dataclass
class Transaction:
    """An edit that was carried out: `before` holds the bits of what it touched, as they were after `step` steps."""

    edit: Edit
    step: int
    before: Mapping[str, Tensor]


class EditLog:
    """The edits made to the live model, newest last; every method belongs to the training thread at a step boundary.

    tensors: the live parameters and buffers by name. `step` is always the number of optimizer steps finished.
    version: counts the changes made. The tensors' own version counters do not tell of them.
    """

    def __init__(self, tensors: Callable[[], Mapping[str, Tensor]]) -> None:
        self.version = 0
        self._tensors = tensors
        self._done: deque[Transaction] = deque(maxlen=_MOST_TRANSACTIONS)

    def __len__(self) -> int:
        return len(self._done)

    @property
    def edits(self) -> list[Edit]:
        """The edits that undo() would take back, oldest first."""
        return [transaction.edit for transaction in self._done]

    def apply(self, edit: Edit, *, step: int) -> None:
        """Carry out an edit as a transaction of its own. Raises EditError."""
        tensors = self._checked(edit)
        after = new_values(tensors, edit)
        self._done.append(Transaction(edit, step, {name: read(tensors[name], edit) for name in after}))
        self._put(edit, after)

    def amend(self, edit: Edit, *, step: int) -> None:
        """Give the newest transaction another value, as a drag does: relative to the weights before that transaction.

        After an optimizer step what training has changed since is kept: a gain is made up by the ratio. An edit of
        something else is a transaction of its own. Raises EditError.
        """
        last = self._done[-1] if self._done else None
        if last is None or replace(edit, value=last.edit.value) != last.edit:
            self.apply(edit, step=step)
            return
        self._checked(edit)
        self._put(last.edit, self._taken_back(last, step))
        self._put(edit, new_values(self._tensors(), edit))
        last.edit = edit

    def undo(self, *, step: int) -> Edit | None:
        """Take the newest transaction back and return its edit; None when there is none.

        The exact bits return when no optimizer step was made since, when the edit was a "set" or a gain near 0. After
        a step a gain is taken back by its inverse, so that what training has changed since is kept.
        """
        if not self._done:
            return None
        last = self._done.pop()
        self._put(last.edit, self._taken_back(last, step))
        return last.edit

    def forget(self) -> None:
        """What was edited is gone, as the model has gone back to a snapshot."""
        self._done.clear()
        self.version += 1

    def _taken_back(self, last: Transaction, step: int) -> Mapping[str, Tensor]:
        gain = last.edit.value
        if step == last.step or not isinstance(gain, (int, float)) or not _invertible(last):
            return last.before
        tensors = self._tensors()
        return {name: read(tensors[name], last.edit).mul_(1 / gain) for name in last.before}

    def _checked(self, edit: Edit) -> Mapping[str, Tensor]:
        tensors = self._tensors()
        check(tensors, edit)
        return tensors

    def _put(self, edit: Edit, values: Mapping[str, Tensor]) -> None:
        tensors = self._tensors()
        for name, each in values.items():
            write(tensors[name], edit, each)
        self.version += 1


def _invertible(last: Transaction) -> bool:
    """Whether dividing by a gain gives the weights back: near 0 it has rounded them to nothing."""
    dtypes = [tensor.dtype for tensor in last.before.values()]
    return last.edit.op == "gain" and all(abs(last.edit.number) > math.sqrt(torch.finfo(d).tiny) for d in dtypes)
