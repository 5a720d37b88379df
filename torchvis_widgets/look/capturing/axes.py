"""Axes: which dimensions of a call's output are its samples, channels, heads and tokens."""

from __future__ import annotations

from typing import Literal

from torch import nn

from torchvis_widgets.look.tracing.walk import Call

Axis = Literal["channel", "head", "token"]

_FUSED = "scaled_dot_product_attention"
_FIRST = nn.modules.conv._ConvNd | nn.modules.batchnorm._NormBase | nn.GroupNorm | nn.modules.pooling._MaxPoolNd
_LAST = nn.Linear | nn.Embedding | nn.RNNBase | nn.MultiheadAttention
_FIRST_FUNCTIONS = ("conv", "batch_norm", "group_norm", "instance_norm", "max_pool", "avg_pool", "adaptive_")
_LAST_FUNCTIONS = ("linear", "layer_norm", "embedding")


def axes(rank: int, call: Call) -> dict[Axis, int]:
    """The dimension of each, for those that there are.

    Channels are dimension 1 of (N, C, …) and the last of (N, D) and (N, T, D), and of every output of a layer that
    works on the last dimension; tokens are dimension 1 of (N, T, D), heads dimension 1 of (N, heads, T, D).
    """
    if rank < 2:
        return {}
    if call.function == _FUSED:
        return {"token": rank - 2, "channel": rank - 1, **({"head": rank - 3} if rank > 3 else {})}
    by_channel = _by_channel(call)
    found: dict[Axis, int] = {"channel": rank - 1 if _by_feature(call) or (rank == 3 and not by_channel) else 1}
    if rank == 3 and not by_channel:
        found["token"] = 1 - samples_dim(rank, call)
    if rank == 4 and not by_channel:
        found["head"] = 1
    return found


def samples_dim(rank: int, call: Call) -> int:
    """The dimension of the samples: (T, N, D) is what torch's own sequence layers give unless batch_first is set."""
    module = getattr(call.module, "self_attn", call.module)
    by_time = isinstance(module, nn.RNNBase | nn.MultiheadAttention) and not module.batch_first
    return 1 if by_time and rank == 3 else 0


def _by_channel(call: Call) -> bool:
    return isinstance(call.module, _FIRST) or call.function.startswith(_FIRST_FUNCTIONS)


def _by_feature(call: Call) -> bool:
    norm = type(call.module) is nn.LayerNorm and len(call.module.normalized_shape) == 1  # not a LayerNorm2d
    return norm or isinstance(call.module, _LAST) or call.function.startswith(_LAST_FUNCTIONS)
