"""What a whole session costs a training step: hooks, iterators, log(), background threads, a dashboard on screen.

Counted in processor time of the whole process, every thread of it, with one torch thread: what the watcher does beside
the loop counts in full, idle threads that spin do not, and neither does what else the machine is doing.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torchvision

import torchvis_widgets as tvw
from tests.benchmarks.table import Row

PAIRS = 3
STEPS = 50  # of which one takes statistics, as by default

Batch = tuple[torch.Tensor, torch.Tensor]


def rows() -> list[Row]:
    """Two rows: a watched step beside an unwatched one, and their ratio, the median of pairs taken in turn."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _rows()
    finally:
        torch.set_num_threads(threads)


def show(dashboard: Any) -> None:
    """As when a browser says that it has the dashboard on screen."""
    for view in (dashboard.bar, dashboard.scrubber, dashboard.map, dashboard.viewer, dashboard.sliders):
        view.answer_hello("bench", visible=True)
    dashboard.loss.header.answer_hello("bench", visible=True)


def _rows() -> list[Row]:
    model = torchvision.models.resnet18(num_classes=10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    batches = [(torch.randn(64, 3, 32, 32), torch.randint(0, 10, (64,))) for _ in range(STEPS + 1)]

    def train(
        loader: Iterable[Batch], log: Callable[[dict[str, Any]], None], settle: Callable[[], object] = lambda: None
    ) -> float:
        """Seconds a step, the first one left out: it warms up, and takes a snapshot, as only an epoch's end does."""
        began = 0.0
        for done, (x, y) in enumerate(loader):
            if done == 1:
                settle()
                began = time.process_time()
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            log({"train/loss": loss})
        return (time.process_time() - began) / STEPS

    def watched() -> float:
        probe = (batches[0][0][:8], batches[0][1][:8])
        with (
            tempfile.TemporaryDirectory() as folder,
            tvw.watch(model, optimizer, probe=probe, run=f"{folder}/run") as session,
        ):
            dashboard = tvw.Dashboard(session)
            show(dashboard)

            def settle() -> None:
                session.run.flush()
                show(dashboard)

            return next(train(session.batches(batches), session.log, settle) for _ in session.epochs(1))

    train(batches, lambda values: None)
    pairs = [(watched(), train(batches, lambda values: None)) for _ in range(PAIRS)]
    own, other = (statistics.median(times) * 1e3 for times in zip(*pairs, strict=True))
    ratio = statistics.median(one / two for one, two in pairs)
    return [
        Row("ResNet-18 step, 64×3×32×32, watched, dashboard shown vs not: CPU time", own, other, 1.01 * other, "ms",
            ratio <= 1.01),
        Row.limit("  the same as a ratio, median of pairs", ratio, 1.01, "×", 1.0),
    ]  # fmt: skip
