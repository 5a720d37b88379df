"""What a view of a series must not lose, however few points it has."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torchvis_widgets.record.series import Series


def series_of(values, step=None, pieces=1):
    values = np.asarray(values, dtype=float)
    step = np.arange(len(values)) if step is None else np.asarray(step)
    series = Series("train/loss")
    for part in np.array_split(np.arange(len(values)), pieces):
        series.extend(step[part], step[part] / 100, 1e9 + step[part] * 0.5, values[part])
    return series


def noise(count, seed=0):
    return np.random.default_rng(seed).normal(size=count)


def test_short_history_comes_back_raw():
    values = [1.0, np.nan, np.inf, -2.0]
    view = series_of(values).view("step", n=16)
    np.testing.assert_array_equal(view.x, [0, 1, 2, 3])
    np.testing.assert_array_equal(view.y, values)
    np.testing.assert_array_equal(view.mean_x, [0, 3])
    np.testing.assert_array_equal(view.mean_y, [1.0, -2.0])
    np.testing.assert_array_equal(view.weight, [1, 1])


def test_empty_series():
    view = Series("x").view("epoch", n=16)
    assert [len(part) for part in (view.x, view.y, view.mean_x, view.mean_y, view.weight)] == [0, 0, 0, 0, 0]
    assert Series("x").last is None
    assert len(Series.smooth(view, 0.9)) == 0


def test_last_and_length():
    series = series_of([3.0, 2.0], step=[10, 20])
    series.append(30, 0.3, 1e9, 1.5)
    assert (len(series), series.last) == (3, (30, 1.5))


def test_columns_are_copies():
    series = series_of([3.0, 2.0], step=[10, 20])
    series.columns()[3][:] = 0
    step, epoch, time, value = series.columns()
    assert step.dtype == np.int64
    assert (step.tolist(), epoch.tolist(), time.tolist(), value.tolist()) == (
        [10, 20], [0.1, 0.2], [1e9 + 5, 1e9 + 10], [3.0, 2.0],
    )  # fmt: skip


@pytest.mark.parametrize(("axis", "scale", "offset"), [("step", 1, 0), ("epoch", 0.01, 0), ("time", 0.5, 1e9)])
def test_axes_and_order(axis, scale, offset):
    values = noise(5000)
    view = series_of(values).view(axis, n=100)
    index = np.round((view.x - offset) / scale).astype(int)
    np.testing.assert_array_equal(view.y, values[index])
    assert (np.diff(index) > 0).all()
    assert (index[0], index[-1]) == (0, 4999)


@given(
    count=st.integers(1, 4000),
    seed=st.integers(0, 1000),
    n=st.integers(16, 400),
    bad=st.lists(st.tuples(st.integers(0, 3999), st.sampled_from([np.nan, np.inf, -np.inf])), max_size=60),
    cut=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    pieces=st.integers(1, 40),
)
@settings(max_examples=150, deadline=None)
def test_any_range_keeps_what_matters(count, seed, n, bad, cut, pieces):
    values = noise(count, seed)
    for place, value in bad:
        values[place % count] = value
    lo, hi = sorted(round(part * (count - 1)) for part in cut)
    view = series_of(values, pieces=pieces).view("step", n, lo, hi)
    inside = values[lo : hi + 1]
    assert len(view.x) <= max(n, 0)
    assert (np.diff(view.x) > 0).all()
    np.testing.assert_array_equal(view.y, values[view.x.astype(int)])
    assert (view.x[0], view.x[-1]) == (lo, hi)
    if len(inside) <= n:
        np.testing.assert_array_equal(view.y, inside)
    for kind in (np.isnan, np.isposinf, np.isneginf):
        assert kind(view.y).any() == kind(inside).any()
    finite = inside[np.isfinite(inside)]
    assert view.weight.sum() == len(finite)
    if len(finite):
        shown = view.y[np.isfinite(view.y)]
        assert (shown.min(), shown.max()) == (finite.min(), finite.max())
        assert np.average(view.mean_y, weights=view.weight) == pytest.approx(finite.mean(), abs=1e-9)


def test_one_spike_in_a_million_survives_at_every_place():
    for place in (0, 1, 63, 64, 499_999, 999_998, 999_999):
        values = np.zeros(1_000_000)
        values[place] = 1.0
        view = series_of(values).view("step", n=1000)
        assert view.x[view.y == 1.0].tolist() == [place]


def test_stretch_of_nan_shows_as_a_stretch():
    values = noise(100_000)
    values[30_000:60_000] = np.nan
    view = series_of(values).view("step", n=1000)
    bad = view.x[np.isnan(view.y)]
    assert bad[0] == 30_000
    assert 60_000 - bad[-1] <= 1024
    assert np.diff(bad).max() <= 1024


def test_points_stay_where_they_are_when_history_grows():
    values = noise(60_000)
    series = series_of(values[:50_000])
    before = series.view("step", n=1000)
    series.extend(np.arange(50_000, 50_100), np.zeros(100), np.zeros(100), values[50_000:50_100])
    after = series.view("step", n=1000)
    # All but the newest bucket: at most five marks and the last point.
    assert set(before.x[:-6]) <= set(after.x)
    np.testing.assert_array_equal(before.mean_y[:-1], after.mean_y[: len(before.mean_y) - 1])


def test_same_points_however_they_arrived():
    values = noise(10_007)
    values[[5, 777, 5000]] = np.nan
    at_once, in_pieces = series_of(values), series_of(values, pieces=997)
    for lo, hi in [(None, None), (3, 9999), (4096, None)]:
        one, other = (series.view("step", 200, lo, hi) for series in (at_once, in_pieces))
        np.testing.assert_array_equal(one.x, other.x)
        np.testing.assert_allclose(one.mean_y, other.mean_y)


def test_range_by_value_of_the_axis():
    view = series_of(noise(1000)).view("epoch", n=500, lo=1.0, hi=2.0)
    assert (view.x[0], view.x[-1], len(view.x)) == (1.0, 2.0, 101)
    assert len(series_of(noise(1000)).view("step", lo=2000).x) == 0
    assert len(series_of(noise(1000)).view("step", lo=10, hi=5).x) == 0


def test_history_that_goes_back_keeps_its_order():
    step = np.concatenate([np.arange(2000), np.arange(1000, 3000)])
    values = noise(4000)
    series = series_of(values, step=step, pieces=7)
    np.testing.assert_array_equal(series.view("step", n=5000).x, step)
    assert series.view("step", n=100, lo=2500).x[0] == 2500
    for lo, hi in [(1500, 1500), (500, 1200), (0, 999), (2900, 5000), (None, 1000)]:
        inside = np.flatnonzero((step >= (lo or 0)) & (step <= hi))
        expected = step[inside[0] : inside[-1] + 1]
        np.testing.assert_array_equal(series.view("step", n=5000, lo=lo, hi=hi).x, expected)


def test_smoothing_is_the_debiased_average_of_every_point():
    def debiased(values, weight):
        averages, average = [], 0.0
        for i, value in enumerate(values, start=1):
            average = weight * average + (1 - weight) * value
            averages.append(average / (1 - weight**i))
        return averages

    values = noise(700) + 5
    series = series_of(values)
    raw, coarse = series.view("step", n=1000), series.view("step", n=100)
    np.testing.assert_allclose(series.smooth(raw, 0.97), debiased(values, 0.97))
    assert coarse.weight.max() > 1
    points = np.repeat(coarse.mean_y, coarse.weight)  # as if every point of a bucket were its mean
    ends = np.cumsum(coarse.weight) - 1
    np.testing.assert_allclose(series.smooth(coarse, 0.97), np.array(debiased(points, 0.97))[ends])
    np.testing.assert_array_equal(series.smooth(coarse, 0.0), coarse.mean_y)


def test_words_for_bad_arguments():
    series = series_of([1.0])
    with pytest.raises(ValueError, match='found axis \'steps\', expected "step", "epoch" or "time"'):
        series.view("steps")
    with pytest.raises(ValueError, match="found n=3, expected at least 16 points"):
        series.view("step", n=3)
    with pytest.raises(ValueError, match=r"found smoothing weight 1, expected 0 <= weight < 1"):
        series.smooth(series.view("step"), 1)


def test_reading_while_another_thread_appends():
    series = Series("x")
    done = threading.Event()

    def write():
        for i in range(2000):
            series.extend([2 * i, 2 * i + 1], [0, 0], [0, 0], [i, -i])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        view = series.view("step", n=64)
        assert len(view.x) <= 64
        assert (np.diff(view.x) > 0).all()
    writer.join()
    assert len(series) == 4000
