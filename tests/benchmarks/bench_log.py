"""log() of one tensor beside TensorBoard's add_scalar, and how much can be logged for long."""

from __future__ import annotations

import tempfile
import time

import torch
from torch.utils.tensorboard import SummaryWriter

from tests.benchmarks.table import Row, best_of, temporary_run

CALLS = 500
VALUES = 500_000
VALUES_A_CALL = 5


def rows() -> list[Row]:
    """Two rows: µs a call, and µs a value until it is on the disk."""
    return [_one_tensor(), _sustained()]


def _one_tensor() -> Row:
    loss = torch.tensor(0.5)
    with temporary_run() as run, tempfile.TemporaryDirectory() as folder, SummaryWriter(folder) as peer:

        def ours() -> None:
            for step in range(CALLS):
                run.log(step, 0.5, {"train/loss": loss})

        def theirs() -> None:
            for step in range(CALLS):
                peer.add_scalar("train/loss", loss, step)

        own, other = best_of(30, ours, theirs)
    own, other = (seconds / CALLS * 1e6 for seconds in (own, other))
    return Row.limit("log() of one tensor vs TensorBoard add_scalar", own, other / 15, "µs", other)


def _sustained() -> Row:
    values = {f"train/{i}": torch.tensor(0.5) for i in range(VALUES_A_CALL)}
    with temporary_run() as run:
        start = time.perf_counter()
        for step in range(VALUES // VALUES_A_CALL):
            run.log(step, 0.5, values)
        run.flush(60)
        seconds = time.perf_counter() - start
        assert sum(len(series) for series in run.series.values()) == VALUES
    return Row.limit(f"ingest of {VALUES:,} values, logged and stored", seconds / VALUES * 1e6, 5.0, "µs/value")
