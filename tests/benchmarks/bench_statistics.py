"""Statistics of every weight and gradient at every step, beside wandb's watch(log="all") on the same step."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import torch
import torchvision
import wandb

import torchvis_widgets as tvw
from tests.benchmarks.table import Row

ROUNDS = 4
STEPS = 8

Step = Callable[[], None]


def rows() -> list[Row]:
    """A step with ours over a plain one, and with wandb's, for two sizes of images."""
    return [_row(32), _row(64)]


def _row(size: int) -> Row:
    torch.manual_seed(0)
    model = torchvision.models.resnet18(num_classes=10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    x, y = torch.randn(64, 3, size, size), torch.randint(0, 10, (64,))

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        every = _ratio(step, lambda: _ours(model, optimizer, place / "run"))
        peer = _ratio(step, lambda: _wandb(model, place))
    what = f"statistics of all weights and gradients, every step, ResNet-18 step, 64×3×{size}×{size}"
    return Row.limit(what, every, 1.10, "×", peer)


def _ratio(step: Step, attached: Callable[[], AbstractContextManager[Step]]) -> float:
    """A step with something attached over one without, alternating; the median of the rounds."""
    ratios = []
    step()
    for _ in range(ROUNDS):
        plain = _seconds(step)
        with attached() as log:
            after = _seconds(step, log)
        ratios.append(after / plain)
    return statistics.median(ratios)


def _seconds(step: Step, log: Step = lambda: None) -> float:
    """The median time of a step, the first left out: it warms up."""
    times = []
    for _ in range(STEPS + 1):
        start = time.perf_counter()
        step()
        log()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


@contextmanager
def _ours(model: torch.nn.Module, optimizer: torch.optim.Optimizer, path: Path) -> Iterator[Step]:
    with tvw.watch(model, optimizer, run=path, statistics=1, overhead=None, snapshots=None) as session:
        yield lambda: None
    kinds = session.run.statistics()["kind"]
    assert (kinds != "output").sum() == (STEPS + 1) * 2 * len(list(model.parameters())), session.problems


@contextmanager
def _wandb(model: torch.nn.Module, folder: Path) -> Iterator[Step]:
    """Offline, silent, and logging what it has gathered once a step, as its users do."""
    os.environ["WANDB_SILENT"] = "true"
    run = wandb.init(mode="offline", dir=folder, settings=wandb.Settings(console="off", x_disable_stats=True))
    run.watch(model, log="all", log_freq=1)
    yield lambda: run.log({"step": 1})
    run.unwatch(model)
    run.finish()
