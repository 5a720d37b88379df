"""All that the weight sliders do beside scaling: undo and redo, operations, channels, heads, blends, finding, code."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import torchvis_widgets as tvw
from tests.unit.widgets.front_end import FrontEnd, Push, wait_for
from torchvis_widgets.steer import Edit
from torchvis_widgets.widgets.selection import Cursor, Selection
from torchvis_widgets.widgets.sliding.drafts import Drafts
from torchvis_widgets.widgets.sliding.units import Window, units_of
from torchvis_widgets.widgets.weight_sliders import WeightSliders

W = "conv.weight"


@pytest.fixture
def page(session: tvw.Session) -> FrontEnd:
    made = FrontEnd(WeightSliders(session, layer="conv"))
    ask(made, "listing", on=True)
    return made


def drafts(session: tvw.Session) -> tuple[Edit, ...]:
    return session.stage.selection.now.edits  # type: ignore[union-attr]


def weight(session: tvw.Session, name: str = W) -> torch.Tensor:
    return session.model.state_dict()[name].clone()  # type: ignore[union-attr]


def ask(page: FrontEnd, op: str, **args: Any) -> None:
    reply = page.ask(op, **args)
    assert reply["ok"], reply


# Undo and redo of a preview


def test_a_preview_is_undone_and_redone_change_by_change(session: tvw.Session, page: FrontEnd) -> None:
    ask(page, "edit", change="gain", tensor=W, value=0.5)
    ask(page, "edit", change="gain", tensor="conv.bias", value=0.0)
    for value in (0.1, 0.2, 0.3):  # the first again: one edit of it, and one change
        ask(page, "edit", change="gain", tensor=W, value=value, done=value == 0.3)
    assert [edit.value for edit in drafts(session)] == [0.3, 0.0]
    seen = []
    for _ in range(4):  # once more than there is
        ask(page, "undo")
        seen.append([edit.value for edit in drafts(session)])
    assert seen == [[0.5, 0.0], [0.5], [], []]
    for _ in range(4):
        ask(page, "redo")
    assert [edit.value for edit in drafts(session)] == [0.3, 0.0]
    ask(page, "undo")
    ask(page, "edit", change="shift", tensor=W, value=1.0)
    assert page.last("weights").value["redo"] == 0
    ask(page, "reset")
    assert drafts(session) == ()
    ask(page, "undo")
    assert len(drafts(session)) == 3


def test_a_drag_that_begins_at_rest_is_one_change() -> None:
    made = Drafts(Selection(Cursor()))
    for value, done in ((1.0, False), (0.9, False), (0.8, True), (1.0, True)):
        made.put(Edit(W, "gain", None, value), done, lambda edits: None)
    assert (made.edits, made.steps) == ((), (2, 0))
    made.undo()
    assert [edit.value for edit in made.edits] == [0.8]
    made.undo()
    assert (made.edits, made.steps) == ((), (0, 2))


def test_live_is_undone_and_redone_and_the_preview_waits(session: tvw.Session, page: FrontEnd) -> None:
    ask(page, "edit", change="gain", tensor="conv.bias", value=0.0)
    ask(page, "mode", mode="live")
    assert drafts(session) == ()  # views show the model itself
    before = weight(session)
    ask(page, "edit", change="shift", tensor=W, value=0.5)
    after = weight(session)
    assert torch.equal(after, before + 0.5)
    ask(page, "undo")
    assert torch.equal(weight(session), before)
    assert page.last("weights").value["redo"] == 1
    ask(page, "redo")
    assert torch.equal(weight(session), after)
    ask(page, "mode", mode="preview")
    assert [edit.tensor for edit in drafts(session)] == ["conv.bias"]


def test_the_list_has_what_was_made_and_then_what_redo_makes_again(session: tvw.Session, page: FrontEnd) -> None:
    ask(page, "mode", mode="live")
    for value in (0.5, 0.25, 2.0):
        ask(page, "edit", change="gain", tensor=W, value=value)
    ask(page, "undo")
    ask(page, "undo")
    rows = page.last("edits").value["rows"]
    assert [(row["text"], row["undone"]) for row in rows] == [
        ("conv.weight × 0.5", False), ("conv.weight × 0.25", True), ("conv.weight × 2", True),
    ]  # fmt: skip
    assert rows[0]["where"] == "epoch 3 · step 15"


# Operations

OPERATIONS: list[tuple[str, Any]] = [
    ("shift", 0.25), ("noise", 0.5), ("prune", 0.5), ("clamp", [-0.1, 0.1]), ("reinit", None), ("gain", 0.3),
]  # fmt: skip


def test_a_preview_made_live_gives_the_bits_that_were_previewed(session: tvw.Session, page: FrontEnd) -> None:
    sliders: Any = page.widget
    for change, value in OPERATIONS:
        before = weight(session)
        ask(page, "edit", change=change, tensor=W, value=value)
        previewed = sliders.state_dict()[W].clone()
        assert torch.equal(weight(session), before), change
        assert not torch.equal(previewed, before), change
        ask(page, "make_live")
        assert torch.equal(weight(session), previewed), change
        assert drafts(session) == ()
    assert len(session.edits) == len(OPERATIONS)
    assert page.last("edits").value["rows"] == []


def test_previewed_edits_are_made_live_all_or_none(session: tvw.Session, page: FrontEnd) -> None:
    ask(page, "edit", change="gain", tensor=W, value=0.5)
    session.stage.drafts._selection.preview((*drafts(session), Edit("gone.weight", "gain", None, 1.5)))  # type: ignore[union-attr]
    before = weight(session)
    assert "no tensor 'gone.weight'" in page.ask("make_live")["error"]
    assert torch.equal(weight(session), before)
    assert len(session.edits) == 0
    page.widget.changed()
    assert "no tensor 'gone.weight'" in page.last("weights").value["error"]


def test_noise_stays_the_same_while_it_is_dragged_and_can_be_drawn_anew(session: tvw.Session, page: FrontEnd) -> None:
    seeds = []
    for value, again in ((0.1, False), (0.2, False), (0.2, True)):
        ask(page, "edit", change="noise", tensor=W, value=value, done=value == 0.2, again=again)
        seeds.append(drafts(session)[0].seed)
    assert seeds[0] == seeds[1] != seeds[2]


def test_freezing_is_for_the_model_itself(session: tvw.Session, page: FrontEnd) -> None:
    reply = page.ask("edit", change="freeze", tensor=W, value=1)
    assert reply["error"] == "freezing changes no values, so there is nothing to preview: choose Live"
    ask(page, "mode", mode="live")
    ask(page, "edit", change="freeze", tensor=W, value=1)
    assert not session.model.conv.weight.requires_grad  # type: ignore[union-attr]
    assert [t["frozen"] for t in page.last("weights").value["tensors"]] == [True, False]
    ask(page, "undo")
    assert session.model.conv.weight.requires_grad  # type: ignore[union-attr]


def test_the_optimizer_forgets_what_is_edited_where_that_is_asked_for(session: tvw.Session, page: FrontEnd) -> None:
    ask(page, "mode", mode="live")
    ask(page, "reset_optimizer", reset_optimizer=True)
    ask(page, "edit", change="gain", tensor=W, value=0.5)
    assert session.edits[0].edit.reset_optimizer
    assert page.ask("reset_optimizer", reset_optimizer=1)["error"] == "reset_optimizer is true or false, found 1"


def test_an_edit_is_dropped_from_the_list(session: tvw.Session, page: FrontEnd) -> None:
    ask(page, "edit", change="gain", tensor=W, value=0.5)
    ask(page, "edit", change="prune", tensor=W, value=0.5, index=[[0, 2]])
    row = page.last("edits").value["rows"][1]
    assert row["text"] == "conv.weight[0:2] smallest 50 % to 0"
    ask(page, "drop", change=row["change"], tensor=row["tensor"], index=[list(each) for each in row["index"]])
    assert [edit.op for edit in drafts(session)] == ["gain"]
    ask(page, "mode", mode="live")
    assert "Live is on" in page.ask("drop", change="gain", tensor=W)["error"]


@pytest.mark.parametrize("mode", ["preview", "live"])
def test_the_code_that_is_copied_gives_the_same_bits(session: tvw.Session, page: FrontEnd, mode: str) -> None:
    state = {name: tensor.clone() for name, tensor in session.model.state_dict().items()}  # type: ignore[union-attr]
    ask(page, "mode", mode=mode)
    for change, value in OPERATIONS:
        ask(page, "edit", change=change, tensor=W, value=value)
    sliders: Any = page.widget
    scope: dict[str, Any] = {}
    exec(page.ask("code")["value"]["text"], scope)
    made = scope["apply_edits"](state)
    assert all(torch.equal(made[name], tensor) for name, tensor in sliders.state_dict().items())


# Channels and heads


def units(page: FrontEnd, **args: Any) -> Push:
    ask(page, "units", **{"tensor": W, **args})
    return page.last("units")


def test_a_channel_is_turned_up_off_and_on_again(session: tvw.Session, page: FrontEnd) -> None:
    listed = units(page).value
    assert (listed["count"], [row["unit"] for row in listed["rows"]]) == (4, [0, 1, 2, 3])
    index = [list(each) if isinstance(each, tuple) else each for each in listed["rows"][2]["index"]]
    ask(page, "edit", change="gain", tensor=W, value=1.5, index=index)
    assert page.last("units").value["rows"][2]["gain"] == 1.5
    ask(page, "off", tensor=W, index=index, off=True)
    row = page.last("units").value["rows"][2]
    assert (row["gain"], row["off"], row["share"]) == (0.0, True, 0.0)
    sliders: Any = page.widget
    assert not sliders.state_dict()[W][2].any()
    ask(page, "off", tensor=W, index=index, off=False)
    assert drafts(session) == ()


def test_a_channel_switched_off_live_comes_back_as_long_as_nothing_came_after(
    session: tvw.Session, page: FrontEnd
) -> None:
    ask(page, "mode", mode="live")
    before = weight(session)
    ask(page, "off", tensor=W, index=[1], off=True)
    assert not weight(session)[1].any()
    ask(page, "off", tensor=W, index=[1], off=False)
    assert torch.equal(weight(session), before)
    ask(page, "off", tensor=W, index=[1], off=True)
    ask(page, "edit", change="gain", tensor="conv.bias", value=0.5)
    assert "take those back first" in page.ask("off", tensor=W, index=[1], off=False)["error"]


def test_channels_are_found_ordered_and_sent_in_windows() -> None:
    module = nn.Linear(3, 5000)
    model = nn.Sequential()
    model.fc = module
    parts = units_of(model, "fc.weight", (5000, 3))["channel"]
    tensor = torch.arange(5000.0).unsqueeze(1).expand(5000, 3)
    listed = parts.listed(Window("fc.weight", first=4980), tensor, [], ())
    assert ([row["unit"] for row in listed["rows"]], listed["found"]) == (list(range(4980, 5000)), 5000)
    assert len(parts.listed(Window("fc.weight"), tensor, [], ())["rows"]) == 30
    found = parts.listed(Window("fc.weight", query="49", order="largest"), tensor, [], ())
    assert (found["found"], found["rows"][0]["unit"], found["rows"][-1]["unit"]) == (111, 4999, 4970)
    assert parts.listed(Window("fc.weight", query="x"), tensor, [], ())["rows"] == []
    smallest = parts.listed(Window("fc.weight", order="smallest"), tensor, [], ())["rows"][0]
    assert (smallest["unit"], smallest["off"]) == (0, True)


def test_the_last_layers_channels_have_the_names_of_the_classes(session: tvw.Session) -> None:
    page = FrontEnd(WeightSliders(session, layer="fc"))
    names = [row["name"] for row in units(page, tensor="fc.weight").value["rows"]]
    assert names == ["cat", "dog", "<b>emu</b>"]
    assert units(page, tensor="fc.weight", query="DO").value["found"] == 1


def test_heads_of_an_attention_are_turned_off_one_by_one() -> None:
    model = nn.Sequential()
    model.attention = nn.MultiheadAttention(8, 4)
    name, tensor = "attention.in_proj_weight", torch.randn(24, 8)
    heads = units_of(model, name, (24, 8))
    assert {by: each.count for by, each in heads.items()} == {"channel": 24, "head": 4}
    assert heads["head"].index(1) == (((2, 4), (10, 12), (18, 20)),)
    rows = torch.cat([tensor[2:4], tensor[10:12], tensor[18:20]])
    assert heads["head"].norms(tensor)[1] == pytest.approx(float(rows.norm()), rel=1e-5)


def test_a_transposed_convolutions_channels_are_its_second_dimension() -> None:
    model = nn.Sequential(nn.ConvTranspose2d(3, 5, 2))
    channels = units_of(model, "0.weight", (3, 5, 2, 2))["channel"]
    assert (channels.count, channels.index(4)) == (5, ((0, 3), 4))
    assert channels.norms(torch.ones(3, 5, 2, 2)).shape == (5,)


# Blends


def test_the_loss_on_the_way_to_a_snapshot_is_that_of_each_blend(session: tvw.Session, page: FrontEnd) -> None:
    ask(page, "blend", tensor="", toward=0)
    wait_for(lambda: len(page.last("blend").value["points"]) == 21)
    pushed = page.last("blend").value
    losses = dict(pushed["points"])
    assert [choice["text"] for choice in pushed["choices"]] == ["epoch 0", "epoch 1", "epoch 2", "epoch 3"]
    assert losses[0.0] == page.last("weights").value["probe"]["loss_before"]
    ask(page, "blended", value=0.5)
    probe = page.last("weights").value["probe"]
    assert probe["loss_after"] == pytest.approx(losses[0.5])
    assert page.last("blend").value["value"] == 0.5
    ask(page, "blended", value=1.0)
    sliders: Any = page.widget
    assert torch.equal(sliders.state_dict()[W], session.run.state_dict(step=0)[W])
    assert dict(page.last("blend").value["points"]) == losses  # the way does not depend on how far one is


def test_a_blend_is_refused_where_there_is_nothing_to_blend(session: tvw.Session, page: FrontEnd) -> None:
    assert page.ask("blended", value=0.5)["error"] == "nothing has been chosen to be blended"
    assert "no tensor 'conv.wait'" in page.ask("blend", tensor="conv.wait")["error"]
    assert "no snapshot at step 7" in page.ask("blend", tensor="", toward=7)["error"]
    ask(page, "blend", tensor=W)
    assert "a share from 0 to 1" in page.ask("blended", value=1.5)["error"]
    assert drafts(session) == ()


# Beside the sliders


def test_any_tensor_is_found_by_words_and_shown(session: tvw.Session, page: FrontEnd) -> None:
    found = page.ask("find", text="FC w")["value"]
    assert found == {"found": [{"name": "fc.weight", "shape": [3, 144]}], "count": 1}
    ask(page, "show", tensor="fc.weight")
    assert session.stage.selection.now.layer == "fc"  # type: ignore[union-attr]
    assert [tensor["name"] for tensor in page.last("weights").value["tensors"]] == ["fc.weight", "fc.bias"]
    assert "no tensor 'nope'" in page.ask("show", tensor="nope")["error"]


def test_who_observes_the_sliders_hears_of_every_state(session: tvw.Session, page: FrontEnd) -> None:
    sliders: Any = page.widget
    seen: list[float] = []
    sliders.observe(lambda change: seen.append(float(sliders.state_dict()["conv.bias"][0])), "changes")
    for value in (5.0, 6.0):
        ask(page, "edit", change="set", tensor="conv.bias", index=[0], value=value)
    ask(page, "undo")
    assert seen == [5.0, 6.0, 5.0]


def test_a_closed_session_is_only_previewed(session: tvw.Session, page: FrontEnd) -> None:
    session.close()
    assert "only the preview works" in page.ask("mode", mode="live")["error"]
    ask(page, "edit", change="gain", tensor=W, value=0.5)
