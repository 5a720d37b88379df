"""trace beside one forward pass, and beside what TorchLens and torchview need for theirs, all in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
import torchlens
import torchview
from torch import Tensor, nn
from torchlens.options import CaptureOptions
from torchvision import models

import torchvis_widgets as tvw
from tests.benchmarks.table import Row

SECONDS = 4.0  # of measuring at least 7 and at most 40 rounds

Case = tuple[str, Callable[[], nn.Module], tuple[int, ...]]
CASES: tuple[Case, ...] = (
    ("ResNet-18, 8×3×224×224", models.resnet18, (8, 3, 224, 224)),
    ("ViT-B/16, 4×3×224×224", models.vit_b_16, (4, 3, 224, 224)),
    ("ResNet-18, 2×3×64×64", models.resnet18, (2, 3, 64, 64)),
)


def rows() -> list[Row]:
    """Every case beside both peers."""
    return [row for case in CASES for row in _rows(*case)]


def _rows(what: str, build: Callable[[], nn.Module], shape: tuple[int, ...]) -> list[Row]:
    model, images = build().eval(), torch.randn(shape)
    ours, torchlens_s, torchview_s = over_first(
        lambda: _forward(model, images),
        lambda: tvw.trace(model, images),
        lambda: _torchlens(model, images),
        lambda: torchview.draw_graph(model, input_data=images, device="cpu", save_graph=False),
    )
    return [
        Row.limit(f"trace over a forward pass, {what}; TorchLens's", ours, 2.0, "×", torchlens_s),
        Row.limit(f"trace over a forward pass, {what}; torchview's", ours, 2.0, "×", torchview_s),
    ]


def over_first(*actions: Callable[[], object]) -> list[float]:
    """How often the first action's time each of the others takes: the medians over rounds in which they take turns."""
    ratios: list[list[float]] = [[] for _ in actions[1:]]
    for action in actions:  # warms up
        action()
    rounds = min(40, max(7, round(SECONDS / sum(map(_seconds, actions)))))
    for _ in range(rounds):
        first = _seconds(actions[0])
        for kept, action in zip(ratios, actions[1:], strict=True):
            seconds = _seconds(action)
            again = _seconds(actions[0])
            kept.append(seconds / ((first + again) / 2))
            first = again
    return [statistics.median(kept) for kept in ratios]


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


@torch.no_grad()
def _forward(model: nn.Module, images: Tensor) -> None:
    model(images)


@torch.no_grad()
def _torchlens(model: nn.Module, images: Tensor) -> None:
    # Without its copies of activations; and torch as it was afterwards, or all that is measured next would pay for it.
    torchlens.trace(model, images, capture=CaptureOptions(layers_to_save="none", unwrap_when_done=True))
