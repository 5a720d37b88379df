"""SampleDims: along which dimension of each output the samples lie, found out by giving the model fewer of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from torchvis_widgets.look.probe import take_sample

Shapes = Mapping[str, tuple[int, ...]]


class SampleDims:
    """What is known of a model's outputs by key: the dimension, or None for one that all samples share."""

    def __init__(self) -> None:
        self._known: dict[str, int | None] = {}

    def unclear(self, outputs: Mapping[str, Tensor], count: int) -> list[str]:
        """The keys of which the shape for `count` samples does not tell: as of a state (layers, N, H)."""
        return [key for key, each in outputs.items() if key not in self._known and _is_unclear(each.shape, count)]

    def learn(self, shapes: Shapes, count: int, others: Shapes, fewer: int) -> None:
        """Compare outputs for `count` samples with those for another number of them."""
        for key, shape in shapes.items():
            self._known[key] = _growing(shape, count, others[key], fewer)

    def sample(self, key: str, output: Tensor, index: int, count: int) -> Tensor:
        """One sample's part of an output for `count` of them, as a tensor of its own."""
        dim = self._known.get(key, 0)
        if dim is None and output.shape[:1] == (1,):
            return output[0].clone()  # one for all samples, as broadcasting has it
        return take_sample(output, index, count, dim).clone()


def _is_unclear(shape: Sequence[int], count: int) -> bool:
    # Of dimensions of size 1 it does not matter which is taken.
    return tuple(shape[:1]) != (count,) or (count > 1 and list(shape).count(count) > 1)


def _growing(shape: Sequence[int], count: int, other: Sequence[int], fewer: int) -> int | None:
    if len(shape) != len(other):
        return 0
    grown = [dim for dim, (size, less) in enumerate(zip(shape, other, strict=True)) if size != less]
    exact = [dim for dim in grown if shape[dim] * fewer == other[dim] * count]
    return next(iter(exact), 0 if grown else None)
