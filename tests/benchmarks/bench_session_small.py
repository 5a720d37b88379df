"""What a session costs the thread that trains where steps are short: the quickstart's CNN of digits, by defaults.

Counted in processor time of that thread alone, with one torch thread: the step takes a few milliseconds, and after each
the processor's cache holds nothing of the session's, so that every call of its own shows.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

import torchvis_widgets as tvw
from tests.benchmarks.bench_session import show
from tests.benchmarks.table import Row

PAIRS = 7
STEPS = 200  # of which four take statistics, as by default

Batch = tuple[Tensor, Tensor]


class Block(nn.Module):
    """Two convolutions with a connection around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C, H, W)."""
        out: Tensor = self.relu2(x + self.conv2(self.relu1(self.conv1(x))))
        return out


def digits_cnn() -> nn.Module:
    """The model of notebooks/01_quickstart.ipynb."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        Block(32), Block(32),
        nn.Flatten(), nn.Linear(512, 128), nn.ReLU(), nn.Dropout(0.25), nn.Linear(128, 10),
    )  # fmt: skip


def rows() -> list[Row]:
    """A row with a dashboard on screen and one without: a watched step over an unwatched one, the median of pairs."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [_row(shown) for shown in (False, True)]
    finally:
        torch.set_num_threads(threads)


def _row(shown: bool) -> Row:
    model, criterion = digits_cnn(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    batches = [(torch.rand(64, 1, 8, 8), torch.randint(0, 10, (64,))) for _ in range(STEPS)]

    def train(loader: Iterable[Batch], log: Callable[[dict[str, Any]], None] = lambda values: None) -> float:
        began = time.thread_time()
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            log({"train/loss": loss})
        return (time.thread_time() - began) / STEPS

    def watched() -> float:
        with (
            tempfile.TemporaryDirectory() as folder,
            tvw.watch(model, optimizer, criterion, probe=batches[0], run=f"{folder}/run") as session,
        ):
            dashboard = tvw.Dashboard(session) if shown else None
            seconds = 0.0
            for _ in session.epochs(2):  # the first one warms up, and traces nothing any more
                if dashboard is not None:
                    show(dashboard)
                seconds = train(session.batches(batches), session.log)
                session.log({"val/loss": 1.0})
            return seconds

    train(batches)
    ratio = statistics.median(watched() / train(batches) for _ in range(PAIRS))
    screen = "dashboard shown" if shown else "no view"
    return Row.limit(
        f"digits CNN step, 64×1×8×8, watched over not: CPU time of the training thread, {screen}", ratio, 1.02, "×", 1.0
    )
