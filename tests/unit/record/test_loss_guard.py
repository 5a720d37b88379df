"""What is told of a loss: where it stops being finite, and where it jumps, however its values come in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchvis_widgets.record.loss_guard import LEAST, STRIDE, WINDOW, LossGuard, bounds


def told(values: np.ndarray, cuts: list[int] | None = None) -> list[tuple[int, str]]:
    guard, found, offset = LossGuard(), [], 0
    for part in np.split(np.asarray(values, dtype=float), cuts or []):
        found += [(offset + place, kind) for place, kind in guard.check(part)]
        offset += len(part)
    return found


def falling(n: int = 2000, noise: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(0)
    return 2.3 * np.exp(-np.arange(n) / 300) + 0.2 + noise * np.abs(rng.standard_normal(n))


@pytest.mark.parametrize("kind", [np.random.default_rng(1).normal, np.random.default_rng(1).laplace])
def test_a_noisy_loss_is_left_alone(kind) -> None:
    assert told(3.0 + 0.2 * kind(size=10_000)) == []
    assert told(falling()) == []
    assert told(np.full(1000, 0.7)) == []
    assert told(0.7 + 1e-9 * kind(size=1000)) == []


@pytest.mark.parametrize("place", [LEAST + STRIDE, 150, 1000, 1999])
@pytest.mark.parametrize("factor", [4.0, 1000.0])
def test_a_jump_is_told_where_it_is_and_once(place: int, factor: float) -> None:
    values = falling()
    values[place:] *= factor
    assert told(values)[0] == (place, "jump")
    assert [where for where, _ in told(values) if where < place + WINDOW] == [place]


def test_a_loss_that_stays_high_is_told_once() -> None:
    values = np.concatenate((falling(500), falling(5000) * 20))
    assert told(values) == [(500, "jump")]


def test_the_first_values_have_no_bound_and_a_fall_is_no_jump() -> None:
    assert told(np.array([1.0, 100.0, 1.0])) == []
    values = falling()
    values[1000:] *= 1e-3
    assert told(values) == []


def test_near_zero_a_harder_batch_is_no_jump_and_an_explosion_is() -> None:
    rng = np.random.default_rng(0)
    learning = 2.3 * np.exp(-np.arange(2000) / 150) * rng.lognormal(0, 0.2, 2000)
    learnt = 1e-3 * rng.lognormal(0, 1.5, 2000)  # some a hundred times as large as others
    learnt[1000] = 0.4
    assert told(np.concatenate((learning, learnt))) == []
    learnt[1500] = 3.0
    assert told(np.concatenate((learning, learnt))) == [(3500, "jump")]


def test_the_bound_is_the_hampel_identifiers() -> None:
    window = np.random.default_rng(2).normal(5.0, 1.0, 101)
    median = np.sort(window[1:])[49]
    spread = np.sort(np.abs(window[1:] - median))[49]
    assert bounds(window, np.array([101]))[0][0] == pytest.approx(median + 14.826 * spread)
    assert bounds(window, np.array([LEAST - 1]))[0][0] == np.inf


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_stretch_that_is_not_finite_is_told_where_it_begins(bad: float) -> None:
    values = falling()
    values[300:] = bad
    values[310:320] = 1.0
    assert told(values) == [(300, "nonfinite")]
    values[600] = 1.0
    assert told(values) == [(300, "nonfinite"), (601, "nonfinite")]


def test_from_the_very_first_value() -> None:
    assert told(np.array([np.nan] * 5)) == [(0, "nonfinite")]
    assert told(np.array([])) == []


@given(st.lists(st.integers(0, 700), max_size=30), st.integers(0, 699), st.sampled_from([50.0, np.nan]))
def test_how_the_values_are_batched_changes_nothing(cuts: list[int], place: int, bad: float) -> None:
    values = falling(700)
    values[place : place + 3] = bad
    assert told(values, sorted(cuts)) == told(values)
