"""What a session costs the thread that trains where steps are short: the quickstart's CNN of digits, by defaults.

Counted in processor time of that thread alone, with one torch thread: the step takes a few milliseconds, and after each
the processor's cache holds nothing of the session's, so that every call of its own shows. Watched and unwatched steps
take turns, one by one, as what else the machine does changes a step by more than watching it does.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import optimizer as torch_optimizer

import torchvis_widgets as tvw
from tests.benchmarks.bench_session import show
from tests.benchmarks.table import Row

EPOCHS = 6
STEPS = 150  # of each kind in an epoch
EVERY = 50  # steps between two that take statistics, as by default


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
    """A watched step over an unwatched one, without a view and with a dashboard on screen."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [_row(shown) for shown in (False, True)]
    finally:
        torch.set_num_threads(threads)


def _row(shown: bool) -> Row:
    model, criterion, other = digits_cnn(), nn.CrossEntropyLoss(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    batches = [(torch.rand(64, 1, 8, 8), torch.randint(0, 10, (64,))) for _ in range(STEPS)]
    plain: list[float] = []
    usual: list[float] = []
    measuring: list[float] = []  # those that take statistics

    def seconds(source: Iterator[Any], judge: nn.Module, log: Callable[[dict[str, Any]], None]) -> float:
        began = time.thread_time()
        x, y = next(source)
        optimizer.zero_grad()
        loss = judge(model(x), y)
        loss.backward()
        optimizer.step()
        log({"train/loss": loss})
        return time.thread_time() - began

    with (
        tempfile.TemporaryDirectory() as folder,
        tvw.watch(model, optimizer, criterion, probe=batches[0], run=f"{folder}/run", statistics=EVERY) as session,
    ):
        dashboard = tvw.Dashboard(session) if shown else None
        for epoch in session.epochs(EPOCHS):
            if dashboard is not None:
                show(dashboard)
            watched, unwatched = iter(session.batches(batches)), iter(batches)
            for place in range(STEPS):
                with _unheard():
                    without = seconds(unwatched, other, lambda values: None)
                own = seconds(watched, criterion, session.log)
                if epoch > 1:  # the first one warms up
                    plain.append(without)
                    (usual if place % EVERY else measuring).append(own)
            next(watched, None)
            session.log({"val/loss": 1.0})
    step = statistics.median(plain)
    extra = (statistics.median(measuring) - statistics.median(usual)) / EVERY
    ratio = (statistics.median(usual) + extra) / step
    screen = "dashboard shown" if shown else "no view"
    what = f"digits CNN step, 64×1×8×8, watched over not ({step * 1e3:.1f} ms): CPU time of its thread, {screen}"
    return Row.limit(what, ratio, 1.02, "×", 1.0)


@contextmanager
def _unheard() -> Iterator[None]:
    """Within it no optimizer hook is called that holds for all optimizers."""
    registries = (torch_optimizer._global_optimizer_pre_hooks, torch_optimizer._global_optimizer_post_hooks)
    kept = [dict(hooks) for hooks in registries]
    for hooks in registries:
        hooks.clear()
    try:
        yield
    finally:
        for hooks, before in zip(registries, kept, strict=True):
            hooks.update(before)
