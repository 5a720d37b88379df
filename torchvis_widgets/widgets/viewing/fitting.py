"""Slot: the tensor of the probe that an own input takes the place of, whose shape and range it is fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from torchvis_widgets.look.leaves import leaves, with_leaves
from torchvis_widgets.look.picturing.thumbnails import are_images
from torchvis_widgets.look.probe import Probe

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class Slot:
    """Of images: `channels`, `height` and `width`, and whether the channels are `last`; of anything else all are 0."""

    probe: Probe
    path: str
    tensor: Tensor
    channels: int
    height: int
    width: int
    last: bool

    def __str__(self) -> str:
        return f"{_times(self.shape)} {_name(self.tensor.dtype)}"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample."""
        return tuple(self.tensor.shape[1:])

    def probe_of(self, sample: Tensor) -> Probe:
        """A batch of one with this in the slot, the other inputs being the first sample's."""
        first = self.probe.sample(0)
        args, kwargs = with_leaves((first.args, first.kwargs), {self.path: sample[None].to(self.tensor.dtype)})
        return Probe(args, kwargs)

    def of_tensor(self, given: Tensor) -> Tensor:
        """One sample as the model takes it. Raises ValueError for another shape or kind of number."""
        shape = tuple(given.shape)
        if shape == (1, *self.shape):
            given = given[0]
        elif self.channels == 1 and shape == (self.height, self.width):
            given = given.reshape(self.shape)
        elif shape != self.shape:
            raise ValueError(
                f"the input is {_times(shape)}, expected {self}: one sample as the model takes it; "
                "a PIL image is fitted, and transform= may make the tensor of anything"
            )
        whole = not self.tensor.is_floating_point()
        if given.is_complex() or (whole and given.is_floating_point()):
            raise ValueError(f"the input is {_name(given.dtype)}, expected {_name(self.tensor.dtype)}")
        return given.detach().cpu()

    def of_image(self, image: Image.Image) -> tuple[Tensor, str]:
        """One sample of an image, cut and scaled to the slot, and what was done to it."""
        if not self.channels:
            raise ValueError(f"an image does not fit the model's input, {self}: pass a tensor, or transform=")
        size = (self.width, self.height)
        done = [f"cut and scaled from {image.width}×{image.height} to {self.width}×{self.height}"]
        grey = ImageOps.fit(image.convert(_MODES[self.channels]), size, Image.Resampling.BILINEAR)
        share = torch.from_numpy(np.array(grey)).reshape(self.height, self.width, self.channels).double() / 255
        lo, hi, words = self._range()
        values = lo + share * (hi - lo)
        values = values.permute(2, 0, 1) if not self.last else values
        notes = (done if image.size != size else []) + [words]
        return values.reshape(self.shape), ", ".join(notes)

    def on_white(self) -> bool:
        """Whether the probe's images are dark on a light ground, as their rims say."""
        images = self.tensor.reshape(-1, self.height, self.width).double()
        lo, hi, _ = self._range()
        rims = torch.cat([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], dim=1)
        return bool(rims.nanmedian() > (lo.mean() + hi.mean()) / 2)

    def _range(self) -> tuple[Tensor, Tensor, str]:
        """The least and the greatest value of each channel; bytes are bytes."""
        if self.tensor.dtype == torch.uint8:
            return torch.zeros(1), torch.full((1,), 255.0), "black … white are 0 … 255"
        pixels = self.tensor.double()
        pixels = pixels.reshape(-1, self.channels) if self.last else pixels.reshape(len(pixels), self.channels, -1)
        by_channel = pixels.T if self.last else pixels.transpose(0, 1).flatten(1)
        finite = by_channel.isfinite()
        lo = by_channel.where(finite, torch.inf).amin(dim=1)
        hi = by_channel.where(finite, -torch.inf).amax(dim=1)
        lo, hi = torch.where(lo > hi, 0.0, lo), torch.where(lo > hi, 1.0, hi)
        spans = ", ".join(f"{low:.3g} … {high:.3g}" for low, high in zip(lo.tolist(), hi.tolist(), strict=True))
        return lo, hi, f"black … white are the probe's least … greatest of each channel, {spans}"


def slot_of(probe: Probe) -> Slot | None:
    """The first of the probe's inputs that are images, else its first; None where that is no tensor by sample."""
    found = [(path, each) for path, each in leaves((probe.args, probe.kwargs)) if each.shape[:1] == (probe.count,)]
    for path, tensor in found:
        if are_images(tensor):
            return Slot(probe, path, tensor, *_sides(tuple(tensor.shape[1:])))
    return Slot(probe, *found[0], 0, 0, 0, False) if found else None


def _sides(shape: tuple[int, ...]) -> tuple[int, int, int, bool]:
    if len(shape) == 2:
        return 1, *shape, False
    if shape[0] in _MODES:
        return *shape, False  # type: ignore[return-value]
    return shape[2], shape[0], shape[1], True


def _times(sizes: tuple[int, ...]) -> str:
    return "×".join(map(str, sizes)) or "a number"


def _name(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")
