"""channel= and head= pick the part of a tensor that makes, or takes, that output channel or attention head."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from torchvis_widgets.steer import Edit, EditError, apply
from torchvis_widgets.steer.heads import channel_index, head_index

E, HEADS = 12, 3


class Fused(nn.Module):
    """As timm's and many others' own attention."""

    def __init__(self) -> None:
        super().__init__()
        self.num_heads = HEADS
        self.qkv, self.proj = nn.Linear(E, 3 * E), nn.Linear(E, E)


class Grouped(nn.Module):
    """As a Llama's: fewer heads of keys and values, their numbers in the config, the projections one below."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(num_attention_heads=4, num_key_value_heads=2)
        self.self_attn = nn.Module()
        for name, size in (("q_proj", E), ("k_proj", E // 2), ("v_proj", E // 2)):
            setattr(self.self_attn, name, nn.Linear(E, size))
        self.self_attn.o_proj = nn.Linear(E, E)


MODEL = nn.ModuleDict({
    "own": nn.MultiheadAttention(E, HEADS), "apart": nn.MultiheadAttention(E, HEADS, kdim=5, vdim=6),
    "fused": Fused(), "grouped": Grouped(), "fc": nn.Linear(E, 4), "up": nn.ConvTranspose2d(3, 5, 2),
    "conv": nn.Conv1d(3, 5, 2),
})  # fmt: skip

QKV = (((4, 8), (16, 20), (28, 32)),)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("own.in_proj_weight", QKV),
        ("own.in_proj_bias", QKV),
        ("own.out_proj.weight", ((0, 12), (4, 8))),
        ("apart.q_proj_weight", ((4, 8),)),
        ("apart.k_proj_weight", ((4, 8),)),
        ("apart.v_proj_weight", ((4, 8),)),
        ("fused.qkv.weight", QKV),
        ("fused.qkv.bias", QKV),
        ("fused.proj.weight", ((0, 12), (4, 8))),
        ("grouped.self_attn.q_proj.weight", ((3, 6),)),
        ("grouped.self_attn.k_proj.bias", ((3, 6),)),
        ("grouped.self_attn.o_proj.weight", ((0, 12), (3, 6))),
    ],
)
def test_a_head_is_found(name: str, expected: Any) -> None:
    tensor = MODEL.state_dict()[name]
    assert head_index(MODEL, name, tuple(tensor.shape), 1) == expected


def test_switching_a_head_off_takes_its_part_of_the_output_away() -> None:
    """Whether by its queries, keys and values (then it attends to zeros) or by the projection after it."""
    attention = MODEL["own"]
    x, state = torch.randn(5, 2, E), MODEL.state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    names = ("own.in_proj_weight", "own.in_proj_bias"), ("own.out_proj.weight",)
    results = []
    for chosen in names:
        edits = [Edit(name, "gain", head_index(MODEL, name, shapes[name], 2), 0.0) for name in chosen]
        edited = apply(state, edits)
        own = {name.removeprefix("own."): tensor for name, tensor in edited.items() if name.startswith("own.")}
        results.append(torch.func.functional_call(attention, own, (x, x, x))[0])
    assert torch.allclose(*results, atol=1e-6)
    assert not torch.allclose(results[0], attention(x, x, x)[0], atol=1e-3)


@pytest.mark.parametrize(
    ("name", "head", "words"),
    [
        ("own.in_proj_weight", 3, "'own.in_proj_weight' has no head 3: there are 3, counted from 0"),
        ("own.in_proj_weight", -1, "has no head -1"),
        ("own.in_proj_weight", True, "has no head True"),
        ("grouped.self_attn.k_proj.weight", 2, "has no head 2: there are 2"),
        ("own.out_proj.bias", 0, "'own.out_proj.bias' belongs to all heads together"),
        ("fc.weight", 0, r"no projection of an attention .* session\.edit\('fc\.weight', index=\(\(first, last \+ 1\)"),
    ],
)
def test_a_head_that_is_not_there_is_refused(name: str, head: int, words: str) -> None:
    with pytest.raises(EditError, match=words):
        head_index(MODEL, name, tuple(MODEL.state_dict()[name].shape), head)


@pytest.mark.parametrize(
    ("name", "channel", "expected"),
    [
        ("conv.weight", 2, (2,)),
        ("conv.bias", slice(1, 3), ((1, 3),)),
        ("conv.weight", [4, 0, 1], (((0, 2), (4, 5)),)),
        ("up.weight", 2, ((0, 3), 2)),
        ("up.bias", 2, (2,)),
        ("fc.weight", range(4), ((0, 4),)),
    ],
)
def test_channels_are_those_of_the_output(name: str, channel: Any, expected: Any) -> None:
    assert channel_index(MODEL, name, tuple(MODEL.state_dict()[name].shape), channel) == expected
