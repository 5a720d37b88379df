"""Which part of a tensor is an output channel, or an attention head: the index of an `Edit`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from torchvis_widgets.steer.edits import EditError, Index, Range, Span

__all__ = ["channel_index", "head_index"]

_HEADS = ("num_heads", "num_attention_heads", "n_heads", "n_head", "nhead")
_HEADS_OF_KEYS = ("num_key_value_heads", "num_kv_heads", "n_kv_heads", "n_kv_head")
_QUERIES = ("q", "query", "q_proj", "to_q", "wq", "q_lin", "q_proj_weight")
_KEYS = ("k", "key", "k_proj", "to_k", "wk", "k_lin", "k_proj_weight",
         "v", "value", "v_proj", "to_v", "wv", "v_lin", "v_proj_weight")  # fmt: skip
_TOGETHER = ("in_proj_weight", "in_proj_bias", "qkv", "to_qkv", "Wqkv", "in_proj", "qkv_proj")
_OUTPUTS = ("out_proj", "o_proj", "proj", "to_out", "wo", "out_lin", "c_proj")


def channel_index(model: nn.Module, name: str, shape: tuple[int, ...], channels: Any) -> Index:
    """The index of output channels: one by number, or several as a range, a slice or a list of numbers."""
    module = _submodule(model, name.rpartition(".")[0])
    last = isinstance(module, nn.modules.conv._ConvTransposeNd) or type(module).__name__ == "Conv1D"
    dim = 1 if last and len(shape) > 1 else 0  # these keep what comes in first
    if not shape:
        raise EditError(f"{name!r} is one number and has no channels")
    return (*((0, size) for size in shape[:dim]), _span(channels, shape[dim], name))


def _span(channels: Any, size: int, name: str) -> Span:
    if isinstance(channels, int) and not isinstance(channels, bool):
        return channels
    listed = range(*channels.indices(size)) if isinstance(channels, slice) else channels
    if not isinstance(listed, Iterable) or isinstance(listed, str):
        raise EditError(f"channel of {name!r} is a number, a slice or a list of numbers, found {channels!r}")
    numbers = sorted(set(listed))
    if not numbers or not all(isinstance(each, int) and not isinstance(each, bool) for each in numbers):
        raise EditError(f"channel of {name!r} is a number, a slice or a list of numbers, found {channels!r}")
    ranges: list[Range] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number:
            ranges[-1] = (ranges[-1][0], number + 1)
        else:
            ranges.append((number, number + 1))
    return ranges[0] if len(ranges) == 1 else tuple(ranges)


def head_index(model: nn.Module, name: str, shape: tuple[int, ...], head: int) -> Index:
    """The index of one head of an attention's projection: rows of what makes queries, keys and values; columns after.

    Raises EditError where the tensor belongs to no attention that is known.
    """
    attention, part = _attention(model, name)
    heads = None if attention is None else _number(attention, _HEADS)
    if heads is None or not shape:
        raise EditError(
            f"{name!r} is no projection of an attention whose heads are known; pick its part yourself: "
            f"session.edit({name!r}, index=((first, last + 1),))"
        )
    if part in _KEYS:
        heads = _number(attention, _HEADS_OF_KEYS) or heads
    if isinstance(head, bool) or not isinstance(head, int) or not 0 <= head < heads:
        raise EditError(f"{name!r} has no head {head!r}: there are {heads}, counted from 0")
    if part in _OUTPUTS:
        if len(shape) < 2:
            raise EditError(f"{name!r} belongs to all heads together")
        return ((0, shape[0]), _share(name, shape[1], heads, head))
    if part not in _TOGETHER:
        return (_share(name, shape[0], heads, head),)
    first, last = _share(name, shape[0] // 3, heads, head)
    return (tuple((first + start, last + start) for start in range(0, shape[0], shape[0] // 3)),)


def _attention(model: nn.Module, name: str) -> tuple[nn.Module | None, str]:
    """The module around a projection that tells of heads, and what the projection is called in it."""
    path = name.split(".")
    known = (*_QUERIES, *_KEYS, *_TOGETHER, *_OUTPUTS)
    for place in reversed(range(len(path))):
        if path[place] not in known:
            continue
        for end in range(place, max(place - 3, -1), -1):
            around = _submodule(model, ".".join(path[:end]))
            if around is not None and _number(around, _HEADS) is not None:
                return around, path[place]
    return None, ""


def _number(module: Any, names: Iterable[str]) -> int | None:
    values = [getattr(each, name, None) for each in (module, getattr(module, "config", None)) for name in names]
    return next((value for value in values if isinstance(value, int) and not isinstance(value, bool)), None)


def _submodule(model: nn.Module, path: str) -> nn.Module | None:
    try:
        return model.get_submodule(path)
    except AttributeError:
        return None


def _share(name: str, size: int, heads: int, head: int) -> Range:
    if size % heads:
        raise EditError(f"{name!r} has {size} rows or columns, which {heads} heads do not share evenly")
    return head * size // heads, (head + 1) * size // heads
