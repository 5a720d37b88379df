"""Services: what is found beside the frames, on threads of its own."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchvis_widgets.look.errors import explained
from torchvis_widgets.look.picturing.picture import colour_limits
from torchvis_widgets.widgets.epoch_limits import EpochLimits
from torchvis_widgets.widgets.viewing.aliveness import Aliveness
from torchvis_widgets.widgets.viewing.history import At, History
from torchvis_widgets.widgets.viewing.pinned import Pin, pinned, spans_at
from torchvis_widgets.widgets.viewing.ranking import Mask
from torchvis_widgets.widgets.viewing.ridges import Values, ridges, values_at
from torchvis_widgets.widgets.viewing.scene import Scene, epochs_of
from torchvis_widgets.widgets.viewing.sight import context_of, tensor_at

MOST_RIDGES, MOST_PINNED = 39, 99  # snapshots, and the last

Made = tuple[dict[str, Any], list[bytes]]


class Services:
    """Colour limits over all epochs, dead units, distributions and pins.

    `found()` is called, on the thread that has found it, when something is known that was not.
    """

    def __init__(self, found: Callable[[], None], on_error: Callable[[Exception], None]) -> None:
        self._limits = EpochLimits(found, on_error)
        self._alive = Aliveness(found, on_error)
        self._ridges: History[Values] = History("tvw-ridges", MOST_RIDGES, found, on_error)
        self._pins: History[NDArray[np.float32]] = History("tvw-pins", MOST_PINNED, found, on_error)

    @property
    def version(self) -> int:
        """Counts what frames were without and now are not, limits aside."""
        return self._alive.version

    def limits_of(self, scene: Scene) -> tuple[float, float] | None:
        """What the colours of all epochs span, as far as is known; None where each picture has its own."""
        lens, plain = scene.lens, scene.sight.plain()
        if lens.scope != "epochs" or (scene.here.observer is None and plain.what != "weights"):
            return None
        context, robust = context_of(plain, scene.here), lens.limits == "robust"
        kind = lens.kind or ("vector" if plain.what == "weights" else None)  # weights are no images

        def at(step: int | None) -> tuple[float, float]:
            with explained("the layer"):
                tensor = tensor_at(plain, scene.here.at(step))
                return colour_limits(tensor, context=context, kind=kind, robust=robust)

        what = (_subject(scene, plain), scene.here.sample, robust, lens.kind)
        return self._limits.of(what, _places(scene) or [(None, None)], at)

    def alive(self, scene: Scene, kind: str) -> Mask | None:
        """Which units are alive over the whole probe; None: not known yet, or nothing that has units."""
        observer = scene.session.observer
        if scene.sight.what != "activations" or observer is None:
            return None
        return self._alive.of(observer, scene.sight, scene.here.step, kind, wait=scene.lens.alive)

    def ridges(self, scene: Scene) -> tuple[Hashable, Callable[[], Made]]:
        """What tells the histograms known by now from others, and a function that makes them for the view."""
        plain = scene.sight.plain()
        subject = _subject(scene, plain)
        known = self._ridges.of(subject, _evenly(scene), lambda step: values_at(scene, plain, step))
        token = (subject, self._ridges.version, tuple(known.steps), scene.step, scene.lens.limits)
        return token, lambda: ridges(scene, known, epochs_of(scene.session, known.steps))

    def pins(self, scene: Scene, pins: Sequence[Pin]) -> tuple[Hashable, Callable[[], Made]]:
        """The same of the pinned units, on the sample on show."""
        subject = (id(scene.here.observer), scene.here.own, scene.here.sample, tuple(pins))
        known = self._pins.of(subject, _evenly(scene), lambda step: spans_at(pins, scene.here.at(step)))
        token = (subject, self._pins.version, tuple(known.steps))
        return token, lambda: pinned(scene, pins, known, epochs_of(scene.session, known.steps))

    def rest(self, *, ridges: bool, pins: bool) -> None:
        """End the looking for what is not on screen."""
        if ridges:
            self._ridges.drop()
        if pins:
            self._pins.drop()

    def close(self) -> None:
        """End the threads."""
        for each in (self._limits, self._alive, self._ridges, self._pins):
            each.close()


def _subject(scene: Scene, plain: object) -> Hashable:
    return id(scene.here.observer), scene.here.own, plain


def _places(scene: Scene) -> list[At]:
    return [(each.step, each.place) for each in scene.session.run.snapshots]


def _evenly(scene: Scene) -> list[At]:
    """The snapshots; the live state where there is none."""
    return _places(scene) or [(None, ("live", scene.session.live().token))]
