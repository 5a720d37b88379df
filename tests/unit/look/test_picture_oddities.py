"""Tensors that are no ordinary dense numbers, and objects that are no tensors."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.utils.rnn import pack_sequence

from torchvis_widgets.look import picture
from torchvis_widgets.look.context import Context

INF, NAN = float("inf"), float("nan")
FLOAT8 = [name for name in dir(torch) if name.startswith("float8")]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, *(getattr(torch, name) for name in FLOAT8)])
def test_small_floats_keep_their_values(dtype: torch.dtype) -> None:
    shown = picture(torch.tensor([1.0, 2.0, 4.0]).to(dtype))
    assert (shown.values(0).tolist(), shown.dtype) == ([[1, 2, 4]], str(dtype).removeprefix("torch."))


@pytest.mark.parametrize("dtype", [torch.uint16, torch.uint32, torch.uint64, torch.int64])
def test_large_integers_are_not_rounded_away(dtype: torch.dtype) -> None:
    values = torch.tensor([0, 2**16 - 1], dtype=torch.int64).to(dtype)
    assert picture(values).values(0).tolist() == [[0, 65535]]
    if dtype != torch.uint16:
        wide = torch.tensor([2**25, 2**25 + 1], dtype=torch.int64).to(dtype)
        assert picture(wide).mean == 2**25 + 0.5


def test_complex_numbers_are_their_magnitude() -> None:
    shown = picture(torch.tensor([3 - 4j, 0]).conj())
    assert (shown.kind, shown.values(0).tolist(), shown.note) == ("vector", [[5, 0]], "magnitude of complex values")
    half = torch.view_as_complex(torch.tensor([[3.0, 4.0]], dtype=torch.float16))
    assert (picture(half).values(0).item(), picture(half).dtype) == (5, "complex32")
    assert picture(torch.imag(torch.tensor([1 + 2j]).conj())).values(0).item() == -2  # a view that only says "negated"


SPARSE = ["to_sparse", "to_sparse_csr", "to_sparse_csc"]


@pytest.mark.parametrize("form", SPARSE)
@pytest.mark.filterwarnings("ignore:Sparse (CSR|CSC):UserWarning")
def test_sparse_matrices_are_shown_dense(form: str) -> None:
    shown = picture(getattr(torch.eye(3), form)())
    assert (shown.kind, shown.note, shown.shape) == ("matrix", "sparse, shown dense", [3, 3])
    assert np.array_equal(shown.values(0), np.eye(3))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
def test_nested_tensors_are_their_parts_one_below_the_other(layout: torch.layout) -> None:
    parts = [torch.ones(2, 3), torch.full((4, 3), NAN)]
    shown = picture(torch.nested.nested_tensor(parts, layout=layout))
    assert (shown.kind, shown.shape, shown.nan) == ("matrix", [6, 3], 12)
    assert shown.note == "nested, its 2 parts one below the other"
    json.dumps(shown.to_dict())


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_tensors_of_different_widths_are_flattened() -> None:
    shown = picture(torch.nested.nested_tensor([torch.ones(2, 3), torch.zeros(1, 5)], layout=torch.strided))
    assert (shown.kind, shown.shape) == ("vector", [11])
    assert shown.note == "nested, its 2 parts one below the other, flattened"


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")  # deprecated, but users' models still hold them
def test_quantised_maps_are_maps_and_no_labels() -> None:
    quantised = torch.quantize_per_tensor(torch.ones(2, 3, 3), 0.1, 0, torch.quint8)
    assert picture(quantised).kind == "maps"


def test_what_has_no_values_says_why() -> None:
    meta = picture(torch.ones(2, 3, device="meta"))
    assert (meta.kind, meta.shape, meta.note) == ("empty", [2, 3], "on the meta device: it has no values")
    with FakeTensorMode():
        fake = torch.ones(3)
    assert picture(fake).note.startswith("cannot be shown: RuntimeError")
    lazy = picture(torch.nn.LazyLinear(3).weight)
    assert lazy.note.startswith("cannot be shown: ValueError: Attempted to use an uninitialized parameter")
    assert picture(torch.ones(0, 8)).note == "0×8: no values"
    assert picture(torch.ones(0, 4), context=Context("", "['boxes']")).note == "0×4: no boxes"


def test_parameters_and_tensors_of_a_graph_are_shown() -> None:
    assert picture(torch.nn.Parameter(torch.ones(3))).mean == 1
    assert picture(torch.ones(3, requires_grad=True) * 2).mean == 2
    with torch.inference_mode():
        assert picture(torch.ones(3) * 3).mean == 3


def test_packed_sequences_arrays_and_numbers_are_tensors() -> None:
    packed = pack_sequence([torch.ones(2, 3), torch.ones(4, 3) * 2], enforce_sorted=False)
    assert picture(packed).shape == [2, 4, 3]
    locked = np.arange(6.0).reshape(2, 3)
    locked.flags.writeable = False
    assert picture(locked).kind == "matrix"
    assert picture(np.float32(2)).mean == 2
    assert (picture(3).kind, picture(3).mean, picture(True).dtype) == ("scalar", 3, "bool")


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_everything_else_is_text() -> None:
    shown = picture("a <b>word</b>")
    assert (shown.kind, shown.text, shown.dtype, shown.tiles.shape) == ("text", "a <b>word</b>", "str", (0, 0, 0))
    assert picture(None).text == "None"
    long = picture("x" * 5000)
    assert (len(long.text or ""), long.note) == (2000, "the first 2000 of 5000 characters")
    assert picture(Unprintable()).note == "cannot be shown: RuntimeError: no words"
    assert picture(np.array(["a"])).text == "['a']"
    assert picture(2**70).text == str(2**70)
    assert picture(torch.ones(2), kind="text").text == "tensor([1., 1.])"


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize(
    ("shape", "kind"), [((3, 8, 8), "image"), ((2, 5, 5), "attention"), ((17, 8), "tokens"), ((4, 4), "matrix")]
)
def test_nothing_finite_anywhere(value: float, shape: tuple[int, ...], kind: str) -> None:
    shown = picture(torch.full(shape, value), kind=kind)
    assert (shown.mean, shown.lo, shown.hi, shown.clipped) == (None, 0, 1, 0)
    assert set(np.unique(shown.tiles)) <= {253, 254, 255}
    assert shown.note.endswith("no finite values")


def test_a_hundred_thousand_channels_are_bounded_in_bytes_and_time() -> None:
    many = torch.randn(100_000, 4, 4)
    began = time.perf_counter()
    shown = picture(many)
    assert time.perf_counter() - began < 5  # half a minute if each channel were a picture of its own; 0.04 s as it is
    assert (shown.shown, shown.total, shown.note) == (4096, 100_000, "4096 of 100000 units")
    assert len(json.dumps(shown.to_dict())) < 60_000
    flat = picture(torch.randn(100_000))
    assert (flat.shown, flat.tiles.size) == (100_000, 100_000)


BIG = [
    ((40, 30, 4, 60, 60), {}, "volume", "291 of 4800 units"),
    ((2, 2, 2, 8, 64, 512), {"byte_cap": 1000}, "volume", "units"),
    ((1, 12, 1500, 1500), {"kind": "attention"}, "attention", "query and key"),
    ((300_000, 8), {"context": Context("LSTM", "[0]")}, "sequence", "time step"),
    ((300_000, 4), {"kind": "boxes"}, "boxes", "box"),
    ((3, 2000, 2000), {"kind": "image"}, "image", "every 4th row and column"),
    ((3, 100, 40_000), {"kind": "image"}, "image", "every 16th column"),
    ((1, 2_000_000), {}, "matrix", "every 2nd column"),
]


@pytest.mark.parametrize(("shape", "options", "kind", "words"), BIG)
def test_huge_tensors_stay_within_their_bytes(
    shape: tuple[int, ...], options: dict[str, Any], kind: str, words: str
) -> None:
    shown = picture(torch.zeros(1).expand(shape), **options)
    assert shown.kind == kind
    assert 0 < shown.tiles.size <= options.get("byte_cap", 1 << 20)
    assert words in shown.note
    assert len(shown.tiles) == 3 or kind != "image"  # no colour is left out
    assert shown.tiles.shape[2] == shape[-1] or kind not in ("sequence", "boxes")  # nor a coordinate


def test_the_tokens_before_the_patches_share_the_bytes() -> None:
    shown = picture(torch.randn(21, 1000), context=Context("EncoderBlock", grid=(4, 4)), byte_cap=2000)
    assert shown.prefix is not None
    assert shown.prefix.tiles.size <= 500
    assert shown.tiles.size + shown.prefix.tiles.size <= 2000
    assert "units" in shown.note
    assert picture(torch.randn(17, 4), kind="tokens", byte_cap=3).prefix is None


def numpy_counts(tensor: Tensor) -> tuple[int, int, int]:
    values = tensor.numpy()
    return int(np.isnan(values).sum()), int(np.isposinf(values).sum()), int(np.isneginf(values).sum())


@pytest.mark.parametrize("kind", ["maps", "volume", "tokens", "attention", "sequence", "matrix", "vector", None])
def test_counts_are_those_of_the_whole_tensor(kind: str | None) -> None:
    values = torch.randn(5, 16, 12)
    values[0, 3], values[2, 5, :7], values[4, 0, 0] = NAN, INF, -INF
    values[1] = 0
    shown = picture(values, kind=kind, byte_cap=100)
    assert (shown.nan, shown.posinf, shown.neginf) == numpy_counts(values) == (12, 7, 1)
    finite = values[values.isfinite()].double()
    assert shown.mean == pytest.approx(float(finite.mean()))
    assert shown.std == pytest.approx(float(finite.std(unbiased=False)))
    assert shown.zeros == pytest.approx(1 / 5)
    assert shown.clipped == int((finite.abs() > shown.hi).sum())
