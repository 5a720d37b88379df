"""A frame of the loss plot after a long history beside one after a short one: reading, smoothing, serialising."""

from __future__ import annotations

import numpy as np
import torch

import torchvis_widgets as tvw
from tests.benchmarks.table import Row, best_of

SHORT, LONG = 1_000, 10_000_000


def rows() -> list[Row]:
    """One row: ms of kernel work a frame. The browser's part depends on the points sent alone, which are as many."""
    with tvw.watch(_model()) as short, tvw.watch(_model()) as long:
        headers = []
        for session, count in ((short, SHORT), (long, LONG)):
            session.log({"train/loss": 1.0})
            session.run.flush()
            steps = np.arange(1, count + 1)
            noise = np.random.default_rng(0).random(count)
            session.run.series["train/loss"].extend(steps, steps / 1000, steps / 100, noise)
            headers.append(tvw.LossPlot(session).header)
        little, much = best_of(30, *(lambda h=header: h._draw(h._lines()) for header in headers))
        points = [max(len(mark.x) for mark in header._chart.figure.marks) for header in headers]
    assert max(points) <= 1000
    return [Row.limit(f"loss plot frame at {LONG:,} points of history vs {SHORT:,}", much * 1e3, 1.2 * little * 1e3,
                      "ms", little * 1e3)]  # fmt: skip


def _model() -> torch.nn.Module:
    return torch.nn.Linear(1, 1)
