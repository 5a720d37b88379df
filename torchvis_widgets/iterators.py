"""What `session.epochs()` and `session.batches()` return: iterators that tell the loop how far it has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from torchvis_widgets.loop import Loop

Batch = TypeVar("Batch")


class Epochs:
    """What `Session.epochs(n)` returns: `len()` is n; counting goes on from the epochs already finished."""

    def __init__(
        self,
        loop: Loop,
        count: int,
        *,
        began: Callable[[], None],
        ended: Callable[[], None],
        between: Callable[[], None],
        left: Callable[[], None],
    ) -> None:
        self._loop, self._count = loop, count
        self._began, self._ended, self._between, self._left = began, ended, between, left

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        loop = self._loop
        last = loop.target_epochs = loop.finished_epochs + self._count
        loop.begin_iterating()
        status = "stopped"
        try:
            loop.inside_epochs, loop.batch = True, 0
            self._began()
            while loop.finished_epochs < last and not self._stopping():
                loop.batch = 0
                yield loop.finished_epochs + 1
                if self._stopping():
                    return
                if not loop.turn_back():
                    loop.finish_epoch()
                    self._ended()
                    if loop.finished_epochs < last:
                        self._between()
            status = "finished"
        finally:
            loop.turn_back()  # left by break: the caller's next epochs() begin where it went back to
            self._left()
            loop.inside_epochs = False
            loop.end_iterating(status, is_last=True)

    def _stopping(self) -> bool:
        return self._loop.brake.stopping


class Batches(Generic[Batch]):
    """What `Session.batches(loader)` returns: the loader's own batches, counted; `len()` where the loader has one.

    Within one epoch the first pass is the training; a later one (validation) is handed through uncounted. Outside
    `epochs()` each pass in which steps were taken is an epoch.
    """

    def __init__(
        self,
        loop: Loop,
        loader: Iterable[Batch],
        *,
        after_batch: Callable[[], None],
        ended: Callable[[], None],
        between: Callable[[], None],
    ) -> None:
        self._loop, self._loader = loop, loader
        self._after_batch, self._ended, self._between = after_batch, ended, between

    def __len__(self) -> int:
        return len(self._loader)  # type: ignore[arg-type]  # the loader's own TypeError is the right one

    def __iter__(self) -> Iterator[Batch]:
        loop = self._loop
        if loop.inside_epochs and loop.batch:
            yield from self._loader
            return
        loop.batches_per_epoch = _length(self._loader)
        before, turns = loop.step, loop.turns
        loop.begin_iterating()
        status = "stopped"
        try:
            for batch in self._loader:
                loop.batch_began_at = loop.step
                yield batch
                loop.batch_began_at = None
                loop.batch += 1
                loop.samples += batch_size(batch)
                self._after_batch()
                if loop.brake.stopping:
                    return
                if loop.back is not None:
                    break
            status = "finished"
            if not loop.inside_epochs:
                self._finish_pass(loop.step > before and loop.turns == turns)
        finally:
            loop.batch_began_at = None
            loop.end_iterating(status, is_last=False)

    def _finish_pass(self, is_epoch: bool) -> None:
        if is_epoch:
            self._loop.finish_epoch()
            self._ended()
            self._between()
        self._loop.batch = 0


def batch_size(batch: Any) -> int:
    """Samples in a batch: the length of the first thing in it that has one."""
    while isinstance(batch, (tuple, list)) and batch:
        batch = batch[0]
    if isinstance(batch, dict) and batch:
        return batch_size(next(iter(batch.values())))
    shape = getattr(batch, "shape", None)
    return int(shape[0]) if shape is not None and len(shape) > 0 else 1


def _length(loader: object) -> int | None:
    try:
        return len(loader)  # type: ignore[arg-type]
    except TypeError:  # an iterable dataset has no length: the progress is then not known
        return None
