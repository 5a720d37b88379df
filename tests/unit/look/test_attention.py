"""Attention weights against formulas and against what the functions themselves give; see `attention`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models

from torchvis_widgets.look import CaptureError, LookError, Observer, Probe, Replica, trace_probe
from torchvis_widgets.look.capturing.attention import attention

T, D, HEADS = 5, 8, 2


class Attends(nn.Module):
    """Self-attention by nn.MultiheadAttention, whatever its options, on (N, T, D)."""

    def __init__(self, given: dict[str, Any] | None = None, **options: Any) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(D, HEADS, **options)
        self.given = given or {}

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.attn.batch_first else x.transpose(0, 1)
        return self.attn(x, x, x, **self.given)[0]


def looked_at(model: nn.Module, x: Tensor, key: str, **options: Any) -> Any:
    return attention(Replica(model), Probe.of(x), key, **options)


def by_hand(attn: nn.MultiheadAttention, x: Tensor, **given: Any) -> Tensor:
    """(N, heads, T, S) by nn.MultiheadAttention's own account of them."""
    attn.eval()
    given = {"need_weights": True, **given, "average_attn_weights": False}
    x = x if attn.batch_first else x.transpose(0, 1)
    with torch.no_grad():
        return attn(x, x, x, **{**given, "need_weights": True})[1]


CAUSAL = torch.ones(T, T, dtype=torch.bool).triu(1)
PADDING = torch.tensor([[False] * 5, [False] * 4 + [True], [False] * 2 + [True] * 3])


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"average_attn_weights": False},
        {"key_padding_mask": PADDING},
        {"attn_mask": CAUSAL},
        {"attn_mask": torch.randn(T, T)},
        {"attn_mask": CAUSAL, "is_causal": True},
    ],
    ids=["plain", "per head", "padding", "bool mask", "float mask", "causal"],
)
def test_weights_of_multihead_attention(batch_first: bool, need_weights: bool, given: dict[str, Any]) -> None:
    given = {**given, "need_weights": need_weights}
    model, x = Attends(given, batch_first=batch_first), torch.randn(3, T, D)
    found = looked_at(model, x, "attn")
    assert found.key == "attn"
    assert found.recomputed
    assert found.weights.shape == (3, HEADS, T, T)
    assert torch.allclose(found.weights, by_hand(model.attn, x, **given), atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [{"bias": False}, {"add_bias_kv": True}, {"add_zero_attn": True}, {"kdim": 8, "vdim": 8}, {"dropout": 0.5}],
)
def test_its_other_options(options: dict[str, Any]) -> None:
    model, x = Attends(batch_first=True, **options), torch.randn(3, T, D)
    found = looked_at(model, x, "attn").weights
    assert torch.allclose(found, by_hand(model.attn, x), atol=1e-6)
    assert torch.allclose(found.sum(dim=-1), torch.ones(3, HEADS, T))


def test_one_sample_without_a_batch() -> None:
    class Unbatched(Attends):
        def forward(self, x: Tensor) -> Tensor:
            return self.attn(x[0], x[0], x[0])[0]

    model, x = Unbatched(batch_first=True), torch.randn(3, T, D)
    assert torch.allclose(looked_at(model, x, "attn").weights, by_hand(model.attn, x[:1]), atol=1e-6)


def test_a_row_of_which_every_key_is_masked_is_zero_as_the_kernel_has_it() -> None:
    mask = torch.zeros(T, T, dtype=torch.bool)
    mask[2] = True
    model, x = Attends({"attn_mask": mask, "need_weights": False}, batch_first=True), torch.randn(3, T, D)
    found = looked_at(model, x, "attn").weights
    assert not found[:, :, 2].any()
    assert torch.allclose(found[:, :, [0, 1, 3, 4]].sum(dim=-1), torch.ones(3, HEADS, 4))


def test_it_follows_what_a_hook_of_the_user_makes_of_the_inputs() -> None:
    model, x = Attends(batch_first=True), torch.randn(3, T, D)
    expected = by_hand(model.attn, x * 2)
    model.attn.register_forward_pre_hook(lambda module, args: tuple(each * 2 for each in args))
    assert torch.allclose(looked_at(model, x, "attn").weights, expected, atol=1e-6)


class Fused(nn.Module):
    """Calls scaled_dot_product_attention with query, key and value of the shapes given, and keeps what it was."""

    def __init__(self, query: Tensor, key: Tensor, value: Tensor, **given: Any) -> None:
        super().__init__()
        self.parts = nn.ParameterList([nn.Parameter(each, False) for each in (query, key, value)])
        self.given = given

    def forward(self, x: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(*self.parts, **self.given)


def qkv(*shape: int, keys: int = 7, kv_heads: int | None = None, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    kv = shape if kv_heads is None else (*shape[:-3], kv_heads, *shape[-2:])
    return [torch.randn(shape, dtype=dtype)] + [torch.randn((*kv[:-2], keys, kv[-1]), dtype=dtype) for _ in range(2)]


ALL_MASKED = torch.ones(T, 7, dtype=torch.bool)
ALL_MASKED[2] = False


@pytest.mark.parametrize(
    ("parts", "given"),
    [
        (qkv(3, 2, T, 4), {}),
        (qkv(3, 2, T, 4), {"is_causal": True}),
        (qkv(3, 2, T, 4, keys=T), {"is_causal": True, "scale": 0.3}),
        (qkv(3, 2, T, 4), {"scale": 2.0}),
        (qkv(3, 2, T, 4), {"attn_mask": torch.rand(T, 7) > 0.3}),
        (qkv(3, 2, T, 4), {"attn_mask": torch.randn(3, 1, T, 7)}),
        (qkv(3, 2, T, 4), {"attn_mask": ALL_MASKED}),
        (qkv(3, 2, T, 4), {"attn_mask": torch.zeros(T, 7).masked_fill(~ALL_MASKED, -torch.inf)}),
        (qkv(3, 6, T, 4, kv_heads=2), {"enable_gqa": True}),
        (qkv(3, 6, T, 4, kv_heads=2), {"enable_gqa": True, "is_causal": True}),
        (qkv(3, T, 4), {}),
        (qkv(3, 4, 2, T, 4), {}),
        (qkv(3, 2, T, 4, dtype=torch.float64), {}),
    ],
)
def test_the_weights_recomputed_give_the_fused_function_s_own_output(
    parts: list[Tensor], given: dict[str, Any]
) -> None:
    model = Fused(*parts, **given)
    found = looked_at(model, torch.zeros(3, 1), "/scaled_dot_product_attention")
    assert found.recomputed
    assert (found.key, found.weights.dtype) == ("/scaled_dot_product_attention", parts[0].dtype)
    value = parts[2].repeat_interleave(parts[0].shape[1] // parts[2].shape[1], 1) if "enable_gqa" in given else parts[2]
    weights = found.weights[:, 0] if parts[0].dim() == 3 else found.weights
    assert torch.allclose(weights @ value, model(torch.zeros(3, 1)), atol=1e-5)
    sums = weights.sum(dim=-1)
    assert torch.allclose(sums, sums.round(), atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.half, torch.bfloat16])
def test_half_precision(dtype: torch.dtype) -> None:
    model = Fused(*qkv(3, 2, T, 4, dtype=dtype))
    found = looked_at(model, torch.zeros(3, 1), "")
    assert found.weights.dtype == torch.float32
    value = model.parts[2].float()
    assert torch.allclose(found.weights @ value, model(torch.zeros(3, 1)).float(), atol=3e-2)


def test_dropout_does_not_make_the_weights_random() -> None:
    before = torch.get_rng_state()
    parts = qkv(3, 2, T, 4)
    torch.set_rng_state(before)
    found = looked_at(Fused(*parts, dropout_p=0.5), torch.zeros(3, 1), "").weights
    assert torch.allclose(found, (parts[0] @ parts[1].mT / 2).softmax(-1), atol=1e-6)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_softmax_written_by_hand() -> None:
    model = models.swin_t(weights=None).eval()
    seen: list[Tensor] = []
    x, original = torch.randn(2, 3, 32, 32), F.softmax
    first, block = model.features[1]

    def noting(*args: Any, **kwargs: Any) -> Tensor:
        seen.append(original(*args, **kwargs))
        return seen[-1]

    found = looked_at(model, x, "features.1.1.attn")
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(F, "softmax", noting)
        block.attn(block.norm1(first(model.features[0](x))))
        seen = seen[-1:]
    assert (found.key, found.recomputed) == ("features.1.1.attn/softmax", False)
    assert torch.allclose(found.weights, seen[-1], atol=1e-6)


def test_a_softmax_over_another_dimension_is_no_attention() -> None:
    class Segments(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.softmax(dim=1)

    with pytest.raises(CaptureError, match=r"no attention is computed in ''. Choose one of session.graph.attentions"):
        looked_at(Segments(), torch.randn(2, 3, 4, 4), "")


def test_where_there_are_several_they_are_named() -> None:
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(D, HEADS, 16, batch_first=True), 2)
    x = torch.randn(3, T, D)
    with pytest.raises(
        CaptureError,
        match=r"'' computes attention 2 times. Choose one of 'layers.0.self_attn', 'layers.1.self_attn'.",
    ):
        looked_at(model, x, "")
    found = looked_at(model, x, "layers.1")
    assert found.key == "layers.1.self_attn"
    second = model.eval().layers[0](x).detach()
    assert torch.allclose(found.weights, by_hand(model.layers[1].self_attn, second), atol=1e-5)


def test_calls_of_one_module_are_told_apart() -> None:
    class Twice(Attends):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(super().forward(x))

    model, x = Twice(batch_first=True), torch.randn(3, T, D)
    once = Attends.forward(model.eval(), x).detach()
    assert torch.allclose(looked_at(model, x, "attn:2").weights, by_hand(model.attn, once), atol=1e-6)
    assert torch.allclose(looked_at(model, x, "attn").weights, by_hand(model.attn, x), atol=1e-6)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("spare", "'spare' is never called by the forward pass"),
        ("linear", r"no attention is computed in 'linear'. Choose one of session.graph.attentions, or a module"),
        ("atn", "no layer 'atn'. Did you mean 'attn'"),
        ("attn:2", "'attn' is called once, call 2 was asked for"),
        ("/softmax", r"'/softmax' is never called by the forward pass. Called in 'the model itself' are '/add'"),
    ],
)
def test_where_there_is_none(key: str, words: str) -> None:
    class Small(Attends):
        def __init__(self) -> None:
            super().__init__(batch_first=True)
            self.linear, self.spare = nn.Linear(D, D), nn.Linear(D, D)

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(self.linear(x)) + 1

    with pytest.raises(CaptureError, match=words):
        looked_at(Small(), torch.randn(3, T, D), key)


def test_what_cannot_be_recomputed_says_so() -> None:
    model = Fused(*qkv(3, 2, T, 4), dropout_p=0.0)
    replica = Replica(model)
    wrong: Callable[..., Any] = lambda *args, **kwargs: 1 / 0  # noqa: E731
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torchvis_widgets.look.capturing.attention.recomputed", wrong)
        with pytest.raises(CaptureError, match="the weights of '/scaled_dot_product_attention' cannot be recomputed"):
            attention(replica, Probe.of(torch.zeros(3, 1)), "")


def test_the_pass_stops_once_it_has_the_weights() -> None:
    model = nn.Sequential(Attends(batch_first=True), nn.Linear(D, D))
    replica, ran = Replica(model), []
    replica.module.get_submodule("1").register_forward_hook(lambda *_: ran.append(1))
    attention(replica, Probe.of(torch.randn(3, T, D)), "0.attn")
    assert ran == []


def test_by_sample_through_the_observer() -> None:
    model, probe = models.swin_t(weights=None), Probe.of(torch.randn(4, 3, 32, 32))
    replica = Replica(model)
    trace_probe(replica, probe)
    observer = Observer(replica, probe, lambda step: model.state_dict())
    whole = attention(replica, probe, "features.1.0.attn").weights
    found, weights = observer.attention("features.1.0.attn", 0, [2])
    assert found.key == "features.1.0.attn/softmax"
    assert torch.allclose(weights[0], whole.view(4, -1, *whole.shape[1:])[2], atol=1e-5)  # its windows stay together
    _, all_of_them = observer.attention("features.1.0.attn", 0, range(4))
    assert torch.allclose(torch.stack(all_of_them).flatten(0, 1), whole, atol=1e-5)
    with pytest.raises(LookError, match="the probe has no sample 9"):
        observer.attention("features.1.0.attn", 0, [9])
