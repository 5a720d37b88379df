"""Nested inputs and outputs: their tensors by path, and copies with each leaf changed.

A path is what stands behind the value in Python: `[1][0]`, `['logits']`. Fields of named tuples and dataclasses are
written `['logits']` too, because `.logits` could not be told from a submodule. A packed sequence is one tensor, its
`data` (values, …): the very tensor, so that it can be followed. `unpacked()` gives it by sample.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """The (path, tensor) pairs inside a nested value, in order."""
    if isinstance(value, Tensor):
        yield path, value
        return
    if isinstance(value, PackedSequence):
        yield path, value.data
        return
    for step, child in _children(value):
        yield from leaves(child, path + step)


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((f"[{key!r}]", child) for key, child in value.items())
    elif _is_namedtuple(value):
        yield from ((f"[{name!r}]", child) for name, child in zip(value._fields, value, strict=True))
    elif isinstance(value, list | tuple):
        yield from ((f"[{index}]", child) for index, child in enumerate(value))
    elif _is_dataclass(value):
        yield from ((f"[{field.name!r}]", getattr(value, field.name)) for field in dataclasses.fields(value))


def map_leaves(value: Any, change: Callable[[Any], Any]) -> Any:
    """A copy of a nested value with `change` applied to everything that is not a container."""
    return _mapped(value, change, lambda packed: _with_data(packed, change(packed.data)))


def unpacked(value: Any) -> Any:
    """A nested value with each packed sequence as a tensor (N, T, …), the shorter samples padded with zeros."""
    if isinstance(value, Tensor):
        return value
    return _mapped(value, lambda leaf: leaf, lambda packed: pad_packed_sequence(packed, batch_first=True)[0])


def map_samples(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """As `map_tensors`, for a change to the first dimension (N): a packed sequence is packed anew from its samples."""
    return _mapped(
        value,
        lambda leaf: change(leaf) if isinstance(leaf, Tensor) else leaf,
        lambda packed: _packed(*(change(part) for part in pad_packed_sequence(packed, batch_first=True))),
    )


def _mapped(value: Any, change: Callable[[Any], Any], of_packed: Callable[[PackedSequence], Any]) -> Any:
    if isinstance(value, PackedSequence):
        return of_packed(value)
    if isinstance(value, Mapping):
        return _mapping({key: _mapped(child, change, of_packed) for key, child in value.items()}, value)
    if _is_namedtuple(value):
        return type(value)(*(_mapped(child, change, of_packed) for child in value))
    if isinstance(value, list | tuple):
        return type(value)([_mapped(child, change, of_packed) for child in value])
    if _is_dataclass(value):
        changed = copy.copy(value)
        for field in dataclasses.fields(value):  # not replace(): fields may be frozen or init=False
            object.__setattr__(changed, field.name, _mapped(getattr(value, field.name), change, of_packed))
        return changed
    return change(value)


def _with_data(packed: PackedSequence, data: Tensor) -> PackedSequence:
    """The same sequences with other data; not packed.to(): the sizes of its batches have to stay on the CPU."""
    order = (
        None if each is None else each.to(data.device) for each in (packed.sorted_indices, packed.unsorted_indices)
    )
    return PackedSequence(data, packed.batch_sizes, *order)


def _packed(padded: Tensor, lengths: Tensor) -> PackedSequence:
    return pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False)


def map_tensors(value: Any, change: Callable[[Tensor], Any]) -> Any:
    """A copy of a nested value with `change` applied to its tensors, everything else kept."""
    return map_leaves(value, lambda leaf: change(leaf) if isinstance(leaf, Tensor) else leaf)


def with_leaves(value: Any, changed: Mapping[str, Tensor]) -> Any:
    """The value with other tensors at some of its paths; the value itself where there are none."""
    if not changed:
        return value
    paths = (path for path, _ in list(leaves(value)))
    return map_tensors(value, lambda tensor: changed.get(next(paths), tensor))


def _mapping(items: dict[Any, Any], like: Mapping[Any, Any]) -> Mapping[Any, Any]:
    if type(like) is dict or not isinstance(like, MutableMapping):
        return items
    filled = copy.copy(like)  # not type(like)(items): a defaultdict's first argument is its factory
    for key, child in items.items():
        filled[key] = child
    return filled


def _is_namedtuple(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _is_dataclass(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)
