"""Which units of a layer are dead over the whole probe: known once a pass has given every sample's output."""

from __future__ import annotations

from collections.abc import Callable

from torchvis_widgets.look.cache import ByteCache
from torchvis_widgets.look.observer import Observer
from torchvis_widgets.widgets.viewing.latest import Latest, Stale
from torchvis_widgets.widgets.viewing.ranking import Mask, alive_units
from torchvis_widgets.widgets.viewing.sight import Sight

_BYTES = 1 << 20
_CALM = 0.4  # seconds


class Aliveness:
    """Keeps what is found; `found()` is called on a thread of its own when that is what was asked for in vain.

    version: counts what was found so.
    """

    def __init__(self, found: Callable[[], None], on_error: Callable[[Exception], None]) -> None:
        self.version = 0
        self._found = found
        self._masks: ByteCache[Mask] = ByteCache(_BYTES)
        self._latest = Latest("tvw-alive", on_error, calm=_CALM)
        self.close = self._latest.close

    def of(self, observer: Observer, sight: Sight, step: int | None, kind: str, *, wait: bool) -> Mask | None:
        """Which units of an output's picture are alive; None: not known yet. With `wait` it is found out now."""
        token = observer.token(step, sight.edits)
        place = token, sight, kind
        mask = self._masks.get(place)
        if mask is not None:
            return mask
        outputs = observer.known(sight.key, step, sight.edits, sight.ablations)
        if outputs is None and not wait:
            if token is not None:
                self._latest.want(lambda stale: self._find(observer, sight, step, kind, stale))
            return None
        mask = alive_units(outputs or _outputs(observer, sight, step), observer.context_of(sight.key), kind)
        if token is not None:
            self._masks.put(place, mask, mask.nbytes)
        return mask

    def _find(self, observer: Observer, sight: Sight, step: int | None, kind: str, stale: Stale) -> None:
        for sample in range(observer.probe.count):  # one by one: a click waits for the pass under way
            if stale():
                return
            observer.activation(sight.key, step, sample, sight.edits, sight.ablations)
        if self.of(observer, sight, step, kind, wait=True) is not None:
            self.version += 1
            self._found()


def _outputs(observer: Observer, sight: Sight, step: int | None) -> list[object]:
    every = range(observer.probe.count)
    return list(observer.activations([sight.key], step, every, sight.edits, ablations=sight.ablations)[sight.key])
