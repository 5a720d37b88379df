"""run.json, and who may write into a run directory."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from torchvis_widgets.record import writer_lock
from torchvis_widgets.record.errors import RunError
from torchvis_widgets.record.metrics_file import has_metrics

__all__ = [
    "ABOUT",
    "FORMAT",
    "METRICS",
    "PROBE",
    "SNAPSHOTS",
    "Fingerprint",
    "absolute",
    "claim",
    "read_about",
    "write_about",
]

FORMAT = 1
ABOUT, METRICS, PROBE, SNAPSHOTS, LOCK = "run.json", "metrics.sqlite", "probe.safetensors", "snapshots", "writer.lock"
OURS = {ABOUT, METRICS, f"{METRICS}-wal", f"{METRICS}-shm", PROBE, SNAPSHOTS, LOCK}

Fingerprint = Mapping[str, tuple[tuple[int, ...], str]]  # parameter or buffer -> (shape, dtype)


def claim(path: Path | None, model: Fingerprint) -> tuple[Path, FileLock]:
    """Returns an empty run directory at `path` (a temporary one if None) and the lock that makes it ours.

    A run of the same model that lies there is moved to `path`-1, -2, … . Raises RunError.
    """
    if path is None:
        path = Path(tempfile.mkdtemp(prefix="torchvis-run-"))
    try:
        if (path / ABOUT).exists():
            _make_way(path, model)
        elif path.exists():
            _check_free(path)
        path.mkdir(parents=True, exist_ok=True)
        return path, _lock(path)
    except OSError as error:
        raise RunError(f"run directory {str(path)!r} is not writable: {error}. Give another run=…") from error


def is_being_written(path: Path) -> bool:
    """Says whether some process records a run at `path` at this moment."""
    return writer_lock.is_held(path / LOCK)


def about_version(path: Path) -> object:
    """Returns what differs once run.json has been replaced; None where there is none."""
    try:
        stat = (path / ABOUT).stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def read_about(path: Path) -> dict[str, Any]:
    """Returns run.json's content. Raises RunError where there is no run, or one that a newer version wrote."""
    if not path.is_dir():
        raise RunError(f"no run directory at {str(path)!r}; give the path that watch(…, run=path) was given")
    try:
        about: dict[str, Any] = json.loads((path / ABOUT).read_text())
    except FileNotFoundError:
        inside = sorted(found.parent.name for found in path.glob(f"*/{ABOUT}"))
        hint = f"the runs inside it are {', '.join(map(repr, inside[:5]))}" if inside else "it holds no run"
        raise RunError(f"{str(path)!r} is a directory without {ABOUT}: {hint}") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{str(path / ABOUT)!r} cannot be read: {error}") from error
    if about["format"] > FORMAT:
        raise RunError(
            f"run {str(path)!r} was written by torchvis_widgets {about['versions']['torchvis_widgets']} in run format "
            f"{about['format']}; this is torchvis_widgets {_own_version()}, which reads format {FORMAT}. "
            "Install a newer one: pip install --upgrade torchvis_widgets"
        )
    return about


def write_about(path: Path, about: Mapping[str, Any]) -> None:
    """Replaces run.json in one step. Raises OSError, and TypeError for what JSON cannot hold."""
    draft = path / f"{ABOUT}.part"
    draft.write_text(json.dumps(about))
    draft.replace(path / ABOUT)


def new_about(name: str, classes: list[str] | None, model: Fingerprint) -> dict[str, Any]:
    """Returns the first content of run.json."""
    return {
        "format": FORMAT,
        "name": name,
        "created": time.time(),
        "classes": classes,
        "graph": None,
        "model": model,
        "branches": [[None, 0, 0.0]],  # parent, step and time of the snapshot that each began from
        "versions": {
            "torchvis_widgets": _own_version(),
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
        "writer": {"process": os.getpid(), "host": platform.node()},
    }


def _own_version() -> str:
    try:
        return version("torchvis_widgets")
    except PackageNotFoundError:  # imported from a source tree that is not installed
        return "unknown"


def _lock(path: Path) -> FileLock:
    try:
        return writer_lock.take(path / LOCK)
    except Timeout:
        raise RunError(_in_use(path)) from None


def _in_use(path: Path) -> str:
    writer = read_about(path)["writer"] if (path / ABOUT).exists() else {}
    if writer == {"process": os.getpid(), "host": platform.node()}:
        who, remedy = "this process", "Close the session that does, or"
    else:
        who, remedy = f"process {writer.get('process')} on {writer.get('host')}", "Stop it, or"
    return (
        f"run directory {str(path)!r} is being written by {who}. {remedy} give another run=…; "
        f"Run({str(path)!r}) reads it meanwhile"
    )


def _check_free(path: Path) -> None:
    if not path.is_dir():
        raise RunError(f"run={str(path)!r} is a file, expected a directory or a path where none is yet")
    others = sorted({found.name for found in path.iterdir()} - OURS)
    if others:
        raise RunError(
            f"run={str(path)!r} is a directory with other files in it ({', '.join(others[:3])}), and no run. "
            f"Give a directory of its own, such as {str(path / 'run-1')!r}"
        )


def _make_way(path: Path, model: Fingerprint) -> None:
    about = read_about(path)
    _check_same_model(path, about["model"], model)
    with _lock(path):
        worthless = _is_worthless(path)
    if not worthless:
        path.rename(_next_name(path))
        return
    shutil.rmtree(path / SNAPSHOTS, ignore_errors=True)
    for name in OURS - {SNAPSHOTS}:
        (path / name).unlink(missing_ok=True)


def _is_worthless(path: Path) -> bool:
    """A run that never got beyond snapshot 0, as it is left by running the cell with watch() twice."""
    if len(list((path / SNAPSHOTS).glob("*.json"))) > 1:
        return False
    try:
        return not ((path / METRICS).exists() and has_metrics(path / METRICS))
    except sqlite3.Error:
        return False


def _next_name(path: Path) -> Path:
    number = 1
    while (older := path.with_name(f"{path.name}-{number}")).exists():
        number += 1
    return older


def _check_same_model(path: Path, before: Mapping[str, Any], now: Fingerprint) -> None:
    there = {name: (tuple(shape), dtype) for name, (shape, dtype) in before.items()}
    here = {name: (tuple(shape), dtype) for name, (shape, dtype) in now.items()}
    names = [name for name in {**there, **here} if there.get(name) != here.get(name)]
    if not names:
        return
    differences = [f"{name}: {_tensor(there.get(name))} there, {_tensor(here.get(name))} here" for name in names[:3]]
    more = f" (and {len(names) - 3} more)" if len(names) > 3 else ""
    raise RunError(
        f"run directory {str(path)!r} holds a run of another model: {'; '.join(differences)}{more}. "
        "Give another run=…, or delete that directory if its run is no longer wanted"
    )


def _tensor(spec: tuple[tuple[int, ...], str] | None) -> str:
    return f"{spec[0]} {spec[1]}" if spec else "missing"


def absolute(path: str | os.PathLike[str]) -> Path:
    """The path as it stays when a notebook changes its working directory."""
    return Path(path).expanduser().absolute()
