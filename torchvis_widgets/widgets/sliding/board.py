"""Board: what the weight sliders show, and when it is shown anew."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, ClassVar

import torch
import traitlets as t

from torchvis_widgets.steer.edits import Edit, EditError
from torchvis_widgets.widgets.base import Reply, Topic
from torchvis_widgets.widgets.matrix import Laid, Matrix
from torchvis_widgets.widgets.sliding.asked import same_place
from torchvis_widgets.widgets.sliding.blend import Blend, Way, choices
from torchvis_widgets.widgets.sliding.consequence import consequence
from torchvis_widgets.widgets.sliding.edited import Edited, Found
from torchvis_widgets.widgets.sliding.finding import class_names, frozen
from torchvis_widgets.widgets.sliding.listing import drafted, made
from torchvis_widgets.widgets.sliding.live_edits import LiveEdits
from torchvis_widgets.widgets.sliding.rows import MOST_TENSORS, Picked, left_out, names_in, picked_value, row
from torchvis_widgets.widgets.sliding.units import Units, Window, units_of
from torchvis_widgets.widgets.stage import Source, stage_of
from torchvis_widgets.widgets.view import View

__all__ = ["MODES", "Board"]

MODES = ("preview", "live")


class Board(View):
    """The part of the sliders that looks: at the weights, their answer for the probe, the list of edits, a blend."""

    bundle: ClassVar[str] = "weight_sliders"

    layer = t.Unicode().tag(sync=True)
    mode = t.Enum(MODES, "preview").tag(sync=True)
    can_live = t.Bool(False).tag(sync=True)
    reset_optimizer = t.Bool(False).tag(sync=True)

    changes = t.Int(0)
    """Counts the states that were on show."""

    _shown: Hashable = None
    _found: Found  # the state that the data for the view are of
    _picked: Picked | None = None
    _listing = False  # whether the list of edits is on screen
    _window: Window | None = None
    _blend: Blend | None = None

    def __init__(
        self, source: Source, *, model: torch.nn.Module | None = None, layer: str | None = None, **traits: Any
    ) -> None:
        stage = stage_of(source, model)
        if layer is not None:
            stage.selection.select(layer)
        session = stage.session
        self._live, self._edited, self._way = LiveEdits(session), Edited(session), Way(self.changed)
        self._laid = Laid()
        super().__init__(session, **traits)  # from now on the publisher asks for the topics

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The weights and buffers on show, the preview's edits made; not to be changed in place.

        `torch.func.functional_call(model, sliders.state_dict(), inputs)` runs the model with them.
        """
        return dict(self._state())

    def update(self) -> None:
        session, cursor = self.stage.session, self.stage.selection.now
        self._found = self._edited.find(self._step)
        now = self._now()
        if cursor.layer != self.layer:
            self._picked = None
        self.show(layer=cursor.layer, can_live=session.model is not None and session.open)
        if now != self._shown:
            self._shown = now
            self.changes += 1

    def topics(self) -> list[Topic]:
        session, now = self.stage.session, self._shown  # update() has just set it
        log = session.edits.version, self._live.changes
        topics = [Topic("weights", (now, self.layer, self._picked, log), self._weights)]
        if self._listing:
            topics.append(Topic("edits", (self.mode, self._drafts(), log), self._listed))
        if self._window is not None:
            topics.append(Topic("units", (now, self._window, log), self._units))
        if self._blend is not None:
            self._aim(self._blend)
            key = self._blend, self._drafts(), self._way.version, self._step, len(session.run.snapshots)
            topics.append(Topic("blend", (self.mode, key), self._blended))
        return topics

    # Data for the view

    @property
    def _step(self) -> int | None:
        return None if self.mode == "live" else self.stage.selection.now.step

    def _drafts(self) -> tuple[Edit, ...]:
        return () if self.mode == "live" else self.stage.selection.now.edits

    def _now(self) -> Hashable:
        """What tells the weights on show, and their answer for the probe, from all others."""
        session = self.stage.session
        return session.run.branch, id(session.observer), self._found.token, self._drafts(), self.mode

    def _base(self) -> Mapping[str, torch.Tensor]:
        return self._edited.base(self._edited.find(self._step))

    def _state(self) -> Mapping[str, torch.Tensor]:
        return self._edited.state(self._edited.find(self._step), self._drafts())

    def _weights(self) -> Reply:
        session, drafts = self.stage.session, self.stage.drafts
        trouble: str | None = None
        base = state = self._edited.base(self._found)
        try:
            state = self._edited.state(self._found, self._drafts())
        except EditError as error:
            trouble = str(error)
        names = names_in(self.stage.selection.now.layer, base)
        bases = self._laid.of({name: base[name] for name in names[:MOST_TENSORS]})
        matrices = {name: each if state[name] is base[name] else Matrix.of(state[name]) for name, each in bases.items()}
        own = tuple(each for each in (self._live.dragged,) if each) if self.mode == "live" else self._drafts()
        tensors = [
            row(name, state[name], matrix, bases[name], own)
            | {"frozen": frozen(session, name), "parts": list(units_of(session.layers, name, tuple(state[name].shape)))}
            for name, matrix in matrices.items()
        ]
        log = session.edits
        undo, redo = drafts.steps if self.mode == "preview" else (len(log), len(log.undone))
        value = {
            "tensors": tensors,
            "picked": picked_value(self._picked, state, bases),
            "undo": undo,
            "redo": redo,
            "edits": len(self._drafts()),
            "probe": consequence(session.observer, self._step, self._drafts(), session.run.classes),
            "step": session.live().step if self._step is None else self._step,
            "live": self.mode == "live",
            "error": trouble or left_out(names),
        }
        return value, [matrix.tiles for matrix in matrices.values()]

    def _listed(self) -> Reply:
        rows = drafted(self.stage.drafts) if self.mode == "preview" else made(self.stage.session)
        return {"rows": rows, "live": self.mode == "live"}, []

    def _units_in(self, window: Window, base: Mapping[str, torch.Tensor]) -> Units:
        tensor = base.get(window.tensor)
        if tensor is None:
            raise ValueError(f"no tensor {window.tensor!r} in this model")
        parts = units_of(self.stage.session.layers, window.tensor, tuple(tensor.shape))
        if window.by not in parts:
            raise ValueError(f"{window.tensor!r} has no {window.by}s that could be turned up or off one by one")
        return parts[window.by]

    def _units(self) -> Reply:
        window = self._window
        assert window is not None
        units = self._units_in(window, self._edited.base(self._found))
        state = self._edited.state(self._found, self._drafts())
        names = class_names(self.stage.session, window.tensor, units.count)
        edits = self._drafts() if self.mode == "preview" else [each for each in (self._live.dragged,) if each]
        listed = units.listed(window, state[window.tensor], edits, names)
        return {"tensor": window.tensor, "by": window.by, "query": window.query, "order": window.order, **listed}, []

    def _aim(self, blend: Blend) -> None:
        """Have the way's losses computed, where they can be."""
        observer, step = self.stage.session.observer, self._step
        if observer is None:
            return
        others = tuple(edit for edit in self._drafts() if not same_place(edit, blend.edit(0.0)))

        def loss(share: float) -> float | None:
            return observer.outputs(step, (*others, blend.edit(share)) if share else others).loss

        self._way.aim((blend, others, id(observer), self.mode), self._found.token, loss)

    def _blended(self) -> Reply:
        blend, session = self._blend, self.stage.session
        assert blend is not None
        edits = self._drafts() if self.mode == "preview" else [each for each in (self._live.dragged,) if each]
        here = next((edit.value for edit in edits if blend.is_of(edit)), 0.0)
        return {
            "tensor": blend.tensor, "toward": blend.toward, "value": here, "choices": choices(session.run.snapshots),
            "points": self._way.points, "trouble": self._way.trouble,
        }, []  # fmt: skip
