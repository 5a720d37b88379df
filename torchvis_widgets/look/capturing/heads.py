"""The heads of nn.MultiheadAttention, which lie between its attention and its projection."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn import functional

from torchvis_widgets.look.replica import every_module
from torchvis_widgets.look.tracing.walk import Call


def with_heads(call: Call, change: Callable[[Tensor], Tensor]) -> Tensor:
    """The output of a call of nn.MultiheadAttention with its heads (N, heads, T, head_dim) changed."""
    module = call.module
    assert isinstance(module, nn.MultiheadAttention)
    weight, bias = module.out_proj.weight, module.out_proj.bias
    with _unprojected(module):  # then what comes out are the heads, one beside the other
        joined: Tensor = type(module).forward(module, *call.args, **call.kwargs)[0]
    rows = _batch_first(joined, module)
    heads = rows.reshape(*rows.shape[:2], module.num_heads, -1).transpose(1, 2)
    rows = change(heads).transpose(1, 2).flatten(-2)
    return _batch_first(functional.linear(rows, weight, bias), module).reshape(joined.shape)


def _batch_first(rows: Tensor, module: nn.MultiheadAttention) -> Tensor:
    """(N, T, E) from the module's own order, and back."""
    if rows.dim() == 2:
        return rows[None]
    return rows if module.batch_first else rows.transpose(0, 1)


@contextlib.contextmanager
def _unprojected(module: nn.MultiheadAttention) -> Iterator[None]:
    """The module's forward only reads the weight and the bias of its projection, which is not called."""
    projection = module.out_proj
    identity = torch.eye(module.embed_dim, dtype=projection.weight.dtype, device=projection.weight.device)
    module._modules["out_proj"] = SimpleNamespace(weight=identity, bias=torch.zeros_like(identity[0]))  # type: ignore[assignment]
    try:
        # Torch functions are switched off while a listener is told; within them the fused path is not taken.
        with torch._C._EnableTorchFunction(), every_module():
            yield
    finally:
        module._modules["out_proj"] = projection
