"""The last picture in the saved state: what a view would draw, within its bytes, of widgets that no front end has."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import torchvis_widgets as tvw
from tests.unit.widgets.front_end import FrontEnd
from torchvis_widgets.widgets import base

CELL = """
import torch
import torchvis_widgets as tvw
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(144, 3))
session = tvw.inspect(model, (torch.rand(3, 1, 8, 8), torch.tensor([0, 1, 2])))
session
"""


def topics(widget: base.LiveWidget) -> dict[str, dict]:  # type: ignore[type-arg]
    return {each["topic"]: each for each in widget.still}


def test_a_widget_that_no_front_end_has_keeps_what_it_would_draw(session: tvw.Session) -> None:
    viewer = tvw.ActivationViewer(session, scope="layer")
    viewer.stage.publisher.keep_stills()
    page = FrontEnd(viewer)
    for topic in ("frame", "samples"):
        kept, sent = topics(viewer)[topic], page.last(topic)
        assert kept["value"] == sent.value
        assert list(kept["buffers"]) == sent.buffers


def test_traits_are_brought_up_to_date_with_it(session: tvw.Session) -> None:
    scrubber = tvw.EpochScrubber(session)
    scrubber.stage.selection.move(0)
    assert scrubber.position is None
    scrubber.stage.publisher.keep_stills()
    assert scrubber.position == 0


def test_a_widget_that_a_front_end_has_sends_no_picture_for_nobody(session: tvw.Session) -> None:
    viewer = tvw.ActivationViewer(session, scope="layer")
    page = FrontEnd(viewer)
    page.ask("presence", view="v", visible=False)
    viewer.stage.publisher.keep_stills()
    assert viewer.still == []


def test_nothing_is_made_again_that_has_not_changed(session: tvw.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = tvw.ActivationViewer(session, scope="layer")
    viewer.stage.publisher.keep_stills()
    monkeypatch.setattr(base, "_still", None)
    viewer.stage.publisher.keep_stills()
    assert viewer.stage.session.problems == []


def test_it_stays_within_its_bytes(session: tvw.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = tvw.ActivationViewer(session, scope="layer")
    monkeypatch.setattr(base, "STILL_BYTES", 1)
    viewer.stage.publisher.keep_stills()
    assert all(not any(each["buffers"]) for each in viewer.still)
    assert topics(viewer)["frame"] == {"topic": "frame", "value": {}, "buffers": [], "left_out": True}


def test_the_limit_is_the_same_on_both_sides() -> None:
    text = (Path(__file__).parents[3] / "js" / "src" / "shared" / "still.ts").read_text(encoding="utf-8")
    assert f"STILL_BYTES = {base.STILL_BYTES // 1024} * 1024;" in text


@pytest.mark.timeout(300)
def test_an_executed_notebook_holds_the_last_picture(tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    NotebookClient(
        notebook, timeout=200, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    states = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    stills = [each["topic"] for state in states for each in state["state"].get("still", [])]
    assert {"frame", "samples"} <= set(stills)
    buffers = [buffer["path"] for state in states for buffer in state.get("buffers", [])]
    assert ["still", 0, "buffers", 0] in buffers


def test_the_second_bundle_is_kept_where_the_picture_is_drawn_by_it(session: tvw.Session) -> None:
    viewer = tvw.ActivationViewer(session, scope="layer")
    for layer, needed in (("conv", False), ("fc", True)):
        viewer.stage.selection.select(layer)
        viewer.stage.publisher.keep_stills()
        assert ("part" in topics(viewer)) == needed, layer
    assert list(topics(viewer)["part"]["buffers"]) == viewer.answer_part()[1]


def test_so_is_the_map_s_for_its_graph(session: tvw.Session) -> None:
    model_map = tvw.ModelMap(session)
    for mode in ("tree", "graph"):
        model_map.look(mode=mode)
        model_map.stage.publisher.keep_stills()
        assert ("part" in topics(model_map)) == (mode == "graph")
