"""Transaction: an edit that was carried out, when, and what it takes to take it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from torchvis_widgets.steer.edits import Edit
from torchvis_widgets.steer.optimizer_state import Forgotten
from torchvis_widgets.steer.recipe import Recipe
from torchvis_widgets.steer.words import in_words

__all__ = ["Kept", "Transaction", "Turn"]

_OVERHEAD = 1000  # bytes of a transaction without its tensors, about


@dataclass(frozen=True)
class Turn:
    """When an edit was taken back or, the next time, made again."""

    step: int
    time: float
    branch: int


@dataclass
class Kept:
    """The bits of what an edit touched, by tensor, as they were before it, after `step` steps; on the CPU.

    trained, gradient: of a parameter that was frozen or let go. optimizers: what they forgot.
    """

    step: int
    before: Mapping[str, Tensor]
    trained: bool | None = None
    gradient: Tensor | None = None
    optimizers: Forgotten = field(default_factory=Forgotten)

    def nbytes(self) -> int:
        """Bytes that this takes."""
        return sum(tensor.nbytes for tensor in self.before.values()) + self.optimizers.nbytes() + _OVERHEAD


@dataclass(eq=False, repr=False)
class Transaction:
    """An edit as it was made after `step` steps of a branch, its number in the run counted from 0.

    tied: the names that share the tensor edited, where there are several. recipe: what a reinit drew from. undone:
    whether it has been taken back, and not been made again. kept: None where the edit was made by another process, or
    so long ago that its bits were given up.
    """

    number: int
    edit: Edit
    step: int
    epoch: float | None
    time: float
    branch: int
    tied: tuple[str, ...] = ()
    recipe: Recipe | None = None
    turns: list[Turn] = field(default_factory=list)
    undone: bool = False
    kept: Kept | None = None

    def __repr__(self) -> str:
        return f"Transaction {self.number}: {in_words(self.edit)}, step {self.step}{', undone' if self.undone else ''}"
