"""What views show of the moments marked in a run."""

from __future__ import annotations

from typing import Any

from torchvis_widgets.record.marks import Mark
from torchvis_widgets.record.run import Run

MOST_MARKS = 200  # more would be a bar of one colour


def latest_marks(run: Run) -> list[Mark]:
    """The marks on the way to the current branch's end, the latest of them."""
    return run.latest_marks(MOST_MARKS)


def told(marks: list[Mark]) -> list[dict[str, Any]]:
    """Marks as the front end takes them: {step, kind, text}."""
    return [{"step": mark.step, "kind": mark.kind, "text": mark.text} for mark in marks]
