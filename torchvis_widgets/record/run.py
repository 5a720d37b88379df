"""Run: one run directory, written while a model trains, read by every view."""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import numpy as np
from filelock import FileLock
from numpy.typing import ArrayLike
from torch import Tensor

from torchvis_widgets.record import directory
from torchvis_widgets.record.best import Best, best_of, check_best, spare_best
from torchvis_widgets.record.branches import Branch, Branches
from torchvis_widgets.record.errors import Problems, RunError
from torchvis_widgets.record.marks import Mark
from torchvis_widgets.record.metrics import Listener, MetricsReader, MetricsWriter
from torchvis_widgets.record.search import find
from torchvis_widgets.record.series import Series
from torchvis_widgets.record.snapshot_writer import SnapshotWriter
from torchvis_widgets.record.snapshots import Commit, Snapshot, SnapshotStore
from torchvis_widgets.record.statistics import Sheet, StatisticsWriter
from torchvis_widgets.record.statistics_file import Histograms, read_histograms, read_statistics
from torchvis_widgets.record.tensor_file import is_storable, plain, read_tensors, write_tensors
from torchvis_widgets.record.thinning import Thinner

if TYPE_CHECKING:
    import pandas

__all__ = ["Run"]

Read = TypeVar("Read")

_CLOSING_TIMEOUT = 60.0  # seconds that close() waits for the disk


class Run:
    """One run directory. `Run(path)` reopens one read-only, also while another process writes it.

    As the last line of a cell it shows the dashboard.

    Raises RunError where there is no run, or one that a newer version of torchvis_widgets has written.
    """

    viewer: ClassVar[Callable[[Any], Any] | None] = None
    """Makes the widget that shows a run; set by the package, so that this module knows no widget."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        _lock: FileLock | None = None,
        _keep: int | None = None,
        _best: Best | None = None,
    ) -> None:
        self.path = _absolute(path)
        self._about_version = directory.about_version(self.path)
        self._about = directory.read_about(self.path)
        self._replaced = False
        self._problems = Problems()
        self._branches = Branches(self.path, self._about["branches"], follow=_lock is None)
        self._store = SnapshotStore(self.path / directory.SNAPSHOTS, self._problems, self._branches)
        self._metrics: MetricsWriter | MetricsReader
        self._writer: _Writer | None = None
        metrics_path = self.path / directory.METRICS
        if _lock is None:
            self._metrics = MetricsReader(metrics_path, self._branches)
            return
        metrics = self._metrics = MetricsWriter(metrics_path, self._problems, self._branches)
        thinner = _keep and Thinner(self._store, _keep, spare_best(self._store, metrics, _best), self._problems)
        snapshots = SnapshotWriter(self._store, self._problems, thinner or None)
        self._writer = _Writer(metrics, snapshots, StatisticsWriter(metrics_path, self._problems), _lock)
        # Also when the run is forgotten and when the interpreter ends, which kills daemon threads.
        self._close = weakref.finalize(self, self._writer.close)

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
    ) -> Run:
        """Starts a run in `path`, in a temporary directory if None; `model` maps tensor names to (shape, dtype).

        Snapshots are thinned out to `keep` bytes, the one that the metric of `best` says is the best never.
        An older run of the same model in `path` is kept as `path`-1, `path`-2, … . Raises RunError for a directory that
        holds another model's run or other files, is being written, or cannot be.
        """
        place, lock = directory.claim(None if path is None else _absolute(path), model)
        try:
            directory.write_about(place, directory.new_about(name or place.name, classes, model))
            return cls(place, _lock=lock, _keep=keep, _best=best)
        except (OSError, sqlite3.Error) as error:
            lock.release()
            raise RunError(f"run directory {str(place)!r} is not writable: {error}. Give another run=…") from error

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        viewer = Run.viewer
        return {"text/plain": repr(self)} if viewer is None else viewer(self)._repr_mimebundle_(**kwargs)

    @property
    def name(self) -> str:
        """What the run is called in views."""
        return str(self._about["name"])

    @property
    def classes(self) -> list[str] | None:
        """Names of the model's classes."""
        classes: list[str] | None = self._about["classes"]
        return classes

    @property
    def began(self) -> float:
        """When recording began, in seconds since 1970."""
        return float(self._about["created"])

    @property
    def graph(self) -> dict[str, Any] | None:
        """The model's modules as `look.trace` found them."""
        graph: dict[str, Any] | None = self._about["graph"]
        return graph

    @property
    def writable(self) -> bool:
        """Whether this object records the run, rather than reads it."""
        return self._writer is not None

    @property
    def followed(self) -> bool:
        """Whether this object reads a run that is being written, by another process or by this one."""
        return self._writer is None and not self._replaced and directory.is_being_written(self.path)

    def reread(self) -> None:
        """Takes in what a run that is being written has meanwhile put into run.json."""
        version = directory.about_version(self.path)
        if self._writer is not None or version in (None, self._about_version):
            return
        try:
            about = directory.read_about(self.path)
        except RunError:  # removed meanwhile: what was read of it stays
            return
        self._about_version = version
        if about["created"] != self._about["created"]:
            self._replaced = True
            text = f"{self.path} holds a newer run by now, which Run({str(self.path)!r}) opens when called again"
            self._problems.note("replaced", text)
            return
        self._about = about

    @property
    def problems(self) -> list[str]:
        """What recording had to give up, in words."""
        return self._problems.texts()

    # Writing

    def describe(self, **fields: Any) -> None:
        """Puts fields (graph, classes, name, …) into run.json at once. Raises TypeError for what JSON cannot hold."""
        self._recorder()
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
        writer = self._writer or self._recorder()
        if writer.closed:
            self._problems.note("late", "metrics logged after the run was closed are lost")
            return
        writer.metrics.log(step, epoch, values)

    def extend(self, name: str, step: ArrayLike, epoch: ArrayLike, time: ArrayLike, value: ArrayLike) -> None:
        """Records the history of a metric that something else has logged: arrays (N,), time in seconds since 1970."""
        self._recorder().metrics.extend(name, step, epoch, time, value)

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
        writer = self._recorder()
        if writer.closed:
            self._problems.note("late snapshot", "snapshots taken after the run was closed are lost")
            return
        finished = int(epoch or 0) if finished_epochs is None else finished_epochs
        at = None if epoch is None else float(epoch)
        taken = Snapshot(step, at, time.time(), name, {}, self._branches.current, finished)
        writer.snapshots.save(state, taken, training)

    def begin_branch(self, snapshot: Snapshot) -> int:
        """What is logged and saved from now on follows `snapshot`, and not what came after it; returns the number."""
        writer = self._recorder()
        begun = self._branches.begin(snapshot.branch, snapshot.step, snapshot.time)
        self.describe(branches=self._branches.rows())  # before anything that belongs to it
        writer.metrics.begin_branch(begun.number)
        return begun.number

    def mark(self, step: int, epoch: float | None, kind: str, text: str, layer: str | None = None) -> int:
        """Notes a moment of the run, shown on the loss plot and the timeline; returns its number for `amend_mark`."""
        return self._recorder().metrics.marks.add(step, epoch, kind, text, layer)

    def amend_mark(self, number: int, **fields: Any) -> None:
        """Changes fields of a mark of this run."""
        self._recorder().metrics.marks.amend(number, **fields)

    def listen(self, listener: Listener) -> None:
        """Calls the method `listener(names, rows)` for logged values as they arrive; see `MetricsWriter.listen`."""
        self._recorder().metrics.listen(listener)

    def listen_to_statistics(self, listener: Callable[..., None]) -> None:
        """Calls the method `listener(step, epoch, finite)` for statistics; see `StatisticsWriter.listen`."""
        self._recorder().statistics.listen(listener)

    def put_statistics(self, sheet: Sheet) -> None:
        """Records what has been measured; waits neither for a device nor for the disk."""
        writer = self._recorder()
        if not writer.closed:
            writer.statistics.put(sheet)

    def leave_out_of_statistics(self, name: str, reason: str) -> None:
        """Notes in `problems` what has no statistics, and why."""
        self._problems.note(f"statistics of {name}", f"statistics are without {name}: {reason}")

    def save_probe(self, tensors: Mapping[str, Tensor]) -> None:
        """Writes the probe batch into the directory. Raises TypeError for a tensor that safetensors cannot hold."""
        self._recorder()
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
        if self._writer is None or self._writer.closed:
            return
        writer = self._writer
        if not (writer.metrics.flush(timeout) & writer.snapshots.flush(timeout) & writer.statistics.flush(timeout)):
            self._problems.note("flush", f"flush: not everything was on the disk within {timeout:g} s")

    def close(self) -> None:
        """Writes what is pending and lets go of the directory; reading goes on. Closing twice is allowed."""
        if self._writer is not None:
            self._close()

    # Reading

    @property
    def series(self) -> dict[str, Series]:
        """Every metric's history by name, in the order of their first values; up to date while the run is written."""
        return self._metrics.series

    @property
    def marked(self) -> list[Mark]:
        """What went wrong and when, in the order in which it was noticed."""
        return self._metrics.marked

    @property
    def left(self) -> dict[str, list[Series]]:
        """What branches that were left by going back had logged, by name, each from where the current one parts."""
        return self._metrics.lines.left

    @property
    def branch(self) -> int:
        """The number of the current branch: how often the run has gone back to a snapshot."""
        return self._branches.current

    @property
    def branches(self) -> tuple[Branch, ...]:
        """Every branch: where it began."""
        return self._branches.all()

    @property
    def snapshots(self) -> list[Snapshot]:
        """The snapshots on the disk on the way to the current branch's end, by step."""
        return [commit.snapshot for commit in self._store.line()]

    @property
    def all_snapshots(self) -> list[Snapshot]:
        """The snapshots of all branches, those that were left included, by branch and step."""
        return [commit.snapshot for commit in self._store.commits()]

    def snapshot(
        self,
        *,
        epoch: float | None = None,
        step: int | None = None,
        name: str | None = None,
        branch: int | None = None,
    ) -> Snapshot:
        """Returns the snapshot of exactly this epoch, step or name.

        It is one on the way to `branch`; by default to the current one, else of whichever has it. Raises LookupError
        that names the nearest ones.
        """
        return self._find(epoch=epoch, step=step, name=name, branch=branch).snapshot

    def best(self, metric: str, mode: Literal["min", "max"] = "min") -> Snapshot:
        """Returns the snapshot, of the current branch or before it, at whose step `metric` was least (or greatest).

        Raises LookupError where the metric was logged at the step of none.
        """
        asked = check_best((metric, mode))
        found = best_of(self._store.line(), asked, self._metrics.lines) if asked else None
        if found is None:
            names = ", ".join(map(repr, self.series)) or "nothing yet"
            raise LookupError(f"no snapshot has a value of {metric!r} at its step; logged are {names}")
        return found.snapshot

    def state_dict(
        self,
        *,
        epoch: float | None = None,
        step: int | None = None,
        name: str | None = None,
        branch: int | None = None,
        keys: Iterable[str] | None = None,
    ) -> dict[str, Tensor]:
        """Returns a snapshot's tensors (those named by `keys`), memory-mapped: only what is read comes from the disk.

        Which snapshot: see `snapshot()`. Raises LookupError for a snapshot or tensor that is not there, RunError for a
        file that is damaged.
        """
        return self._store.tensors(self._find(epoch=epoch, step=step, name=name, branch=branch), keys)

    def training_state(
        self,
        *,
        epoch: float | None = None,
        step: int | None = None,
        name: str | None = None,
        branch: int | None = None,
    ) -> dict[str, Any]:
        """Returns what a snapshot holds beside the model, by the names in its `training`; {} where that is nothing.

        `"optimizer 0"` is what its `state_dict()` gave. Raises as `state_dict()`.
        """
        return self._store.training(self._find(epoch=epoch, step=step, name=name, branch=branch))

    def _find(self, **which: Any) -> Commit:
        try:
            return find(self._store, **which)
        except LookupError:
            if self._writer is None or self._writer.closed:
                raise
        self.flush()  # it may have been taken just now
        return find(self._store, **which)

    def names(self) -> set[str]:
        """The names that snapshots have, those included that are still being written."""
        if self._writer is not None:
            return self._writer.snapshots.names()
        return {snapshot.name for snapshot in self.all_snapshots if snapshot.name is not None}

    def probe(self) -> dict[str, Tensor] | None:
        """Returns the probe batch, None if none was saved."""
        path = self.path / directory.PROBE
        return read_tensors(path) if path.exists() else None

    def metrics(self) -> pandas.DataFrame:
        """Returns every value as a row (step, epoch, time, name, value, branch), by branch and step; tidy, so that
        seaborn and matplotlib plot it.
        """
        import pandas

        frames = [pandas.DataFrame({"step": np.empty(0, np.int64), "epoch": [], "time": [], "name": [], "value": [],
                                    "branch": np.empty(0, np.int64)})]  # fmt: skip
        for branch, series in self._metrics.lines.own():
            step, epoch, time, value = series.columns()
            columns = {"step": step, "epoch": epoch, "time": time, "name": series.name, "value": value}
            frames.append(pandas.DataFrame({**columns, "branch": branch}))
        table = pandas.concat(frames[1:] or frames)
        return table.sort_values(["branch", "step"], kind="stable", ignore_index=True)

    def marks(self) -> pandas.DataFrame:
        """Returns every mark as a row (step, epoch, time, kind, text, layer), in the order in which they were made."""
        import pandas

        columns = [field.name for field in fields(Mark)]
        return pandas.DataFrame([astuple(mark) for mark in self.marked], columns=columns)

    def statistics(self) -> pandas.DataFrame:
        """Returns what was measured of parameters, gradients and outputs as rows, by branch and step.

        Columns: step, epoch, time, kind ("parameter", "gradient" or "output"), name, norm, min, max, mean, std, zeros
        (a share), nonfinite, update_ratio (of parameters), sampled, total, branch. Mean, std and zeros are those of
        `sampled` elements of `total`. A row of step s tells of the weights after s steps and of what the next one did.
        Raises RunError for a file that is no database.
        """
        return self._of_statistics(read_statistics)

    def histograms(self, name: str, kind: str = "parameter") -> Histograms:
        """Returns a tensor's history: steps (n,), edges (n, 65) and counts (n, 64) of its sampled elements.

        Raises LookupError that names the nearest tensors, RunError for a file that is no database.
        """
        return self._of_statistics(lambda path: read_histograms(path, name, kind))

    def _of_statistics(self, read: Callable[[Path], Read]) -> Read:
        if self._writer is not None and not self._writer.closed:
            self._writer.statistics.drain()
        path = self.path / directory.METRICS
        try:
            return read(path)
        except sqlite3.Error as error:
            raise RunError(f"{path} cannot be read: {error}") from error

    def to_tensorboard(self, logdir: str | os.PathLike[str]) -> None:
        """Writes an event file into `logdir`: scalars with their times and steps, and weights as histograms.

        Raises ImportError where TensorBoard is not installed, RunError where `logdir` has event files already.
        """
        from torchvis_widgets.integrations import tensorboard

        tensorboard.write_run(self, logdir)

    @classmethod
    def from_tensorboard(cls, logdir: str | os.PathLike[str], path: str | os.PathLike[str] | None = None) -> Run:
        """Makes a run at `path` (temporary if None) of the scalars in TensorBoard's event files, and opens it to read.

        The name of a folder inside `logdir` comes before its metrics': `train` + `loss` → `train/loss`. Raises
        ImportError where TensorBoard is not installed, RunError where there is no event file.
        """
        from torchvis_widgets.integrations import tensorboard

        return tensorboard.read_run(logdir, path)

    def _recorder(self) -> _Writer:
        if self._writer is None:
            raise RunError(f"Run({str(self.path)!r}) was reopened to read; watch(…, run=…) records a new one")
        return self._writer


class _Writer:
    """All that writing needs, apart from Run so that a forgotten Run can still be closed."""

    def __init__(
        self, metrics: MetricsWriter, snapshots: SnapshotWriter, statistics: StatisticsWriter, lock: FileLock
    ) -> None:
        self.metrics, self.snapshots, self.statistics, self._lock = metrics, snapshots, statistics, lock
        self.closed = False

    def close(self) -> None:
        self.closed = True
        self.snapshots.close(_CLOSING_TIMEOUT)
        self.statistics.close(_CLOSING_TIMEOUT)  # before the metrics, which fold the file's log into it
        self.metrics.close(_CLOSING_TIMEOUT)
        self._lock.release()


def _absolute(path: str | os.PathLike[str]) -> Path:
    # Absolute, as notebooks change their working directory.
    return Path(path).expanduser().absolute()
