"""Layers of torchvision's models and of torch's sequence layers, on random weights, as pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torchvision.models as tv
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from torchvis_widgets.look import Picture, picture
from torchvis_widgets.look.batch_dim import batch_dim
from torchvis_widgets.look.context import Context
from torchvis_widgets.look.leaves import leaves, unpacked
from torchvis_widgets.look.probe import take_sample

FEATURES = ("normalized_shape", "num_features", "num_channels", "out_features", "embedding_dim")


def outputs(model: nn.Module, path: str, *inputs: Any) -> dict[str, Tensor]:
    """What a module gives, by leaf, taken with a plain hook."""
    found: dict[str, Tensor] = {}

    def keep(_module: nn.Module, _given: Any, output: Any) -> None:
        found.update({leaf: tensor.clone() for leaf, tensor in leaves(unpacked(output))})

    model.eval()
    with model.get_submodule(path).register_forward_hook(keep), torch.no_grad():
        model(*inputs)
    return found


def context(model: nn.Module, path: str, leaf: str = "", **more: Any) -> Context:
    """What a graph would tell of a module's output."""
    parts = path.split(".") if path else []
    module = model.get_submodule(path)
    around = [model.get_submodule(".".join(parts[:depth])) for depth in range(len(parts))]
    sizes = [getattr(module, name) for name in FEATURES if hasattr(module, name)]
    sizes = [size[0] if isinstance(size, tuple) else size for size in sizes if size is not None]
    inside = tuple(type(each).__name__ for each in reversed(around))
    first = getattr(module, "batch_first", None)
    known = {"features": sizes[0] if sizes else None, "batch_first": first, **more}
    return Context(type(module).__name__, leaf, inside, **known)


def shown(model: nn.Module, path: str, *inputs: Any, leaf: str = "", sample: int = 0, **more: Any) -> Picture:
    tensor = outputs(model, path, *inputs)[leaf]
    about = context(model, path, leaf, **more)
    count = len(unpacked(inputs[0]))
    return picture(take_sample(tensor, sample, count, batch_dim(about, tensor.shape, count)), context=about)


@pytest.fixture(scope="module")
def vit() -> nn.Module:
    return tv.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=5)


@pytest.fixture(scope="module")
def swin() -> nn.Module:
    return tv.SwinTransformer([4, 4], 8, [2, 2], [1, 2], [4, 4], num_classes=5, stochastic_depth_prob=0.0)


X = torch.randn(2, 3, 32, 32)


@pytest.mark.parametrize(
    "path", ["encoder.layers.encoder_layer_0", "encoder.layers.encoder_layer_1.mlp.0", "encoder.ln", "encoder.dropout"]
)
def test_vit_tokens_are_maps_of_4_by_4_patches_and_the_class_token(vit: nn.Module, path: str) -> None:
    tokens = outputs(vit, path, X)[""]
    for grid in (None, (4, 4)):
        looks = shown(vit, path, X, sample=1, grid=grid)
        assert (looks.kind, looks.grid, looks.tiles.shape[1:]) == ("tokens", [4, 4], (4, 4))
        assert np.array_equal(looks.values(5), tokens[1, 1:, 5].reshape(4, 4).numpy())
        assert looks.prefix is not None
        assert np.array_equal(looks.prefix.values(0), tokens[1, :1].numpy())


def test_vit_patches_before_they_are_tokens_and_its_answer(vit: nn.Module) -> None:
    assert (shown(vit, "conv_proj", X).kind, shown(vit, "conv_proj", X).shape) == ("maps", [16, 4, 4])
    assert shown(vit, "heads", X, output=True).kind == "vector"


@pytest.mark.parametrize(
    ("path", "shape", "channels"),
    [
        ("features.0.1", (8, 8, 8), 8),  # Permute
        ("features.0.2", (8, 8, 8), 8),
        ("features.1.0", (8, 8, 8), 8),
        ("features.1.0.attn", (8, 8, 8), 8),
        ("features.1.1.mlp.0", (8, 8, 32), 32),
        ("features.2", (4, 4, 16), 16),
        ("norm", (4, 4, 16), 16),
    ],
)
def test_swin_is_channels_last(swin: nn.Module, path: str, shape: tuple[int, ...], channels: int) -> None:
    maps = outputs(swin, path, X)[""]
    assert maps.shape[1:] == shape
    readers = {"features": 8} if path == "features.0.1" else {}
    looks = shown(swin, path, X, **readers)
    assert (looks.kind, looks.lead) == ("maps", [channels])
    if len(set(shape)) > 1:
        assert looks.note == "channels last"
        assert np.array_equal(looks.values(3), maps[0, ..., 3].numpy())


def test_swin_turned_back_is_channels_first(swin: nn.Module) -> None:
    assert shown(swin, "permute", X, features=16).note == ""
    assert shown(swin, "permute", X, features=16).lead == [16]
    assert shown(swin, "avgpool", X).kind == "vector"


def test_convnext_is_channels_last_between_its_permutes() -> None:
    from torchvision.models.convnext import CNBlockConfig

    model = tv.ConvNeXt([CNBlockConfig(8, None, 2)], num_classes=3)
    block = "features.1.0.block"
    assert shown(model, f"{block}.0", X).lead == [8]
    wide = shown(model, f"{block}.3", X)
    assert (wide.lead, wide.note, wide.shape) == ([32], "channels last", [8, 8, 32])


@pytest.fixture(scope="module")
def segmented() -> tuple[nn.Module, dict[str, Tensor]]:
    model = tv.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=5)
    return model, outputs(model, "", torch.randn(2, 3, 32, 32))


def test_segmentation_scores_are_maps_and_their_argmax_a_mask(segmented: tuple[nn.Module, dict[str, Tensor]]) -> None:
    scores = segmented[1]["['out']"][0]
    about = context(segmented[0], "", "['out']", output=True)
    assert picture(scores, context=about).kind == "maps"
    mask = picture(scores.argmax(0), context=Context("argmax"))
    assert (mask.kind, mask.tiles.shape) == ("labels", (1, 32, 32))
    assert np.array_equal(mask.tiles[0], scores.argmax(0).numpy())
    assert mask.categories is not None
    assert sum(count for _, count in mask.categories) == 32 * 32
    assert picture(scores.softmax(0), context=Context("softmax")).kind == "maps"  # over channels: no attention


@pytest.fixture(scope="module")
def detected() -> list[dict[str, Tensor]]:
    torch.manual_seed(0)
    model = tv.detection.fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None, num_classes=3, min_size=64, max_size=64, box_score_thresh=0.0
    ).eval()
    with torch.no_grad():
        found: list[dict[str, Tensor]] = model([torch.rand(3, 64, 64), torch.rand(3, 64, 64)])
    return found


def test_detections_are_boxes_labels_and_scores(detected: list[dict[str, Tensor]]) -> None:
    tensors = dict(leaves(detected))
    count = len(tensors["[1]['boxes']"])
    assert count
    kinds = {leaf: picture(each, context=Context("FasterRCNN", leaf, output=True)) for leaf, each in tensors.items()}
    assert {leaf: looks.kind for leaf, looks in kinds.items() if leaf.startswith("[1]")} == {
        "[1]['boxes']": "boxes",
        "[1]['labels']": "labels",
        "[1]['scores']": "vector",
    }
    assert np.array_equal(kinds["[1]['boxes']"].values(0), tensors["[1]['boxes']"].numpy())
    assert batch_dim(Context("FasterRCNN", "[1]['boxes']"), (2, 4), 2) is None  # two boxes of one image, not of two


def test_video_is_slices() -> None:
    model = nn.Sequential(nn.Conv3d(3, 4, 3, padding=1), nn.ReLU())
    clip = torch.randn(2, 3, 5, 8, 8)
    looks = shown(model, "0", clip)
    assert (looks.kind, looks.lead, looks.tiles.shape) == ("volume", [4, 5], (20, 8, 8))
    assert picture(clip[0], context=Context("Tensor", input=True)).lead == [3, 5]


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers_over_time_and_their_states(make: Callable[..., nn.Module], batch_first: bool) -> None:
    layer = make(4, 6, num_layers=2, batch_first=batch_first)
    x = torch.randn(3, 7, 4)
    given = x if batch_first else x.transpose(0, 1)
    with torch.no_grad():
        alone = dict(leaves(layer(given[1:2] if batch_first else given[:, 1:2])))
        together = dict(leaves(layer(given)))
    for leaf, tensor in together.items():
        about = context(layer, "", leaf)
        looks = picture(take_sample(tensor, 1, 3, batch_dim(about, tensor.shape, 3)), context=about)
        over_time = leaf == "[0]"
        assert (looks.kind, looks.shape) == (("sequence", [7, 6]) if over_time else ("matrix", [2, 6]))
        expected = alone[leaf].squeeze(0 if batch_first and over_time else 1)
        assert np.allclose(looks.values(0), expected.numpy(), atol=1e-6)


def test_a_packed_sequence_is_shown_for_its_own_sample() -> None:
    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.LSTM(4, 6, batch_first=False)

        def forward(self, x: Tensor) -> Any:
            return self.rnn(pack_padded_sequence(x, [2, 5, 3], batch_first=True, enforce_sorted=False))

    model, x = Tagger(), torch.randn(3, 5, 4)
    out = outputs(model, "rnn", x)["[0]"]
    # unpacked it has the samples first, whatever the layer's batch_first says
    looks = picture(out[2], context=context(model, "rnn", "[0]"))
    with torch.no_grad():
        alone = model.rnn(x[2:3, :3].transpose(0, 1))[0][:, 0]
    assert (looks.kind, looks.shape) == ("sequence", [5, 6])
    assert np.allclose(looks.values(0)[:3], alone.numpy(), atol=1e-6)
    assert not looks.values(0)[3:].any()


def test_a_text_transformer_has_tokens_and_no_grid() -> None:
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1)
    looks = shown(model, "layers.0", torch.randn(2, 16, 8))
    assert (looks.kind, looks.grid, looks.tiles.shape) == ("tokens", None, (1, 16, 8))
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    x = torch.randn(2, 6, 8)
    weights = dict(leaves(attention(x, x, x, average_attn_weights=False)))["[1]"]
    looks = picture(weights[0].detach(), context=Context("MultiheadAttention", "[1]"))
    assert (looks.kind, looks.tiles.shape, looks.lo) == ("attention", (2, 6, 6), 0)
    assert looks.hi == pytest.approx(float(weights[0].detach().max()))


def test_a_one_dimensional_convolution_is_a_sequence() -> None:
    model = nn.Sequential(nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4), nn.AdaptiveAvgPool1d(1), nn.Flatten())
    x = torch.randn(2, 2, 20)
    assert (shown(model, "1", x).kind, shown(model, "1", x).tiles.shape) == ("sequence", (1, 18, 4))
    assert shown(model, "3", x).kind == "vector"
