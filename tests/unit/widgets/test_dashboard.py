"""The dashboard shows what there is to tell of."""

from __future__ import annotations

import torch

import torchvis_widgets as tvw
from torchvis_widgets.widgets.dashboard import Dashboard


def test_of_an_inspected_model_there_is_no_timeline_and_no_loss() -> None:
    with tvw.inspect(torch.nn.Linear(2, 2), torch.zeros(1, 2)) as session:
        board = Dashboard(session)
        assert board.scrubber is None
        assert board.loss is None
        assert board.bar.status == "inspected"
        assert list(board.children) == [board.bar, board.map, board.viewer, board.sliders]


def test_of_a_training_and_of_a_run_there_are_both(session: tvw.Session) -> None:
    again = tvw.Run(session.run.path)
    for board in (Dashboard(session), Dashboard(tvw.Run(session.run.path)), Dashboard(again, model=session.model)):
        assert board.scrubber in board.children
        assert board.loss in board.children
        assert board.bar.status != "inspected"
