"""Tensors measured on the CPU, where memory is slow and calls are cheap."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchvis_widgets.record.measure_together import together
from torchvis_widgets.record.sampling import APART, BINS, COLUMNS, INSIDE, Exact, Sample, wide

__all__ = ["distances", "read_once", "rows_on_cpu"]

Numbers = NDArray[np.float64]

_BLOCK = 131_072  # elements a thread: they stay in its cache while all that is asked of them is computed
_SMALL = 1024  # of smaller tensors the calls would cost more than the arithmetic: they are measured together
_LEAST, _MOST = 1e-30, 1e30  # what float32 holds without losing digits, squares included


def read_once(flats: Sequence[Tensor]) -> Numbers:
    """Norm, min and max (tensors, 3) of tensors (n,), each read from memory once; NaN where a value is."""
    counts: list[int] = []
    extremes: list[Tensor] = []
    squares: list[float] = []
    for values in flats:
        parts = _blocks(values)
        counts.append(len(parts))
        for part in parts:
            block = part.to(wide(part.dtype))
            extremes += torch.aminmax(block)
            squares.append(_squares(block))
    least, most = torch.stack(extremes).double().view(-1, 2).T.numpy()
    begins = np.cumsum([0, *counts[:-1]])
    norm = np.sqrt(np.add.reduceat(squares, begins))
    return np.stack([norm, np.minimum.reduceat(least, begins), np.maximum.reduceat(most, begins)], 1)


def distances(before: Sequence[Tensor], after: Sequence[Tensor]) -> Tensor:
    """The norms (tensors,) of the differences of tensors (n,), each read from memory once."""
    found = torch.empty(len(before), dtype=torch.float64, device="cpu")
    scratch = torch.empty(0, dtype=before[0].dtype, device="cpu")  # it stays in the cache
    for place, (old, new) in enumerate(zip(before, after, strict=True)):
        pairs = zip(_blocks(old), _blocks(new), strict=True)
        found[place] = math.sqrt(sum(_squares(torch.sub(b, a, out=scratch.resize_(len(a)))) for a, b in pairs))
    return found


def _blocks(values: Tensor) -> tuple[Tensor, ...]:
    return torch.split(values, _BLOCK * torch.get_num_threads())


def _squares(block: Tensor) -> float:
    """The sum of the squares, where float32 can hold them in float32."""
    found = float(torch.dot(block, block))
    return found if _LEAST < found < _MOST else float(block.double().square().sum())


def rows_on_cpu(sample: Sample, exact: Mapping[int, Exact]) -> Tensor:
    """The statistics (tensors, `COLUMNS` and `BINS` counts); `exact` are those of tensors sampled in part.

    Tensors of as many elements, as all that are sampled in part have, are measured a table at a time.
    """
    parts = sample.parts()
    rows = torch.empty(len(parts), len(COLUMNS) + BINS, dtype=torch.float64, device="cpu")
    small = [place for place, part in enumerate(parts) if len(part) <= _SMALL]
    if small:
        rows[small] = together(Sample([parts[place] for place in small]), {})
    for places in _tables(parts, exact):
        table = torch.stack([parts[place] for place in places])
        found = np.array([exact[place] for place in places]) if places[0] in exact else read_once(table.unbind())
        rows[places] = torch.from_numpy(_rows(table, found))
    return rows


def _tables(parts: Sequence[Tensor], exact: Container[int]) -> Iterator[list[int]]:
    """The places of parts of one size, as many as fit into the cache, sampled in part or wholly."""
    groups: dict[tuple[int, bool], list[int]] = defaultdict(list)
    for place, part in enumerate(parts):
        if len(part) > _SMALL:
            groups[len(part), place in exact].append(place)
    for (size, _), places in groups.items():
        count = max(1, _BLOCK // size)
        yield from (places[begin : begin + count] for begin in range(0, len(places), count))


def _rows(table: Tensor, found: Numbers) -> Numbers:
    """Those of the rows of `table` (g, n); `found` (g, 3) are their norm, min and max."""
    odd = _is_odd(found[:, 1], found[:, 2])
    if odd.any() and table.dtype != torch.float64:
        rows = np.empty((len(table), len(COLUMNS) + BINS))
        rows[odd] = _rows(table[torch.from_numpy(odd)].double(), found[odd])
        if not odd.all():
            rows[~odd] = _rows(table[torch.from_numpy(~odd)], found[~odd])
        return rows
    mean = table.mean(1, keepdim=True)
    other = table - mean
    std = other.square_().mean(1).sqrt_()
    nonzero = torch.ne(table, 0, out=other).sum(1)
    low, high = _limits(table, found[:, 1], found[:, 2])
    columns = [*found.T, mean.squeeze(1).numpy(), std.numpy(), nonzero.numpy(), low, high]
    return np.concatenate([np.stack(columns, 1), _counts(table, low, high)], 1)


def _is_odd(least: Numbers, most: Numbers) -> NDArray[np.bool_]:
    """Where float32 cannot hold the squares, or where values are not finite."""
    peak = np.maximum(np.abs(least), np.abs(most))
    odd: NDArray[np.bool_] = ~((peak == 0) | ((peak > _LEAST**0.5) & (peak < _MOST**0.5)))
    return odd


def _limits(table: Tensor, least: Numbers, most: Numbers) -> tuple[Numbers, Numbers]:
    """What the histograms span: see `_limits` of `measure_together`."""
    low, high = least.copy(), most.copy()
    for place in np.flatnonzero(~np.isfinite(most - least)):
        finite = table[place][table[place].isfinite()]
        low[place], high[place] = torch.stack(torch.aminmax(finite)).tolist() if len(finite) else (np.nan, np.nan)
    apart = np.where(low == high, np.maximum(0.5, np.abs(low) * APART), 0.0)
    return low - apart, high + apart


def _counts(table: Tensor, low: Numbers, high: Numbers) -> NDArray[np.int64]:
    """The histograms (g, `BINS`) of the rows; what is not finite falls into none."""
    scale = torch.from_numpy(INSIDE / (high - low)).to(table.dtype)
    bins = (table - torch.from_numpy(low).to(table.dtype)[:, None]).mul_(scale[:, None])
    if not bins.sum().isfinite():  # an eighth of the time that asking each would take
        bins = torch.where(bins.isfinite(), bins, BINS)
    width = BINS + 1  # the last one takes what is not finite
    places = bins.to(torch.int32).add_(torch.arange(len(table), dtype=torch.int32, device="cpu")[:, None] * width)
    counts = torch.bincount(places.view(-1), minlength=len(table) * width)
    return counts.view(len(table), width)[:, :BINS].numpy()
