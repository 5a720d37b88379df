"""TensorBoard: a run as event files, and the scalars of event files as a run."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from torchvis_widgets.record.errors import RunError
from torchvis_widgets.record.recording import Recording
from torchvis_widgets.record.run import Run
from torchvis_widgets.record.snapshots import Snapshot

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util
    from torch.utils.tensorboard import SummaryWriter
except ImportError as error:
    raise ImportError(
        f"event files need TensorBoard, which is not installed ({error}): pip install tensorboard"
    ) from error

__all__ = ["read_run", "write_run"]

EVENTS = "*tfevents*"
SCALARS = "scalars"  # TensorBoard's name for the plugin that draws curves


def write_run(run: Run, logdir: str | os.PathLike[str]) -> None:
    """Writes the run's scalars, and histograms of its snapshots and statistics, as an event file into `logdir`.

    Weights are the snapshots', all elements of them, under their own names; gradients and outputs are the statistics',
    of the elements sampled: `gradient/conv1.weight`, `output/conv1`. A name's part before the first "/" is its group,
    as in TensorBoard; times and steps are the run's. Event files hold float32. Raises RunError where `logdir` has event
    files: TensorBoard would mix two runs into one. Warns of a snapshot that is damaged, and leaves it out.
    """
    place = Path(logdir).expanduser()
    if place.is_dir() and any(place.glob(EVENTS)):
        raise RunError(
            f"{str(place)!r} already holds event files, which TensorBoard would mix with these; give another"
        )
    with SummaryWriter(str(place)) as writer:
        _write_scalars(run, writer)
        _write_weights(run, writer)
        _write_statistics(run, writer)


def read_run(logdir: str | os.PathLike[str], path: str | os.PathLike[str] | None) -> Run:
    """Makes a run at `path` (temporary if None) of the scalars in `logdir` and the folders in it, and opens it.

    A folder's name comes before its metrics' (`train` + `loss` → `train/loss`). Both ways that scalars were ever
    stored in are read; histograms and images are left out. Raises RunError where there is no event file.
    """
    place = Path(logdir).expanduser()
    folders = sorted({file.parent for file in place.rglob(EVENTS)})
    if not folders:
        raise RunError(f"no event files (…tfevents…) in {str(place)!r}; give the directory that TensorBoard was given")
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for folder in folders:
        for name, rows in _scalars(folder, folder.relative_to(place)):
            if name in columns:  # `loss` in the folder train and `train/loss` above it are one metric
                rows = np.concatenate([columns[name], rows])
                rows = rows[np.argsort(rows[:, 1], kind="stable")]
            columns[name] = rows
    columns = {name: rows for name, rows in columns.items() if len(rows)}
    run = Recording.create(path, model={}, name=place.resolve().name)
    try:
        began = [float(rows[:, 1].min()) for rows in columns.values()]
        run.describe(created=min(began, default=run.began), source=str(place.resolve()))
        for name, rows in columns.items():
            run.extend(name, rows[:, 0], np.full(len(rows), np.nan), rows[:, 1], rows[:, 2])
    finally:
        run.close()
    return Run(run.path)


def _write_scalars(run: Run, writer: SummaryWriter) -> None:
    for name, series in run.series.items():
        steps, _, times, values = (column.tolist() for column in series.columns())
        for step, time, value in zip(steps, times, values, strict=True):
            writer.add_scalar(name, value, step, time)


def _write_weights(run: Run, writer: SummaryWriter) -> None:
    for snapshot in run.snapshots:
        for name, tensor in _state(run, snapshot).items():
            if tensor.is_floating_point() and tensor.numel() and bool(tensor.isfinite().all()):
                values = tensor.float().numpy()
                writer.add_histogram(name, values, snapshot.step, walltime=snapshot.time)


def _state(run: Run, snapshot: Snapshot) -> dict[str, Tensor]:
    """A snapshot's tensors; none of one that is damaged, with a warning, or that has been thinned away meanwhile."""
    # One step may have several: of an epoch's end, and by name.
    which: dict[str, Any] = {"step": snapshot.step}
    if snapshot.epoch is not None:
        which = {"epoch": snapshot.epoch}
    if snapshot.name is not None:
        which = {"name": snapshot.name}
    try:
        return run.state_dict(**which)
    except LookupError:
        return {}
    except RunError as error:
        warnings.warn(f"left out of the event file: the snapshot at {snapshot}. {error}", RuntimeWarning, stacklevel=5)
        return {}


def _write_statistics(run: Run, writer: SummaryWriter) -> None:
    table = run.statistics()
    for (kind, name), rows in table[table["kind"] != "parameter"].groupby(["kind", "name"]):
        measured: list[dict[Any, Any]] = rows.to_dict("records")
        _, edges, counts = run.histograms(str(name), str(kind))  # in the same order
        for row, limits, inside in zip(measured, edges[:, 1:].tolist(), counts.tolist(), strict=True):
            if row["nonfinite"]:  # TensorBoard has no place for it
                continue
            total, squares = row["mean"] * row["sampled"], (row["std"] ** 2 + row["mean"] ** 2) * row["sampled"]
            writer.add_histogram_raw(
                f"{kind}/{name}", row["min"], row["max"], row["sampled"], total, squares, limits, inside, row["step"],
                walltime=row["time"],
            )  # fmt: skip


def _scalars(folder: Path, below: Path) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """(name, rows (N, 3) of step, time, value) of every scalar in one folder."""
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    prefix = "" if below == Path() else f"{below.as_posix()}/"
    for tag in events.Tags()["scalars"]:
        found = [(event.step, event.wall_time, event.value) for event in events.Scalars(tag)]
        yield prefix + tag, np.array(found, dtype=np.float64).reshape(-1, 3)
    for tag in events.Tags()["tensors"]:
        if events.SummaryMetadata(tag).plugin_data.plugin_name == SCALARS:
            tensors = [(e.step, e.wall_time, tensor_util.make_ndarray(e.tensor_proto)) for e in events.Tensors(tag)]
            numbers = [(step, time, float(value.reshape(()))) for step, time, value in tensors if value.size == 1]
            yield prefix + tag, np.array(numbers, dtype=np.float64).reshape(-1, 3)
