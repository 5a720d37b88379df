"""Putting the best snapshot back when `epochs()` has ended: early stopping without a line in the loop."""

from __future__ import annotations

from collections.abc import Callable

from torchvis_widgets.every import Policy
from torchvis_widgets.keeper import Recorded
from torchvis_widgets.loop import Loop
from torchvis_widgets.record.best import Best
from torchvis_widgets.record.recording import Recording
from torchvis_widgets.watcher import Watcher

MARK = "best"


def check_restore_best(wanted: object, best: Best | None, snapshots: Policy) -> None:
    """Raises TypeError for what is no yes or no, ValueError where there is nothing to tell the best one by."""
    if not isinstance(wanted, bool):
        raise TypeError(f'restore_best: found {wanted!r}, expected True or False; best="val/loss" says by what')
    if wanted and best is None:
        raise ValueError('restore_best needs the metric that tells the best: watch(…, best="val/loss")')
    if wanted and snapshots is None:
        raise ValueError("restore_best needs snapshots to go back to, found snapshots=None: tvw.Every(epochs=1)")


def restore_best(watcher: Watcher, run: Recording, loop: Loop, best: Best, go_back: Callable[[Recorded], None]) -> None:
    """Go back to the best snapshot of the current branch, on the training thread; the state it leaves is kept as well.

    Nothing happens where the model is there already. Raises LookupError where no snapshot has a value of the metric.
    """
    watcher.keep_last()
    run.flush()
    found = run.best(*best)
    if found.step == loop.step:
        return
    go_back(watcher.keeper.read(step=found.step))
    run.mark(found.step, found.epoch, MARK, f"put back: the best {best[0]}, of {found}")
