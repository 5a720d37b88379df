"""ActivationViewer: what a layer makes of a probe sample, at the snapshot looked at."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, ClassVar

import torch
import traitlets as t

from torchvis_widgets.look.errors import LookError
from torchvis_widgets.look.observer import Observer
from torchvis_widgets.look.outcome import Outcome
from torchvis_widgets.look.picturing.picture import Picture, picture
from torchvis_widgets.widgets.base import Reply, Topic
from torchvis_widgets.widgets.epoch_limits import EpochLimits
from torchvis_widgets.widgets.stage import Source
from torchvis_widgets.widgets.view import View

SCOPES = ("unit", "layer", "epochs")
THUMBNAIL = 48  # pixels a side


class ActivationViewer(View):
    """The selected layer's output for one probe sample, with the weights of the snapshot looked at.

    `scope` says what one colour scale holds for: each unit, the layer as shown, or the layer over all epochs.
    """

    bundle: ClassVar[str] = "activation_viewer"

    layer = t.Unicode().tag(sync=True)
    sample = t.Int(0).tag(sync=True)
    unit = t.Int(None, allow_none=True).tag(sync=True)
    scope = t.Enum(SCOPES, "epochs").tag(sync=True)

    _picture: Picture | None = None

    def __init__(self, source: Source, *, model: torch.nn.Module | None = None, scope: str = "epochs") -> None:
        self._limits = EpochLimits(self.changed)
        super().__init__(source, model=model, scope=scope)

    def update(self) -> None:
        cursor = self.stage.selection.now
        self.layer, self.sample, self.unit = cursor.layer, cursor.sample, cursor.unit

    def topics(self) -> list[Topic]:
        session, cursor = self.stage.session, self.stage.selection.now
        observer = session.observer
        place: Hashable = cursor.step if cursor.step is not None else ("live", session.live().token)
        key = (id(observer), session.run.branch, cursor.layer, place, cursor.sample, cursor.edits, self.scope)
        if observer is None:
            return [Topic("frame", key, self._frame)]
        samples = Topic("samples", id(observer), lambda: self._samples(observer))
        return [samples, Topic("frame", (key, self._epoch_limits(observer)), self._frame)]

    def answer_sample(self, sample: int) -> None:
        """A thumbnail was clicked."""
        count = self._observer().probe.count
        if not _is_index(sample) or sample >= count:
            raise ValueError(f"sample is one of 0 … {count - 1}, found {sample!r}")
        self.stage.selection.pick_sample(sample)
        self.changed()

    def answer_unit(self, unit: int | None) -> None:
        """A tile was clicked, or left."""
        units = len(self._picture.units) if self._picture is not None else 0
        if unit is not None and (not _is_index(unit) or unit >= units):
            raise ValueError(f"unit is one of 0 … {units - 1} or null, found {unit!r}")
        self.stage.selection.pick_unit(unit)
        self.changed()

    def answer_scope(self, scope: str) -> None:
        """Another colour scope was chosen."""
        if scope not in SCOPES:
            raise ValueError(f"scope is one of {', '.join(SCOPES)}, found {scope!r}")
        self.scope = scope
        self.changed()

    def answer_values(self, unit: int) -> Reply:
        """The exact values of one unit in the last frame, float32 (h, w)."""
        if self._picture is None or not _is_index(unit):
            raise ValueError(f"no unit {unit!r} is on screen")
        values = self._picture.values(unit)
        height, width = values.shape
        return {"height": height, "width": width}, [values.astype("<f4").tobytes()]

    def _observer(self) -> Observer:
        observer = self.stage.session.observer
        if observer is None:
            raise LookError(*self.stage.session.why_blind())
        return observer

    def _samples(self, observer: Observer) -> Reply:
        probe = observer.probe
        names, labels = self.stage.session.run.classes, probe.labels()
        texts = [None] * probe.count if labels is None else [class_name(names, label) for label in labels]
        images = probe.images(THUMBNAIL)
        value = {"count": probe.count, "height": 0, "width": 0, "labels": texts}
        if images is None:
            return value, []
        value["height"], value["width"] = images.shape[1:3]
        return value, [images.tobytes()]

    def _frame(self) -> Reply:
        session, cursor = self.stage.session, self.stage.selection.now
        at, step = cursor.step, cursor.step
        if step is None:  # the newest snapshot by its step, lest a newer one come between here and the picture
            newest = session.live()
            at, step = newest.snapshot, newest.step
        value: dict[str, Any] = {
            "layer": cursor.layer, "type": self._type(cursor.layer), "step": step, "epoch": self._epoch(step),
            "live": cursor.step is None and session.model is not None, "sample": cursor.sample, "picture": None,
            "predictions": None, "loss": None, "error": None, "classes": None,
        }  # fmt: skip
        self._picture = None
        try:
            observer = self._observer()
            tensor = observer.activation(self._key(cursor.layer), at, cursor.sample, cursor.edits)
            context, limits = observer.context_of(self._key(cursor.layer)), self._epoch_limits(observer)
            self._picture = picture(tensor, context=context, limits=limits, per_unit=self.scope == "unit")
            outcome = observer.outputs(at, cursor.edits)
        except LookError as error:
            value["error"] = {"reason": error.reason, "remedy": error.remedy}
        else:
            value["predictions"] = predictions(outcome, session.run.classes, observer.probe.labels())
            value["loss"] = outcome.loss
            value["classes"] = session.run.classes if is_answer(tensor, outcome, cursor.sample) else None
        if self._picture is None:
            return value, []
        value["picture"] = self._picture.to_dict()
        exact = [self._picture.values(0).tobytes()] if self._picture.kind == "vector" else []
        return value, [self._picture.tiles.tobytes(), *exact]

    def _epoch_limits(self, observer: Observer) -> tuple[float, float] | None:
        """What the colours of all epochs span, as far as is known; None where each picture has its own."""
        cursor = self.stage.selection.now
        if self.scope != "epochs":
            return None
        steps = [snapshot.step for snapshot in self.stage.session.run.snapshots]
        return self._limits.of(observer, self._key(cursor.layer), cursor.sample, steps or [None])

    def _key(self, layer: str) -> str:
        graph = self.stage.session.graph
        keys = graph[layer].keys if graph is not None else []
        return keys[0] if keys else layer

    def _type(self, layer: str) -> str:
        graph = self.stage.session.graph
        return graph[layer].type if graph is not None else ""

    def _epoch(self, step: int) -> float | None:
        return next((s.epoch for s in self.stage.session.run.snapshots if s.step == step), None)


def predictions(outcome: Outcome, names: list[str] | None, labels: list[int] | None) -> list[dict[str, Any]] | None:
    """For each probe sample what is predicted, whether it is right (None = not known), and how probable it is."""
    if outcome.predictions is None:
        return None
    return [
        {
            "text": class_name(names, index),
            "correct": None if labels is None else labels[sample] == index,
            "probability": None if outcome.probabilities is None else float(outcome.probabilities[sample, index]),
        }
        for sample, index in enumerate(outcome.predictions)
    ]


def is_answer(tensor: torch.Tensor, outcome: Outcome, sample: int) -> bool:
    """Whether a layer's output (K,) is what the model answers: only that has the classes' names."""
    if outcome.predictions is None or outcome.logits is None:
        return False
    answer = outcome.logits[sample]
    return tensor.shape == answer.shape and torch.allclose(tensor.float(), answer.float(), rtol=1e-3, atol=1e-4)


def class_name(names: list[str] | None, index: int) -> str:
    """A class in words, or its number where no name was given."""
    return names[index] if names is not None and 0 <= index < len(names) else str(index)


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
