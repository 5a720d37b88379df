"""What log() takes as a number, and its words for what it does not."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch


def last(run, name="a"):
    run.flush()
    return run.series[name].last[1]


@pytest.mark.parametrize(
    "value",
    [
        2, 2.0, np.float32(2), np.int64(2), np.array(2.0), np.array([[2]]), Fraction(2),
        torch.tensor(2.0), torch.tensor([2.0]), torch.tensor([[2]]), torch.tensor(2, dtype=torch.uint8),
        torch.tensor(2.0, dtype=torch.bfloat16), torch.tensor(2.0, dtype=torch.float16),
        torch.tensor(2.0, dtype=torch.float64), torch.nn.Parameter(torch.tensor(2.0)),
    ],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'dtype', '')} {getattr(value, 'shape', '')}",
)  # fmt: skip
def test_numbers(run, value):
    run.log(1, 0.5, {"a": value})
    assert last(run) == 2.0


@pytest.mark.parametrize("value", [True, np.bool_(True), torch.tensor(True)])
def test_truth_values_are_one_and_zero(run, value):
    run.log(1, 0.5, {"a": value})
    assert last(run) == 1.0


def test_tensor_with_gradient_and_changed_afterwards(run):
    parameter = torch.tensor(1.5, requires_grad=True)
    loss = parameter * 2
    run.log(1, 0.5, {"a": loss})
    with torch.no_grad():
        loss += 100
    assert last(run) == 3.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_non_finite_values_are_kept(run, value):
    run.log(1, 0.5, {"float": value, "tensor": torch.tensor(value)})
    np.testing.assert_equal([last(run, "float"), last(run, "tensor")], [value, value])


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (torch.ones(3, 2), ValueError, "found a tensor of shape (3, 2), expected one number (float, int or a tensor of "
         "one element). Log its mean: {'train/loss': value.mean()}."),
        (torch.ones(0), ValueError, "found a tensor of shape (0,), which is empty"),
        (torch.tensor(1j), TypeError, "found a tensor of torch.complex64, expected one number (float, int or a tensor "
         "of one element). Log its magnitude: value.abs()."),
        (torch.tensor(1.0, device="meta"), ValueError, "found a tensor on the meta device, which has no value"),
        (np.ones(4), ValueError, "found an array of shape (4,)"),
        (np.array("x"), TypeError, "found an array of <U1"),
        (np.complex64(1), TypeError, "found an array of complex64"),
        ("0.5", TypeError, "found a str '0.5', expected one number (float, int or a tensor of one element). Convert it "
         "first: float(value)."),
        (None, TypeError, "found None, expected one number (float, int or a tensor of one element). Leave the metric "
         'out, or log float("nan").'),
        ([1.0, 2.0], TypeError, "found a list [1.0, 2.0], expected one number (float, int or a tensor of one element). "
         "Log its mean: {'train/loss': sum(value) / len(value)}."),
        ({"top1": 0.5}, TypeError, "Give each value a name of its own: {'train/loss/top1': …}."),
        (torch.nn.MSELoss(), TypeError, "found a MSELoss MSELoss(), expected one number (float, int or a tensor of one "
         "element). Log what it returns: {'train/loss': value()}."),
        (10**400, ValueError, "found an int too large for a float"),
    ],
)  # fmt: skip
def test_words_for_what_is_no_number(run, value, error, words):
    with pytest.raises(error) as caught:
        run.log(1, 0.5, {"train/loss": value})
    assert str(caught.value).startswith("metric 'train/loss': found ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        (3, TypeError, "metric names: found an int 3, expected a str as in log({\"train/loss\": loss})"),
        (None, TypeError, "metric names: found a NoneType None, expected a str"),
        ("", ValueError, "metric names: found an empty str, expected one as in log("),
    ],
)  # fmt: skip
def test_words_for_bad_names(run, name, error, words):
    with pytest.raises(error) as caught:
        run.log(1, 0.5, {name: 1.0})
    assert words in str(caught.value)


def test_words_for_a_value_without_its_name(run):
    with pytest.raises(TypeError, match="found float, expected a dict of names and numbers: log"):
        run.log(1, 0.5, 0.25)


def test_one_bad_value_leaves_the_others_of_the_call_out(run):
    with pytest.raises(TypeError):
        run.log(1, 0.5, {"good": 1.0, "bad": "x"})
    run.flush()
    assert run.series == {}
