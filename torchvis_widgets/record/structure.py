"""Nested Python values as JSON and tensors: what an optimizer's state_dict() is kept as, without pickle."""

from __future__ import annotations

import base64
import json
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["pack", "unpack"]

# What JSON has no kind of its own for is an object with one entry, the kind; a dict is a list of pairs, as its keys may
# be of any kind.
_PLAIN = (bool, int, float, str)


def pack(value: Any, prefix: str) -> tuple[str, dict[str, Tensor]]:
    """Returns `value` as JSON text and the tensors in it, named from `prefix` on; tensors are not copied.

    Takes None, numbers, text, bytes, lists, tuples, dicts, Counters, sets, torch types, numpy arrays and tensors,
    nested. Raises TypeError that names the place of anything else.
    """
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_packed(value, prefix, tensors), separators=(",", ":"))
    return text, tensors


def unpack(text: str, tensors: Mapping[str, Tensor]) -> Any:
    """Returns what `pack` was given; its tensors are those of `tensors`."""
    return _unpacked(json.loads(text), tensors)


def _packed(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    kind = type(value)
    if value is None or kind in _PLAIN:
        return value
    if isinstance(value, Tensor):
        return {"tensor": _put(value, path, tensors)}
    if kind is list:
        return [_packed(each, f"{path}/{place}", tensors) for place, each in enumerate(value)]
    if kind in (tuple, set, frozenset):
        return {kind.__name__: [_packed(each, f"{path}/{place}", tensors) for place, each in enumerate(value)]}
    if isinstance(value, dict):  # a subclass of dict that is not known comes back as a dict
        name = "Counter" if kind is Counter else "OrderedDict" if kind is OrderedDict else "dict"
        return {name: [[_packed(k, path, tensors), _packed(v, f"{path}/{k}", tensors)] for k, v in value.items()]}
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "fiub":
        kept = torch.from_numpy(np.array(value))
        return {"array" if isinstance(value, np.ndarray) else "number": _put(kept, path, tensors)}
    if kind is bytes:
        return {"bytes": base64.b64encode(value).decode()}
    if kind is complex:
        return {"complex": [value.real, value.imag]}
    if isinstance(value, (torch.dtype, torch.device)):
        return {type(value).__name__: str(value).removeprefix("torch.")}
    raise TypeError(f"found {kind.__name__} at {path!r}, expected numbers, text, tensors, and lists and dicts of them")


def _put(tensor: Tensor, path: str, tensors: dict[str, Tensor]) -> str:
    while path in tensors:  # {1: …, "1": …}
        path += "'"
    tensors[path] = tensor
    return path


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "bytes": base64.b64decode,
    "complex": lambda parts: complex(*parts),
    "dtype": lambda name: getattr(torch, name),
    "device": torch.device,
}
_MAPPINGS: dict[str, Callable[[Any], Any]] = {
    "dict": dict,
    "OrderedDict": OrderedDict,
    "Counter": lambda pairs: Counter(dict(pairs)),
}


def _unpacked(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpacked(each, tensors) for each in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind in ("array", "number"):
        array = tensors[content].numpy()
        return array if kind == "array" else array[()]
    if kind in _MAPPINGS:
        return _MAPPINGS[kind]([(_unpacked(k, tensors), _unpacked(v, tensors)) for k, v in content])
    return _MAKERS[kind](_unpacked(content, tensors) if isinstance(content, list) else content)
