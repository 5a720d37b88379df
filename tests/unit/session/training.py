"""A small model with everything that has a state of its own, and a loop to train it with or without watching."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.optim import optimizer as torch_optimizer

import torchvis_widgets as tvw

CLASSES = ["cat", "dog", "<b>emu</b>"]


class Net(nn.Module):
    """Convolution, BatchNorm (buffers) and Dropout (random numbers), three classes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(4 * 6 * 6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.drop(self.relu(self.norm(self.conv(x)))).flatten(1))


def data(batches: int = 5) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [
        (torch.randn(8, 1, 6, 6, generator=generator), torch.randint(0, 3, (8,), generator=generator))
        for _ in range(batches)
    ]


def setup() -> tuple[Net, torch.optim.Optimizer, nn.Module]:
    torch.manual_seed(0)
    model = Net()
    return model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), nn.CrossEntropyLoss()


def steps(
    model: nn.Module, optimizer: torch.optim.Optimizer, criterion: nn.Module, batches: Any
) -> Iterator[torch.Tensor]:
    for x, y in batches:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        yield loss


def train(session: tvw.Session, model: nn.Module, optimizer: torch.optim.Optimizer, criterion: nn.Module,
          epochs: int = 2) -> None:  # fmt: skip
    for _ in session.epochs(epochs):
        for loss in steps(model, optimizer, criterion, session.batches(data())):
            session.log({"train/loss": loss})


def hooks_on(*modules: nn.Module) -> int:
    registries = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(each, name)) for module in modules for each in module.modules() for name in registries)


def hooks_on_optimizers() -> int:
    """The process-wide ones, which hear of every optimizer."""
    return len(torch_optimizer._global_optimizer_pre_hooks) + len(torch_optimizer._global_optimizer_post_hooks)
