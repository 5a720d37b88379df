"""Values, colour limits and bytes: how a tensor becomes the uint8 that a view paints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchvis_widgets.look.errors import in_words

Values: TypeAlias = NDArray[np.floating[Any]]
Bytes: TypeAlias = NDArray[np.uint8]

LEVELS = 250  # 0 … 250 are values; JavaScript reads them back as lo + byte / 250 * (hi - lo)
NEGATIVE_INFINITY, POSITIVE_INFINITY, NAN = 253, 254, 255

_WIDE_INTEGERS = (torch.int64, torch.int32, torch.uint32, torch.uint64)  # float32 would round them
_QUANTILE = 0.995  # one spike in a thousand values must not flatten the picture
_MOST_SAMPLED = 1 << 18
_HALF_OF_THE_RANGE = float(np.finfo(np.float64).max) / 2  # beyond, hi − lo may overflow


def array_of(tensor: Tensor) -> tuple[Values, str]:
    """The values as float32, or as float64 where float32 could not hold them, and what was done to get them.

    It never raises: what cannot be read is an empty array and a note that says why.
    """
    try:
        return _converted(tensor.detach())
    except Exception as error:
        return np.zeros((0,), np.float32), f"cannot be shown: {in_words(error)}"


def _converted(tensor: Tensor) -> tuple[Values, str]:
    if tensor.is_meta:
        return np.zeros((0,), np.float32), "on the meta device: it has no values"
    tensor, note = _dense(tensor)
    if tensor.is_complex():
        # abs() of half-precision complex numbers is not there on every device, and warns where it is
        parts = torch.view_as_real(tensor.resolve_conj())
        tensor, note = torch.linalg.vector_norm(parts.float(), dim=-1), "magnitude of complex values"
    wide = tensor.dtype in (torch.float64, *_WIDE_INTEGERS)
    plain = tensor.to("cpu", torch.float64 if wide else torch.float32).resolve_neg()
    return plain.numpy(), note


def _dense(tensor: Tensor) -> tuple[Tensor, str]:
    if tensor.is_nested:
        return _side_by_side(tensor.unbind())
    if tensor.is_quantized:
        return tensor.dequantize(), "quantised, shown as numbers"
    if tensor.layout != torch.strided:
        return tensor.to_dense(), "sparse, shown dense" if "sparse" in str(tensor.layout) else ""
    return tensor, ""


def _side_by_side(parts: Sequence[Tensor]) -> tuple[Tensor, str]:
    """The parts of a nested tensor, one below the other: padding would add values that there are not."""
    note = f"nested, its {len(parts)} parts one below the other"
    if parts and parts[0].dim() and len({part.shape[1:] for part in parts}) == 1:
        return torch.cat(list(parts)), note
    return torch.cat([part.flatten() for part in parts]) if parts else torch.zeros(0), f"{note}, flattened"


def quantise(values: Values, lo: float | Values, hi: float | Values) -> Bytes:
    """Bytes 0 … 250, linear from lo to hi, rounded half to even and clipped; 253 = −Inf, 254 = +Inf, 255 = NaN.

    `lo` and `hi` may be arrays that broadcast against the values. hi must be greater than lo.
    """
    if np.size(hi) and max(np.max(np.abs(lo)), np.max(np.abs(hi))) > _HALF_OF_THE_RANGE:
        values, lo, hi = values / 4, np.divide(lo, 4), np.divide(hi, 4)
    span = np.asarray(hi, dtype=np.float64) - lo
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.array(values, dtype=np.float64)
        scaled -= lo  # in place from here on: a picture is made at every frame, and a large one is bound by memory
        scaled /= span
        np.clip(scaled, 0, 1, out=scaled)
        scaled *= LEVELS
        levels: Bytes = np.rint(scaled, out=scaled).astype(np.uint8)
    if not np.isfinite(values).all():
        levels[np.isneginf(values)] = NEGATIVE_INFINITY
        levels[np.isposinf(values)] = POSITIVE_INFINITY
        levels[np.isnan(values)] = NAN
    return levels


def finite_of(values: Values) -> Values:
    """The finite values, flat; no copy where all are."""
    usable = np.isfinite(values)
    return np.ravel(values) if usable.all() else values[usable]


def robust_limits(values: Values) -> tuple[float, float]:
    """Colour limits (lo, hi): hi the 99.5th percentile of |finite values|, lo = −hi where any is negative, else 0.

    Where that percentile is 0 the greatest magnitude is taken, and 1 where all values are 0 or none is finite. Of more
    than 2**18 values an even sample is taken.
    """
    finite = finite_of(values)
    if finite.size == 0:
        return 0.0, 1.0
    # An odd stride, because an even one would meet the same few columns of a map again and again.
    stride = -(-finite.size // _MOST_SAMPLED) | 1 if finite.size > _MOST_SAMPLED else 1
    hi = float(np.quantile(np.abs(finite[::stride]), _QUANTILE)) or float(np.abs(finite).max()) or 1.0
    return (-hi if finite.min() < 0 else 0.0), hi


def full_limits(values: Values) -> tuple[float, float]:
    """Colour limits (lo, hi) that clip nothing: hi the greatest |finite value|, lo = −hi where any is negative, else 0.

    hi is 1 where all values are 0 or none is finite.
    """
    finite = finite_of(values)
    if finite.size == 0:
        return 0.0, 1.0
    least, greatest = float(finite.min()), float(finite.max())
    hi = max(-least, greatest) or 1.0
    return (-hi if least < 0 else 0.0), hi


def limits_by_unit(units: Values, *, robust: bool = True) -> tuple[Values, Values]:
    """Limits of each unit of (n, h, w), as arrays (n, 1, 1); all −hi … hi where any value is negative.

    hi is the 99.5th percentile of its |finite values|, or the greatest of them where `robust` is off.
    """
    if not units.size:
        return np.zeros((0, 1, 1)), np.ones((0, 1, 1))
    finite = np.isfinite(units)
    magnitude = np.where(finite, np.abs(units), 0).reshape(len(units), -1).astype(np.float64)
    hi = np.quantile(magnitude, _QUANTILE if robust else 1.0, axis=1)
    hi = np.where(hi > 0, hi, magnitude.max(axis=1))
    hi = np.where(hi > 0, hi, 1.0)[:, None, None]
    signed = bool((units[finite] < 0).any())
    return (-hi if signed else np.zeros_like(hi)), hi
