"""The edits in a list: those in effect and those that can be made again."""

from __future__ import annotations

from typing import Any

from torchvis_widgets.session import Session
from torchvis_widgets.steer.transaction import Transaction
from torchvis_widgets.steer.words import in_words
from torchvis_widgets.widgets.sliding.drafts import Drafts

__all__ = ["MOST_LISTED", "drafted", "made"]

MOST_LISTED = 100


def drafted(drafts: Drafts) -> list[dict[str, Any]]:
    """The previewed edits, oldest first."""
    return [
        {"text": in_words(edit), "where": "", "undone": False, "change": edit.op, "tensor": edit.tensor,
         "index": edit.index}
        for edit in drafts.edits
    ]  # fmt: skip


def made(session: Session) -> list[dict[str, Any]]:
    """The edits of the model, oldest first, then those that `redo()` makes again, the next one first."""
    done, undone = session.edits.transactions[-MOST_LISTED:], session.edits.undone[-MOST_LISTED:]
    return [_row(each, False) for each in done] + [_row(each, True) for each in reversed(undone)]


def _row(each: Transaction, undone: bool) -> dict[str, Any]:
    where = f"step {each.step:,}" if each.epoch is None else f"epoch {each.epoch:.3g} · step {each.step:,}"
    edit = each.edit
    return {"text": in_words(edit), "where": where, "undone": undone, "change": edit.op, "tensor": edit.tensor,
            "index": edit.index}  # fmt: skip
