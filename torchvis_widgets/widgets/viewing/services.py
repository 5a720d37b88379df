"""Services: what is found beside the frames, on threads of its own."""

from __future__ import annotations

from collections.abc import Callable

from torchvis_widgets.look.errors import explained
from torchvis_widgets.look.picturing.picture import colour_limits
from torchvis_widgets.widgets.epoch_limits import At, EpochLimits
from torchvis_widgets.widgets.viewing.aliveness import Aliveness
from torchvis_widgets.widgets.viewing.ranking import Mask
from torchvis_widgets.widgets.viewing.scene import Scene
from torchvis_widgets.widgets.viewing.sight import context_of, tensor_at


class Services:
    """Colour limits over all epochs, and dead units. `found()` is called when something is known that was not."""

    def __init__(self, found: Callable[[], None], on_error: Callable[[Exception], None]) -> None:
        self._limits = EpochLimits(found, on_error)
        self._alive = Aliveness(found, on_error)

    @property
    def version(self) -> int:
        """Counts what was found, but for limits."""
        return self._alive.version

    def limits_of(self, scene: Scene) -> tuple[float, float] | None:
        """What the colours of all epochs span, as far as is known; None where each picture has its own."""
        lens, plain = scene.lens, scene.sight.plain()
        if lens.scope != "epochs" or (scene.here.observer is None and plain.what != "weights"):
            return None
        context, robust = context_of(plain, scene.here), lens.limits == "robust"

        def at(step: int | None) -> tuple[float, float]:
            with explained("the layer"):
                tensor = tensor_at(plain, scene.here.at(step))
                return colour_limits(tensor, context=context, kind=lens.kind, robust=robust)

        places: list[At] = [(each.step, each.place) for each in scene.session.run.snapshots]
        what = (id(scene.here.observer), plain, scene.here.sample, robust, lens.kind)
        return self._limits.of(what, places or [(None, None)], at)

    def alive(self, scene: Scene, kind: str) -> Mask | None:
        """Which units are alive over the whole probe; None: not known yet, or nothing that has units."""
        observer = scene.session.observer
        if scene.sight.what != "activations" or observer is None:
            return None
        return self._alive.of(observer, scene.sight, scene.here.step, kind, wait=scene.lens.alive)

    def close(self) -> None:
        """End the threads."""
        self._limits.close()
        self._alive.close()
