from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from torchvis_widgets.look import picture, quantise, robust_limits
from torchvis_widgets.look.context import Context
from torchvis_widgets.look.picturing.kinds import KINDS

INF, NAN = float("inf"), float("nan")
DTYPES = [
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.int32,
    torch.int64,
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.float64,
    torch.complex64,
    torch.uint16,
    torch.float8_e4m3fn,
]
CONTEXTS = [
    Context(),
    Context("Linear", features=4, grid=(2, 2)),
    Context("EncoderBlock", inside=("VisionTransformer",)),
    Context("Conv1d", output=True),
    Context("LSTM", "[1][0]"),
    Context("softmax", "['boxes']", inside=("MultiheadAttention",)),
    Context("ShiftedWindowAttention", "['labels']", inside=("ShiftedWindowAttention",), input=True),
]


def test_the_quantisation_rule() -> None:
    values = np.array([-9.0, -2.0, -1.0, 0.0, 0.004, 0.012, 1.0, 2.0, 9.0, -INF, INF, NAN])
    assert quantise(values, -2.0, 2.0).tolist() == [0, 0, 62, 125, 125, 126, 188, 250, 250, 253, 254, 255]
    assert quantise(np.array(0.5), 0.0, 1.0) == 125
    assert quantise(np.array([0.5, 1.5, 2.5]) / 250, 0.0, 1.0).tolist() == [0, 2, 2]  # halves to even
    huge = float(np.finfo(np.float64).max)
    assert quantise(np.array([-huge, 0, huge]), -huge, huge).tolist() == [0, 125, 250]


@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=9), elements=st.floats(width=32)))
def test_bytes_give_the_values_back_within_half_a_level(values: np.ndarray) -> None:
    lo, hi = robust_limits(values)
    assert lo in (0.0, -hi)
    assert hi > 0
    levels = quantise(values, lo, hi)
    finite = np.isfinite(values)
    back = lo + levels[finite] / 250 * (hi - lo)
    assert (np.abs(back - np.clip(values[finite].astype(np.float64), lo, hi)) <= (hi - lo) / 500 * (1 + 1e-9)).all()
    assert (levels[~finite] >= 253).all()
    assert (levels[finite] <= 250).all()


def test_limits_are_robust_symmetric_when_signed_and_never_degenerate() -> None:
    spiky = np.ones(10_000)
    spiky[:10] = 1e6
    assert robust_limits(spiky) == (0.0, 1.0)
    assert robust_limits(-np.ones(10)) == (-1.0, 1.0)
    assert robust_limits(np.zeros(10)) == (0.0, 1.0)
    assert robust_limits(np.array([NAN, INF])) == (0.0, 1.0)
    mostly_zero = np.zeros(10_000)
    mostly_zero[3] = 5
    assert robust_limits(mostly_zero) == (0.0, 5.0)
    values = np.random.default_rng(0).normal(size=1000)
    assert robust_limits(values)[1] == pytest.approx(np.quantile(np.abs(values), 0.995))


def test_millions_of_values_are_sampled_across_all_columns() -> None:
    units = np.ones((60, 256, 256), np.float32)
    units[:, :, 1::2] = 3  # one in four values is taken: an even stride would only meet even columns
    assert robust_limits(units) == (0.0, 3.0)


def test_channels_of_a_convolution() -> None:
    maps = torch.randn(32, 8, 6)
    maps[0, 0, 0] = 50
    shown = picture(maps)
    assert (shown.kind, shown.shape, shown.tiles.shape, shown.tiles.dtype) == ("maps", [32, 8, 6], (32, 8, 6), np.uint8)
    assert shown.diverging
    assert shown.lo == -shown.hi
    assert shown.clipped == int((maps.abs() > shown.hi).sum()) > 0
    assert np.array_equal(shown.tiles, quantise(maps.numpy(), shown.lo, shown.hi))
    assert (shown.shown, shown.total, shown.order, shown.note) == (32, 32, None, "")
    assert (shown.mean, shown.std) == pytest.approx((float(maps.mean()), float(maps.std(unbiased=False))), rel=1e-5)
    assert np.array_equal(shown.values(7), maps[7].numpy())
    with pytest.raises(IndexError, match="no unit 32: it has 32, counted from 0"):
        shown.values(32)


def test_non_negative_values_are_sequential() -> None:
    shown = picture(torch.randn(4, 5, 5).relu())
    assert not shown.diverging
    assert shown.lo == 0
    assert shown.zeros == pytest.approx(0.5, abs=0.15)


def test_given_limits_hold_unless_they_are_none() -> None:
    values = torch.tensor([0.0, 1.0, 4.0])
    shown = picture(values, limits=(-2.0, 2.0))
    assert (shown.lo, shown.hi, shown.clipped, shown.diverging) == (-2.0, 2.0, 1, True)
    assert shown.tiles.ravel().tolist() == [125, 188, 250]
    below = picture(values, limits=(-5.0, -2.0))
    assert (below.lo, below.hi, below.clipped) == (-5.0, -2.0, 3)
    for useless in ((1.0, 1.0), (0.0, NAN), (-INF, INF)):
        assert picture(values, limits=useless).hi == robust_limits(values.numpy())[1]


def test_each_unit_by_its_own_limits() -> None:
    maps = torch.stack([torch.full((4, 4), 100.0), torch.linspace(-1, 1, 16).reshape(4, 4), torch.zeros(4, 4)])
    shown = picture(maps, per_unit=True)
    assert shown.unit_hi == pytest.approx([100, 1, 1], rel=0.01)
    assert shown.unit_lo == [-hi for hi in shown.unit_hi or []]
    assert (shown.lo, shown.hi, shown.diverging) == (-100, 100, True)
    assert [tile.max() for tile in shown.tiles] == [250, 250, 125]
    assert picture(torch.zeros(0, 4, 4), per_unit=True).unit_hi == []


@pytest.mark.parametrize(
    ("tensor", "kind", "tiles"),
    [
        (torch.tensor(3.0), "scalar", (1, 1, 1)),
        (torch.ones(10), "vector", (1, 1, 10)),
        (torch.ones(7, 5), "matrix", (1, 7, 5)),
        (torch.ones(7, 1, 1), "vector", (1, 1, 7)),
        (torch.ones(1, 1, 1), "vector", (1, 1, 1)),
        (torch.ones(2, 3, 4, 5), "volume", (6, 4, 5)),
        (torch.ones(0, 8, 8), "empty", (0, 0, 0)),
        (torch.ones(0), "empty", (0, 0, 0)),
        (torch.eye(3).to_sparse(), "matrix", (1, 3, 3)),
        (torch.ones(2, 3, device="meta"), "empty", (0, 0, 0)),
    ],
)
def test_every_shape_and_layout_has_a_picture(tensor: torch.Tensor, kind: str, tiles: tuple[int, ...]) -> None:
    shown = picture(tensor)
    assert (shown.kind, shown.tiles.shape) == (kind, tiles)
    if kind == "empty":
        assert shown.note
    else:
        assert shown.values(0).dtype == np.float32
    json.dumps(shown.to_dict(), allow_nan=False)


@given(
    st.sampled_from(DTYPES),
    hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=6),
    st.sampled_from(["ordinary", "infinite", "none finite", "huge"]),
    st.booleans(),
    st.integers(1, 60),
    st.sampled_from(CONTEXTS),
    st.sampled_from([None, *KINDS]),
)
def test_nothing_raises_and_everything_is_json(
    dtype: torch.dtype,
    shape: tuple[int, ...],
    content: str,
    per_unit: bool,
    byte_cap: int,
    context: Context,
    kind: str | None,
) -> None:
    values = torch.randn(shape, dtype=torch.float64) * 3
    if content == "huge":
        values = values.sign() * torch.finfo(dtype).max if dtype.is_floating_point else values
    if dtype.is_floating_point and content in ("infinite", "none finite"):
        values = torch.where(values > 2, INF, torch.where(values < -2, -INF, values))
        values = values if content == "infinite" else torch.where(values.isinf(), values, NAN)
    tensor = values.abs().to(dtype) if dtype in (torch.uint8, torch.uint16) else values.to(dtype)
    options: dict[str, Any] = {"per_unit": per_unit, "byte_cap": byte_cap, "context": context}
    shown = picture(tensor, **options)
    with contextlib.suppress(ValueError):
        shown = picture(tensor, kind=kind, **options)
        assert kind in (None, shown.kind) or shown.kind == "empty"
    assert shown.tiles.size + (shown.prefix.tiles.size if shown.prefix else 0) <= byte_cap
    assert (shown.tiles.size > 0) == (tensor.numel() > 0 and shown.kind != "text")
    if shown.kind != "text":
        read = tensor if dtype.is_complex else tensor.to(torch.float64)
        assert shown.nan + shown.posinf + shown.neginf == int((~read.isfinite()).sum())
    assert len(json.dumps(shown.to_dict(), allow_nan=False)) < 10_000
    assert math.isfinite(shown.lo)
    assert shown.lo < shown.hi


def test_what_is_not_finite_is_marked_and_counted() -> None:
    shown = picture(torch.tensor([1.0, NAN, INF, -INF, NAN]))
    assert shown.tiles.ravel().tolist() == [250, 255, 254, 253, 255]
    assert (shown.nan, shown.posinf, shown.neginf, shown.clipped, shown.mean) == (2, 1, 1, 0, 1.0)
    nothing = picture(torch.full((3, 2, 2), NAN))
    assert (nothing.mean, nothing.std, nothing.note) == (None, None, "no finite values")
    assert (nothing.tiles == 255).all()


def test_dtypes_are_said_and_large_numbers_do_not_become_infinite() -> None:
    shown = picture(torch.tensor([3 + 4j]))
    assert (shown.dtype, shown.note, shown.values(0).item()) == ("complex64", "magnitude of complex values", 5.0)
    assert picture(torch.tensor([True, False])).tiles.ravel().tolist() == [250, 0]
    wide = picture(torch.tensor([1e300, 2e300], dtype=torch.float64))
    assert (wide.posinf, wide.tiles.ravel().tolist()[0]) == (0, 125)
    assert picture(torch.tensor([1.5], dtype=torch.bfloat16)).values(0).item() == 1.5
    assert picture(torch.ones(3, 1, 1)).note == "1×1 maps, shown as a vector"
    assert picture(torch.ones(2, 3, 4, 4)).note == "6 slices of 2×3"


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")  # deprecated, but users' models still hold them
def test_quantised_tensors_are_shown_as_numbers() -> None:
    shown = picture(torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8))
    assert (shown.kind, shown.values(0).tolist(), shown.note) == (
        "vector",
        [[1, 1, 1, 1]],
        "quantised, shown as numbers",
    )


def test_huge_tensors_are_reduced_evenly_and_say_so() -> None:
    many = picture(torch.arange(100_000.0)[:, None, None].expand(-1, 4, 4), byte_cap=16_000)
    assert (many.shown, many.total, many.note) == (1000, 100_000, "1000 of 100000 units")
    assert many.order is not None
    assert (many.order[0], many.order[-1], len(set(many.order))) == (0, 99_999, 1000)
    assert many.values(99_999)[0, 0] == 99_999
    assert picture(torch.ones(9000, 2, 2)).shown == 4096  # more tiles than anyone looks at

    large = torch.randn(64, 224, 224)
    thinned = picture(large)
    assert thinned.tiles.shape == (64, 112, 112)
    assert thinned.note == "every 2nd row and column"
    assert np.array_equal(thinned.tiles, quantise(large[:, ::2, ::2].numpy(), thinned.lo, thinned.hi))
    assert thinned.values(3).shape == (224, 224)

    vector = picture(torch.ones(1000), byte_cap=300)
    assert (vector.shown, vector.total, vector.note) == (250, 1000, "every 4th unit")
    assert picture(torch.ones(3000, 2000), byte_cap=10_000).tiles.size <= 10_000


def test_the_picture_does_not_follow_later_changes_to_its_bytes() -> None:
    values = torch.ones(2, 3, 3)
    shown = picture(values)
    before = shown.tiles.copy()
    values += 5
    assert np.array_equal(shown.tiles, before)
