"""The rows of HyperparameterSliders: one a hyperparameter, under what it belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from torchvis_widgets.record.changes import Change
from torchvis_widgets.steer.change_log import short
from torchvis_widgets.steer.hyperparameters import Hyperparameters
from torchvis_widgets.steer.knobs import GroupPlace, Knob, Value
from torchvis_widgets.steer.rules import scale_of
from torchvis_widgets.widgets.tuning.reach import reach

MAIN = {"lr", "momentum", "betas", "weight_decay", "dropout"}  # those that are set most often
MOST_ROWS = 200
SECONDS = 5.0  # between two walks through the model: a Dropout is rarely put into one that trains
MOST_CHANGES = 100
FEW_TENSORS = 3  # that a section names


@dataclass(frozen=True)
class Row:
    """What a view shows of one hyperparameter, or of several that one slider sets.

    value: None where these differ. wished: what the user had set, where something else has set another since.
    """

    name: str
    label: str
    section: str
    about: str
    scale: str
    value: Value | None
    lo: float
    hi: float
    first: Value
    held: bool
    wished: Value | None
    remark: str
    scheduler: str
    main: bool


class Rows:
    """Makes the rows; remembers what each hyperparameter was when it was first seen."""

    def __init__(self, hyperparameters: Hyperparameters, names: dict[int, str]) -> None:
        self._all, self._names = hyperparameters, names
        self._first: dict[Knob, Value] = {}

    def now(self) -> list[dict[str, Any]]:
        """Every row as a dict, those of one optimizer's group or of the Dropouts one after the other."""
        knobs = self._all.knobs(within=SECONDS)[:MOST_ROWS]
        rows = [self._row(knob) for knob in knobs if isinstance(knob.place, GroupPlace)]
        drops = [self._row(knob) for knob in knobs if not isinstance(knob.place, GroupPlace)]
        whole = [_together(drops)] if len(drops) > 1 else []
        return [vars(row) for row in (*rows, *whole, *drops)]

    def _row(self, knob: Knob) -> Row:
        wish = self._all.wish(knob)
        # What is held is put back before the next step: between a scheduler's and that, something else may stand there.
        now = wish.value if wish is not None and wish.held else knob.get()
        first = self._first.setdefault(knob, now)
        scale = scale_of(knob, now)
        lo, hi = reach(scale, knob.what, first, now)
        in_group = isinstance(knob.place, GroupPlace)
        section, about = self._section(knob)
        return Row(
            name=knob.name,
            label=knob.name.removeprefix(f"{knob.where}/") if in_group else knob.where or knob.what,
            section=section,
            about=about,
            scale=scale,
            value=now,
            lo=lo,
            hi=hi,
            first=first,
            held=wish is not None and wish.held,
            wished=wish.value if wish is not None and wish.by and not wish.held else None,
            remark=self._all.remark(knob) if wish is not None and wish.by else "",
            scheduler=self._all.scheduler(knob),
            main=knob.what in MAIN and (in_group or not knob.where),
        )

    def _section(self, knob: Knob) -> tuple[str, str]:
        """What it belongs to, and what that is made of."""
        optimizer = knob.place.optimizer() if isinstance(knob.place, GroupPlace) else None
        if optimizer is None or not isinstance(knob.place, GroupPlace):
            return "Dropout", ""
        parameters = optimizer.param_groups[knob.place.index]["params"]
        named = [name for each in parameters[:FEW_TENSORS] if (name := self._names.get(id(each))) is not None]
        more = ["…"] if len(parameters) > len(named) else []
        about = f"{len(parameters)} {'tensor' if len(parameters) == 1 else 'tensors'}"
        title = " · ".join([type(optimizer).__name__, *filter(None, [knob.where.replace("/", " · ")])])
        return title, f"{about}: {', '.join([*named, *more])}" if named else about


def _together(rows: list[Row]) -> Row:
    """One row that sets all of these."""
    values = {row.value for row in rows}
    return replace(
        rows[0],
        name="dropout",
        label=f"all {len(rows)}",
        value=rows[0].value if len(values) == 1 else None,
        held=all(row.held for row in rows),
        wished=None,
        remark="",
        main=True,
    )


def told(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Changes as the front end takes them, the latest of them: {step, text, by}."""
    return [
        {"step": each.step, "text": f"{each.name} {short(each.before)} → {short(each.after)}", "by": each.by}
        for each in list(changes)[-MOST_CHANGES:]
    ]
