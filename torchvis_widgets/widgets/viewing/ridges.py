"""Ridges: how a layer's values are spread, snapshot after snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from torchvis_widgets.look.picturing.quantise import array_of
from torchvis_widgets.widgets.viewing.scene import Scene
from torchvis_widgets.widgets.viewing.sight import Sight, weight

Values = NDArray[np.float32]

BINS = 64
MOST_VALUES = 1 << 15  # of each snapshot: a histogram of some values, evenly spaced, is as good to look at
_TAIL = 0.1  # per cent that robust limits leave at either end


def values_at(scene: Scene, sight: Sight, step: int | None) -> Values:
    """Some of the values (n,) at a snapshot, evenly spaced: of an output for the whole probe, or of a weight."""
    place = scene.here.at(step)
    if sight.what == "weights":
        found = weight(sight, place)
    elif sight.what == "attention":
        observer = place.sees()
        found = torch.stack(observer.attention(sight.key, step, range(observer.probe.count))[1])
    else:
        found = place.sees().values(sight.key, step, MOST_VALUES)
    flat = found.reshape(-1)
    array, _ = array_of(flat[:: -(-len(flat) // MOST_VALUES) | 1] if len(flat) > MOST_VALUES else flat)
    return array.astype(np.float32)


def limits(found: Sequence[Values | None], *, robust: bool) -> tuple[float, float]:
    """Where the bins begin and end: at the extremes of all, or (robust) a tenth of a per cent within."""
    tails = (_TAIL, 100 - _TAIL) if robust else (0, 100)
    finite = [values[np.isfinite(values)] for values in found if values is not None]
    ends = [np.percentile(values, tails) for values in finite if values.size]
    if not ends:
        return 0.0, 1.0
    lo, hi = float(min(lo for lo, _ in ends)), float(max(hi for _, hi in ends))
    return (lo, hi) if lo < hi else (lo - 0.5, hi + 0.5)


def shares(found: Sequence[Values | None], lo: float, hi: float) -> NDArray[np.float32]:
    """The share of the values in each bin, (snapshots, bins); those beyond lie in the end bins, NaN = not known."""
    table = np.full((len(found), BINS), np.nan, np.float32)
    for row, values in enumerate(found):
        if values is not None:
            counts, _ = np.histogram(np.clip(values[np.isfinite(values)], lo, hi), BINS, (lo, hi))
            table[row] = counts / max(1, values.size)
    return table


def ridges(scene: Scene, known: Any, epochs: Sequence[float | None]) -> tuple[dict[str, Any], list[bytes]]:
    """The histograms known by now, for the view."""
    lo, hi = limits(known.found, robust=scene.lens.limits == "robust")
    steps = [scene.step if step is None else step for step in known.steps]
    at = max((place for place, step in enumerate(steps) if step <= scene.step), default=0)
    return {
        "key": scene.sight.key,
        "what": "weights" if scene.sight.what == "weights" else "activations",
        "steps": steps,
        "epochs": list(epochs),
        "lo": lo,
        "hi": hi,
        "bins": BINS,
        "done": known.done,
        "at": at,
    }, [shares(known.found, lo, hi).tobytes()]
