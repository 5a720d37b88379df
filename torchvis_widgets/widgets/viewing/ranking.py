"""In which order units are shown, and which of them are dead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchvis_widgets.look.context import Context
from torchvis_widgets.look.picturing.picture import laid_out
from torchvis_widgets.look.picturing.quantise import Values

Mask = NDArray[np.bool_]


def ranked(units: Values, sort: str, since: Values | None = None, alive: Mask | None = None) -> list[int]:
    """The numbers of units (n, h, w), those `alive` only, in the order of `sort`, greatest first.

    energy: the mean square. variance: within the unit. change: the L2 norm of the difference to the units `since`.
    Values that are not finite count as 0; equals keep their order.
    """
    score = _scores(units, sort, since)
    order = np.argsort(-score, kind="stable")
    if alive is not None and len(alive) == len(units):
        order = order[alive[order]]
    return [int(unit) for unit in order]


def _scores(units: Values, sort: str, since: Values | None) -> Any:
    if sort == "index" or (sort == "change" and (since is None or since.shape != units.shape)):
        return np.zeros(len(units))
    flat = np.where(np.isfinite(units), units, 0).reshape(len(units), -1).astype(np.float64)
    if sort == "energy":
        return np.square(flat).mean(axis=1)
    if sort == "variance":
        return flat.var(axis=1)
    before = np.where(np.isfinite(since), since, 0).reshape(len(units), -1)  # type: ignore[arg-type]
    return np.sqrt(np.square(flat - before).sum(axis=1))


def alive_units(samples: Sequence[object], context: Context, kind: str) -> Mask:
    """Which units, counted as in `by_unit`, are not zero all over in every one of the samples."""
    masks = [(by_unit(kind, laid_out(each, context=context, kind=kind)[1]) != 0).any(axis=(1, 2)) for each in samples]
    alive: Mask = np.logical_or.reduce([mask for mask in masks if mask.shape == masks[0].shape])
    return alive


def by_unit(kind: str, units: Values) -> Values:
    """The units (n, h, w) that are counted: each value of a vector, each feature of (time or tokens, features)."""
    if kind in ("vector", "scalar"):
        return units.reshape(-1, 1, 1)
    if kind in ("tokens", "sequence", "matrix") and len(units) == 1:
        units = units[0].T[:, :, None]
    return units
