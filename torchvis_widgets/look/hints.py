"""What the names around a tensor say of it. Modules go by class name, functions by theirs, so both spellings count."""

from __future__ import annotations

import re

from torchvis_widgets.look.context import Context

_RNN = re.compile(r"(lstm|gru|rnn)(_tanh|_relu)?$", re.I)
_ONE_D = re.compile(r"1d$", re.I)
_CHANNELS_FIRST = re.compile(r"[123]d(_?with_?indices)?$|^(batch|group|instance)_?norm$|^interpolate$|^upsample$", re.I)
_FEATURES_LAST = re.compile(r"^linear$|^embedding(bag)?$|^mlp(_?block)?$|^feed_?forward$", re.I)
_LAST_AROUND = re.compile(r"^swintransformerblock|^shiftedwindowattention|^patchmerging", re.I)
_WINDOWS = re.compile(r"window.*attention", re.I)
_ATTENTION = re.compile(r"(?<!channel)(?<!spatial)attention(v\d)?$|^mha$|scaled_dot_product_attention", re.I)
_HEADS_LEAF = re.compile(r"multi_?head_?attention(_forward)?$", re.I)
_WEIGHTS_LEAF = re.compile(r"attn|attention", re.I)
_SOFTMAX = re.compile(r"^softmax$", re.I)
_TRANSFORMER = re.compile(
    r"transformer|attention|(en|de)coder_?(block|layer)|\bvit|bert|gpt|^mlp_?block$|embedding", re.I
)
_VISION = re.compile(r"vision|vit|image|patch|deit|dino|beit|mae$", re.I)
_KEEPS_PLACES = re.compile(
    r"^(i?add|i?mul|sub|div|cat|(leaky_?|p)?relu6?|elu|selu|gelu|silu|sigmoid|tanh|mish|hard\w*|softplus"
    r"|(feature_?alpha_?|alpha_?)?dropout|stochastic_?depth|drop_?path|identity|(batch|group|instance)_?norm|pad"
    r"|contiguous|clone)_?$",
    re.I,
)
_KEEPS_TIME = re.compile(r"^linear$|^layer_?norm$|^rms_?norm$", re.I)
_BOXES_LEAF = re.compile(r"box(es)?['\"\]]*$", re.I)
_LABELS_LEAF = re.compile(r"(label|mask)s?['\"\]]*$", re.I)
_BOUNDED = re.compile(r"^(hard_?)?(sigmoid|tanh)_?$|^clamp_?$|^clip_?$", re.I)


def of_rnn(context: Context) -> bool:
    """Whether a recurrent layer made it."""
    return bool(_RNN.search(context.type))


def rnn_state(context: Context) -> bool:
    """Whether it is a recurrent layer's last state, not its output over time."""
    return of_rnn(context) and bool(context.leaf) and not context.leaf.startswith("[0]")


def over_time(context: Context) -> bool:
    """Whether it goes from step to step: made by a recurrent layer, or beside one with the steps kept."""
    beside = _KEEPS_TIME.search(context.type) or _KEEPS_PLACES.search(context.type)
    return of_rnn(context) or _any(_RNN, context.after) or bool(beside and _any(_RNN, context.before))


def one_dimensional(context: Context) -> bool:
    """Whether it is (channels, length), as 1-d convolutions give and take it."""
    if _ONE_D.search(context.type) or _any(_ONE_D, context.after):
        return True
    return bool(_KEEPS_PLACES.search(context.type)) and _any(_ONE_D, context.before)


def attention_weights(context: Context) -> bool:
    """Whether its place says that it holds attention weights."""
    of_module = _HEADS_LEAF.search(context.type) and context.leaf.startswith("[1]")
    return bool(of_module or _WEIGHTS_LEAF.search(context.leaf))


def softmax(context: Context) -> bool:
    """Whether a softmax made it, or a dropout behind one."""
    return bool(_SOFTMAX.search(context.type)) or ("dropout" in context.type.lower() and _any(_SOFTMAX, context.before))


def within_attention(context: Context) -> bool:
    """Whether it is made inside an attention layer, and by no convolution."""
    around = (context.type if "scaled_dot" in context.type else "", *context.inside[:1])
    return _any(_ATTENTION, around) and not _CHANNELS_FIRST.search(context.type)


def within_windows(context: Context) -> bool:
    """Whether it is made inside attention over windows."""
    return _any(_WINDOWS, context.inside[:1])


def of_transformer(context: Context) -> bool:
    """Whether any name around it is a Transformer's."""
    return _any(_TRANSFORMER, (context.type, *context.inside))


def of_vision(context: Context) -> bool:
    """Whether its tokens are patches of an image, as far as names say; nothing known does not speak against it."""
    return not (context.type or context.inside) or _any(_VISION, (context.type, *context.inside))


def boxes(context: Context) -> bool:
    """Whether its place says that it holds boxes."""
    return bool(_BOXES_LEAF.search(context.leaf))


def labels(context: Context) -> bool:
    """Whether its place says that it holds labels or masks."""
    return bool(_LABELS_LEAF.search(context.leaf))


def bounded(context: Context) -> bool:
    """Whether what made it keeps values within fixed bounds, as the last step of an image generator does."""
    return bool(_BOUNDED.search(context.type))


def channels_last(shape: tuple[int, ...], context: Context) -> bool:
    """Whether the channels of (…, C) or (C, …) with at least three dimensions are the last one."""
    first, last = shape[0], shape[-1]
    if _CHANNELS_FIRST.search(context.type):
        return False
    if context.features in (first, last) and first != last:
        return context.features == last
    if _any(_CHANNELS_FIRST, context.after):
        return False
    if _any(_LAST_AROUND, (context.type, *context.inside)) or _any(_FEATURES_LAST, (context.type, *context.after)):
        return True
    return bool(_KEEPS_PLACES.search(context.type)) and _any(_FEATURES_LAST, context.before)


def _any(pattern: re.Pattern[str], names: tuple[str, ...]) -> bool:
    return any(pattern.search(name) for name in names)
