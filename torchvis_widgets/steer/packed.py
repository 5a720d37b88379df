"""Packed: a tensor as bytes, so that an edit that holds one can be compared, hashed and stored."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

__all__ = ["Packed", "unpacked"]


@dataclass(frozen=True)
class Packed:
    """A dense tensor of any dtype, compressed: a mask takes at most one bit an element.

    dtype: its name, "float32". data: what zlib made of its bytes, or of a mask's bits.
    """

    shape: tuple[int, ...]
    dtype: str
    data: bytes = field(repr=False)

    @classmethod
    def of(cls, tensor: Tensor) -> Packed:
        """Packs a tensor, bit for bit."""
        plain = tensor.detach().cpu().contiguous()
        raw = np.packbits(plain.numpy()) if plain.dtype == torch.bool else plain.reshape(-1).view(torch.uint8).numpy()
        return cls(tuple(plain.shape), str(plain.dtype).removeprefix("torch."), zlib.compress(raw.tobytes(), 6))

    def tensor(self) -> Tensor:
        """The tensor, on the CPU; the caller's own."""
        return unpacked(self.data, self.shape, self.dtype)


def unpacked(data: bytes, shape: tuple[int, ...], dtype: str) -> Tensor:
    """The tensor that was packed; `EditLog.as_code()` writes down the source of this."""
    raw = np.frombuffer(bytearray(zlib.decompress(data)), np.uint8)
    if dtype == "bool":
        return torch.from_numpy(np.unpackbits(raw, count=math.prod(shape)).astype(bool)).reshape(shape)
    return torch.from_numpy(raw).view(getattr(torch, dtype)).reshape(shape)
