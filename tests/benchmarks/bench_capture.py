"""The capture of one layer beside the shortest way there: a pass that an exception in a plain hook ends."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchvision import models

from tests.benchmarks.bench_trace import over_first
from tests.benchmarks.table import Row
from torchvis_widgets.look import Probe, Replica, capture, trace_probe

KEYS = ("layer1.0.conv1", "layer2.1.bn2", "layer4.1.conv2", "fc")


def rows() -> list[Row]:
    """Layers of ResNet-18, early to last, for images of two sizes."""
    return [_row(key, shape) for shape in ((8, 3, 224, 224), (2, 3, 64, 64)) for key in KEYS]


def _row(key: str, shape: tuple[int, ...]) -> Row:
    model, images = models.resnet18().eval(), torch.randn(shape)
    replica, probe = Replica(model), Probe.of(images)
    trace_probe(replica, probe)
    (ratio,) = over_first(_pass_up_to(copy.deepcopy(model), key, images), lambda: capture(replica, probe, [key]))
    size = "×".join(map(str, shape))
    return Row.limit(f"capture of {key} over the pass up to it, ResNet-18, {size}", ratio, 1.1, "×")


class _Reached(Exception):
    pass


def _pass_up_to(model: nn.Module, key: str, images: Tensor) -> Callable[[], None]:
    kept: list[Tensor] = []

    def take(_module: nn.Module, _args: object, output: Tensor) -> None:
        kept[:] = [output.clone()]
        raise _Reached

    model.get_submodule(key).register_forward_hook(take)

    @torch.no_grad()
    def run() -> None:
        try:
            model(images)
        except _Reached:
            return
        raise AssertionError(f"{key} was not reached")

    return run
