"""Panels: what is looked at, and what is compared with it, painted side by side."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from torch import Tensor

from torchvis_widgets.look.errors import LookError
from torchvis_widgets.look.picturing.picture import Picture, picture
from torchvis_widgets.widgets.viewing.painting import Brush, paint, paint_difference
from torchvis_widgets.widgets.viewing.scene import Scene, step_of
from torchvis_widgets.widgets.viewing.services import Services
from torchvis_widgets.widgets.viewing.sight import context_of, tensor_at
from torchvis_widgets.widgets.viewing.wire import Panel


def panels_of(scene: Scene, services: Services) -> tuple[list[Panel], str]:
    """The panels, and the kind of the first; of what cannot be compared with one that says why. Raises LookError."""
    places, titles = scene.places, scene.titles()
    tensors, problem = [shaped(scene, tensor_at(scene.sight, places[0]))], None
    brush = brush_of(scene, services)
    try:
        tensors += [shaped(scene, tensor_at(scene.sight, place)) for place in places[1:]]
        if len(tensors) == 2 and scene.lens.difference:
            apart = named(scene, paint_difference(tensors[0], tensors[1], brush))
            return [Panel(" − ".join(titles), apart, step_of(scene, places[0]), places[0].sample)], apart.kind
    except LookError as error:
        problem = picture(f"{error.reason}. {error.remedy}")
    pictures = [named(scene, made) for made in paint(tensors, brush)]
    panels = [
        Panel(title, made, step_of(scene, place), place.sample)
        for title, made, place in zip(titles, [*pictures, *([problem] if problem else [])], places, strict=False)
    ]
    return panels, pictures[0].kind


def brush_of(scene: Scene, services: Services) -> Brush:
    """How the scene is painted."""
    return Brush(
        lens=scene.lens,
        context=context_of(scene.sight, scene.here),
        kind=weight_kind(scene) if scene.sight.what == "weights" else scene.lens.kind,
        limits=services.limits_of(scene),
        since=_since(scene),
        alive=lambda kind: services.alive(scene, kind),
    )


def _since(scene: Scene) -> Tensor | None:
    """What change is counted from: the first snapshot, where no other was chosen."""
    if scene.lens.sort != "change":
        return None
    first = next(iter(scene.session.run.snapshots), None)
    step = scene.lens.since if scene.lens.since is not None else first.step if first is not None else None
    with contextlib.suppress(LookError):
        return shaped(scene, tensor_at(scene.sight, scene.here.at(step)))
    return None


def weight_kind(scene: Scene) -> str | None:
    """Weights are read by their shape alone: kernels as tiles, a matrix as one map."""
    if scene.lens.kind is not None:
        return scene.lens.kind
    rank = shaped(scene, tensor_at(scene.sight, scene.here)).dim()
    return ("scalar", "vector", "matrix")[rank] if rank < 3 else "maps"


def shaped(scene: Scene, tensor: Tensor) -> Tensor:
    """Kernels of one element as a matrix: a tile of one pixel shows nothing."""
    if scene.sight.what == "weights" and tensor.dim() > 2 and tensor[0, 0].numel() == 1:
        return tensor.flatten(1)
    return tensor


def named(scene: Scene, made: Picture) -> Picture:
    """The picture with the axes of a weight called what they are."""
    if scene.sight.what != "weights":
        return made
    if made.kind == "maps":
        return replace(made, axes=["kernel", *made.axes[1:]])
    return replace(made, axes=["", "output", "input"]) if made.kind == "matrix" else made
