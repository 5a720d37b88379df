"""Run: one run directory, read by every view and by hand."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from torch import Tensor

from torchvis_widgets.record import directory, tables
from torchvis_widgets.record.best import best_of, check_best
from torchvis_widgets.record.branches import Branch, Branches, is_on
from torchvis_widgets.record.changes import Change, ChangesReader
from torchvis_widgets.record.changes_writer import ChangesWriter
from torchvis_widgets.record.edits import Edited
from torchvis_widgets.record.errors import Problems, RunError
from torchvis_widgets.record.marks import Mark
from torchvis_widgets.record.metrics import MetricsReader, MetricsWriter
from torchvis_widgets.record.search import find
from torchvis_widgets.record.series import Series
from torchvis_widgets.record.snapshots import Commit, Snapshot, SnapshotStore
from torchvis_widgets.record.statistics_file import Histograms, read_histograms, read_statistics
from torchvis_widgets.record.statistics_table import StatisticsTable
from torchvis_widgets.record.tensor_file import read_tensors

if TYPE_CHECKING:
    import pandas

__all__ = ["Run"]

Read = TypeVar("Read")


class Run:
    """One run directory. `Run(path)` reopens one read-only, also while another process writes it.

    As the last line of a cell it shows the dashboard.

    Raises RunError where there is no run, or one that a newer version of torchvis_widgets has written.
    """

    measured: StatisticsTable
    """The numbers of `statistics()` in memory, as far as they have been looked at: what views read."""

    viewer: ClassVar[Callable[[Any], Any] | None] = None
    """Makes the widget that shows a run; set by the package, so that this module knows no widget."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._open(path, follow=True)
        self._metrics: MetricsReader | MetricsWriter = MetricsReader(self.path / directory.METRICS, self._branches)
        self._changes: ChangesReader | ChangesWriter = ChangesReader(self.path / directory.METRICS)

    def _open(self, path: str | os.PathLike[str], *, follow: bool) -> None:
        self.path = directory.absolute(path)
        self._about_version = directory.about_version(self.path)
        self._about = directory.read_about(self.path)
        self._replaced = False
        self._problems = Problems()
        self._branches = Branches(self.path, self._about["branches"], follow=follow)
        self._store = SnapshotStore(self.path / directory.SNAPSHOTS, self._problems, self._branches)
        self.measured = StatisticsTable(self.path / directory.METRICS, self._branches)

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
    def tensors(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """The shape and the dtype ("float32") of each of the model's tensors, by name."""
        return {name: (tuple(shape), dtype) for name, (shape, dtype) in self._about["model"].items()}

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
    def followed(self) -> bool:
        """Whether this object reads a run that is being written, by another process or by this one."""
        return not self._replaced and directory.is_being_written(self.path)

    def reread(self) -> None:
        """Takes in what a run that is being written has meanwhile put into run.json."""
        version = directory.about_version(self.path)
        if version in (None, self._about_version):
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

    @property
    def series(self) -> dict[str, Series]:
        """Every metric's history by name, in the order of their first values; up to date while the run is written."""
        return self._metrics.series

    @property
    def marked(self) -> list[Mark]:
        """What went wrong on the way to the current branch's end, in the order in which it was noticed."""
        line = self._branches.line()
        return [mark for mark in self._metrics.marked if is_on(line, mark.branch, mark.step, mark.time)]

    def latest_marks(self, most: int) -> list[Mark]:
        """Returns the last of `marked`, at most so many."""
        line = self._branches.line()
        mine = (mark for mark in reversed(self._metrics.marked) if is_on(line, mark.branch, mark.step, mark.time))
        return list(islice(mine, most))[::-1]

    @property
    def edited(self) -> list[tuple[Edited, bool]]:
        """The edits of the weights on the way to the current branch's end, oldest first, and whether each is undone."""
        line = self._branches.line()
        mine = [each for each in self._metrics.edited if is_on(line, each.branch, each.step, each.time)]
        return [(each, each.undone(line)) for each in mine]

    def is_past(self, branch: int, step: int, time: float) -> bool:
        """Says whether a moment of a branch is on the way to the current branch's end."""
        return is_on(self._branches.line(), branch, step, time)

    @property
    def changed(self) -> list[Change]:
        """Hyperparameters changed on the way to the current branch's end, in the order in which they were."""
        line = self._branches.line()
        return [each for each in self._changes.changes if is_on(line, each.branch, each.step, each.time)]

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

        Args:
            metric: its name, as it was logged: "val/loss".
            mode: "max" where more is better.

        Raises:
            ValueError: `mode` is neither "min" nor "max".
            LookupError: the metric was logged at the step of no snapshot; the names that were logged are told.
        """
        self._catch_up()
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

    def _catch_up(self) -> None:
        """Before a table is made: take in what is on its way."""

    def _find(self, **which: Any) -> Commit:
        return find(self._store, **which)

    def probe(self) -> dict[str, Tensor] | None:
        """Returns the probe batch, None if none was saved."""
        path = self.path / directory.PROBE
        return read_tensors(path) if path.exists() else None

    def metrics(self) -> pandas.DataFrame:
        """Returns every value as a row (step, epoch, time, name, value, branch), by branch and step; tidy, so that
        seaborn and matplotlib plot it.
        """
        self._catch_up()
        return tables.metrics(self._metrics.lines)

    def marks(self) -> pandas.DataFrame:
        """Returns every mark as a row (step, epoch, time, kind, text, layer, branch), by branch and step."""
        self._catch_up()
        return tables.marks(self._metrics.marked)

    def edits(self) -> pandas.DataFrame:
        """Returns every edit of the weights as a row (step, epoch, time, tensor, op, text, undone, branch), in order.

        `undone` tells whether it was taken back; of branches that were left, at their end.
        """
        self._catch_up()
        return tables.edits(self._metrics.edited, self._branches)

    def changes(self) -> pandas.DataFrame:
        """Returns every change of a hyperparameter as a row (step, epoch, time, name, before, after, by, branch).

        `by` is "user", or what set it against the user: a scheduler's class. Sorted by branch and step.
        """
        self._catch_up()
        return tables.changes(self._changes.changes)

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
        self._catch_up()
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

        self._catch_up()
        tensorboard.write_run(self, logdir)

    @classmethod
    def from_tensorboard(cls, logdir: str | os.PathLike[str], path: str | os.PathLike[str] | None = None) -> Run:
        """Makes a run at `path` (temporary if None) of the scalars in TensorBoard's event files, and opens it to read.

        The name of a folder inside `logdir` comes before its metrics': `train` + `loss` → `train/loss`. Raises
        ImportError where TensorBoard is not installed, RunError where there is no event file.
        """
        from torchvis_widgets.integrations import tensorboard

        return tensorboard.read_run(logdir, path)
