"""Marks of a model that is not trained: one pass of the probe tells them."""

from __future__ import annotations

import torch
from torch import nn

import torchvis_widgets as tvw
from tests.unit.widgets.front_end import FrontEnd, wait_for


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def marks(map: FrontEnd) -> list[tuple[str, str, str]]:
    return [(each["path"], each["kind"], each["text"]) for each in map.last("marks").value["marks"]]


def test_an_inspected_model_has_its_dead_layers_marked() -> None:
    model = net()
    nn.init.constant_(model[0].bias, -1e3)
    session = tvw.inspect(model, torch.randn(5, 4))
    map = FrontEnd(tvw.ModelMap(session))
    wait_for(lambda: marks(map) == [("1", "dead", "100 % of its output on the probe is zero")])
    with torch.no_grad():
        model[0].bias.fill_(1e3)
    map.widget.changed()
    wait_for(lambda: marks(map) == [])
    with torch.no_grad():
        model[2].bias[0] = torch.inf
    map.widget.changed()
    wait_for(lambda: ("2", "nan", "its output is not finite") in marks(map))
    session.close()
