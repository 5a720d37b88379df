"""What a whole session costs a training step: hooks, iterators, log(), background threads, a dashboard on screen."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
import torchvision

import torchvis_widgets as tvw
from tests.benchmarks.table import Row

PAIRS = 8
STEPS = 5

Batch = tuple[torch.Tensor, torch.Tensor]


def rows() -> list[Row]:
    """One row: a watched step over an unwatched one, the median of pairs taken in turn."""
    model = torchvision.models.resnet18(num_classes=10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    batches = [(torch.randn(64, 3, 32, 32), torch.randint(0, 10, (64,))) for _ in range(STEPS + 1)]

    def train(loader: Iterable[Batch], log: Callable[[dict[str, Any]], None]) -> float:
        """Seconds a step, the first one left out: it takes snapshot 0, and warms up."""
        began = 0.0
        for done, (x, y) in enumerate(loader):
            if done == 1:
                began = time.perf_counter()
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            log({"train/loss": loss})
        return (time.perf_counter() - began) / STEPS

    def watched() -> float:
        with tempfile.TemporaryDirectory() as folder:
            session = tvw.watch(
                model, optimizer, probe=(batches[0][0][:8], batches[0][1][:8]), run=Path(folder) / "run"
            )
            dashboard = tvw.Dashboard(session)
            for view in (dashboard.bar, dashboard.scrubber, dashboard.map, dashboard.viewer, dashboard.sliders,
                         dashboard.loss.header):  # fmt: skip
                view.answer_hello("bench", visible=True)
            seconds = next(train(session.batches(batches), session.log) for _ in session.epochs(1))
            session.close()
            return seconds

    train(batches, lambda values: None)
    pairs = [(watched(), train(batches, lambda values: None)) for _ in range(PAIRS)]
    own, other = (statistics.median(times) * 1e3 for times in zip(*pairs, strict=True))
    ratio = statistics.median(one / two for one, two in pairs)
    return [
        Row("ResNet-18 step, 64×3×32×32, watched with the dashboard shown vs not", own, other, 1.01 * other, "ms",
            ratio <= 1.01),
        Row.limit("  the same as a ratio, median of pairs", ratio, 1.01, "×", 1.0),
    ]  # fmt: skip
