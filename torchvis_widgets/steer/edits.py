"""Edit: one change of a model's weights, as plain data that can be compared, stored and made anywhere, bit for bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from torchvis_widgets.steer.packed import Packed

__all__ = ["OPS", "Edit", "EditError", "Index", "Op", "Span", "Value", "spans"]

Op = Literal["gain", "shift", "set", "noise", "prune", "clamp", "reinit", "freeze", "blend"]
OPS: tuple[str, ...] = get_args(Op)

Range = tuple[int, int]
Span = int | Range | tuple[Range, ...]
Index = tuple[Span, ...]
Value = float | tuple[float, float] | Packed


class EditError(ValueError):
    """An edit does not fit the model's tensors; nothing was changed."""


@dataclass(frozen=True)
class Edit:
    """What is done to a tensor by name, or to what `index` and `where` pick of it.

    op: what `value` means. "gain": × value. "shift": + value. "set": = value, a number or a `Packed` tensor of the
        region's shape. "noise": + N(0, value · the region's standard deviation), drawn with `seed`. "prune": the share
        `value` of the smallest by magnitude becomes 0. "clamp": into (lo, hi). "reinit": the layer's own default
        initialisation, drawn with `seed`. "freeze": 1 keeps the parameter from training, 0 lets it train; no bits
        change. "blend": (1 - value) · here + value · the snapshot of step `toward`.
    tensor: a state_dict's name; "" for a blend of the whole model, of which tensors that are no floats stay.
    index: an entry a leading dimension, from 0: a number, a half-open range (3, 5), or several ((0, 2), (6, 8)); None
        is the whole tensor. (11,) is a conv's output channel 11.
    where: a `Packed` mask of the region's shape; only where it is true does anything change.
    toward, branch: the snapshot's step, and its branch where that step alone does not tell it.
    reset_optimizer: whether optimizers forget what they know of what is edited, as momentum.
    """

    tensor: str
    op: Op
    index: Index | None = None
    value: Value | None = None
    seed: int = 0
    toward: int | None = None
    branch: int | None = None
    where: Packed | None = None
    reset_optimizer: bool = False

    @property
    def number(self) -> float:
        """The value of an op that takes one number. Raises TypeError for the others."""
        if not isinstance(self.value, (int, float)):
            raise TypeError(f"the value of this {self.op!r} is {self.value!r} and no number")
        return self.value


def spans(entry: Span) -> tuple[Range, ...]:
    """An entry of an index as ranges."""
    if isinstance(entry, int):
        return ((entry, entry + 1),)
    return (entry,) if isinstance(entry[0], int) else entry
