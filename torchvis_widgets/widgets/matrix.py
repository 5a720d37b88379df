"""A weight tensor as a heat map of bounded size, with the way back from a cell to the element it shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from torchvis_widgets.look.picturing.quantise import quantise, robust_limits

MOST_ROWS, MOST_COLUMNS = 96, 192


@dataclass(frozen=True)
class Matrix:
    """A tensor laid out as rows (the first dimension) by columns (all others), thinned evenly where it is larger."""

    shape: tuple[int, ...]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, tensor: torch.Tensor) -> Matrix:
        """Lay out a tensor of any shape; one without dimensions is a single cell, one with one a single row."""
        shape = tuple(tensor.shape)
        flat = tensor.detach().reshape(_full_size(shape))
        rows, columns = _evenly(flat.shape[0], MOST_ROWS), _evenly(flat.shape[1], MOST_COLUMNS)
        shown = flat[torch.from_numpy(rows)[:, None], torch.from_numpy(columns)]
        return cls(shape, rows, columns, shown.to("cpu", torch.float64).numpy())

    @property
    def full_size(self) -> tuple[int, int]:
        """Rows and columns of the whole tensor."""
        return _full_size(self.shape)

    @cached_property
    def limits(self) -> tuple[float, float]:
        """Symmetric colour limits."""
        _, hi = robust_limits(self.values)
        return -hi, hi

    @cached_property
    def tiles(self) -> bytes:
        """The cells as bytes, row by row."""
        return quantise(self.values, *self.limits).tobytes()

    @cached_property
    def reach(self) -> float:
        """The largest finite magnitude; 1 where there is none."""
        finite = self.values[np.isfinite(self.values)]
        return float(np.abs(finite).max()) if finite.size and finite.any() else 1.0

    def index(self, row: int, column: int) -> tuple[int, ...]:
        """The element that a cell shows. Raises IndexError outside."""
        if not (0 <= row < len(self.rows) and 0 <= column < len(self.columns)):
            raise IndexError(f"the heat map has {len(self.rows)}×{len(self.columns)} cells, found ({row}, {column})")
        place = int(self.rows[row]) * self.full_size[1] + int(self.columns[column])
        return tuple(int(each) for each in np.unravel_index(place, self.shape)) if self.shape else ()

    def cell(self, index: tuple[int, ...]) -> tuple[int, int]:
        """The cell nearest to an element."""
        place = int(np.ravel_multi_index(index, self.shape)) if self.shape else 0
        row, column = divmod(place, max(1, self.full_size[1]))
        return int(np.abs(self.rows - row).argmin()), int(np.abs(self.columns - column).argmin())


class Laid:
    """The matrices of tensors that do not change, each laid out once as long as it is asked for."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[torch.Tensor, Matrix]] = {}

    def of(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, Matrix]:
        """One a name."""
        before, self._kept = self._kept, {}
        for name, tensor in tensors.items():
            old = before.get(name)
            self._kept[name] = old if old is not None and old[0] is tensor else (tensor, Matrix.of(tensor))
        return {name: matrix for name, (_, matrix) in self._kept.items()}


def _full_size(shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) < 2:
        return 1, math.prod(shape)
    return shape[0], math.prod(shape[1:])


def _evenly(size: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, size - 1, min(size, most)).round().astype(np.int64)) if size else np.zeros(0, int)
