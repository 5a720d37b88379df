"""A session of three trained epochs, looked at by every test of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import torchvis_widgets as tvw
from tests.unit.session.training import CLASSES, data, setup, train


@pytest.fixture
def session(tmp_path: Path) -> Iterator[tvw.Session]:
    model, optimizer, criterion = setup()
    watched = tvw.watch(model, optimizer, criterion, probe=data(1)[0], classes=CLASSES, run=tmp_path / "run")
    train(watched, model, optimizer, criterion, epochs=3)
    watched.run.flush()
    yield watched
    watched.close()
