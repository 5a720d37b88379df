"""Marks: moments of a run worth finding again, such as a loss that is not finite."""

from __future__ import annotations

from dataclasses import dataclass

from torchvis_widgets.record.amendable import Amendable

__all__ = ["Mark", "Marks"]


@dataclass(frozen=True)
class Mark:
    """Something that happened after `step` optimizer steps; `layer` is the module that it is about, if any.

    kind: "loss", "gradient" or "weight" (a value that is not finite), "jump" (of a loss), "edit" (of the weights),
        "hyperparameter" (one that was changed), or a user's own.
    """

    step: int
    epoch: float | None
    time: float
    kind: str
    text: str
    layer: str | None = None
    branch: int = 0


class Marks(Amendable[Mark]):
    """The marks of a run that is being written; any thread adds, the metrics thread stores."""
