"""Sliders: a preview changes what views show and nothing else; a live edit changes the model, and can be taken back."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch

import torchvis_widgets as tvw
from tests.unit.session.training import data, setup, steps
from tests.unit.widgets.front_end import FrontEnd
from torchvis_widgets.widgets.matrix import MOST_COLUMNS, MOST_ROWS, Matrix


def bits(model: torch.nn.Module | None) -> list[bytes]:
    assert model is not None
    return [tensor.numpy().tobytes() for tensor in model.state_dict().values()]


def test_a_preview_moves_the_views_and_not_the_model(session: tvw.Session) -> None:
    before = bits(session.model)
    viewer, sliders = FrontEnd(tvw.ActivationViewer(session)), FrontEnd(tvw.WeightSliders(session))
    plain = session.activations("conv", sample=0)
    bias = session.model.conv.bias.detach()[:, None, None]  # type: ignore[union-attr]
    assert sliders.ask("edit", change="gain", tensor="conv.weight", value=0.5, done=True)["ok"]
    assert bits(session.model) == before
    viewer.ask("values", panel=0, unit=1)
    shown = np.frombuffer(viewer.buffers[-1][0], "<f4").reshape(6, 6)
    assert shown == pytest.approx(((plain - bias) * 0.5 + bias)[1].numpy(), abs=1e-5)
    weights = sliders.last("weights").value
    assert (weights["tensors"][0]["values"]["gain"], weights["undo"], weights["edits"]) == (0.5, 1, 1)
    assert weights["probe"]["loss_after"] != weights["probe"]["loss_before"]
    assert weights["probe"]["count"] == 8


def test_a_slider_dragged_is_one_edit_and_undo_drops_it(session: tvw.Session) -> None:
    sliders = FrontEnd(tvw.WeightSliders(session))
    for value in (0.9, 0.7, 0.3):
        sliders.ask("edit", change="gain", tensor="conv.weight", value=value, done=False)
    sliders.ask("edit", change="gain", tensor="conv.bias", value=2.0, done=True)
    assert sliders.last("weights").value["undo"] == 2
    sliders.ask("undo")
    assert [t["values"] for t in sliders.last("weights").value["tensors"]] == [{"gain": 0.3}, {}]
    sliders.ask("reset")
    assert sliders.last("weights").value["edits"] == 0


def test_a_clicked_cell_follows_its_slider(session: tvw.Session) -> None:
    sliders = FrontEnd(tvw.WeightSliders(session))
    weight = session.model.conv.weight.detach()  # type: ignore[union-attr]
    assert sliders.ask("pick", tensor="conv.weight", row=2, col=4)["ok"]
    picked = sliders.last("weights").value["picked"]
    assert picked["index"] == [2, 0, 1, 1]
    assert picked["value"] == pytest.approx(float(weight[2, 0, 1, 1]))
    assert sliders.ask("edit", change="set", tensor="conv.weight", index=[2, 0, 1, 1], value=3.0, done=True)["ok"]
    assert sliders.last("weights").value["picked"]["value"] == 3.0
    assert sliders.ask("pick", tensor="conv.weight", row=99, col=0)["error"].startswith("the heat map has 4×9 cells")


def test_live_changes_the_model_at_once_while_nothing_trains_and_undo_restores_the_bits(session: tvw.Session) -> None:
    before = bits(session.model)
    viewer, sliders = FrontEnd(tvw.ActivationViewer(session)), FrontEnd(tvw.WeightSliders(session))
    sliders.ask("mode", mode="live")
    weight = session.model.fc.weight.detach().clone()  # type: ignore[union-attr]
    frame = viewer.last("frame")
    for value in (0.8, 0.5):
        assert sliders.ask("edit", change="gain", tensor="conv.weight", value=value, done=False)["ok"]
    assert sliders.ask("edit", change="gain", tensor="fc.weight", value=0.5, done=True)["ok"]
    assert torch.equal(session.model.fc.weight, weight * 0.5)  # type: ignore[union-attr]
    assert viewer.last("frame").seq > frame.seq
    assert viewer.last("frame").buffers != frame.buffers
    sliders.ask("undo")
    sliders.ask("undo")
    assert bits(session.model) == before


def test_live_waits_for_the_step_boundary_while_a_loop_runs() -> None:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion, probe=data(1)[0])
    sliders = FrontEnd(tvw.WeightSliders(session))
    sliders.ask("mode", mode="live")
    in_backward, asked = threading.Event(), threading.Event()
    seen: list[float] = []
    reply: list[bool] = []

    def drag() -> None:
        in_backward.wait(10)
        asked.set()
        reply.append(sliders.ask("edit", change="set", tensor="fc.bias", index=[0], value=123.0, done=True)["ok"])

    dragger = threading.Thread(target=drag)
    dragger.start()
    for epoch in session.epochs(2):
        for _ in steps(model, optimizer, criterion, session.batches(data(1))):
            if epoch == 1:
                in_backward.set()
                assert asked.wait(10)
                while not len(session.mailbox):  # the edit has been put and must not be carried out in here
                    assert dragger.is_alive()
                seen.append(float(model.fc.bias.detach()[0]))
    dragger.join(10)
    assert reply == [True]
    assert seen[0] != 123.0
    assert abs(float(model.fc.bias.detach()[0]) - 123.0) < 1.0
    assert sliders.last("weights").value["live"]
    session.close()


W, B = "conv.weight", "fc.bias"


@pytest.mark.parametrize(
    ("change", "tensor", "value", "index", "words"),
    [
        ("gain", "conv.wieght", 1.0, None, "no tensor 'conv.wieght'; the nearest are 'conv.weight'"),
        ("gain", W, float("nan"), None, "nan is no finite value"),
        ("gain", W, 10**400, None, "is no finite value"),
        ("gain", "norm.num_batches_tracked", 2.0, None, "only floating-point tensors can be edited"),
        ("set", B, 1.0, [3], "has no element [3]: its shape is (3,)"),
        ("gain", W, 1.0, [[2, 9]], "has no part [(2, 9)]"),
        ("set", B, 1.0, "3", "index is a list of whole numbers and ranges, found '3'"),
        ("set", B, 1.0, [[0, 1, 2]], "index is a list of whole numbers and ranges, found [0, 1, 2]"),
        ("gain", W, "2", None, "value is a number, found str"),
        ("clamp", W, [1.0, -1.0], None, "clamp takes (lowest, highest)"),
        ("clamp", W, [1.0], None, "value is a number or two of them, found 1"),
        ("prune", W, 1.5, None, "takes a share from 0 to 1"),
        ("noise", W, -1.0, None, "noise is a share of the standard deviation"),
        ("melt", W, 1.0, None, "not 'melt'"),
        (3, W, 1.0, None, "change is the name of an operation, found int"),
    ],
)
@pytest.mark.parametrize("mode", ["preview", "live"])
def test_bad_edits_change_nothing(
    session: tvw.Session, mode: str, change: Any, tensor: str, value: Any, index: Any, words: str
) -> None:
    before = bits(session.model)
    sliders = FrontEnd(tvw.WeightSliders(session))
    sliders.ask("mode", mode=mode)
    reply = sliders.ask("edit", change=change, tensor=tensor, value=value, index=index)
    assert reply["ok"] is False
    assert words in reply["error"]
    assert bits(session.model) == before
    assert session.stage.selection.now.edits == ()  # type: ignore[union-attr]
    assert len(session.edits) == 0


def test_there_are_two_modes_and_no_more(session: tvw.Session) -> None:
    sliders = FrontEnd(tvw.WeightSliders(session))
    assert sliders.ask("mode", mode="chaos")["error"] == "mode is one of preview, live, found 'chaos'"
    assert sliders.widget.mode == "preview"  # type: ignore[attr-defined]


def test_a_layer_without_weights_says_so(session: tvw.Session) -> None:
    tvw.ModelMap(session).select("relu")
    sliders = FrontEnd(tvw.WeightSliders(session))
    assert sliders.last("weights").value["error"] == "This layer has no weights of its own; select one that has."


@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (4, 3, 2, 2), (500, 900), (0, 3)])
def test_a_cell_of_a_heat_map_leads_back_to_its_element(shape: tuple[int, ...]) -> None:
    tensor = torch.arange(int(np.prod(shape)), dtype=torch.float32).reshape(shape)
    matrix = Matrix.of(tensor)
    assert len(matrix.rows) <= MOST_ROWS
    assert len(matrix.columns) <= MOST_COLUMNS
    assert len(matrix.tiles) == matrix.values.size
    for row, column in {(0, 0), (len(matrix.rows) - 1, len(matrix.columns) - 1)} if matrix.values.size else ():
        index = matrix.index(row, column)
        assert float(tensor[index]) == matrix.values[row, column]
        assert matrix.cell(index) == (row, column)
