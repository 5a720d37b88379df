"""The heads of nn.MultiheadAttention, which lie between its attention and its projection."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from torchvis_widgets.look.walk import Call


def with_heads(call: Call, change: Callable[[Tensor], Tensor]) -> Tensor:
    """The output of a call of nn.MultiheadAttention with its heads (N, heads, T, head_dim) changed."""
    module = call.module
    assert isinstance(module, nn.MultiheadAttention)
    projection = module.out_proj
    with _identity(projection):  # then what comes out are the heads, one beside the other
        joined = nn.MultiheadAttention.forward(module, *call.args, **call.kwargs)[0]
    rows = _batch_first(joined, module)
    heads = rows.reshape(*rows.shape[:2], module.num_heads, -1).transpose(1, 2)
    rows = change(heads).transpose(1, 2).flatten(-2)
    return _batch_first(functional.linear(rows, projection.weight, projection.bias), module).reshape(joined.shape)


def _batch_first(rows: Tensor, module: nn.MultiheadAttention) -> Tensor:
    """(N, T, E) from the module's own order, and back."""
    if rows.dim() == 2:
        return rows[None]
    return rows if module.batch_first else rows.transpose(0, 1)


@contextlib.contextmanager
def _identity(projection: nn.Linear) -> Iterator[None]:
    weight, bias = projection.weight.data, None if projection.bias is None else projection.bias.data
    projection.weight.data = torch.eye(len(weight), dtype=weight.dtype, device=weight.device)
    if bias is not None:
        projection.bias.data = torch.zeros_like(bias)
    try:
        yield
    finally:
        projection.weight.data = weight
        if bias is not None:
            projection.bias.data = bias
