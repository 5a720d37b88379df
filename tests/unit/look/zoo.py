"""Every model that torchvision builds, with weights that cost nothing to draw and an input as small as it takes."""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from unittest import mock

import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models import video

MOST_PARAMETERS = 200_000_000  # of a model that the tests build; larger ones are run by `make bench`
LARGE = ("regnet_y_128gf", "vit_h_14", "vit_l_16", "vit_l_32")

_RANDOM = ("uniform_", "normal_", "trunc_normal_", "xavier_uniform_", "xavier_normal_")
_RANDOM += ("kaiming_uniform_", "kaiming_normal_")
_MViT = video.mvit.MViT
_IMAGE = {"alexnet": 63, "inception_v3": 75, "quantized_inception_v3": 75, "maxvit_t": 224, "vit_h_14": 28}


class Example(NamedTuple):
    """A model as its builder gives it, in training mode where it does, and what to call it with."""

    model: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def example(name: str, **options: Any) -> Example:
    """A model by torchvision's name, with its smallest input; `options` go to the builder."""
    args, kwargs = _inputs(name)
    return Example(build(name, **options), args, kwargs)


def parameter_count(name: str) -> int:
    """Elements of a model's parameters; no memory is touched for them."""
    return sum(each.numel() for each in build(name, lambda tensor, *_args, **_kwargs: tensor).parameters())


def build(name: str, fill: Callable[..., Tensor] | None = None, **options: Any) -> nn.Module:
    """A model by torchvision's name; `fill` gives its initial weights in place of random ones."""
    builder = models.get_model_builder(name)
    parameters = inspect.signature(builder).parameters
    absent = {each: None for each in ("weights", "weights_backbone") if each in parameters}
    with _initialised_by(fill or _filled):
        model: nn.Module = builder(**{**absent, **_options(name), **options})
    return model


@contextlib.contextmanager
def _initialised_by(fill: Callable[..., Tensor]) -> Iterator[None]:
    with contextlib.ExitStack() as undo:
        for name in _RANDOM:
            undo.enter_context(mock.patch.object(nn.init, name, fill))
        # MViT's builders fix its input's size.
        undo.enter_context(mock.patch.object(video.mvit, "MViT", _small_mvit))
        yield


def _small_mvit(**options: Any) -> nn.Module:
    return _MViT(**{**options, "spatial_size": (64, 64), "temporal_size": 4})


def _filled(tensor: Tensor, *_args: Any, **_kwargs: Any) -> Tensor:
    """Weights from one block of normal numbers, scaled by their fan-in: drawing is most of the time of building."""
    block = _block()
    with torch.no_grad():
        scale = math.sqrt(0.7 / max(1, tensor[0].numel() if tensor.dim() > 1 else 1000))
        for part in tensor.view(-1).split(len(block)):
            torch.mul(block[: len(part)], scale, out=part)
    return tensor


@functools.cache
def _block() -> Tensor:
    return torch.randn(1_000_003, generator=torch.Generator().manual_seed(0))  # a prime: no two rows are the same


def _options(name: str) -> dict[str, Any]:
    if name.startswith("vit_"):
        return {"image_size": _IMAGE.get(name, 32)}
    if name.endswith(("googlenet", "inception_v3")):
        return {"init_weights": True}  # without it they warn
    if name.startswith(("fcos", "retinanet")):
        return {"min_size": 64, "max_size": 64, "detections_per_img": 5, "score_thresh": 0.0}
    if "rcnn" in name:
        few = {"box_detections_per_img": 5, "rpn_post_nms_top_n_test": 20, "box_score_thresh": 0.0}
        return {"min_size": 64, "max_size": 64, **few}
    if name.startswith("ssd"):
        return {"detections_per_img": 5, "score_thresh": 0.0}
    return {}


def _inputs(name: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    room = rooms()[name]
    if room == "detection":
        return ([torch.rand(3, 64, 64)],), {}
    if room == "video":
        frames, size = {"mvit": (4, 64), "s3d": (13, 209)}.get(name.partition("_")[0], (4, 32))
        return (torch.rand(1, 3, frames, size, size),), {}
    if room == "optical_flow":
        return (torch.rand(1, 3, 128, 128), torch.rand(1, 3, 128, 128)), {"num_flow_updates": 2}
    size = _IMAGE.get(name, 64 if room == "quantization" else 32)  # torch's mean of 1 × 1 maps of bytes raises
    return (torch.rand(1, 3, size, size),), {}


@functools.cache
def rooms() -> dict[str, str]:
    """All of torchvision's builders, by name, with the part of torchvision.models that they are in."""
    parts = ("quantization", "segmentation", "detection", "video", "optical_flow")
    known = {name: part for part in parts for name in models.list_models(module=getattr(models, part))}
    return {name: known.get(name, "classification") for name in models.list_models()}
