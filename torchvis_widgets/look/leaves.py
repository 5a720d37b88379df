"""Nested inputs and outputs: their tensors by path, and copies with each leaf changed.

A path is what stands behind the value in Python: `[1][0]`, `['logits']`. Fields of named tuples and dataclasses are
written `['logits']` too, because `.logits` could not be told from a submodule.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from torch import Tensor


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """The (path, tensor) pairs inside a nested value, in order."""
    if isinstance(value, Tensor):
        yield path, value
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
    if isinstance(value, Mapping):
        return _mapping({key: map_leaves(child, change) for key, child in value.items()}, value)
    if _is_namedtuple(value):
        return type(value)(*(map_leaves(child, change) for child in value))
    if isinstance(value, list | tuple):
        return type(value)([map_leaves(child, change) for child in value])
    if _is_dataclass(value):
        changed = copy.copy(value)
        for field in dataclasses.fields(value):  # not replace(): fields may be frozen or init=False
            object.__setattr__(changed, field.name, map_leaves(getattr(value, field.name), change))
        return changed
    return change(value)


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
