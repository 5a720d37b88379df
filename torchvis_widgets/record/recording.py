"""Recording: a run that is being written while a model trains."""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock
from numpy.typing import ArrayLike
from torch import Tensor

from torchvis_widgets.record import directory
from torchvis_widgets.record.best import Best, spare_best
from torchvis_widgets.record.changes import Change, Value
from torchvis_widgets.record.changes_writer import ChangesWriter
from torchvis_widgets.record.edits import Edited
from torchvis_widgets.record.errors import RunError
from torchvis_widgets.record.marks import Mark
from torchvis_widgets.record.metrics import Listener, MetricsWriter
from torchvis_widgets.record.run import Run
from torchvis_widgets.record.search import find
from torchvis_widgets.record.sheet import Sheet
from torchvis_widgets.record.snapshot_writer import SnapshotWriter
from torchvis_widgets.record.snapshots import Commit, Snapshot
from torchvis_widgets.record.statistics_writer import StatisticsWriter
from torchvis_widgets.record.tensor_file import is_storable, plain, write_tensors
from torchvis_widgets.record.thinning import Thinner

__all__ = ["Recording"]

_CLOSING_TIMEOUT = 60.0  # seconds that close() waits for the disk


class Recording(Run):
    """A run and what writes it; `create` starts one."""

    def __init__(self, path: Path, lock: FileLock, keep: int | None, best: Best | None) -> None:
        self._open(path, follow=False)
        file = self.path / directory.METRICS
        metrics = self._metrics = MetricsWriter(file, self._problems, self._branches)
        thinner = keep and Thinner(self._store, keep, spare_best(self._store, metrics, best), self._problems)
        snapshots = SnapshotWriter(self._store, self._problems, thinner or None)
        changes = self._changes = ChangesWriter(file, self._problems)
        self._writers = _Writers(metrics, snapshots, StatisticsWriter(file, self._problems), changes, lock)
        # Also when the run is forgotten and when the interpreter ends, which kills daemon threads.
        self._close = weakref.finalize(self, self._writers.close)

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str] | None,
        *,
        model: directory.Fingerprint,
        name: str | None = None,
        classes: list[str] | None = None,
        keep: int | None = None,
        best: Best | None = None,
    ) -> Recording:
        """Starts a run in `path`, in a temporary directory if None; `model` maps tensor names to (shape, dtype).

        Snapshots are thinned out to `keep` bytes, the one that the metric of `best` says is the best never.
        An older run of the same model in `path` is kept as `path`-1, `path`-2, … . Raises RunError for a directory that
        holds another model's run or other files, is being written, or cannot be.
        """
        place, lock = directory.claim(None if path is None else directory.absolute(path), model)
        try:
            directory.write_about(place, directory.new_about(name or place.name, classes, model))
            return cls(place, lock, keep, best)
        except (OSError, sqlite3.Error) as error:
            lock.release()
            raise RunError(f"run directory {str(place)!r} is not writable: {error}. Give another run=…") from error

    def describe(self, **fields: Any) -> None:
        """Puts fields (graph, classes, name, …) into run.json at once. Raises TypeError for what JSON cannot hold."""
        about = {**self._about, **fields}
        try:
            directory.write_about(self.path, about)
        except OSError as error:
            self._problems.note("description", f"run.json could not be written: {error}")
        self._about = about

    def log(self, step: int, epoch: float | None, values: Mapping[str, Any]) -> None:
        """Records numbers by name after `step` optimizer steps: floats, ints, tensors or arrays of one element.

        Owns a copy of each, and waits neither for a device nor for the disk. Raises TypeError and ValueError for names
        that are no str and values that are no number; then none of `values` is recorded.
        """
        if self._writers.closed:
            self._problems.note("late", "metrics logged after the run was closed are lost")
            return
        self._writers.metrics.log(step, epoch, values)

    def extend(self, name: str, step: ArrayLike, epoch: ArrayLike, time: ArrayLike, value: ArrayLike) -> None:
        """Records the history of a metric that something else has logged: arrays (N,), time in seconds since 1970."""
        self._writers.metrics.extend(name, step, epoch, time, value)

    def save(
        self,
        state: Mapping[str, Tensor],
        *,
        step: int,
        epoch: float | None,
        name: str | None = None,
        finished_epochs: int | None = None,
        training: Mapping[str, Any] | None = None,
    ) -> None:
        """Clones `state` now and writes what has changed of it in the background, as the snapshot of `step`.

        `training` is what else is kept with it, by name: nested lists and dicts of numbers, text and tensors.
        `finished_epochs` are those before it, told by `epoch` where that is a number.
        """
        if self._writers.closed:
            self._problems.note("late snapshot", "snapshots taken after the run was closed are lost")
            return
        finished = int(epoch or 0) if finished_epochs is None else finished_epochs
        at = None if epoch is None else float(epoch)
        taken = Snapshot(step, at, time.time(), name, {}, self._branches.current, finished)
        self._writers.snapshots.save(state, taken, training)

    def begin_branch(self, snapshot: Snapshot) -> int:
        """What is logged and saved from now on follows `snapshot`, and not what came after it; returns the number."""
        begun = self._branches.begin(snapshot.branch, snapshot.step, snapshot.time)
        self.describe(branches=self._branches.rows())  # before anything that belongs to it
        self._writers.metrics.begin_branch(begun.number)
        return begun.number

    def mark(
        self,
        step: int,
        epoch: float | None,
        kind: str,
        text: str,
        layer: str | None = None,
        *,
        branch: int | None = None,
    ) -> int:
        """Notes a moment of a branch (None: the current one), shown on the loss plot and the timeline.

        Returns its number for `amend_mark`.
        """
        on = self._branches.current if branch is None else branch
        return self._writers.metrics.marks.add(Mark(step, epoch, time.time(), kind, text, layer, on))

    def amend_mark(self, number: int, **fields: Any) -> None:
        """Changes fields of a mark of this run."""
        self._writers.metrics.marks.amend(number, **fields)

    def note_edit(self, edited: Edited) -> int:
        """Records an edit of the weights; returns its number for `amend_edit`."""
        return self._writers.metrics.edits.add(edited)

    def amend_edit(self, number: int, edited: Edited) -> None:
        """Records what has become of an edit of this run."""
        self._writers.metrics.edits.amend(number, **vars(edited))

    def note_change(
        self, step: int, epoch: float | None, name: str, before: Value, after: Value, by: str = "user"
    ) -> int:
        """Notes that a hyperparameter was changed; returns its number for `amend_change`."""
        change = Change(step, epoch, time.time(), name, before, after, by, self._branches.current)
        return self._writers.changes.add(change)

    def amend_change(self, number: int, after: Value) -> None:
        """Gives a change of this run another end: a slider is still being dragged."""
        self._writers.changes.amend(number, after=after)

    def listen(self, listener: Listener) -> None:
        """Calls the method `listener(names, rows)` for logged values as they arrive; see `MetricsWriter.listen`."""
        self._writers.metrics.listen(listener)

    def listen_to_statistics(self, listener: Callable[..., None]) -> None:
        """Calls the method `listener(step, epoch, branch, finite)` for statistics; see `StatisticsWriter.listen`."""
        self._writers.statistics.listen(listener)

    def put_statistics(self, sheet: Sheet) -> None:
        """Records what has been measured; waits neither for a device nor for the disk."""
        if not self._writers.closed:
            self._writers.statistics.put(sheet)

    def leave_out_of_statistics(self, name: str, reason: str) -> None:
        """Notes in `problems` what has no statistics, and why."""
        self._problems.note(f"statistics of {name}", f"statistics are without {name}: {reason}")

    def save_probe(self, tensors: Mapping[str, Tensor]) -> None:
        """Writes the probe batch into the directory. Raises TypeError for a tensor that safetensors cannot hold."""
        for name, tensor in tensors.items():
            if not is_storable(tensor):
                raise TypeError(
                    f"probe tensor {name!r}: found {tensor!r:.80}, expected a dense tensor of a common dtype"
                )
        draft = self.path / f"{directory.PROBE}.part"
        try:
            # Clones, as a file cannot hold two tensors that share memory.
            write_tensors(draft, {name: plain(tensor.cpu().clone()) for name, tensor in tensors.items()})
            draft.replace(self.path / directory.PROBE)
        except Exception as error:
            self._problems.note("probe", f"the probe batch could not be written: {error}")

    def flush(self, timeout: float = 10.0) -> None:
        """Puts all that was logged and saved so far on the disk and into `series`.

        `problems` tells of what is not there after `timeout` seconds.
        """
        writers = self._writers
        if writers.closed:
            return
        drains = (writers.metrics, writers.snapshots, writers.statistics, writers.changes)
        if [each for each in drains if not each.flush(timeout)]:  # each has its turn, whatever becomes of the others
            self._problems.note("flush", f"flush: not everything was on the disk within {timeout:g} s")

    def close(self) -> None:
        """Writes what is pending and lets go of the directory; reading goes on. Closing twice is allowed."""
        self._close()

    # Reading what may not be on the disk yet

    def snapshot_names(self) -> set[str]:
        """The names that snapshots have, those included that are still being written."""
        return self._writers.snapshots.names()

    @property
    def followed(self) -> bool:
        """Whether this object reads a run that something else writes: no."""
        return False

    def reread(self) -> None:
        """Takes in what something else has written: nothing."""

    def _find(self, **which: Any) -> Commit:
        try:
            return find(self._store, **which)
        except LookupError:
            self.flush()  # it may have been taken just now
            return find(self._store, **which)

    def _catch_up(self) -> None:
        self.flush()


class _Writers:
    """All that writing needs, apart from Run so that a forgotten Run can still be closed."""

    def __init__(
        self,
        metrics: MetricsWriter,
        snapshots: SnapshotWriter,
        statistics: StatisticsWriter,
        changes: ChangesWriter,
        lock: FileLock,
    ) -> None:
        self.metrics, self.snapshots, self.statistics, self.changes = metrics, snapshots, statistics, changes
        self._lock = lock
        self.closed = False

    def close(self) -> None:
        self.closed = True
        self.snapshots.close(_CLOSING_TIMEOUT)
        self.changes.close(_CLOSING_TIMEOUT)
        self.statistics.close(_CLOSING_TIMEOUT)  # before the metrics, which fold the file's log into it
        self.metrics.close(_CLOSING_TIMEOUT)
        self._lock.release()
