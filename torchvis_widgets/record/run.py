"""Run: one run directory, written while a model trains, read by every view."""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from filelock import FileLock
from torch import Tensor

from torchvis_widgets.record import directory
from torchvis_widgets.record.errors import Problems, RunError
from torchvis_widgets.record.metrics import MetricsReader, MetricsWriter
from torchvis_widgets.record.series import Series
from torchvis_widgets.record.snapshot_writer import SnapshotWriter
from torchvis_widgets.record.snapshots import Snapshot, SnapshotStore
from torchvis_widgets.record.tensor_file import is_storable, plain, read_tensors, write_tensors

if TYPE_CHECKING:
    import pandas

__all__ = ["Run"]

_CLOSING_TIMEOUT = 60.0  # seconds that close() waits for the disk


class Run:
    """One run directory. `Run(path)` reopens one read-only, also while another process writes it.

    As the last line of a cell it shows the dashboard.

    Raises RunError where there is no run, or one that a newer version of torchvis_widgets has written.
    """

    viewer: ClassVar[Callable[[Any], Any] | None] = None
    """Makes the widget that shows a run; set by the package, so that this module knows no widget."""

    def __init__(self, path: str | os.PathLike[str], *, _lock: FileLock | None = None) -> None:
        self.path = _absolute(path)
        self._about = directory.read_about(self.path)
        self._problems = Problems()
        self._store = SnapshotStore(self.path / directory.SNAPSHOTS, self._problems)
        self._metrics: MetricsWriter | MetricsReader
        self._writer: _Writer | None = None
        metrics_path = self.path / directory.METRICS
        if _lock is None:
            self._metrics = MetricsReader(metrics_path)
            return
        self._metrics = MetricsWriter(metrics_path, self._problems)
        self._writer = _Writer(self._metrics, SnapshotWriter(self._store, self._problems), _lock)
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
    ) -> Run:
        """Starts a run in `path`, in a temporary directory if None; `model` maps tensor names to (shape, dtype).

        An older run of the same model in `path` is kept as `path`-1, `path`-2, … . Raises RunError for a directory that
        holds another model's run or other files, is being written, or cannot be.
        """
        place, lock = directory.claim(None if path is None else _absolute(path), model)
        try:
            directory.write_about(place, directory.new_about(name or place.name, classes, model))
            return cls(place, _lock=lock)
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

    def save(self, state: Mapping[str, Tensor], *, step: int, epoch: float | None, name: str | None = None) -> None:
        """Clones `state` now and writes what has changed of it in the background, as the snapshot of `step`."""
        writer = self._recorder()
        if writer.closed:
            self._problems.note("late snapshot", "snapshots taken after the run was closed are lost")
            return
        writer.snapshots.save(state, step, epoch, name)

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
        if not (self._writer.metrics.flush(timeout) & self._writer.snapshots.flush(timeout)):
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
    def snapshots(self) -> list[Snapshot]:
        """The snapshots on the disk, by step."""
        return self._store.committed()

    def snapshot(self, *, epoch: float | None = None, step: int | None = None) -> Snapshot:
        """Returns the snapshot at exactly this epoch or step. Raises LookupError that names the nearest ones."""
        return self._store.find(epoch, step)

    def state_dict(
        self, *, epoch: float | None = None, step: int | None = None, keys: Iterable[str] | None = None
    ) -> dict[str, Tensor]:
        """Returns a snapshot's tensors (those named by `keys`), memory-mapped: only what is read comes from the disk.

        Raises LookupError for a snapshot or tensor that is not there, RunError for a file that is damaged.
        """
        return self._store.load(epoch, step, keys)

    def probe(self) -> dict[str, Tensor] | None:
        """Returns the probe batch, None if none was saved."""
        path = self.path / directory.PROBE
        return read_tensors(path) if path.exists() else None

    def metrics(self) -> pandas.DataFrame:
        """Returns every value as a row (step, epoch, time, name, value), by step; seaborn and matplotlib plot it."""
        import pandas

        frames = []
        for name, series in self.series.items():
            step, epoch, time, value = series.columns()
            frames.append(pandas.DataFrame({"step": step, "epoch": epoch, "time": time, "name": name, "value": value}))
        empty = pandas.DataFrame({"step": np.empty(0, np.int64), "epoch": [], "time": [], "name": [], "value": []})
        if not frames:
            return empty
        return pandas.concat(frames).sort_values("step", kind="stable", ignore_index=True)

    def _recorder(self) -> _Writer:
        if self._writer is None:
            raise RunError(f"Run({str(self.path)!r}) was reopened to read; watch(…, run=…) records a new one")
        return self._writer


class _Writer:
    """All that writing needs, apart from Run so that a forgotten Run can still be closed."""

    def __init__(self, metrics: MetricsWriter, snapshots: SnapshotWriter, lock: FileLock) -> None:
        self.metrics, self.snapshots, self._lock = metrics, snapshots, lock
        self.closed = False

    def close(self) -> None:
        self.closed = True
        self.snapshots.close(_CLOSING_TIMEOUT)
        self.metrics.close(_CLOSING_TIMEOUT)
        self._lock.release()


def _absolute(path: str | os.PathLike[str]) -> Path:
    # Absolute, as notebooks change their working directory.
    return Path(path).expanduser().absolute()
