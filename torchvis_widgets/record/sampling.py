"""What statistics there are of a tensor, which elements they are taken from, and which tensors have none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils import _python_dispatch

__all__ = [
    "APART",
    "BINS",
    "COLUMNS",
    "COPIED",
    "INSIDE",
    "MOST_SAMPLES",
    "Exact",
    "Sample",
    "flat",
    "norms",
    "obstacle",
    "wide",
]

BINS = 64
MOST_SAMPLES = 65_536
COPIED = 2**20  # elements on the CPU that are copied sooner than read: reading is then another thread's
GOLDEN = 40_503  # the golden section of 65,536: its multiples, modulo that, are spread evenly however many there are
COLUMNS = ("norm", "min", "max", "mean", "std", "nonzero", "low", "high")  # and then the counts between low and high

INSIDE = BINS * (1 - 1e-6)  # the greatest value falls into the last bin, whichever way it is rounded
APART = 1e-6  # where all values are the same: half the histogram's width, as a share of them, but at least 0.5

Exact = tuple[Tensor, Tensor, Tensor] | NDArray[np.float64]  # norm, min and max of one tensor

_PLAIN = (Tensor, torch.nn.Parameter)  # as nearly all are, and asking costs as much as a small tensor's statistics
_FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def obstacle(tensor: Tensor) -> str | None:
    """Says in a word why a tensor cannot be measured, None if it can."""
    if tensor.layout != torch.strided or tensor.is_nested:
        return str(tensor.layout).removeprefix("torch.").removesuffix("_coo")
    if tensor.dtype not in _FLOATS:
        return str(tensor.dtype).removeprefix("torch.")
    if tensor.is_meta:
        return "on the meta device"
    if type(tensor) not in _PLAIN and bool(
        _python_dispatch.is_traceable_wrapper_subclass(tensor)
    ):  # a DTensor's reductions would wait for other processes
        return type(tensor).__name__
    return None if tensor.numel() else "empty"


def wide(dtype: torch.dtype) -> torch.dtype:
    """The type that values of `dtype` are computed in."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def flat(tensor: Tensor) -> Tensor:
    """The elements (n,) in the order of the memory: a view where they lie together, channels last included."""
    tensor = tensor.detach()
    return (tensor if tensor.is_contiguous() or tensor.dim() < 3 else tensor.movedim(1, -1)).reshape(-1)


@lru_cache(maxsize=256)
def places(count: int, most: int, device: torch.device) -> Tensor:
    """Which `most` of `count` > `most` elements are sampled (most,): one of each of as many stretches of one length.

    It stands elsewhere in each stretch: every 36th weight of a 3×3 convolution would be the same corner of each kernel.
    """
    number = torch.arange(most, dtype=torch.int64, device=device)
    within = (number * GOLDEN % 2**16) * (count // most) // 2**16
    return number * count // most + within


def norms(flats: Sequence[Tensor]) -> Tensor:
    """The L2 norms of tensors (n,) of one device and type, computed together."""
    kind = flats[0].dtype
    # On the CPU torch sums up float32 one by one, which shows in the fifth digit of a norm.
    within = torch.float64 if flats[0].is_cpu else wide(kind)
    return torch.stack(torch._foreach_norm(list(flats), 2, **({} if kind == within else {"dtype": within})))


class Sample:
    """The evenly spaced elements of tensors (n,) of one device and type, one after the other, as a copy."""

    def __init__(self, flats: Sequence[Tensor], most: int = MOST_SAMPLES) -> None:
        self.sizes = [min(len(each), most) for each in flats]
        picked = [e.index_select(0, places(len(e), most, e.device)) if len(e) > most else e for e in flats]
        self.values = torch.cat(picked)
        if self.values.dtype != wide(self.values.dtype):
            self.values = self.values.to(wide(self.values.dtype))

    def parts(self) -> tuple[Tensor, ...]:
        """Each tensor's elements."""
        return torch.split(self.values, self.sizes)
