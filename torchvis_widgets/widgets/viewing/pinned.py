"""Pins: units that are followed over the snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchvis_widgets.look.errors import LookError
from torchvis_widgets.look.picturing.picture import laid_out
from torchvis_widgets.widgets.viewing.ranking import by_unit
from torchvis_widgets.widgets.viewing.scene import Scene
from torchvis_widgets.widgets.viewing.sight import Place, Sight, context_of, tensor_at

_WORDS = {"maps": "channel", "volume": "slice", "attention": "head"}


@dataclass(frozen=True)
class Pin:
    """A unit of an output: `key` names the output in the view, `sight` what is looked at."""

    key: str
    sight: Sight
    unit: int
    label: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the view."""
        return {"key": self.key, "unit": self.unit}


def pin_of(scene: Scene, key: str, unit: int, kind: str) -> Pin:
    """The pin of a unit of the output on show."""
    return Pin(key, scene.sight.plain(), unit, f"{key} · {_WORDS.get(kind, 'unit')} {unit}")


def spans_at(pins: Sequence[Pin], place: Place) -> NDArray[np.float32]:
    """Mean, least and greatest of each unit's finite values (pins, 3); NaN where there are none."""
    found = np.full((len(pins), 3), np.nan, np.float32)
    for row, pin in enumerate(pins):
        try:
            tensor = tensor_at(pin.sight, place)
        except LookError:  # the layer may not be reached by this input
            continue
        kind, units = laid_out(tensor, context=context_of(pin.sight, place))
        values = by_unit(kind, units)[pin.unit : pin.unit + 1]
        values = values[np.isfinite(values)]
        if values.size:
            found[row] = values.mean(dtype=np.float64), values.min(), values.max()
    return found


def pinned(
    scene: Scene, pins: Sequence[Pin], known: Any, epochs: Sequence[float | None]
) -> tuple[dict[str, Any], list[bytes]]:
    """What is known by now, for the view: (pins, 3, snapshots)."""
    nothing = np.full((len(pins), 3), np.nan, np.float32)
    table = np.stack([nothing if each is None else each for each in known.found], axis=-1)
    return {
        "pins": [pin.to_dict() | {"label": pin.label} for pin in pins],
        "steps": [scene.step if step is None else step for step in known.steps],
        "epochs": list(epochs),
        "done": known.done,
    }, [np.ascontiguousarray(table, dtype="<f4").tobytes()]
