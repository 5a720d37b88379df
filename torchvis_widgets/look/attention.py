"""Attention weights: of nn.MultiheadAttention, of scaled_dot_product_attention, and of a softmax written by hand."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from torchvis_widgets.look.capture import HaveAll, listen, stopped_early
from torchvis_widgets.look.errors import CaptureError, in_words
from torchvis_widgets.look.keyring import Keyring
from torchvis_widgets.look.keys import Key
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica
from torchvis_widgets.look.walk import Call, Listener

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


def attention(replica: Replica, probe: Probe, key: str, *, samples: slice | None = None) -> Attention:
    """The weights of the attention that `key` names, or that is computed inside of it.

    Raises CaptureError where none is computed there, naming what there is where there are several.
    """
    inputs = probe if samples is None else probe.samples(samples)
    finder = _Finder(Keyring(replica.module, ["", key]).keys[key])
    everything = Keyring(replica.module, [f"/{FUSED}"])  # so that functions are told
    try:
        listen(replica, inputs, everything, finder)
    except HaveAll:
        pass
    except CaptureError:
        raise
    except Exception as error:
        raise stopped_early(error, key) from error
    return finder.chosen(key)


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
    wanted: Key
    found: list[Attention] = field(default_factory=list)
    by_hand: list[Attention] = field(default_factory=list)

    def leave(self, call: Call, output: Any) -> Any:
        if not self._inside(call) or _computes_attention(call.parent):
            return output
        if isinstance(call.module, nn.MultiheadAttention):
            given = inspect.signature(nn.MultiheadAttention.forward).bind(call.module, *call.args, **call.kwargs)
            given.arguments.update(need_weights=True, average_attn_weights=False)
            self._take(self.found, call, lambda: nn.MultiheadAttention.forward(*given.args, **given.kwargs)[1])
        elif call.function == WHOLE:
            whole = inspect.signature(functional.multi_head_attention_forward).bind(*call.args, **call.kwargs)
            whole.arguments.update(need_weights=True, average_attn_weights=False)
            self._take(
                self.found, call, lambda: functional.multi_head_attention_forward(*whole.args, **whole.kwargs)[1]
            )
        elif call.function == FUSED:
            self._take(self.found, call, lambda: recomputed(*call.args, **call.kwargs))
        elif call.function == "softmax" and isinstance(output, Tensor) and output.dim() >= 3:
            self.by_hand.append(Attention(call.key(), _with_heads(output.detach().cpu()), recomputed=False))
        if (self.found or self.by_hand) and (call.path, call.function, call.number) == self.wanted[:3]:
            raise HaveAll
        return output

    def chosen(self, key: str) -> Attention:
        """The only one found."""
        found = self.found or self.by_hand
        if not found:
            raise CaptureError(
                f"no attention is computed in {key!r}",
                "Choose one of session.graph.attentions, or a module that one of them is inside of.",
            )
        if len(found) > 1:
            names = ", ".join(repr(each.key) for each in found[:6]) + (" …" if len(found) > 6 else "")
            raise CaptureError(f"{key!r} computes attention {len(found)} times", f"Choose one of {names}.")
        return found[0]

    def _inside(self, call: Call | None) -> bool:
        while call is not None:
            if (call.path, call.function, call.number) == self.wanted[:3]:
                return True
            call = call.parent
        return False

    def _take(self, found: list[Attention], call: Call, compute: Any) -> None:
        try:
            with torch.no_grad():
                weights: Tensor = compute()
        except Exception as error:
            raise CaptureError(
                f"the weights of {call.key()!r} cannot be recomputed: {in_words(error)}", "Choose another layer."
            ) from error
        found.append(Attention(call.key(), _with_heads(weights.detach().cpu()), recomputed=True))


def _computes_attention(call: Call | None) -> bool:
    return call is not None and isinstance(call.module, nn.MultiheadAttention)


def _with_heads(weights: Tensor) -> Tensor:
    """(N, heads, T, S); of a single head (N, 1, T, S)."""
    return weights[:, None] if weights.dim() == 3 else weights
