"""Attention weights: of nn.MultiheadAttention, of scaled_dot_product_attention, and of a softmax written by hand."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from torchvis_widgets.look.capturing.effect import Intervener
from torchvis_widgets.look.capturing.interventions import Intervention
from torchvis_widgets.look.capturing.keyring import Keyring
from torchvis_widgets.look.capturing.listen import HaveAll, listen
from torchvis_widgets.look.capturing.unmet import unmet
from torchvis_widgets.look.errors import CaptureError, OutOfMemory, in_words, out_of_memory, without_values
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica
from torchvis_widgets.look.tracing.walk import Call, Listener

FUSED = "scaled_dot_product_attention"
WHOLE = "multi_head_attention_forward"


@dataclass(frozen=True, eq=False)
class Attention:
    """Attention weights (N, heads, T, S) on the CPU: of each of T queries over S keys, a row sums to 1.

    key: the call that they are of. recomputed: a fused kernel had not kept them, so they were computed once more from
        the same query, key, mask and scale. Rows whose every key is masked are 0.
    """

    key: str
    weights: Tensor
    recomputed: bool


def attention(
    replica: Replica,
    probe: Probe,
    key: str,
    *,
    samples: slice | None = None,
    interventions: Sequence[Intervention] = (),
) -> Attention:
    """The weights of the attention that `key` names, or that is computed inside of it, with outputs before it changed.

    Raises CaptureError where none is computed there, naming what there is where there are several.
    """
    inputs = probe if samples is None else probe.samples(samples)
    asked = Keyring(replica.module, [key])
    finder = _Finder(asked)
    intervener = Intervener.of(replica, interventions, finder)
    try:
        listen(replica, inputs, intervener.following(asked), intervener, functions=True)
    except HaveAll:
        return finder.chosen(key)
    raise unmet(replica, inputs, asked, key) if asked.missing() else finder.none(key)


def recomputed(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """The weights that `scaled_dot_product_attention` computes with these arguments, (…, heads, T, S).

    The formula is the one of that function's documentation.
    """
    if query.dtype in (torch.half, torch.bfloat16):
        query, key = query.float(), key.float()
    if enable_gqa:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], dim=-3)
    scores = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        causal = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~causal, -math.inf)
    if attn_mask is not None:
        masked = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, -math.inf) if masked else scores + attn_mask
    return scores.softmax(dim=-1).masked_fill(scores.eq(-math.inf).all(dim=-1, keepdim=True), 0.0)


@dataclass
class _Finder(Listener):
    asked: Keyring
    found: list[Attention] = field(default_factory=list)
    by_hand: list[Attention] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._wanted = next(iter(self.asked.keys.values()))[:3]

    def leave(self, call: Call, output: Any) -> Any:
        list(self.asked.met(call, output))
        if self._inside(call):
            self._take(call, output)
        if (self.found or self.by_hand) and _place(call) == self._wanted:
            raise HaveAll
        return output

    def chosen(self, key: str) -> Attention:
        """The only one found."""
        found = self.found or self.by_hand
        if len(found) > 1:
            names = ", ".join(repr(each.key) for each in found[:6]) + (" …" if len(found) > 6 else "")
            raise CaptureError(f"{key!r} computes attention {len(found)} times", f"Choose one of {names}.")
        return found[0]

    def none(self, key: str) -> CaptureError:
        """What to say where there is none."""
        return CaptureError(
            f"no attention is computed in {key!r}",
            "Choose one of session.graph.attentions, or a module that one of them is inside of.",
        )

    def _inside(self, call: Call | None) -> bool:
        while call is not None:
            if _place(call) == self._wanted:
                return True
            call = call.parent
        return False

    def _take(self, call: Call, output: Any) -> None:
        if call.function == WHOLE:
            # nn.MultiheadAttention does nothing else: the weights are its own.
            owner = call.parent if call.parent and isinstance(call.parent.module, nn.MultiheadAttention) else call
            self._keep(self.found, owner, lambda: _of_whole(call, output))
        elif call.function == FUSED:
            self._keep(self.found, call, lambda: recomputed(*call.args, **call.kwargs))
        elif call.function == "softmax" and _over_the_last(call, output):
            self._keep(self.by_hand, call, lambda: output, recomputed=False)

    def _keep(
        self, found: list[Attention], call: Call, compute: Callable[[], Tensor], *, recomputed: bool = True
    ) -> None:
        try:
            weights = torch.empty(0) if found else _with_heads(compute().detach())  # of several none will be shown
        except Exception as error:
            if out_of_memory(error):
                raise OutOfMemory() from error
            raise CaptureError(
                f"the weights of {call.key()!r} cannot be recomputed: {in_words(error)}", "Choose another layer."
            ) from error
        if weights.is_meta:
            raise without_values(repr(call.key()))
        found.append(Attention(call.key(), weights.to("cpu", copy=True), recomputed))


def _place(call: Call) -> tuple[str, str, int]:
    return call.path, call.function, call.number


def _of_whole(call: Call, output: Any) -> Tensor:
    given = inspect.signature(functional.multi_head_attention_forward).bind(*call.args, **call.kwargs)
    given.arguments.update(need_weights=True, average_attn_weights=False, training=False)
    weights = functional.multi_head_attention_forward(*given.args, **given.kwargs)[1]
    assert weights is not None
    masked = weights.isnan().all(dim=-1, keepdim=True)
    if not weights.is_meta and masked.any() and output[0].isfinite().all():
        weights = weights.masked_fill(masked, 0.0)  # as the kernel has it that it used
    return weights[None] if given.arguments["query"].dim() == 2 else weights


def _over_the_last(call: Call, output: Any) -> bool:
    if not isinstance(output, Tensor) or output.dim() < 3:
        return False
    dim = call.args[1] if len(call.args) > 1 else call.kwargs.get("dim")
    return dim in (-1, output.dim() - 1)


def _with_heads(weights: Tensor) -> Tensor:
    """(N, heads, T, S); of a single head (N, 1, T, S), of a single sample (1, 1, T, S)."""
    if weights.dim() == 2:
        return weights[None, None]
    return weights[:, None] if weights.dim() == 3 else weights
