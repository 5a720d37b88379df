"""Tensors in safetensors files, bit for bit."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from torchvis_widgets.record.errors import RunError

__all__ = ["is_storable", "plain", "read_tensors", "same_bits", "write_tensors"]

_STORABLE = frozenset((
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.bool,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint64, torch.uint32, torch.uint16, torch.uint8,
    torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz,
))  # fmt: skip
_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def is_storable(value: object) -> bool:
    """Says whether a safetensors file can hold `value`: a dense tensor that has data, of a type the format knows."""
    return (
        isinstance(value, Tensor)
        and value.layout is torch.strided
        and value.dtype in _STORABLE
        and not value.is_meta
        and not value.is_nested
    )


def plain(tensor: Tensor) -> Tensor:
    """Returns a clone's memory in the order a file holds it (a clone: that resolves lazy conjugation and negation)."""
    return tensor.detach().contiguous()


def same_bits(a: Tensor, b: Tensor) -> bool:
    """Says whether two contiguous tensors hold the same bits: NaN equals NaN, and -0.0 is not 0.0."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    bits = _BITS[a.element_size()]
    return torch.equal(a.reshape(-1).view(bits), b.reshape(-1).view(bits))


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Writes `plain` CPU tensors; a file that could not be completed is removed. Raises OSError, SafetensorError."""
    try:
        save_file(dict(tensors), path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def read_tensors(path: Path, keys: Iterable[str] | None = None) -> dict[str, Tensor]:
    """Returns tensors of a file, memory-mapped copy-on-write. Raises RunError for a file that is damaged or gone."""
    try:
        with safe_open(os.fspath(path), framework="pt") as file:
            return {key: file.get_tensor(key) for key in (file.keys() if keys is None else keys)}
    except (OSError, SafetensorError) as error:
        raise RunError(
            f"{path} is damaged or gone: {error}. What lies in the run's other files can be read."
        ) from error
