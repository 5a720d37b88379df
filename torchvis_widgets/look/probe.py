"""Probe: the fixed batch of samples that every view looks at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torchvis_widgets.look.errors import ProbeError
from torchvis_widgets.look.leaves import leaves, map_leaves, map_samples, map_tensors, unpacked
from torchvis_widgets.look.picturing.thumbnails import Images, is_image, listed_thumbnails, thumbnails

_EXPECTED = (
    "Pass a tensor (N, …), a list of images, (inputs, targets), ((input, input, …), targets), or a dict of keyword "
    "inputs; without targets write ((input, input), None)."
)
_STEP = re.compile(r"\[(?:(\d+)|'([^']*)'|\"([^\"]*)\")\]")


class Probe:
    """`count` samples: `args` and `kwargs` of the model's forward, tensors (N, …) within, and `targets` or None.

    Tensors whose first dimension is not `count` belong to all samples (a mask, a number of steps). A list of images
    (C, H, W), as detectors take it, is one of each sample, and so is a list of dicts, their targets.
    """

    def __init__(
        self, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None, targets: Any | None = None
    ) -> None:
        self.args = tuple(args)
        self.kwargs = dict(kwargs or {})
        self.targets = targets
        self.count = _count(self)

    @classmethod
    def of(cls, probe: Any) -> Probe:
        """A probe from what a user or a data loader gives, tensors copied. Raises ProbeError for anything else."""
        if isinstance(probe, Probe):
            return probe
        inputs, targets = _split(probe)
        args: tuple[Any, ...] = ()
        kwargs: dict[str, Any] = {}
        if isinstance(inputs, Mapping):
            kwargs = dict(inputs)
            if not all(isinstance(name, str) for name in kwargs):
                raise ProbeError("the probe's inputs are a dict whose keys are not all names", _EXPECTED)
        else:
            args = tuple(inputs) if _is_plain_sequence(inputs) and not is_image_list(inputs) else (inputs,)
        return cls(map_leaves(args, _owned), map_leaves(kwargs, _owned), map_leaves(targets, _owned))

    def samples(self, which: slice) -> Probe:
        """Some of the samples, as views of the same tensors. Raises ProbeError when there are none."""
        if not range(self.count)[which]:
            raise ProbeError(f"samples {which.start}:{which.stop} of a probe of {self.count}", "Ask for one of them.")
        args = [self._some(value, which) for value in self.args]
        kwargs = {name: self._some(value, which) for name, value in self.kwargs.items()}
        return Probe(args, kwargs, self._some(self.targets, which))

    def _some(self, value: Any, which: slice) -> Any:
        if type(value) is list and len(value) == self.count and (is_image_list(value) or _is_list_of_dicts(value)):
            return value[which]
        return map_samples(value, lambda tensor: tensor[which] if _first(tensor) == self.count else tensor)

    def sample(self, index: int) -> Probe:
        """One sample as a batch of 1. Raises ProbeError when the probe has no such sample."""
        if not 0 <= index < self.count:
            raise ProbeError(f"the probe has no sample {index}", f"Choose one of 0 … {self.count - 1}.")
        return self.samples(slice(index, index + 1))

    def to(self, device: torch.device) -> Probe:
        """The same probe with its tensors on a device."""
        if all(tensor.device == device for _, tensor in leaves(self._parts())):
            return self
        return self._with(lambda tensor: tensor.to(device))

    def labels(self) -> list[int] | None:
        """The class index of each sample, where the targets are integers (N,)."""
        targets = self.targets
        if not isinstance(targets, Tensor) or targets.shape != (self.count,):
            return None
        return None if targets.is_floating_point() or targets.is_complex() else [int(label) for label in targets]

    def images(self, size: int = 96) -> Images | None:
        """The samples as thumbnails (N, H, W, 3) of at most `size` pixels a side, or None where they are no images."""
        for listed in filter(is_image_list, self.args):
            return listed_thumbnails(listed, size)
        for _, tensor in leaves((self.args, self.kwargs)):
            images = thumbnails(tensor, size) if _first(tensor) == self.count else None
            if images is not None:
                return images
        return None

    def tensors(self) -> dict[str, Tensor]:
        """Everything by name, for safetensors: "args[0]", "kwargs['mask']", "targets"; numbers as 0-d tensors."""
        parts = map_leaves(
            self._parts(), lambda leaf: torch.tensor(leaf) if isinstance(leaf, bool | int | float) else leaf
        )
        return {
            name + path: tensor.detach().cpu().contiguous()
            for name, part in zip(("args", "kwargs", "targets"), parts, strict=True)
            for path, tensor in leaves(part)
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Probe:
        """The probe whose `tensors()` these are; named tuples and dataclasses come back as dicts."""
        tree: dict[str | int, Any] = {}
        for name, tensor in tensors.items():
            head = re.match(r"\w*", name)
            steps: list[str | int] = [head[0] if head else ""]
            steps += [int(number) if number else a or b for number, a, b in _STEP.findall(name)]
            place = tree
            for step in steps[:-1]:
                place = place.setdefault(step, {})
            place[steps[-1]] = tensor
        return cls(_listed(tree.get("args", {}), []), _listed(tree.get("kwargs", {}), {}), _listed(tree.get("targets")))

    def __str__(self) -> str:
        named = [("", value) for value in self.args] + [(f"{name}=", value) for name, value in self.kwargs.items()]
        shapes = [f"{name}{_described(tensor)}" for name, value in named for _, tensor in leaves(value)]
        return ", ".join(shapes)

    def _parts(self) -> tuple[Any, Any, Any]:
        return self.args, self.kwargs, self.targets

    def _with(self, change: Any) -> Probe:
        return Probe(*(map_tensors(part, change) for part in self._parts()))


def take_sample(tensor: Tensor, index: int, count: int, dim: int | None = 0) -> Tensor:
    """One sample's part of an output for `count` samples that lie along `dim`; the whole tensor where there is none.

    Several rows a sample, one sample after the other (windows of a Swin block), stay together.
    """
    if dim is None:
        return tensor
    rows = _rows_per_sample(tensor.shape, count, dim)
    if rows is None:
        return tensor
    return tensor.select(dim, index) if rows == 1 else tensor.narrow(dim, index * rows, rows)


def sample_shape(shape: Sequence[int], count: int, dim: int | None = 0) -> tuple[int, ...]:
    """The shape that `take_sample` gives."""
    rows = None if dim is None else _rows_per_sample(shape, count, dim)
    if rows is None or dim is None:
        return tuple(shape)
    return (*shape[:dim], *shape[dim + 1 :]) if rows == 1 else (*shape[:dim], rows, *shape[dim + 1 :])


def _rows_per_sample(shape: Sequence[int], count: int, dim: int) -> int | None:
    return shape[dim] // count if len(shape) > dim and shape[dim] and shape[dim] % count == 0 else None


def is_image_list(value: Any) -> bool:
    """Whether a value is a list of images (C, H, W), which may be of several sizes."""
    return type(value) is list and bool(value) and all(isinstance(each, Tensor) and is_image(each) for each in value)


def _is_list_of_dicts(value: list[Any]) -> bool:
    return all(isinstance(each, Mapping) for each in value)


def _split(probe: Any) -> tuple[Any, Any]:
    if is_image_list(probe):
        return probe, None
    if not _is_plain_sequence(probe) or len(probe) == 1:
        return probe, None
    if len(probe) != 2:
        raise ProbeError(f"the probe is a {type(probe).__name__} of {len(probe)}", _EXPECTED)
    return probe[0], probe[1]


def _is_plain_sequence(value: Any) -> bool:
    return type(value) in (list, tuple)  # a named tuple is one input


def _owned(leaf: Any) -> Any:
    if isinstance(leaf, np.ndarray):
        return torch.from_numpy(leaf.copy())
    return leaf.detach().clone() if isinstance(leaf, Tensor) else leaf


def _count(probe: Probe) -> int:
    for listed in filter(is_image_list, (*probe.args, *probe.kwargs.values())):
        return len(listed)
    firsts = [tensor.shape[0] for _, tensor in leaves(unpacked((probe.args, probe.kwargs))) if tensor.dim()]
    if not firsts:
        found = ", ".join(type(value).__name__ for value in (*probe.args, *probe.kwargs.values())) or "nothing"
        raise ProbeError(f"the probe's inputs hold no batch of samples (found {found})", _EXPECTED)
    labelled = _first(probe.targets) if isinstance(probe.targets, Tensor) else None
    count = labelled if labelled in firsts and labelled is not None else firsts[0]
    if count == 0:
        raise ProbeError(f"the probe is an empty batch ({probe})", "Pass at least one sample.")
    return count


def _first(tensor: Tensor) -> int | None:
    return tensor.shape[0] if tensor.dim() else None


def _described(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


def _listed(tree: Any, empty: Any = None) -> Any:
    if not isinstance(tree, dict):
        return tree
    if not tree:
        return empty
    if all(isinstance(step, int) for step in tree):
        return [_listed(tree[step]) for step in sorted(tree)]
    return {step: _listed(child) for step, child in tree.items()}
