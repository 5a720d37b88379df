"""A frame: all that the viewer draws at one moment, as plain data and buffers."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from torchvis_widgets.look.errors import LookError
from torchvis_widgets.look.observer import Observer
from torchvis_widgets.look.outcome import Outcome
from torchvis_widgets.widgets.viewing.answers import class_name, finite, is_answer, names_of_labels, predictions
from torchvis_widgets.widgets.viewing.panels import panels_of
from torchvis_widgets.widgets.viewing.scene import Scene, epoch_of
from torchvis_widgets.widgets.viewing.services import Services
from torchvis_widgets.widgets.viewing.sight import Sight, attention_at, tensor_at
from torchvis_widgets.widgets.viewing.snippet import snippet
from torchvis_widgets.widgets.viewing.token_texts import token_texts
from torchvis_widgets.widgets.viewing.wire import Panel


def frame(scene: Scene, services: Services, own: Observer | None) -> tuple[dict[str, Any], list[Panel]]:
    """The frame, and its panels as they are not sent yet; where nothing can be shown `error` says why."""
    value = blank(scene)
    outcome: Outcome | None = None
    panels: list[Panel] = []
    try:
        with contextlib.suppress(LookError):  # what only the whole pass meets does not take the layer away
            warm(scene)
            outcome, found = answers(scene, own)
            value |= found
            value["classes"] = differentiable(scene, outcome)
        panels, kind = panels_of(scene, services)
        value |= described(scene, outcome, panels[0])
        mask = services.alive(scene, kind)
        value["dead"] = None if mask is None else int((~mask).sum())
    except LookError as error:
        value["error"] = {"reason": error.reason, "remedy": error.remedy}
    return value, panels


def differentiable(scene: Scene, outcome: Outcome) -> list[str] | None:
    """The classes that a gradient may be of, by name or number; also where there is no loss that it could be of."""
    if scene.lens.tab != "gradients" or outcome.logits is None:
        return None
    names = scene.session.run.classes
    return [class_name(names, index) for index in range(outcome.logits.shape[-1])]


def prefetch(scene: Scene, own: Observer | None) -> None:
    """Compute what the frame needs into the observer's caches."""
    with contextlib.suppress(LookError):
        warm(scene)
        answers(scene, own)
    for place in scene.places:
        tensor_at(scene.sight, place)


def warm(scene: Scene) -> None:
    """One pass for the answer and the output together, where neither is known."""
    sight, place = scene.sight, scene.here
    if sight.what == "activations" and place.observer is not None:
        place.observer.glance(sight.key, place.step, place.sample, sight.edits, sight.ablations)


def blank(scene: Scene) -> dict[str, Any]:
    """The frame before anything is computed."""
    return {
        "layer": scene.layer,
        "key": scene.sight.key if scene.outlet is None else scene.outlet.key,
        "type": scene.type,
        "tab": scene.lens.tab,
        "step": scene.step,
        "epoch": epoch_of(scene.session, scene.step),
        "live": scene.live,
        "sample": scene.here.sample,
        "own": scene.here.own,
        "changed": bool(scene.sight.edits or scene.sight.ablations),
        **EMPTY,
        "code": snippet(scene),
    }


EMPTY: dict[str, Any] = {
    "panels": [], "predictions": None, "before": None, "loss": None, "loss_before": None, "classes": None,
    "error": None, "code": "", "tokens": None, "attention": None, "dead": None,
}  # fmt: skip


def answers(scene: Scene, own: Observer | None) -> tuple[Outcome, dict[str, Any]]:
    """What the model answers for the probe and the own input: after what is changed, and before. Raises LookError."""
    sight, observer = scene.sight, scene.session.observer
    if observer is None:
        raise LookError(*scene.session.why_blind())
    after = observer.outputs(scene.here.step, sight.edits, sight.ablations)
    before = observer.outputs(scene.here.step) if sight.edits or sight.ablations else None
    found = {
        "predictions": _told(scene, observer, own, sight),
        "before": None if before is None else _told(scene, observer, own, sight.plain()),
        "loss": finite(after.loss),
        "loss_before": None if before is None else finite(before.loss),
    }
    here = own if scene.here.own and own is not None else observer
    return here.outputs(scene.here.step, sight.edits, sight.ablations), found


def _told(scene: Scene, probe: Observer, own: Observer | None, sight: Sight) -> list[dict[str, Any]] | None:
    names, changes = scene.session.run.classes, (scene.here.step, sight.edits, sight.ablations)
    found = predictions(probe.outputs(*changes), names, probe.probe.labels())
    more = None if own is None else predictions(own.outputs(*changes), names, None)
    return found if found is None or more is None else [*found, *more]


def described(scene: Scene, outcome: Outcome | None, panel: Panel) -> dict[str, Any]:
    """What there is to say of the first panel besides its values."""
    found: dict[str, Any] = {"tokens": token_texts(scene, panel.picture)}
    if scene.sight.what == "attention":
        weights = panel.picture.units
        found["attention"] = {
            "recomputed": attention_at(scene.sight, scene.here).recomputed, "causal": is_causal(weights),
        }  # fmt: skip
    if scene.sight.what == "activations" and outcome is not None and panel.picture.kind == "vector":
        tensor = tensor_at(scene.sight, scene.here)
        found["classes"] = scene.session.run.classes if is_answer(tensor, outcome, scene.here.sample) else None
    if scene.sight.what == "activations" and panel.picture.kind == "labels":
        found["classes"] = names_of_labels(panel.picture.units, scene.session.run.classes)
    return found


def is_causal(weights: np.ndarray[Any, Any]) -> bool:
    """Whether no query (…, T, T) looks at a later key, and some looks at an earlier one."""
    rows, columns = weights.shape[-2:]
    above = np.triu(np.ones((rows, columns), bool), 1)
    return rows == columns > 1 and not weights[..., above].any() and bool(weights[..., ~above].any())
