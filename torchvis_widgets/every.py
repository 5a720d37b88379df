"""Every: how often something is done, in epochs, in steps, or both; and when a snapshot is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FIRST_INTERVAL = 100  # steps between snapshots of a loop that tells nothing of its epochs
SNAPSHOTS_AN_INTERVAL = 64  # after so many the interval is doubled, so that they grow with the logarithm of the steps


@dataclass(frozen=True)
class Every:
    """`Every(epochs=1)`, `Every(steps=500)`, or both: at each of these that comes.

    Args:
        epochs: after every so many finished epochs.
        steps: after every so many optimizer steps.

    Raises:
        ValueError: neither is given, or one is no positive whole number.
    """

    epochs: int | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        if self.epochs is None and self.steps is None:
            raise ValueError("Every() needs epochs=…, steps=… or both; for example Every(epochs=1)")
        for name, value in (("epochs", self.epochs), ("steps", self.steps)):
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise ValueError(f"Every({name}=…) takes a positive whole number, found {value!r}")


Policy = Every | Literal["auto"] | None


def check_policy(snapshots: object) -> None:
    """Raises TypeError for what says nothing of when to take a snapshot."""
    if snapshots is not None and snapshots != "auto" and not isinstance(snapshots, Every):
        raise TypeError(
            f"snapshots: found {snapshots!r}, expected tvw.Every(epochs=1), tvw.Every(steps=500), "
            'tvw.Every(epochs=1, steps=500), "auto", or None for none'
        )


class Due:
    """Says when a snapshot is due. `"auto"`: at each epoch's end, and in a bare loop ever more rarely."""

    def __init__(self, policy: Policy) -> None:
        self._bare = policy == "auto"
        self._every = policy if isinstance(policy, Every) else Every(epochs=1) if self._bare else None
        self._interval, self._count = FIRST_INTERVAL, 0

    @property
    def ever(self) -> bool:
        """Whether any is taken of itself."""
        return self._every is not None

    def after_epoch(self, epoch: int) -> bool:
        """Whether one is due when `epoch` epochs have finished."""
        return self._every is not None and self._every.epochs is not None and epoch % self._every.epochs == 0

    def after_step(self, step: int, bare: bool) -> bool:
        """Whether one is due after `step` steps; `bare`: the loop tells nothing of its epochs."""
        if self._every is not None and self._every.steps is not None:
            return step % self._every.steps == 0
        return self._bare and bare and self._doubling(step)

    def _doubling(self, step: int) -> bool:
        if step % self._interval:
            return False
        self._count += 1
        if self._count == SNAPSHOTS_AN_INTERVAL:
            self._interval, self._count = self._interval * 2, 0
        return True
