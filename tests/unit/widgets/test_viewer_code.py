"""The line of Python that the viewer offers gives the tensor on screen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import torchvis_widgets as tvw
from tests.unit.widgets.test_viewer_frames import Page
from torchvis_widgets.widgets.selection import Against


@pytest.fixture
def page(session: tvw.Session) -> Page:
    return Page(tvw.ActivationViewer(session, scope="layer"))


def run(page: Page) -> np.ndarray:
    names = {"session": page.widget.stage.session, "viewer": page.widget, "tvw": tvw}
    found: torch.Tensor = eval(page.last("frame").value["code"], names)
    return found.detach().reshape(-1).numpy()


@pytest.mark.parametrize("step", [None, 5])
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(
    ("lens", "call"),
    [
        ({}, "activations('conv', "),
        ({"tab": "gradients", "of": 2}, "gradients('conv', 2, "),
        ({"tab": "weights"}, "state_dict("),
        ({"tab": "weights", "parameter": "conv.bias"}, "['conv.bias']"),
        ({"difference": True}, " - session"),
        ({"sort": "energy"}, "activations('conv', "),
    ],
)
def test_the_line_gives_what_is_on_screen(page: Page, step: int | None, own: bool, lens: Any, call: str) -> None:
    page.ask("sample", sample=3)
    if own:
        page.widget.set_input(torch.randn(1, 6, 6))
    if "difference" in lens:
        page.widget.stage.selection.compare(Against(step=10, sample=6))
    page.widget.stage.selection.move(step)
    page.look(**lens)
    assert call in page.last("frame").value["code"]
    assert ("session.on(viewer.own_input)" in page.last("frame").value["code"]) == (
        own and lens.get("tab") != "weights"
    )
    assert ("epoch=1" in page.last("frame").value["code"]) == (step == 5)
    assert page.exact() == pytest.approx(run(page), abs=1e-5)


def test_the_line_switches_off_what_is_switched_off(page: Page) -> None:
    page.ask("ablate", unit=2, method="mean")
    page.ask("ablate", unit=0, method="zero")
    page.ask("sample", sample=5)
    for layer in ("conv", "norm", "fc"):
        page.select(layer)
        assert page.exact() == pytest.approx(run(page), abs=1e-5)


def test_a_line_says_what_it_lacks(session: tvw.Session, page: Page) -> None:
    tvw.WeightSliders(session).answer_edit("gain", "conv.weight", 0.5)
    assert page.last("frame").value["code"] == "session.activations('conv', sample=0)  # without the previewed edits"
