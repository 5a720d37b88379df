"""Which dimension of an output counts the samples. It is the first one, but where torch's own modules say otherwise."""

from __future__ import annotations

import re
from collections.abc import Sequence

from torchvis_widgets.look import hints
from torchvis_widgets.look.context import Context

_BY_TIME = re.compile(r"lstm|gru|rnn|transformer|multi_?head_?attention", re.I)
_LISTED = re.compile(r"\[(\d+)\]\['")
_DETECTION = re.compile(r"rcnn|retinanet|^ssd|^fcos|roiheads", re.I)
_ALWAYS_BY_TIME = "multi_head_attention_forward"  # its module turns (N, T, D) round before it calls it


def batch_dim(context: Context, shape: Sequence[int], count: int) -> int | None:
    """The dimension of an output for `count` samples that they lie along; None where there is none.

    Known are the outputs and states of recurrent layers, (T, N, D) in and beside modules that have batch_first False,
    and detections, which are a list with one dict a sample. Else it is the first, also where that is a multiple of
    `count` (several rows a sample), or the second where only that has the size.
    """
    if not shape or listed_sample(context) is not None:
        return None
    if hints.rnn_state(context):
        return 1 if len(shape) == 3 else None  # (layers, H): made of one sequence without a batch
    if _of_heads(context):
        return 0
    if _time_first(context, shape, count):
        return 1
    return 0 if shape[0] and shape[0] % count == 0 else None


def listed_sample(context: Context) -> int | None:
    """The sample that a detector's output belongs to: its place "[2]['boxes']" says that, not its shape."""
    found = _LISTED.match(context.leaf)
    detects = any(_DETECTION.search(name) for name in (context.type, *context.inside))
    return int(found[1]) if found and detects else None


def _of_heads(context: Context) -> bool:
    return hints.attention_weights(context) and not context.leaf.startswith("['")


def _time_first(context: Context, shape: Sequence[int], count: int) -> bool:
    if len(shape) < 3 or shape[1] != count:
        return False
    if context.type == _ALWAYS_BY_TIME or (context.batch_first is False and _of_sequences(context)):
        return True
    if count > 1:
        return shape[0] % count != 0 or (shape[0] != count and _within_heads(context))
    return shape[0] != count and (hints.over_time(context) or _within_heads(context))


def _of_sequences(context: Context) -> bool:
    return any(_BY_TIME.search(name) for name in (context.type, *context.inside))


def _within_heads(context: Context) -> bool:
    return context.inside[:1] == ("MultiheadAttention",)  # which turns (N, T, D) round at once
