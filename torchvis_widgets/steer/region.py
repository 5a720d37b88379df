"""The part of a tensor that an edit is about: read as values of its own, and written back."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torchvis_widgets.steer.edits import Edit, Index, spans

__all__ = ["is_several", "read", "region", "region_shape", "write"]


def read(tensor: Tensor, edit: Edit) -> Tensor:
    """A copy of the values: of the region's shape, or (n,) where a mask picks n of them."""
    part = region(tensor, edit.index)
    if edit.where is None:
        return part.detach().clone(memory_format=torch.contiguous_format)
    return part.detach()[edit.where.tensor().to(part.device)]


def write(tensor: Tensor, edit: Edit, values: Tensor) -> None:
    """Put values back where `read` took them from; in place, and the tensor's version counter is left alone."""
    # .data: with two networks in one loop a graph through this one may be alive at the other's step boundary, and its
    # backward() must not raise "modified by an inplace operation" because of our edit.
    tensor = tensor.data
    part = region(tensor, edit.index)
    if edit.where is None:
        part.copy_(values)
    else:
        part[edit.where.tensor().to(part.device)] = values.to(part.device)
    if any(is_several(entry) for entry in edit.index or ()):  # then the region is a copy
        tensor[_key(edit.index or ())] = part


def region(tensor: Tensor, index: Index | None) -> Tensor:
    """What an index picks: a view, or a copy where an entry is several ranges."""
    return tensor.data[_key(index or ())]


def region_shape(tensor: Tensor, index: Index | None) -> tuple[int, ...]:
    """The shape of what an index picks."""
    return tuple(region(torch.empty(tensor.shape, device="meta"), index).shape)


def is_several(entry: object) -> bool:
    """Whether an entry of an index is several ranges."""
    return isinstance(entry, tuple) and bool(entry) and isinstance(entry[0], tuple)


def _key(index: Index) -> tuple[Any, ...]:
    several = any(is_several(entry) for entry in index)
    return tuple(_part(entry, several) for entry in index)


def _part(entry: Any, several: bool) -> Any:
    if is_several(entry):
        return torch.cat([torch.arange(*each, device="cpu") for each in spans(entry)])
    # Beside a list of places a number would be taken for another such list, and move the dimensions.
    return entry if isinstance(entry, int) and not several else slice(*spans(entry)[0])
