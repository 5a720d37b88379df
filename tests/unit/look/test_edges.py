"""The graph's edges against those of TorchLens, a tracer that works otherwise: it patches all of torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
import torchlens
from torch import Tensor, nn
from torchlens.options import CaptureOptions
from torchvision import models
from torchvision.models.convnext import CNBlockConfig
from torchvision.models.efficientnet import FusedMBConvConfig, MBConvConfig
from torchvision.models.regnet import BlockParams

import torchvis_widgets as tvw
from tests.unit.look.zoo import example
from torchvis_widgets.look import Graph

Pairs = set[tuple[str, str]]

# As their authors build them; of the others, which repeat their blocks often, a shallow one: TorchLens takes seconds.
WHOLE = ("resnet18", "googlenet", "mobilenet_v3_small", "squeezenet1_1", "lraspp_mobilenet_v3_large")
SHALLOW: dict[str, Callable[[], nn.Module]] = {
    "DenseNet": lambda: models.DenseNet(8, (2, 3, 2), 16, num_classes=10),
    "ConvNeXt": lambda: models.ConvNeXt([CNBlockConfig(16, 32, 2), CNBlockConfig(32, None, 1)], num_classes=10),
    "Swin": lambda: models.SwinTransformer([2, 2], 16, [2, 2], [2, 4], [4, 4], num_classes=10),
    "ViT": lambda: models.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=10),
    "RegNet": lambda: models.RegNet(BlockParams.from_init_params(3, 16, 20.0, 2.2, 8, se_ratio=0.25), num_classes=10),
    "ShuffleNet": lambda: models.ShuffleNetV2([2, 2, 2], [8, 16, 32, 64, 64], num_classes=10),
    "EfficientNet": lambda: models.EfficientNet(
        [MBConvConfig(6, 3, 2, 8, 16, 2), FusedMBConvConfig(4, 3, 1, 16, 16, 2)], 0.1
    ),
    "LSTM": lambda: Recurrent(),
}


class Recurrent(nn.Module):
    """An embedding of image rows, two LSTMs, the second reading the first's last state too."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.LSTM(32, 8, batch_first=True)
        self.second = nn.LSTM(8, 8, batch_first=True)
        self.head = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        rows, (h, c) = self.first(x.mean(1))
        _, (last, _) = self.second(rows, (h, c))
        return self.head(torch.cat([last[0], h[0]], dim=-1))


class Node(NamedTuple):
    """`box`: the innermost module call around it, where no other module is called within; "" elsewhere."""

    box: str
    targets: list[str]


@pytest.mark.parametrize("name", [*WHOLE, *SHALLOW])
def test_the_same_edges(name: str) -> None:
    model, args, kwargs = example(name) if name in WHOLE else (SHALLOW[name](), (torch.rand(1, 3, 32, 32),), {})
    graph = tvw.trace(model.eval(), *args, **kwargs)
    calling = {module.path.rpartition(".")[0] for module in graph.modules if module.calls and module.path}
    ours, theirs = between_boxes(_ours(graph, calling)), between_boxes(_torchlens(model, args, kwargs, calling))
    assert len(ours) >= sum(module.calls for module in graph.modules if module.path not in calling)
    assert ours == theirs


def between_boxes(nodes: dict[str, Node]) -> Pairs:
    """The pairs of boxes, inputs and outputs between which there is a way through functions outside of any box."""
    found: Pairs = set()
    for node in nodes.values():
        if node.box:
            reached, new = set(), list(node.targets)
            while new:
                target = new.pop()
                if target in reached:
                    continue
                reached.add(target)
                if not nodes[target].box:
                    new += nodes[target].targets
            found |= {(node.box, nodes[target].box) for target in reached if nodes[target].box not in ("", node.box)}
    return found


def _ours(graph: Graph, calling: set[str]) -> dict[str, Node]:
    nodes = {}
    for node in graph.nodes:
        box = ""
        if node.kind in ("input", "output"):
            box = node.kind
        elif node.path not in calling:
            box = node.key if node.kind == "module" else (node.parent or "")
        nodes[node.key] = Node(box, [])
    for edge in graph.edges:
        nodes[edge.source].targets.append(edge.target)
    return nodes


def _torchlens(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], calling: set[str]) -> dict[str, Node]:
    options = CaptureOptions(layers_to_save="none", unwrap_when_done=True)
    log = torchlens.trace(model, list(args), kwargs, capture=options)
    nodes: dict[str, Node] = {}
    for op in log.ops:
        path, _, number = (op.module or "").rpartition(":")
        box = "input" if op.is_input else "output" if op.is_output else ""
        if path and path not in calling:
            box = path if number == "1" else f"{path}:{number}"
        nodes[op.label] = Node(box, [])
    for op in log.ops:
        for parent in op.parents:
            nodes[parent if parent in nodes else f"{parent}:1"].targets.append(op.label)
    return nodes
