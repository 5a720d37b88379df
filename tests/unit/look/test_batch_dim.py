"""The batch dimension of what torch's own modules give: each output of one sample equals that sample's part of all."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from torchvis_widgets.look.batch_dim import batch_dim, listed_sample
from torchvis_widgets.look.context import Context
from torchvis_widgets.look.leaves import leaves
from torchvis_widgets.look.probe import sample_shape, take_sample

N, T = 3, 6


class Attending(nn.Module):
    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=batch_first)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.attention(x, x, x)


def made(module: nn.Module, x: Tensor) -> dict[str, Tensor]:
    return dict(leaves(module.eval()(x)))


LAYERS: list[tuple[str, Any]] = [
    ("LSTM", lambda first: nn.LSTM(4, 5, 2, batch_first=first, bidirectional=True)),
    ("GRU", lambda first: nn.GRU(4, 5, batch_first=first)),
    ("RNN", lambda first: nn.RNN(4, 5, batch_first=first)),
    ("TransformerEncoderLayer", lambda first: nn.TransformerEncoderLayer(4, 2, 8, batch_first=first)),
    ("MultiheadAttention", Attending),
]


@pytest.mark.parametrize("count", [1, N])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize(("type", "layer"), LAYERS)
def test_a_sample_s_part_is_what_it_gives_alone(type: str, layer: Any, batch_first: bool, count: int) -> None:
    module = layer(batch_first)
    x = torch.randn(count, T, 4)
    turned = (lambda each: each) if batch_first else (lambda each: each.transpose(0, 1))
    with torch.no_grad():
        every, last = made(module, turned(x)), made(module, turned(x[-1:]))
    assert len(every) == {"LSTM": 3, "TransformerEncoderLayer": 1}.get(type, 2)
    for leaf, tensor in every.items():
        context = Context(type, leaf, batch_first=batch_first)
        dim = batch_dim(context, tensor.shape, count)
        assert dim is not None
        own = take_sample(tensor, count - 1, count, dim)
        assert torch.allclose(own, last[leaf].squeeze(dim), atol=1e-6)
        assert sample_shape(tensor.shape, count, dim) == own.shape


CASES = [
    (Context("Conv2d"), (N, 8, 5, 5), 0),
    (Context("Linear", inside=("ShiftedWindowAttention",)), (4 * N, 9, 8), 0),
    (Context("Linear"), (T + 1, N, 4), 1),
    (Context("Linear"), (T + 1, 4), None),
    (Context("transpose", inside=("MultiheadAttention", "EncoderBlock"), batch_first=True), (T, N, 4), 1),
    (Context("Linear", inside=("TransformerEncoderLayer",), batch_first=False), (T, N, 4), 1),
    (Context("Linear", inside=("TransformerEncoderLayer",), batch_first=True), (N, N, 4), 0),
    (Context("LayerNorm", inside=("Block",), batch_first=False), (T, N, 4), 0),  # Block is the user's: N divides T
    (Context("multi_head_attention_forward", "[0]", batch_first=True), (T, N, 4), 1),
    (Context("multi_head_attention_forward", "[1]", batch_first=True), (N, 2, T, T), 0),
    (Context("lstm", "[0]", inside=("LSTM",), batch_first=False), (T, N, 4), 1),
    (Context("lstm", "[1]", inside=("LSTM",), batch_first=True), (2, N, 4), 1),
    (Context("MultiheadAttention", "[1]", batch_first=False), (N, N, T), 0),
    (Context("LSTM", "[1][0]"), (2, 4), None),
    (Context("LSTMCell", "[1]"), (N, 4), 0),
    (Context("GRUCell", ""), (N, 4), 0),
    (Context("mse_loss"), (), None),
    (Context("Embedding"), (7, 4), None),
    (Context("cat"), (0, 4), None),
    (Context("FasterRCNN", "[2]['boxes']"), (N, 4), None),
    (Context("Encoder", "['attentions'][1]"), (N, 2, T, T), 0),
]


@pytest.mark.parametrize(("context", "shape", "dim"), CASES)
def test_batch_dimensions(context: Context, shape: tuple[int, ...], dim: int | None) -> None:
    assert batch_dim(context, shape, N) == dim


def test_one_sample_alone_is_told_from_one_step() -> None:
    assert batch_dim(Context("Linear", before=("LSTM",)), (T, 1, 4), 1) == 1
    assert batch_dim(Context("transpose", after=("LSTM",)), (T, 1, 4), 1) == 1
    assert batch_dim(Context("Linear", before=("LSTM",)), (1, T, 4), 1) == 0
    assert batch_dim(Context("Conv1d"), (1, 1, 4), 1) == 0
    assert batch_dim(Context("reshape"), (T, 1, 4), 1) == 0  # T rows of one sample, for all that is known


def test_detections_belong_to_the_sample_that_their_place_says() -> None:
    assert listed_sample(Context("FasterRCNN", "[2]['boxes']")) == 2
    assert listed_sample(Context("postprocess_detections", "[1]['scores']", inside=("RoIHeads", "MaskRCNN"))) == 1
    assert listed_sample(Context("Encoder", "[2]['hidden']")) is None
    assert listed_sample(Context("FasterRCNN", "['features']")) is None


def test_the_whole_tensor_where_there_is_no_batch() -> None:
    boxes = torch.randn(N, 4)
    assert take_sample(boxes, 0, N, None) is boxes
    assert sample_shape(boxes.shape, N, None) == (N, 4)
    assert take_sample(boxes, 1, N).equal(boxes[1])
    assert take_sample(torch.randn(7, 4), 0, N).shape == (7, 4)
    windows = torch.arange(12.0).reshape(2, 6)
    assert take_sample(windows, 1, N, 1).equal(windows[:, 2:4])
    assert sample_shape(windows.shape, N, 1) == (2, 2)
