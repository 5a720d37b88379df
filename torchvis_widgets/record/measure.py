"""The statistics of a tensor: what has to be read of it at once, and what may be computed of that later.

Norm, min and max are exact. Mean, standard deviation (of the population), zeros and histogram come from evenly spaced
elements, at most 65,536. Values that are not finite are left out of the histogram and of nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from torchvis_widgets.record.measure_on_cpu import read_once, rows_on_cpu
from torchvis_widgets.record.measure_together import together
from torchvis_widgets.record.sampling import COPIED, MOST_SAMPLES, Exact, Sample, flat, norms, wide

__all__ = ["Reading"]


class Reading:
    """Measurable tensors of one device and type as they are now; their device is not waited for.

    sample: the elements (k ≤ `most` a tensor) that all is computed from but the norm, min and max of larger tensors.
    """

    def __init__(self, tensors: Sequence[Tensor], most: int = MOST_SAMPLES) -> None:
        flats = [flat(tensor) for tensor in tensors]
        self.device = flats[0].device
        self.sample = Sample(flats, most)
        large = [place for place, size in enumerate(self.sample.sizes) if size < len(flats[place])]
        self._exact: dict[int, Exact] = {}
        self._copies: dict[int, Tensor] = {}  # of what is read when the rows are asked for
        if self.device.type == "cpu" and sum(len(flats[place]) for place in large) <= COPIED:
            self._copies = {place: flats[place].to(wide(flats[place].dtype), copy=True) for place in large}
        elif self.device.type == "cpu":
            self._exact.update(zip(large, read_once([flats[place] for place in large]), strict=True))
        elif large:
            exact = zip(large, norms([flats[place] for place in large]), strict=True)
            self._exact = {place: (norm, *torch.aminmax(flats[place])) for place, norm in exact}
        self._inverses: list[tuple[int, Tensor]] = []

    def values(self, count: int) -> list[Tensor]:
        """What there is of the first `count` tensors as they were: all of each (n,), or its sample (k,)."""
        return [self._copies.get(place, part) for place, part in enumerate(self.sample.parts()[:count])]

    def unscale(self, first: int, scale: Tensor) -> None:
        """Tells that the tensors from `first` on were multiplied with `scale`, which their rows are to be rid of."""
        self._inverses.append((first, scale.detach().reciprocal()))

    def rows(self) -> Tensor:
        """The statistics (tensors, `COLUMNS` and `BINS` counts) on the device; on the CPU any thread may ask."""
        with torch.no_grad():
            on_cpu = self.device.type == "cpu"
            if self._copies:
                found = read_once(list(self._copies.values()))
                self._exact, self._copies = dict(zip(self._copies, found, strict=True)), {}
            rows = rows_on_cpu(self.sample, self._exact) if on_cpu else together(self.sample, self._exact)
            for first, inverse in self._inverses:
                rows[first:, :5].mul_(inverse.to(rows))
                rows[first:, 6:8].mul_(inverse.to(rows))
            return rows
