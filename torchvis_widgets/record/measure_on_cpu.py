"""Tensors measured on the CPU, where memory is slow and calls are cheap."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from torchvis_widgets.record.measure_together import together
from torchvis_widgets.record.sampling import APART, BINS, COLUMNS, INSIDE, Exact, Sample, wide

__all__ = ["read_once", "rows_on_cpu"]

_BLOCK = 131_072  # elements a thread: they stay in its cache while all that is asked of them is computed
_SMALL = 1024  # of smaller tensors the calls would cost more than the arithmetic: they are measured together


def read_once(values: Tensor) -> tuple[float, float, float]:
    """Norm, min and max of one tensor (n,), which is read from memory once."""
    squares: list[Tensor] = []
    extremes: list[Tensor] = []
    for block in torch.split(values, _BLOCK * torch.get_num_threads()):
        block = block.to(wide(block.dtype))
        extremes += torch.aminmax(block)
        squares.append(torch.dot(block, block))
    least, most = torch.aminmax(torch.stack(extremes))
    return math.sqrt(sum(torch.stack(squares).tolist())), float(least), float(most)


def rows_on_cpu(sample: Sample, exact: Mapping[int, Exact]) -> Tensor:
    """The statistics (tensors, `COLUMNS` and `BINS` counts); `exact` are those of tensors sampled in part."""
    parts = sample.parts()
    rows = torch.empty(len(parts), len(COLUMNS) + BINS, dtype=torch.float64, device="cpu")
    small = [place for place, size in enumerate(sample.sizes) if size <= _SMALL]
    if small:
        rows[small] = together(Sample([parts[place] for place in small]), {})
    for place, part in enumerate(parts):
        if len(part) > _SMALL:
            norm, least, most = (float(each) for each in exact.get(place) or read_once(part))
            rows[place] = _row(part, norm, least, most)
    return rows


def _row(part: Tensor, norm: float, least: float, most: float) -> Tensor:
    mean = float(part.mean())
    other = part - mean
    std = math.sqrt(float(torch.dot(other, other)) / len(part))
    nonzero = float(torch.ne(part, 0, out=other).sum())
    low, high = _span(part, least, most)
    usual = low < high and (1e-30 < most - least < 1e30 or least == most)
    if usual:
        bins = torch.sub(part, low, out=other).mul_(INSIDE / (high - low))
    else:  # not finite, or beyond float32
        bins = (part.double() - low) * (INSIDE / (high - low))
        bins = bins[bins.isfinite()]
    counts = torch.bincount(bins.to(torch.uint8), minlength=BINS)
    columns = [norm, least, most, mean, std, nonzero, low, high]
    return torch.cat([torch.tensor(columns, dtype=torch.float64, device="cpu"), counts])


def _span(part: Tensor, low: float, high: float) -> tuple[float, float]:
    """What the histogram spans: see `_limits` of `measure_together`."""
    if not math.isfinite(high - low):
        part = part[part.isfinite()]
        if not len(part):
            return math.nan, math.nan
        low, high = torch.stack(torch.aminmax(part)).tolist()
    apart = max(0.5, abs(low) * APART) if low == high else 0.0
    return low - apart, high + apart
