"""Small RGB images of a batch of inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Images: TypeAlias = NDArray[np.uint8]

_SMALLEST_SIDE = 4  # a (N, 3, 2) or (N, 1, 1, 5) tensor is no picture
_SMALLEST_LISTED = 16  # pixels: a list of small tensors is more likely several inputs


def thumbnails(tensor: Tensor, size: int) -> Images | None:
    """Images (N, H, W, 3) from (N, C, H, W), (N, H, W, C) or (N, H, W) with 1, 3 or 4 channels, else None.

    Values within 0 … 1 keep their brightness, uint8 is taken as it is, anything else is stretched from the batch's
    least to its greatest finite value. Sides longer than `size` are averaged down.
    """
    pixels = _channels_first(tensor)
    if pixels is None:
        return None
    pixels = _to_unit_range(pixels)
    height, width = pixels.shape[-2:]
    scale = min(1.0, size / max(height, width))
    if scale < 1:
        pixels = functional.adaptive_avg_pool2d(pixels, (max(1, round(height * scale)), max(1, round(width * scale))))
    rgb = pixels[:, :3] if pixels.shape[1] >= 3 else pixels[:, :1].expand(-1, 3, -1, -1)
    images: Images = (rgb * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
    return images


def are_images(tensor: Tensor) -> bool:
    """Whether `thumbnails` makes images of it."""
    return _channels_first(tensor[:0]) is not None


def is_image(tensor: Tensor) -> bool:
    """Whether a tensor is one image (C, H, W) of 1, 3 or 4 channels, not too small to be one."""
    return tensor.dim() == 3 and tensor.shape[0] in (1, 3, 4) and min(tensor.shape[1:]) >= _SMALLEST_LISTED


def listed_thumbnails(images: Sequence[Tensor], size: int) -> Images | None:
    """Thumbnails (N, H, W, 3) of images (C, H, W), the smaller ones on black."""
    made = [thumbnails(image[None], size) for image in images]
    found = [each[0] for each in made if each is not None]
    if len(found) < len(images):
        return None
    height, width = (max(each.shape[side] for each in found) for side in (0, 1))
    sheet = np.zeros((len(found), height, width, 3), np.uint8)
    for place, each in zip(sheet, found, strict=True):
        place[: each.shape[0], : each.shape[1]] = each
    return sheet


def _channels_first(tensor: Tensor) -> Tensor | None:
    if tensor.is_complex() or tensor.layout != torch.strided:
        return None
    if tensor.dim() == 3:
        tensor = tensor[:, None]
    elif tensor.dim() == 4 and tensor.shape[1] not in (1, 3, 4) and tensor.shape[-1] in (1, 3, 4):
        tensor = tensor.permute(0, 3, 1, 2)
    if tensor.dim() != 4 or tensor.shape[1] not in (1, 3, 4) or min(tensor.shape[-2:]) < _SMALLEST_SIDE:
        return None
    return tensor.detach().cpu()


def _to_unit_range(pixels: Tensor) -> Tensor:
    if pixels.dtype == torch.uint8:
        return pixels.float() / 255
    pixels = pixels.float()
    finite = pixels[pixels.isfinite()]
    lo, hi = (float(finite.min()), float(finite.max())) if finite.numel() else (0.0, 1.0)
    if lo < 0 or hi > 1:
        pixels = (pixels - lo) / ((hi - lo) or 1.0)
    return pixels.nan_to_num(0.0, 1.0, 0.0).clamp(0, 1)
