"""What edits compute: plain functions of torch, whose very source `EditLog.as_code()` writes down.

Each step is rounded once, by an operation of its own, so that every device and every layout gives the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["blended", "floats", "noisy", "pruned", "spread", "wide"]


def wide(x: Tensor) -> Tensor:
    """The values in the precision that is computed in: float32 for half precision."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def spread(x: Tensor) -> float:
    """The standard deviation; numpy's, whose sums depend on no number of threads."""
    return float(x.cpu().double().contiguous().numpy().std()) if x.numel() else 0.0


def noisy(x: Tensor, share: float, seed: int) -> Tensor:
    """Gaussian noise added, its standard deviation a share of the values' own."""
    generator = torch.Generator("cpu").manual_seed(seed)
    drawn = torch.randn(x.shape, generator=generator, dtype=x.dtype, device="cpu")
    return x + (drawn * (share * spread(x))).to(x.device)


def pruned(x: Tensor, share: float) -> Tensor:
    """The smallest by magnitude made 0; of equals the first."""
    count = round(share * x.numel())
    if count == 0:
        return x
    flat, size = x.flatten().clone(), x.flatten().abs()
    limit = size.cpu().kthvalue(count).values.to(x.device)
    below = size < limit
    flat[below] = 0
    flat[(size == limit).nonzero()[: count - int(below.sum())]] = 0
    return flat.reshape(x.shape)


def blended(x: Tensor, there: Tensor, share: float) -> Tensor:
    """(1 - share) · x + share · there."""
    if share in (0, 1):  # 0 · x would not be 0 for what is not finite
        return there if share else x
    return x * (1 - share) + there * share


def floats(state: Mapping[str, Tensor]) -> list[str]:
    """The names of what can be edited, one for names that share a tensor."""
    kinds = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
    first: dict[object, str] = {}
    for name, tensor in state.items():
        if tensor.layout == torch.strided and tensor.dtype in kinds and not tensor.is_meta and tensor.numel():
            first.setdefault((tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype), name)
    return list(first.values())
