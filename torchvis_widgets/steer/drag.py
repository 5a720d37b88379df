"""Drag: one edit of the same values again and again, with other numbers; what takes long of it is done once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchvis_widgets.steer.arithmetic import spread, wide
from torchvis_widgets.steer.edits import Edit
from torchvis_widgets.steer.outcome import outcome, stays_finite

__all__ = ["Drag"]


class Drag:
    """Gives bit for bit what `outcome()` gives, as long as the edits differ in their value only."""

    def __init__(self, edit: Edit) -> None:
        self._edit = edit
        self._noise: tuple[Tensor, float] | None = None
        self._sizes: tuple[Tensor, NDArray[np.floating]] | None = None

    def goes_on(self, edit: Edit) -> bool:
        """Whether an edit differs from the first one in its value only."""
        return replace(edit, value=self._edit.value) == self._edit

    def made(self, values: Tensor, edit: Edit, there: Tensor | None = None) -> Tensor:
        """New values for `values`, which are the same each time. Raises EditError."""
        found: Tensor | None = None
        if edit.op == "noise":
            found = self._noisy(values, edit)
        elif edit.op == "prune":
            found = self._pruned(values, edit.number)
        return outcome(values, edit, there) if found is None else found

    def _noisy(self, values: Tensor, edit: Edit) -> Tensor | None:
        """None where it is to be refused."""
        x = wide(values)
        if self._noise is None:
            generator = torch.Generator("cpu").manual_seed(edit.seed)
            self._noise = torch.randn(x.shape, generator=generator, dtype=x.dtype, device="cpu"), spread(x)
        drawn, size = self._noise
        made = (x + (drawn * (edit.number * size)).to(x.device)).to(values.dtype)
        return made if size and stays_finite(values, made) else None

    def _pruned(self, values: Tensor, share: float) -> Tensor | None:
        """None where the order of the values does not tell."""
        x = wide(values)
        if self._sizes is None:
            size = x.abs()
            self._sizes = size, ordered(size)
        size, order = self._sizes
        count = round(share * x.numel())
        limit = order[count - 1] if count else np.nan
        if np.isnan(limit) or np.searchsorted(order, limit, "right") != count:  # of equals only some are pruned
            return None
        return x.masked_fill(size <= float(limit), 0).to(values.dtype)


def ordered(x: Tensor) -> NDArray[np.floating]:
    """The values in ascending order; numpy's sort is many times as fast as torch's."""
    return np.sort(x.flatten().cpu().numpy())
