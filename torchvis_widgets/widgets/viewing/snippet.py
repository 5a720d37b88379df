"""Snippet: the line of Python that gives the tensor on screen."""

from __future__ import annotations

from torchvis_widgets.look.ablation import Ablation
from torchvis_widgets.session import Session
from torchvis_widgets.widgets.viewing.scene import Scene
from torchvis_widgets.widgets.viewing.sight import Place, Sight


def snippet(scene: Scene) -> str:
    """An expression of `session`, `viewer` (for the own input) and `tvw` (where units are switched off).

    A comment says what is on screen that no call gives.
    """
    line = _line(scene.sight, scene.here)
    if scene.there is not None and scene.lens.difference:
        line = f"{line} - {_line(scene.sight, scene.there)}"
    lacks = ["the previewed edits"] if scene.sight.edits else []
    if scene.sight.ablations and scene.sight.what in ("attention", "gradients"):
        lacks.append("what is switched off")
    return f"{line}  # without {' and '.join(lacks)}" if lacks else line


def _line(sight: Sight, place: Place) -> str:
    if sight.what == "weights":
        return f"{_state(place)}[{sight.key!r}]"
    inside = "session.on(viewer.own_input)" if place.own else "session"
    where = f"{_when(place.session, place.step)}sample={place.sample}"
    if sight.ablations and sight.what == "activations":
        off = ", ".join(map(_off, sight.ablations))
        return f"{inside}.intervene({off}, layer={sight.key!r}, {where}).changed[{sight.key!r}][0]"
    if sight.what == "attention":
        return f"{inside}.attention({sight.key!r}, {where}).weights"
    if sight.what == "gradients":
        return f"{inside}.gradients({sight.key!r}, {sight.of!r}, {where})"
    return f"{inside}.activations({sight.key!r}, {where})"


def _state(place: Place) -> str:
    if place.step is None:
        return "session.model.state_dict()"
    return f"session.run.state_dict({_when(place.session, place.step).removesuffix(', ')})"


def _when(session: Session, step: int | None) -> str:
    if step is None:
        return ""
    epoch = next((each.epoch for each in session.run.snapshots if each.step == step), None)
    if epoch is None or not _tells(session, epoch, step):
        return f"step={step}, "
    return f"epoch={epoch:g}, "


def _tells(session: Session, epoch: float, step: int) -> bool:
    try:
        return float(f"{epoch:g}") == epoch and session.run.snapshot(epoch=epoch).step == step
    except LookupError:
        return False


def _off(ablation: Ablation) -> str:
    where = ", ".join(f"{name}={value}" for name, value in ablation.where().items())
    return f"tvw.Intervention.{ablation.method}({ablation.key!r}, {where})"
