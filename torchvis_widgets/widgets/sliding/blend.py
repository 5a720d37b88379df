"""Blend: how far the weights are moved toward a snapshot, and the probe's loss all along the way."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torchvis_widgets.look.errors import LookError
from torchvis_widgets.record.snapshots import Snapshot
from torchvis_widgets.steer.edits import Edit, EditError
from torchvis_widgets.widgets.prefetcher import Prefetcher

__all__ = ["POINTS", "Blend", "Way", "choices"]

POINTS = 21
MOST_CHOICES = 200


@dataclass(frozen=True)
class Blend:
    """What is blended (a tensor, "" = the whole model) toward which snapshot."""

    tensor: str
    toward: int
    branch: int | None

    def edit(self, share: float) -> Edit:
        """So much of the way."""
        return Edit(self.tensor, "blend", None, share, toward=self.toward, branch=self.branch)

    def is_of(self, edit: Edit) -> bool:
        """Whether an edit is this blend, whatever its share."""
        return replace(edit, value=0.0) == self.edit(0.0)


class Way:
    """The probe's loss at each point of the way to a snapshot, computed on a thread of its own, the ends first."""

    def __init__(self, computed: Callable[[], None]) -> None:
        self.version = 0
        self.trouble: str | None = None
        self._computed = computed
        self._worker = Prefetcher(self._compute)
        self._key: tuple[Hashable, Hashable] | None = None
        self._loss: Callable[[float], float | None] = lambda share: None
        self._losses: dict[int, float | None] = {}

    @property
    def points(self) -> list[tuple[float, float | None]]:
        """Shares of the way and the losses there, as far as they are known."""
        return [(place / (POINTS - 1), loss) for place, loss in sorted(self._losses.items())]

    def aim(self, what: Hashable, state: Hashable, loss: Callable[[float], float | None]) -> None:
        """Compute `loss(share)` all along the way, unless this was asked for already.

        what: tells this way from others. state: tells the state at its beginning; where that changes all the time, as
        it does while a model trains, a way is computed to its end before the next one is begun.
        """
        same = self._key is not None and self._key[0] == what
        if same and (self._key == (what, state) or (len(self._losses) < POINTS and self.trouble is None)):
            return
        self._key, self._loss, self._losses, self.trouble = (what, state), loss, {}, None
        self._worker.aim(_coarse_first(POINTS))

    def _compute(self, place: int) -> None:
        key, losses = self._key, self._losses
        try:
            losses[place] = self._loss(place / (POINTS - 1))
        except (LookError, EditError, LookupError) as error:
            self.trouble = str(error)
            self._worker.aim(())
        if key == self._key:
            self.version += 1
            self._computed()


def choices(snapshots: Sequence[Snapshot]) -> list[dict[str, Any]]:
    """The snapshots that can be blended toward, thinned evenly where there are many; the first and the last always."""
    count = min(len(snapshots), MOST_CHOICES)
    places = sorted({round(i * (len(snapshots) - 1) / max(1, count - 1)) for i in range(count)})
    return [{"step": snapshots[i].step, "text": _said(snapshots[i])} for i in places]


def _said(snapshot: Snapshot) -> str:
    where = f"step {snapshot.step:,}" if snapshot.epoch is None else f"epoch {snapshot.epoch:g}"
    return f"{snapshot.name} ({where})" if snapshot.name else where


def _coarse_first(count: int) -> list[int]:
    """0 … count − 1, each half of the way before its quarters."""
    order, stride = [0, count - 1], count
    while stride > 1:
        stride = (stride + 1) // 2
        order += [place for place in range(0, count, stride) if place not in order]
    return order
