"""Statistics of a picture's values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from torchvis_widgets.look.picturing.quantise import Values, finite_of


def statistics(values: Values) -> dict[str, Any]:
    """Counts `nan`, `posinf` and `neginf`, the share of `zeros`, and `mean` and `std` of the finite values or None."""
    finite = finite_of(values)
    all_finite = finite.size == values.size
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = (finite.mean(dtype=np.float64), finite.std(dtype=np.float64)) if finite.size else (None, None)
    return {
        "nan": 0 if all_finite else int(np.isnan(values).sum()),
        "posinf": 0 if all_finite else int(np.isposinf(values).sum()),
        "neginf": 0 if all_finite else int(np.isneginf(values).sum()),
        "mean": _number(mean),
        "std": _number(std),
        "zeros": float(1 - np.count_nonzero(values) / values.size) if values.size else 0.0,
    }


def _number(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
