"""Models and probes of the look tests: small, each with one trait that is hard to look into."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from torchvis_widgets.look import Probe, Replica, trace_probe


class DigitsNet(nn.Module):
    """Conv → BatchNorm → in-place ReLU (called twice) → Dropout → two linear layers, and a layer that is never used."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(conv1=nn.Conv2d(1, 4, 3, padding=1), norm=nn.BatchNorm2d(4), relu=nn.ReLU(inplace=True))
        )
        self.hidden = nn.Linear(4 * 64, 16)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(16, 10)
        self.spare = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x).flatten(1)
        return self.head(self.dropout(self.features.relu(self.hidden(x))))


class Pair(NamedTuple):
    left: Tensor
    right: Tensor


@dataclass
class Answer:
    logits: Tensor
    hidden: dict[str, Any]


class Nested(nn.Module):
    """Gives a dataclass with a dict inside; its parts give a tuple and a named tuple."""

    class Two(nn.Module):
        def forward(self, x: Tensor) -> Pair:
            return Pair(x + 1, x + 2)

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(5, 6, batch_first=True)
        self.two = self.Two()
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor, *, scale: float = 1.0) -> Answer:
        _, (h, c) = self.rnn(x * scale)
        pair = self.two(h[0])
        return Answer(self.head(pair.left), {"cell": c, "words": ["a", "b"]})


class AlwaysDropping(nn.Module):
    """Draws random numbers in eval mode too."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(self.linear(x), 0.5, training=True)


@pytest.fixture
def net() -> DigitsNet:
    model = DigitsNet()
    with torch.no_grad():
        model.features.norm.running_mean.normal_()
    return model


@pytest.fixture
def probe() -> Probe:
    return Probe.of((torch.randn(6, 1, 8, 8), torch.tensor([0, 1, 2, 3, 4, 5])))


@pytest.fixture
def replica(net: DigitsNet, probe: Probe) -> Replica:
    replica = Replica(net)
    trace_probe(replica, probe)
    return replica
