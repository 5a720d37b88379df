"""Many tensors measured at once, whatever their sizes, with a few calls and without waiting for their device."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from torchvis_widgets.record.sampling import APART, BINS, INSIDE, Exact, Sample

__all__ = ["together"]


def together(sample: Sample, exact: Mapping[int, Exact]) -> Tensor:
    """The statistics (tensors, `COLUMNS` and `BINS` counts); `exact` are those of tensors sampled in part."""
    device, count = sample.values.device, len(sample.sizes)
    kind = torch.float32 if device.type == "mps" else torch.float64  # MPS has no float64
    values = sample.values.to(kind)
    owner = torch.zeros(len(values), dtype=torch.int64, device=device)  # which tensor a value is of
    torch._foreach_add_(list(torch.split(owner, sample.sizes)), list(range(count)))

    def total(each: Tensor) -> Tensor:
        return torch.zeros(count, dtype=kind, device=device).index_add_(0, owner, each.to(kind))

    number = total(torch.ones_like(values))
    mean = total(values) / number
    std = (total((values - mean[owner]).square()) / number).sqrt()
    norm, least, most = total(values.square()).sqrt(), *_extremes(values, owner, count, ~values.isnan())
    holes = total(values.isnan()) > 0
    least, most = least.masked_fill(holes, math.nan), most.masked_fill(holes, math.nan)
    for place, found in exact.items():
        norm[place], least[place], most[place] = found
    low, high = _limits(least, most, *_extremes(values, owner, count, values.isfinite()))
    scaled = (values - low[owner]) * (INSIDE / (high - low))[owner]
    bins = torch.where(scaled.isfinite(), scaled, BINS).long()  # one bin more takes what is not finite
    counts = torch.zeros(count * (BINS + 1), dtype=torch.int64, device=device)
    counts.scatter_add_(0, owner * (BINS + 1) + bins, torch.ones_like(owner))
    columns = torch.stack([norm, least, most, mean, std, total(values != 0), low, high], 1)
    return torch.cat([columns, counts.view(count, -1)[:, :BINS].to(kind)], 1)


def _extremes(values: Tensor, owner: Tensor, count: int, which: Tensor) -> tuple[Tensor, Tensor]:
    """Least and greatest (count,) of each owner's values in `which`; +Inf and -Inf of none."""
    least = torch.full((count,), math.inf, dtype=values.dtype, device=values.device)
    most = torch.full((count,), -math.inf, dtype=values.dtype, device=values.device)
    least.scatter_reduce_(0, owner, values.where(which, math.inf), "amin")
    most.scatter_reduce_(0, owner, values.where(which, -math.inf), "amax")
    return least, most


def _limits(least: Tensor, most: Tensor, finite_least: Tensor, finite_most: Tensor) -> tuple[Tensor, Tensor]:
    """What the histograms span: least to most, of the finite samples where those are not finite; NaN without any."""
    within = (most - least).isfinite()
    low, high = least.where(within, finite_least), most.where(within, finite_most)
    apart = torch.where(low == high, (low.abs() * APART).clamp_min(0.5), 0.0)
    nothing = low > high
    return (low - apart).masked_fill(nothing, math.nan), (high + apart).masked_fill(nothing, math.nan)
