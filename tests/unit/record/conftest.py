"""Runs that are closed when their test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from torchvis_widgets.record.recording import Recording
from torchvis_widgets.record.run import Run

MODEL = {"fc.weight": ((2, 3), "torch.float32"), "fc.bias": ((2,), "torch.float32")}


@pytest.fixture
def create(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """`create(path="run", model=MODEL, …)` below tmp_path."""
    made: list[Run] = []

    def make(path: str = "run", model: Any = MODEL, **more: Any) -> Run:
        made.append(Recording.create(tmp_path / path, model=model, **more))
        return made[-1]

    yield make
    for run in made:
        run.close()


@pytest.fixture
def run(create: Callable[..., Run]) -> Run:
    return create()
