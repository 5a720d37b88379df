from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from torchvis_widgets.look import Probe, ProbeError
from torchvis_widgets.look.probe import sample_shape, take_sample

X, Y = torch.rand(4, 3, 8, 8), torch.tensor([3, 1, 0, 2])


@pytest.mark.parametrize(
    ("given", "args", "kwargs", "targets"),
    [
        (X, 1, [], False),
        ((X,), 1, [], False),
        ((X, Y), 1, [], True),
        ([X, Y], 1, [], True),
        ((X, None), 1, [], False),
        (((X, X), Y), 2, [], True),
        (([X, X], None), 2, [], False),
        ({"image": X, "scale": 2.0}, 0, ["image", "scale"], False),
        (({"image": X}, Y), 0, ["image"], True),
        ((X.numpy(), Y.numpy()), 1, [], True),
    ],
)
def test_what_users_and_loaders_give(given: Any, args: int, kwargs: list[str], targets: bool) -> None:
    probe = Probe.of(given)
    assert (len(probe.args), list(probe.kwargs), probe.targets is not None) == (args, kwargs, targets)
    assert probe.count == 4
    if targets:
        assert probe.labels() == [3, 1, 0, 2]


def test_the_probe_owns_its_tensors() -> None:
    batch, array = torch.zeros(2, 3), np.zeros((2, 3), np.float32)
    probes = Probe.of(batch), Probe.of(array)
    batch += 1
    array += 1
    assert not any(probe.args[0].any() for probe in probes)
    assert Probe.of(probes[0]) is probes[0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((X, X, Y), "a tuple of 3.*write.*input, input"),
        ("images", "no batch of samples .found str."),
        (torch.tensor(3.0), "no batch of samples .found Tensor."),
        (torch.zeros(0, 3), r"an empty batch .\(0, 3\) float32"),
        ({1: X}, "a dict whose keys are not all names"),
    ],
)
def test_what_is_no_probe_says_what_is(given: Any, words: str) -> None:
    with pytest.raises(ProbeError, match=words):
        Probe.of(given)


def test_samples_slice_what_has_the_batch_dimension_and_nothing_else() -> None:
    mask = torch.ones(7, 7)
    probe = Probe.of(({"image": X, "mask": mask, "deep": {"more": [Y]}, "steps": 3}, Y))
    some = probe.samples(slice(1, 3))
    assert some.count == 2
    assert torch.equal(some.kwargs["image"], X[1:3])
    assert some.kwargs["mask"].shape == (7, 7)
    assert some.kwargs["deep"]["more"][0].tolist() == [1, 0]
    assert some.targets.tolist() == [1, 0]
    assert probe.sample(3).kwargs["image"].shape == (1, 3, 8, 8)
    with pytest.raises(ProbeError, match=r"no sample 4. Choose one of 0 … 3"):
        probe.sample(4)


def test_the_targets_tell_which_dimension_is_the_batch_s() -> None:
    assert Probe.of(({"mask": torch.ones(5, 5), "image": X}, Y)).count == 4


@pytest.mark.parametrize(
    ("tensor", "shape"),
    [
        (torch.rand(2, 1, 8, 8), (2, 8, 8, 3)),
        (torch.rand(2, 3, 8, 6), (2, 8, 6, 3)),
        (torch.rand(2, 4, 8, 8), (2, 8, 8, 3)),
        (torch.rand(2, 8, 6, 3), (2, 8, 6, 3)),
        (torch.rand(2, 28, 28), (2, 28, 28, 3)),
        (torch.rand(2, 3, 400, 200), (2, 96, 48, 3)),
        (torch.rand(2, 64), None),
        (torch.rand(2, 7, 8, 8), None),
        (torch.rand(2, 3, 2, 2), None),
    ],
)
def test_thumbnails_of_whatever_is_an_image(tensor: torch.Tensor, shape: tuple[int, ...] | None) -> None:
    images = Probe.of(tensor).images()
    assert (None if images is None else images.shape) == shape
    assert images is None or images.dtype == np.uint8


def test_thumbnails_keep_bytes_and_unit_range_and_stretch_anything_else() -> None:
    bytes_ = torch.arange(2 * 16, dtype=torch.uint8).reshape(2, 1, 4, 4)
    assert np.array_equal(Probe.of(bytes_).images()[..., 0], bytes_[:, 0].numpy())  # type: ignore[index]
    half = torch.full((1, 1, 4, 4), 0.5)
    assert (Probe.of(half).images() == 128).all()  # type: ignore[union-attr]
    wide = torch.linspace(-2, 2, 16).reshape(1, 1, 4, 4)
    wide[0, 0, 0, 1] = float("nan")
    images = Probe.of(wide).images()
    assert images is not None
    assert (images.min(), images.max()) == (0, 255)


def test_a_probe_survives_the_run_directory() -> None:
    probe = Probe.of((({"a": X, "b": [X, Y]}, X), Y))
    again = Probe.from_tensors(probe.tensors())
    assert list(probe.tensors()) == ["args[0]['a']", "args[0]['b'][0]", "args[0]['b'][1]", "args[1]", "targets"]
    assert torch.equal(again.args[0]["b"][1], Y)
    assert torch.equal(again.args[1], X)
    assert torch.equal(again.targets, Y)
    assert (again.count, again.kwargs) == (4, {})
    named = Probe.from_tensors(Probe.of({"x": X, "scale": 2.0}).tensors())
    assert named.args == ()
    assert named.targets is None
    assert float(named.kwargs["scale"]) == 2.0


def test_one_sample_s_part_of_an_output() -> None:
    output = torch.arange(12).reshape(6, 2)
    assert take_sample(output, 1, 6).tolist() == [2, 3]
    assert take_sample(output, 1, 3).tolist() == [[4, 5], [6, 7]]  # two rows a sample
    assert take_sample(output, 1, 4).shape == (6, 2)  # no sample dimension
    assert take_sample(torch.tensor(3.0), 1, 4).item() == 3
    for count in (6, 3, 4):
        assert sample_shape((6, 2), count) == take_sample(output, 0, count).shape


def test_a_packed_probe_has_as_many_samples_as_sequences() -> None:
    parts = [torch.full((length, 2), float(length)) for length in (2, 4, 1)]
    probe = Probe.of(pack_sequence(parts, enforce_sorted=False))
    assert probe.count == 3
    lstm = torch.nn.LSTM(2, 3)
    with torch.no_grad():
        together, (states, _) = lstm(*probe.args)
        _, (state, _) = lstm(*probe.sample(1).args)
    assert torch.allclose(states[:, 1:2], state, atol=1e-6)
    assert together.batch_sizes.tolist() == [3, 2, 1, 1]


def test_a_list_of_images_has_one_sample_each_and_so_have_targets_that_are_dicts() -> None:
    images = [torch.rand(3, 32, 48), torch.rand(3, 64, 16), torch.rand(3, 20, 20)]
    targets = [{"boxes": torch.rand(index, 4), "labels": torch.arange(index)} for index in range(3)]
    for given in (images, (images, None), (images, targets)):
        probe = Probe.of(given)
        assert (probe.count, len(probe.args), len(probe.args[0])) == (3, 1, 3)
    few = probe.samples(slice(1, 3))
    assert few.count == 2
    assert torch.equal(few.args[0][0], images[1])
    assert [len(target["labels"]) for target in few.targets] == [1, 2]
    again = Probe.from_tensors(probe.tensors())
    assert torch.equal(again.args[0][2], images[2])
    thumbnails = probe.images(32)
    assert thumbnails is not None
    assert thumbnails.shape == (3, 32, 32, 3)
    assert not thumbnails[1, :, 8:].any()  # 64×16 pixels at half their size, on black


def test_a_list_of_small_tensors_is_several_inputs() -> None:
    probe = Probe.of(([torch.rand(3, 5, 5), torch.rand(3, 5, 5)], None))
    assert (probe.count, len(probe.args)) == (3, 2)
