"""How far an optimizer step moves the weights: a copy before it, the norm of the difference after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from torchvis_widgets.record.measure_on_cpu import distances
from torchvis_widgets.record.sampling import COPIED, Sample, flat, norms, wide

__all__ = ["Before", "Moved"]

Moved = Callable[[], Tensor]

_MOST_BYTES = 1024**3


class Before:
    """What measurable tensors of one device and type were before a step: all of it, or their samples.

    `exact` says which: at most 1 GiB is copied. `samples` are copies of all of a tensor, or of `most` of its elements.
    """

    def __init__(self, tensors: Sequence[Tensor], samples: Sequence[Tensor], most: int, *, exact: bool) -> None:
        self._tensors, self._most = list(tensors), most
        kind = wide(tensors[0].dtype)
        self.exact = exact and sum(tensor.numel() for tensor in tensors) * kind.itemsize <= _MOST_BYTES
        self._values = list(samples)
        for place, (tensor, sample) in enumerate(zip(tensors, samples, strict=True)):
            # A sample of all is a copy already; on a device it is changed in place.
            if self.exact and not (tensor.is_cpu and len(sample) == tensor.numel()):
                self._values[place] = flat(tensor).to(kind, copy=True)

    def moved(self) -> Moved:
        """The norms (tensors,) of what has changed until now, from the samples where not `exact`; to be called once.

        Nothing is left to be computed of them but what any thread may.
        """
        flats = [flat(tensor) for tensor in self._tensors]
        if self.exact and flats[0].is_cpu:
            sizes = [len(each) for each in flats]
            if sum(sizes) <= COPIED:
                now = torch.cat(flats)
                return lambda: distances(self._values, torch.split(now, sizes))
            found = distances(self._values, flats)
        else:
            found = self._difference(flats)
        return lambda: found

    def _difference(self, flats: list[Tensor]) -> Tensor:
        if self.exact:
            torch._foreach_sub_(self._values, flats)
            return norms(self._values)
        after = Sample(flats, self._most)
        after.values.sub_(torch.cat(self._values))
        shares = [all_ / sampled for all_, sampled in zip((len(each) for each in flats), after.sizes, strict=True)]
        found = norms(after.parts())
        torch._foreach_mul_(list(found.unbind()), [share**0.5 for share in shares])
        return found
