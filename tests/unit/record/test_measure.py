"""Statistics of tensors: exact where they say so, sampled evenly elsewhere, the same either way of computing them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from torchvis_widgets.record import measure, update
from torchvis_widgets.record.measure import Reading
from torchvis_widgets.record.measure_together import together
from torchvis_widgets.record.sampling import BINS, COLUMNS, MOST_SAMPLES, Sample, flat, obstacle, places
from torchvis_widgets.record.update import Before

LARGE = 70_001  # more than are sampled


def rows(*tensors: Tensor, most: int = MOST_SAMPLES) -> list[dict[str, float]]:
    table = Reading(tensors, most).rows()
    assert table.shape == (len(tensors), len(COLUMNS) + BINS)
    return [dict(zip(COLUMNS, row.tolist(), strict=False)) for row in table]


def counts(*tensors: Tensor, most: int = MOST_SAMPLES) -> list[list[float]]:
    return Reading(tensors, most).rows()[:, len(COLUMNS) :].tolist()


def seeded(count: int, scale: float = 1.0, seed: int = 0) -> Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed)) * scale


@settings(deadline=None, max_examples=40)
@given(
    sizes=st.lists(st.sampled_from([1, 2, 63, 1024, 1025, 3000, 8192, LARGE]), min_size=1, max_size=6),
    scale=st.sampled_from([1e-25, 1e-12, 1.0, 1e12, 1e25]),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
    most=st.sampled_from([4096, MOST_SAMPLES]),
)
def test_norm_and_extremes_are_of_all_elements_and_the_rest_of_the_sampled_ones(
    sizes: Sequence[int], scale: float, dtype: torch.dtype, most: int
) -> None:
    tensors = [seeded(size, scale, seed).to(dtype) for seed, size in enumerate(sizes)]
    for tensor, row, histogram in zip(tensors, rows(*tensors, most=most), counts(*tensors, most=most), strict=True):
        every = tensor.double().numpy()
        few = every if len(every) <= most else every[places(len(every), most, tensor.device).numpy()]
        assert row["norm"] == pytest.approx(np.linalg.norm(every), rel=1e-5)
        assert (row["min"], row["max"]) == (every.min(), every.max())
        assert row["mean"] == pytest.approx(few.mean(), rel=1e-4, abs=1e-4 * scale)
        assert row["std"] == pytest.approx(few.std(), rel=1e-4)
        assert row["nonzero"] == np.count_nonzero(few)
        assert sum(histogram) == len(few)
        if row["low"] < row["high"]:
            expected = np.histogram(few, BINS, (row["low"], row["high"]))[0]
            on_a_border = 5e-3 if dtype == torch.bfloat16 else 1e-3  # of which few digits make many
            assert np.abs(np.cumsum(histogram) - np.cumsum(expected)).max() <= max(2, on_a_border * len(few))


def test_both_ways_of_computing_find_the_same() -> None:
    tensors = [seeded(size, 3.0, size) for size in (1, 7, 1025, 5000, LARGE, LARGE)]
    tensors.append(torch.tensor([1.0, float("nan"), 2.0]))
    tensors.append(torch.full((2000,), 0.25))
    flats = [flat(tensor) for tensor in tensors]
    reading = Reading(tensors)
    cpu_way = reading.rows()
    device_way = together(Sample(flats), reading._exact)
    assert torch.allclose(device_way[:, :8], cpu_way[:, :8], rtol=1e-5, atol=1e-6, equal_nan=True)
    shifted = (device_way[:, 8:].cumsum(1) - cpu_way[:, 8:].cumsum(1)).abs()
    assert shifted.max() <= 3  # a value on a bin's border


@pytest.mark.parametrize("count", [100, 2000, LARGE])
def test_what_is_not_finite_is_in_the_extremes_and_in_no_bin(count: int) -> None:
    values = seeded(count)
    values[[3, 50]] = torch.tensor([float("inf"), float("-inf")])
    (row,), (histogram,) = rows(values), counts(values)
    assert (row["min"], row["max"], row["norm"]) == (-np.inf, np.inf, np.inf)
    finite = values[values.isfinite()]
    assert (row["low"], row["high"]) == pytest.approx((finite.min().item(), finite.max().item()), abs=0.3)
    assert min(count, MOST_SAMPLES) - 2 <= sum(histogram) <= min(count, MOST_SAMPLES)
    values[7] = float("nan")
    (row,) = rows(values)
    assert np.isnan([row["min"], row["max"], row["norm"]]).all()


def test_one_nan_outside_of_the_sample_is_seen() -> None:
    values = seeded(2 * LARGE)
    sampled = set(places(len(values), MOST_SAMPLES, values.device).tolist())
    values[next(place for place in range(len(values)) if place not in sampled)] = float("nan")
    (row,) = rows(values)
    assert np.isnan(row["min"])
    assert np.isfinite([row["mean"], row["low"], row["high"]]).all()


def test_nothing_but_what_is_not_finite_has_no_histogram() -> None:
    (row,), (histogram,) = rows(torch.full((5000,), float("nan"))), counts(torch.full((5000,), float("nan")))
    assert np.isnan([row["low"], row["high"]]).all()
    assert sum(histogram) == 0


@pytest.mark.parametrize("value", [0.0, 2.5, -1e-20, 1e20])
def test_a_constant_lies_in_the_middle_of_its_histogram(value: float) -> None:
    (row,), (histogram,) = rows(torch.full((3000,), value)), counts(torch.full((3000,), value))
    assert row["low"] < row["min"] == row["max"] < row["high"]
    assert histogram[BINS // 2 - 1] + histogram[BINS // 2] == 3000
    assert row["std"] == pytest.approx(0.0, abs=1e-6 * abs(value))


@pytest.mark.parametrize("count", [4097, 36_864, 2_359_296])
def test_samples_are_distinct_spread_evenly_and_beat_with_no_kernel(count: int) -> None:
    found = places(count, 4096, torch.device("cpu"))
    assert len(found.unique()) == 4096
    assert torch.histc(found.float(), 16, 0, count).sub(256).abs().max() <= 1
    for kernel in (9, 25, 64):
        share = torch.bincount(found % kernel, minlength=kernel) / 4096
        assert (share - 1 / kernel).abs().max() < 0.2 / kernel


def test_strides_do_not_matter() -> None:
    tensor = seeded(2 * 3 * 4 * 5).view(2, 3, 4, 5)
    for same in (tensor.to(memory_format=torch.channels_last), tensor.transpose(1, 2), tensor[:, :, ::1]):
        assert rows(same)[0] == pytest.approx(rows(tensor)[0], rel=1e-6)


@pytest.mark.parametrize("exact", [True, False])
def test_what_is_copied_to_be_read_later_is_what_is_read_at_once(monkeypatch: pytest.MonkeyPatch, exact: bool) -> None:
    def measured() -> tuple[Tensor, Tensor]:
        tensors = [seeded(size, 3.0, size) for size in (7, 1025, LARGE)]
        reading = Reading(tensors, 4096)
        before = Before(tensors, reading.values(3) if exact else reading.sample.parts(), 4096, exact=exact)
        for tensor in tensors:
            tensor.add_(seeded(len(tensor), 0.1, 1))
        moved = before.moved()
        for tensor in tensors:
            tensor.zero_()
        return reading.rows(), moved()

    later = measured()
    for module in (measure, update):
        monkeypatch.setattr(module, "COPIED", 0)
    for one, other in zip(later, measured(), strict=True):
        assert torch.equal(one, other)


def test_what_is_read_is_what_was_there_then() -> None:
    small, large = seeded(50), seeded(LARGE)
    before = Reading([small, large]).rows()
    reading = Reading([small, large])
    small.zero_()
    large.zero_()
    assert torch.equal(reading.rows(), before)


def test_a_scale_that_gradients_carry_is_taken_off() -> None:
    weight, gradient = seeded(3000), seeded(3000, seed=1)
    reading = Reading([weight, gradient * 1024])
    reading.unscale(1, torch.tensor(1024.0))
    assert torch.allclose(reading.rows()[:, :8], Reading([weight, gradient]).rows()[:, :8], rtol=1e-5)


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (torch.eye(3).to_sparse(), "sparse"),
        (torch.zeros(3, dtype=torch.int64), "int64"),
        (torch.zeros(0), "empty"),
        (torch.zeros(3, device="meta"), "on the meta device"),
        (torch.zeros(3), None),
    ],
)
def test_what_cannot_be_measured_says_why(tensor: Tensor, reason: str | None) -> None:
    assert obstacle(tensor) == reason
