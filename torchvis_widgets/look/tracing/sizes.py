"""How many parameters modules have, counted for all of them at once; and shapes, those of nested tensors included."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from torch import Tensor, nn


class Size(NamedTuple):
    """Elements of parameters, and their bytes."""

    elements: int
    bytes: int


def size_of(parameters: Iterable[Tensor]) -> Size:
    """Of parameters, each counted once."""
    distinct = {id(each): each for each in parameters}.values()
    return Size(sum(each.numel() for each in distinct), sum(each.nbytes for each in distinct))


def sizes_by_path(model: nn.Module) -> dict[str, Size]:
    """Of every module, children included, tied parameters once."""
    inside: dict[str, list[Tensor]] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        inside[path] = []
        own = [each for each in module._parameters.values() if each is not None]
        while own:
            inside[path] += own
            if not path:
                break
            path = path.rpartition(".")[0]
    return {path: size_of(tensors) for path, tensors in inside.items()}


def any_nested(values: Iterable[object]) -> bool:
    """Whether any of them is a nested tensor."""
    return any(isinstance(each, Tensor) and each.is_nested for each in values)


def shape_of(tensor: Tensor) -> tuple[int, ...]:
    """The shape; -1 for a dimension along which the parts of a nested tensor differ."""
    return tuple(_size(tensor, dim) for dim in range(tensor.dim())) if tensor.is_nested else tuple(tensor.shape)


def _size(tensor: Tensor, dim: int) -> int:
    try:
        size = tensor.size(dim)
    except RuntimeError:  # torch.strided: "the given dimension is irregular"
        return -1
    return size if type(size) is int else -1  # torch.jagged: a symbol
