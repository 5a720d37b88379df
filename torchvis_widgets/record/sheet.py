"""Sheet: what was measured at one step on one device, and the rows that become of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchvis_widgets.record.measure import Reading
from torchvis_widgets.record.sampling import BINS, COLUMNS
from torchvis_widgets.record.statistics_file import StatisticsRow
from torchvis_widgets.record.update import Moved

__all__ = ["Label", "Sheet"]


class Label(NamedTuple):
    """What a row of a sheet is about: `sampled` of `total` elements of a parameter, gradient or output."""

    kind: str
    name: str
    sampled: int
    total: int


@dataclass(frozen=True)
class Sheet:
    """Tensors of one device, read at one step, a label each; `moved()` (m,): how far the first m were moved."""

    step: int
    epoch: float | None
    branch: int
    labels: list[Label]
    readings: Sequence[Reading]
    moved: Moved | None = None
    time: float = field(default_factory=time.time)

    def payload(self) -> Tensor:
        """All numbers in one tensor (n,), so that one copy brings them to the host."""
        rows = [reading.rows().reshape(-1) for reading in self.readings]
        return torch.cat(rows if self.moved is None else [*rows, self.moved().to(rows[0].dtype)])

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.readings[0].device

    def stored(self, payload: Tensor) -> list[StatisticsRow]:
        """The rows of the file, from the payload on the host."""
        width = len(COLUMNS) + BINS
        flat = payload.numpy().astype(np.float64)
        table = flat[: len(self.labels) * width].reshape(-1, width)
        norm, least, most, mean, std, nonzero, low, high = table[:, : len(COLUMNS)].T
        update = np.full(len(table), np.nan)
        moved = flat[table.size :]
        with np.errstate(divide="ignore", invalid="ignore"):
            update[: len(moved)] = moved / norm[: len(moved)]
        sampled = np.array([label.sampled for label in self.labels])
        nonfinite = ~(np.isfinite(least) & np.isfinite(most))
        numbers = (norm, least, most, mean, std, 1 - nonzero / sampled, nonfinite.astype(int), update)
        columns = [column.tolist() for column in numbers]
        counts = _blobs(table[:, len(COLUMNS) :])
        at = (self.step, self.epoch, self.time, self.branch)
        return [
            (*at, label.kind, label.name, *values, label.sampled, label.total, *limits, blob)
            for label, values, limits, blob in zip(
                self.labels,
                zip(*columns, strict=True),
                zip(low.tolist(), high.tolist(), strict=True),
                counts,
                strict=True,
            )
        ]


def _blobs(counts: NDArray[np.float64]) -> list[bytes]:
    return [row.tobytes() for row in counts.astype("<u4")]
