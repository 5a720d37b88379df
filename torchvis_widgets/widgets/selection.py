"""Selection: the cursor that all views of one session share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from torchvis_widgets.look.ablation import Ablation
from torchvis_widgets.steer.edits import Edit


@dataclass(frozen=True)
class Against:
    """What is compared with: the snapshot of a step, or a sample of the probe."""

    step: int | None = None
    sample: int | None = None


@dataclass(frozen=True)
class Cursor:
    """Where the views look.

    step: of a snapshot; None = the newest state.
    layer: a module's path, or the key of a function in the graph. unit: one of the layer's.
    sample: of the probe.
    edits: of the weights, previewed. ablations: units switched off on the way. Neither touches the model.
    against: what the views show beside or subtract.
    """

    step: int | None = None
    layer: str = ""
    sample: int = 0
    unit: int | None = None
    edits: tuple[Edit, ...] = ()
    ablations: tuple[Ablation, ...] = ()
    against: Against | None = None


class Selection:
    """Holds one `Cursor`; each change replaces it whole, so a reader never sees half of one."""

    def __init__(self, cursor: Cursor) -> None:
        self._lock = threading.Lock()
        self._cursor = cursor

    @property
    def now(self) -> Cursor:
        """The cursor as it stands."""
        return self._cursor

    def change(self, edit: Callable[[Cursor], Cursor]) -> None:
        """Replace the cursor by `edit(cursor)`."""
        with self._lock:
            self._cursor = edit(self._cursor)

    def move(self, step: int | None) -> None:
        """Look at the snapshot of `step`, or follow the newest (None). Previewed edits stay."""
        self.change(lambda cursor: replace(cursor, step=step))

    def select(self, layer: str) -> None:
        """Look at another layer; the unit selected in the last one means nothing there."""
        self.change(lambda cursor: replace(cursor, layer=layer, unit=None) if layer != cursor.layer else cursor)

    def pick_sample(self, sample: int) -> None:
        """Look at another sample of the probe batch."""
        self.change(lambda cursor: replace(cursor, sample=sample))

    def pick_unit(self, unit: int | None) -> None:
        """Look at one unit (channel) of the layer, or at none."""
        self.change(lambda cursor: replace(cursor, unit=unit))

    def preview(self, edits: tuple[Edit, ...]) -> None:
        """Look through these edits, which nothing but views sees."""
        self.change(lambda cursor: replace(cursor, edits=edits))

    def ablate(self, ablations: tuple[Ablation, ...]) -> None:
        """Look at what the model makes of the probe with these units switched off."""
        self.change(lambda cursor: replace(cursor, ablations=ablations))

    def compare(self, against: Against | None) -> None:
        """Show another snapshot or sample as well, or (None) no more."""
        self.change(lambda cursor: replace(cursor, against=against))
