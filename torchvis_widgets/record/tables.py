"""What a run holds as tidy DataFrames, a row an observation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields
from typing import TYPE_CHECKING

import numpy as np

from torchvis_widgets.record.branches import Branches
from torchvis_widgets.record.changes import Change
from torchvis_widgets.record.edits import Edited
from torchvis_widgets.record.lines import Lines
from torchvis_widgets.record.marks import Mark

if TYPE_CHECKING:
    import pandas

__all__ = ["changes", "edits", "marks", "metrics"]


def metrics(lines: Lines) -> pandas.DataFrame:
    """See `Run.metrics`."""
    import pandas

    frames = [pandas.DataFrame({"step": np.empty(0, np.int64), "epoch": [], "time": [], "name": [], "value": [],
                                "branch": np.empty(0, np.int64)})]  # fmt: skip
    for branch, series in lines.own():
        step, epoch, time, value = series.columns()
        columns = {"step": step, "epoch": epoch, "time": time, "name": series.name, "value": value}
        frames.append(pandas.DataFrame({**columns, "branch": branch}))
    table = pandas.concat(frames[1:] or frames)
    return table.sort_values(["branch", "step"], kind="stable", ignore_index=True)


def marks(marked: Sequence[Mark]) -> pandas.DataFrame:
    """See `Run.marks`."""
    return _of(Mark, marked)


def changes(changed: Sequence[Change]) -> pandas.DataFrame:
    """See `Run.changes`."""
    return _of(Change, changed)


def _of(kind: type[Mark | Change], found: Sequence[Mark | Change]) -> pandas.DataFrame:
    import pandas

    columns = [field.name for field in fields(kind)]
    table = pandas.DataFrame([astuple(one) for one in found], columns=columns)
    return table.sort_values(["branch", "step"], kind="stable", ignore_index=True)


def edits(edited: Sequence[Edited], branches: Branches) -> pandas.DataFrame:
    """See `Run.edits`."""
    import pandas

    columns = ["step", "epoch", "time", "tensor", "op", "text", "undone", "branch"]
    rows = [
        (each.step, each.epoch, each.time, each.tensor, each.op, each.text,
         each.undone(branches.line(each.branch)), each.branch)
        for each in edited
    ]  # fmt: skip
    return pandas.DataFrame(rows, columns=columns)
