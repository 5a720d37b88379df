"""Edits on their way into a run, each with a mark on the loss plot and the timeline, and back out of one."""

from __future__ import annotations

from torchvis_widgets.record.edits import Edited
from torchvis_widgets.record.recording import Recording
from torchvis_widgets.record.run import Run
from torchvis_widgets.steer.storing import stored, transaction_of
from torchvis_widgets.steer.transaction import Transaction
from torchvis_widgets.steer.words import in_words

__all__ = ["Recorded", "Recorder"]

_MARK = "edit"


class Recorder:
    """Tells a run of each transaction that is new or has changed."""

    def __init__(self, run: Recording) -> None:
        self._run = run
        self._numbers: dict[Transaction, tuple[int, int]] = {}  # of the edit and of its mark, in the run

    def record(self, transaction: Transaction) -> None:
        """Take in what a transaction has become; waits neither for a device nor for the disk."""
        if transaction in self._numbers:
            edit, mark = self._numbers[transaction]
            self._run.amend_edit(edit, stored(transaction))
            self._run.amend_mark(mark, text=_text(transaction))
            return
        layer = transaction.edit.tensor.rpartition(".")[0] or None
        mark = self._run.mark(
            transaction.step, transaction.epoch, _MARK, _text(transaction), layer, branch=transaction.branch
        )
        self._numbers[transaction] = self._run.note_edit(stored(transaction)), mark


class Recorded:
    """The transactions of a run that is finished, or written by another process."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._seen: list[tuple[Edited, bool]] = []
        self._made: list[Transaction] = []

    def transactions(self) -> list[Transaction]:
        """Those on the way to the current branch's end, oldest first."""
        now = self._run.edited
        if now != self._seen:
            self._made = [transaction_of(number, *each) for number, each in enumerate(now)]
            self._seen = now
        return self._made


def _text(transaction: Transaction) -> str:
    undone = f", undone at step {transaction.turns[-1].step}" if transaction.undone else ""
    return in_words(transaction.edit) + undone
