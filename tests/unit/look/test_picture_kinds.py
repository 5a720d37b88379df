"""Which kind a tensor is shown as: from its values and its context, and as asked."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from torchvis_widgets.look import Picture, picture
from torchvis_widgets.look.context import Context
from torchvis_widgets.look.picturing.kinds import KINDS
from torchvis_widgets.look.picturing.picture import colour_limits

BLOCK = ("EncoderBlock", "Encoder", "VisionTransformer")
BERT = ("BertLayer", "BertEncoder", "BertModel")
WINDOWS = ("ShiftedWindowAttention", "SwinTransformerBlock", "SwinTransformer")
R, B = torch.randn, torch.bool

CASES: list[tuple[Any, Context, str, tuple[int, ...]]] = [
    (R(8, 6, 5), Context("Conv2d"), "maps", (8, 6, 5)),
    (R(8, 6, 5), Context("ReLU", after=("Conv2d",)), "maps", (8, 6, 5)),
    (R(6, 5, 8), Context("GELU", features=8), "maps", (8, 6, 5)),
    (R(6, 5, 8), Context("GELU", before=("Linear",)), "maps", (8, 6, 5)),
    (R(6, 5, 8), Context("reshape", after=("Linear",)), "maps", (8, 6, 5)),
    (R(6, 5, 8), Context("StochasticDepth", inside=("SwinTransformerBlockV2",)), "maps", (8, 6, 5)),
    (R(8, 6, 5), Context("conv2d", inside=("PatchMerging",)), "maps", (8, 6, 5)),
    (R(8, 6, 5), Context("flatten", before=("Linear",)), "maps", (8, 6, 5)),
    (R(8, 6, 5), Context("BatchNorm2d", features=8), "maps", (8, 6, 5)),
    (R(8, 8, 8), Context("Linear", features=8), "maps", (8, 8, 8)),
    (R(8, 6, 5), Context("GroupNorm", features=5), "maps", (8, 6, 5)),
    (R(6, 5, 8), Context("LayerNorm2d", features=6), "maps", (6, 5, 8)),
    (R(4, 3, 6, 5), Context("Conv3d"), "volume", (12, 6, 5)),
    (R(3, 6, 5, 4), Context("LayerNorm", features=4), "volume", (12, 6, 5)),
    (R(2, 3, 1, 2, 6, 5), Context(), "volume", (12, 6, 5)),
    (R(7, 1, 6, 5), Context("", "['masks']"), "maps", (7, 6, 5)),
    (R(7, 1, 1, 1), Context("AdaptiveAvgPool3d"), "vector", (1, 1, 7)),
    (R(1, 1, 7), Context("Linear", features=7), "vector", (1, 1, 7)),
    (R(17, 8), Context("EncoderBlock", inside=BLOCK[1:]), "tokens", (8, 4, 4)),
    (R(17, 8), Context("BertLayer", inside=BERT[1:]), "tokens", (1, 17, 8)),
    (R(12, 8), Context("Linear", features=8, grid=(3, 4)), "tokens", (8, 3, 4)),
    (R(12, 8), Context("Linear", features=8), "matrix", (1, 12, 8)),
    (R(4, 9, 8), Context("Linear", inside=WINDOWS), "tokens", (4, 9, 8)),
    (R(6, 6, 8), Context("pad", inside=WINDOWS, features=8), "maps", (8, 6, 6)),
    (R(6, 6, 8), Context("ShiftedWindowAttention", inside=WINDOWS[1:]), "maps", (8, 6, 6)),
    (R(2, 9, 4), Context("scaled_dot_product_attention", inside=BLOCK), "tokens", (2, 9, 4)),
    (R(8, 6, 5), Context("mul", inside=("SpatialAttention",)), "maps", (8, 6, 5)),
    (R(8, 6, 5), Context("Conv2d", inside=("Attention",)), "maps", (8, 6, 5)),
    (R(8, 6, 5), Context("permute", inside=("SwinTransformerBlock",), after=("Conv2d",)), "maps", (8, 6, 5)),
    (R(5, 5).softmax(-1), Context("MultiheadAttention", "[1]"), "attention", (1, 5, 5)),
    (R(2, 5, 7).softmax(-1), Context("softmax"), "attention", (2, 5, 7)),
    (R(2, 5, 7).softmax(-1), Context("Dropout", before=("Softmax",)), "attention", (2, 5, 7)),
    (R(2, 5, 7).softmax(0), Context("softmax"), "maps", (2, 5, 7)),
    (R(2, 5, 5), Context("BertModel", "['attentions'][0]"), "attention", (2, 5, 5)),
    (R(9, 4), Context("LSTM", "[0]"), "sequence", (1, 9, 4)),
    (R(9, 4), Context("Linear", before=("GRU",)), "sequence", (1, 9, 4)),
    (R(9, 4), Context("transpose", after=("lstm",)), "sequence", (1, 9, 4)),
    (R(4, 9), Context("Conv1d"), "sequence", (1, 9, 4)),
    (R(4, 9), Context("relu", before=("conv1d",)), "sequence", (1, 9, 4)),
    (R(2, 4), Context("LSTM", "[1][0]"), "matrix", (1, 2, 4)),
    (R(1, 4), Context("GRU", "[1]"), "vector", (1, 1, 4)),
    (R(4), Context("LSTMCell", "[0]"), "vector", (1, 1, 4)),
    (torch.arange(12).reshape(3, 4), Context("argmax"), "labels", (1, 3, 4)),
    (R(2, 3, 4) > 0, Context(), "labels", (2, 3, 4)),
    (torch.arange(5), Context("FasterRCNN", "[0]['labels']"), "labels", (1, 1, 5)),
    (torch.arange(5), Context(), "vector", (1, 1, 5)),
    (torch.arange(12).reshape(3, 2, 2) * 1000, Context("MaxPool2d", "[1]"), "maps", (3, 2, 2)),
    (R(5, 4), Context("FasterRCNN", "[0]['boxes']"), "boxes", (1, 5, 4)),
    (R(5, 4), Context("FasterRCNN", "['hidden']"), "matrix", (1, 5, 4)),
    (R(0, 4), Context("FasterRCNN", "[0]['boxes']"), "empty", (0, 0, 0)),
    (R(3, 8, 9), Context("Tensor", input=True), "image", (3, 8, 9)),
    (R(8, 9, 3), Context("Tensor", input=True), "image", (3, 8, 9)),
    (R(1, 8, 9), Context("Tensor", input=True), "image", (1, 8, 9)),
    (R(4, 8, 9), Context("Tensor", input=True), "maps", (4, 8, 9)),
    (torch.zeros(8, 9, 3, dtype=torch.uint8), Context(), "image", (3, 8, 9)),
    (R(3, 8, 9).sigmoid(), Context("Sigmoid", output=True), "image", (3, 8, 9)),
    (R(3, 8, 9), Context("Conv2d", output=True), "maps", (3, 8, 9)),
    (R(()), Context("mse_loss"), "scalar", (1, 1, 1)),
    (["a", "b"], Context(), "text", (0, 0, 0)),
]


@pytest.mark.parametrize(("tensor", "context", "kind", "tiles"), CASES)
def test_the_kind_that_suits(tensor: Any, context: Context, kind: str, tiles: tuple[int, ...]) -> None:
    shown = picture(tensor, context=context)
    assert (shown.kind, shown.tiles.shape) == (kind, tiles)
    json.dumps(shown.to_dict(), allow_nan=False)


def test_every_kind_is_among_the_cases() -> None:
    assert {kind for _, _, kind, _ in CASES} == set(KINDS)


def test_units_rows_and_columns_are_in_the_places_that_the_words_say() -> None:
    last = R(6, 5, 8)
    shown = picture(last, context=Context(features=8))
    assert (shown.axes, shown.lead, shown.note) == (["channel", "row", "column"], [8], "channels last")
    assert np.array_equal(shown.values(3), last[..., 3].numpy())

    volume = R(4, 3, 6, 5)
    shown = picture(volume)
    assert (shown.axes, shown.lead, shown.note) == (["slice", "row", "column"], [4, 3], "12 slices of 4×3")
    assert np.array_equal(shown.values(7), volume[2, 1].numpy())

    wave = R(4, 9)
    shown = picture(wave, context=Context("Conv1d"))
    assert (shown.axes, shown.note) == (["", "time step", "channel"], "channels first, shown last")
    assert np.array_equal(shown.values(0), wave.T.numpy())

    image = R(8, 9, 3)
    assert np.array_equal(picture(image, kind="image").values(2), image[..., 2].numpy())
    assert picture(R(2, 4), context=Context("LSTM", "[1][0]")).axes == ["", "layer", "unit"]
    assert picture(R(2, 5, 5), kind="attention").axes == ["head", "query", "key"]


def test_tokens_are_maps_of_the_patches_and_the_tokens_before_them_are_kept() -> None:
    tokens = R(21, 8)
    tokens[0, 0], tokens[9, 0] = 50, float("nan")
    shown = picture(tokens, context=Context("EncoderBlock", grid=(4, 4)))
    assert (shown.grid, shown.lead, shown.note) == ([4, 4], [8], "4×4 patches after 5 other tokens")
    assert np.array_equal(shown.values(3), tokens[5:, 3].reshape(4, 4).numpy())
    assert shown.prefix is not None
    assert np.array_equal(shown.prefix.values(0), tokens[:5].numpy())
    assert (shown.prefix.tiles.shape, shown.prefix.tiles[0, 0, 0]) == ((1, 5, 8), 250)
    assert (shown.prefix.lo, shown.prefix.hi) == (shown.lo, shown.hi)  # one legend for both
    assert (shown.nan, shown.clipped) == (1, int((tokens.abs() > shown.hi).sum()))  # the prefix is counted too
    assert shown.to_dict()["prefix"]["tiles"] == [1, 5, 8]


@pytest.mark.parametrize(
    ("tokens", "context", "grid", "prefix"),
    [
        (197, Context(), [14, 14], 1),
        (198, Context(), [14, 14], 2),
        (201, Context("EncoderBlock", inside=("VisionTransformer",)), [14, 14], 5),
        (196, Context("Block", inside=("MaskedAutoencoderViT",)), [14, 14], 0),
        (197, Context("BertLayer", inside=("BertModel",)), None, 0),
        (60, Context(grid=(5, 11)), [5, 11], 5),
        (60, Context("TransformerEncoderLayer", grid=(3, 3)), None, 0),
        (3, Context(), None, 0),
        (199, Context(), None, 0),
    ],
)
def test_token_grids(tokens: int, context: Context, grid: list[int] | None, prefix: int) -> None:
    shown = picture(R(tokens, 4), context=context, kind="tokens")
    assert shown.grid == grid
    assert (shown.prefix.shape[0] if shown.prefix else 0) == prefix
    assert shown.tiles.shape == ((4, *grid) if grid else (1, tokens, 4))


def test_attention_knows_where_its_keys_lie() -> None:
    assert picture(R(2, 17, 17), kind="attention", context=Context(grid=(4, 4))).grid == [4, 4]
    assert picture(R(2, 17, 17), kind="attention").grid is None


FITS = [
    (R(2, 3, 4), "boxes", "maps, volume, vector, tokens, attention, sequence, matrix, text"),
    (R(5, 3), "boxes", "maps, image, vector, tokens, attention, sequence, matrix, text"),
    (R(4, 4), "labels", "maps, image, vector, tokens, attention, sequence, boxes, matrix, text"),
    (R(()), "maps", "scalar, text"),
    (R(7), "matrix", "vector, text"),
    (R(2, 3, 4), "empty", "maps, volume, vector, tokens, attention, sequence, matrix, text"),
]


@pytest.mark.parametrize(("tensor", "kind", "fits"), FITS)
def test_a_kind_that_does_not_fit_is_refused_with_those_that_do(tensor: torch.Tensor, kind: str, fits: str) -> None:
    with pytest.raises(ValueError, match="cannot be shown as") as raised:
        picture(tensor, kind=kind)
    expected = f"a tensor of shape {tuple(tensor.shape)} cannot be shown as kind={kind!r}: choose one of {fits}"
    assert str(raised.value) == f"{expected}, or leave kind out"
    for each in fits.split(", "):
        assert picture(tensor, kind=each).kind == each


def test_unknown_kinds_and_kinds_of_what_is_no_tensor_are_refused() -> None:
    with pytest.raises(ValueError, match=r"there is no kind='mpas': choose one of maps, image, "):
        picture(R(4, 4), kind="mpas")
    with pytest.raises(ValueError, match=r"a list is no tensor and cannot be shown as kind='maps': leave kind out"):
        picture(["a"], kind="maps")
    with pytest.raises(ValueError, match=r"kind='boxes'"):
        colour_limits(R(3, 3), kind="boxes")


def test_a_kind_that_is_asked_for_does_not_fail_while_there_are_no_values() -> None:
    assert picture(R(0, 4), kind="boxes").kind == "empty"
    assert picture(R(2, 3, device="meta"), kind="maps").kind == "empty"


def colours(shown: Picture) -> tuple[float, float, bool]:
    return shown.lo, shown.hi, shown.diverging


def test_colours_of_images() -> None:
    assert colours(picture(torch.rand(3, 8, 8), kind="image")) == (0, 1, False)
    assert colours(picture(torch.rand(3, 8, 8) * 2 - 1, kind="image")) == (-1, 1, False)
    byte = torch.randint(0, 256, (3, 8, 8), dtype=torch.uint8)
    assert colours(picture(byte, limits=(0, 9), per_unit=True)) == (0, 255, False)  # an image keeps its brightness
    assert picture(byte, per_unit=True).unit_lo is None
    normalised = R(3, 8, 8) * 3
    shown = picture(normalised, kind="image")
    assert colours(shown) == (normalised.min(), normalised.max(), False)
    assert (shown.clipped, shown.axes) == (0, ["colour", "row", "column"])
    assert colours(picture(torch.full((3, 4, 4), -5.0), kind="image")) == (-5, 0, False)


def test_colours_of_attention_run_from_zero_to_the_greatest() -> None:
    weights = torch.full((2, 40, 40), 0.01)
    weights[0, 0, 0], weights[1] = 0.7, 0.02
    shown = picture(weights, kind="attention")
    assert colours(shown) == (0, pytest.approx(0.7), False)
    assert shown.clipped == 0
    assert picture(weights, kind="attention", per_unit=True).unit_hi == pytest.approx([0.7, 0.02])
    assert colours(picture(weights, kind="attention", limits=(0, 0.5))) == (0, 0.5, False)
    assert colours(picture(-weights, kind="attention"))[2]  # scores, not weights
    assert colours(picture(weights * 0, kind="attention")) == (0, 1, False)


def test_colours_of_labels_are_a_palette_s_index() -> None:
    mask = torch.tensor([[0, 3, 3], [250, 3, 0]])
    shown = picture(mask, limits=(0, 1), per_unit=True)
    assert shown.tiles.tolist() == [[[0, 3, 3], [250, 3, 0]]]
    assert colours(shown) == (0, 250, False)
    assert (shown.categories, shown.clipped, shown.note) == ([[3, 3], [0, 2], [250, 1]], 0, "")
    beyond = picture(torch.tensor([[251, 1000], [-100, 255]]))
    assert beyond.tiles.tolist() == [[[0, 1000 % 251], [151, 4]]]
    assert beyond.note == "labels outside 0 … 250 share colours (modulo 251)"
    assert beyond.categories == [[-100, 1], [251, 1], [255, 1], [1000, 1]]
    assert picture(torch.arange(100)[None]).categories == [[label, 1] for label in range(32)]
    sparse = torch.tensor([[10**9, 5, 10**9]])
    assert picture(sparse, kind="labels").categories == [[10**9, 2], [5, 1]]


def test_limits_come_without_the_picture_too() -> None:
    for tensor, context, *_ in CASES:
        shown = picture(tensor, context=context)
        assert colour_limits(tensor, context=context) == (shown.lo, shown.hi)
