"""Nested values as JSON and tensors, and back."""

from __future__ import annotations

import json
import math
from collections import Counter, OrderedDict

import numpy as np
import pytest
import torch

from torchvis_widgets.record.structure import pack, unpack


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, 2**80, 0.1, math.inf, -0.0, "text", b"\0\xff", 2 + 3j,
        [1, [2.5, None]], (1, (2, "a")), {1, 2}, frozenset(["a"]),
        {}, {1: "int", "1": "text", (2, 3): [4], None: 5}, OrderedDict(b=1, a=2), Counter({30: 1, 80: 2}),
        {"lr": 0.1, "betas": (0.9, 0.999), "params": [0, 1]}, torch.float16, torch.device("cpu"),
    ],
)  # fmt: skip
def test_values_come_back_as_they_were(value: object) -> None:
    text, tensors = pack(value, "x")
    again = unpack(text, tensors)
    assert repr(again) == repr(value)
    assert type(again) is type(value)
    assert tensors == {}


def test_tensors_and_arrays_are_named_by_their_place() -> None:
    value = {"state": {0: {"exp_avg": torch.ones(2), "step": torch.tensor(3.0)}}, "key": np.arange(4, dtype=np.uint32),
             "number": np.float32(0.1), "flag": np.bool_(True)}  # fmt: skip
    text, tensors = pack(value, "optimizer 0")
    assert list(tensors) == ["optimizer 0/state/0/exp_avg", "optimizer 0/state/0/step", "optimizer 0/key",
                             "optimizer 0/number", "optimizer 0/flag"]  # fmt: skip
    json.loads(text)
    again = unpack(text, {name: tensor.clone() for name, tensor in tensors.items()})
    assert torch.equal(again["state"][0]["exp_avg"], torch.ones(2))
    assert (again["key"].dtype, again["key"].tolist()) == (np.uint32, [0, 1, 2, 3])
    assert (again["number"], type(again["number"])) == (np.float32(0.1), np.float32)
    assert again["flag"] is np.True_


def test_keys_that_read_alike_keep_their_tensors_apart() -> None:
    text, tensors = pack(
        {1: torch.zeros(1), "1": torch.ones(1), "a/b": torch.ones(1) * 2, "a": {"b": torch.ones(1) * 3}}, "x"
    )
    again = unpack(text, tensors)
    assert [again[1].item(), again["1"].item(), again["a/b"].item(), again["a"]["b"].item()] == [0, 1, 2, 3]


def test_words_for_what_cannot_be_kept() -> None:
    with pytest.raises(
        TypeError, match="found function at 'x/a/1', expected numbers, text, tensors, and lists and dicts"
    ):
        pack({"a": [1, print if False else (lambda: 0)]}, "x")
