"""Snapshots of a model's state: safetensors files, and one json file each that commits it."""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from torchvis_widgets.record.branches import Branches, Limit, is_on
from torchvis_widgets.record.errors import Problems, RunError
from torchvis_widgets.record.structure import unpack
from torchvis_widgets.record.tensor_file import read_tensors, same_bits, write_tensors

__all__ = ["TRAINING", "Commit", "Snapshot", "SnapshotStore"]

TRAINING = "training:"  # what the names of tensors that are not the model's own begin with
_SETTLED = 2 * 10**9  # nanoseconds; the coarsest clock of a common file system
_TRUSTED = 0.02  # seconds; a frame of the views asks many times, and a scan costs as much as there are snapshots
Places = Mapping[str, list[str]]  # tensor -> [file, key]


@dataclass(frozen=True)
class Snapshot:
    """The model's state after `step` optimizer steps; `norms` holds the L2 norm of each floating-point tensor.

    `epoch` is that of an epoch's end; `finished_epochs` counts those before, also where it lies within one. `branch` is
    0 until a run goes back for the first time. `training` names what else it holds: `"optimizer 0"`, …, `"random"`.
    """

    step: int
    epoch: float | None
    time: float
    name: str | None
    norms: dict[str, float] = field(repr=False)
    branch: int = 0
    finished_epochs: int = 0
    training: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[int, int, float]:
        """What tells it from every other one, and its order among them: branch, step, time."""
        return self.branch, self.step, self.time

    def __str__(self) -> str:
        where = f"step {self.step}" + (f", branch {self.branch}" if self.branch else "")
        return where if self.epoch is None else f"epoch {self.epoch:g} ({where})"


@dataclass(frozen=True, eq=False)
class Commit:
    """A snapshot and its json file; where its tensors lie is read from that when asked for: that is most of it."""

    snapshot: Snapshot
    path: Path

    def about(self) -> dict[str, Any]:
        """Returns what the json file holds. Raises LookupError for one that has been thinned away meanwhile."""
        try:
            about: dict[str, Any] = json.loads(self.path.read_text())
        except FileNotFoundError:
            raise LookupError(f"the snapshot at {self.snapshot} has just been thinned away; take another") from None
        except (OSError, ValueError) as error:
            raise RunError(f"{self.path} is damaged: {error}. The run's other snapshots can be read.") from error
        return about


@dataclass(frozen=True)
class _Kept:
    """Where the newest version of a tensor lies, and its bits to compare the next version with."""

    tensor: Tensor
    file: str
    key: str
    norm: float | None


@dataclass(frozen=True)
class _Line:
    """Those of `commits` that lie within `limits`, by step."""

    commits: list[Commit]
    limits: Mapping[int, Limit]
    found: list[Commit]
    by_step: Mapping[int, Commit]

    @classmethod
    def of(cls, commits: list[Commit], limits: Mapping[int, Limit]) -> _Line:
        places = ((commit.snapshot, commit) for commit in commits)
        found = [commit for at, commit in places if is_on(limits, at.branch, at.step, at.time)]
        found.sort(key=lambda commit: (commit.snapshot.step, commit.snapshot.time))
        return cls(commits, limits, found, {commit.snapshot.step: commit for commit in found})


class SnapshotStore:
    """The folder `snapshots` of a run; the json file is written last, so that what it names is always complete."""

    def __init__(self, folder: Path, problems: Problems, branches: Branches) -> None:
        self._folder, self._problems, self._branches = folder, problems, branches
        self._lock = threading.Lock()
        self._parsed: dict[str, tuple[object, Commit | None]] = {}  # json file -> (which version of it, its content)
        self._kept: dict[str, _Kept] = {}
        # The folder's time of change, what was in it, and until when the one is trusted to tell of the other.
        self._listed: tuple[int, list[Commit], float] | None = None
        self._line: _Line | None = None  # the last one asked for
        self.thinned: list[Snapshot] = []  # what remove() has taken away

    # Reading

    def commits(self) -> list[Commit]:
        """Returns what has been committed, by branch and step, by whichever process."""
        with self._lock:
            changed, listed = self._changed_at(), self._listed  # which a thread that commits takes away
            if listed is not None and listed[0] == changed and time.monotonic() < listed[2]:
                return listed[1]
            commits = self._scan()
            # A change within the clock's last tick need not show in the next time of change: look again then.
            settled = time.time_ns() - changed > _SETTLED
            self._listed = changed, commits, math.inf if settled else time.monotonic() + _TRUSTED
            return commits

    def line(self, branch: int | None = None) -> list[Commit]:
        """Returns those on the way to a branch's end (None: the current one's), by step."""
        return self._line_to(branch).found

    def at_step(self, step: int, branch: int | None = None) -> Commit | None:
        """Returns the last one of `line(branch)` at a step; as fast however many there are."""
        return self._line_to(branch).by_step.get(step)

    def _line_to(self, branch: int | None) -> _Line:
        commits, limits, known = self.commits(), self._branches.line(branch), self._line
        if known is None or known.commits is not commits or known.limits != limits:
            self._line = known = _Line.of(commits, limits)
        return known

    def tensors(self, commit: Commit, keys: Iterable[str] | None = None) -> dict[str, Tensor]:
        """Returns the tensors named by `keys` (all if None), memory-mapped. Raises LookupError, RunError."""
        places: Places = commit.about()["tensors"]
        wanted = list(places) if keys is None else list(keys)
        for name in wanted:
            if name not in places:
                raise LookupError(_unknown_tensor(name, commit.snapshot, places))
        return self._read({name: places[name] for name in wanted})

    def training(self, commit: Commit) -> dict[str, Any]:
        """Returns what is kept beside the model, by the names in `Snapshot.training`. Raises LookupError, RunError."""
        about = commit.about()["training"]
        tensors = self._read(about["tensors"])
        return {name: unpack(text, tensors) for name, text in about["structures"].items()}

    def _read(self, places: Places) -> dict[str, Tensor]:
        files: dict[str, set[str]] = {}
        for file, key in places.values():
            files.setdefault(file, set()).add(key)
        loaded = {file: read_tensors(self._folder / file, found) for file, found in files.items()}
        return {name: loaded[file][key] for name, (file, key) in places.items()}

    def _changed_at(self) -> int:
        try:
            return self._folder.stat().st_mtime_ns
        except FileNotFoundError:  # nothing was saved yet, or it has been deleted
            return 0

    def _scan(self) -> list[Commit]:
        try:
            entries = [entry for entry in os.scandir(self._folder) if entry.name.endswith(".json")]
        except FileNotFoundError:
            entries = []
        self._parsed = {entry.name: self._parse(entry) for entry in entries}
        return sorted(
            (commit for _, commit in self._parsed.values() if commit), key=lambda commit: commit.snapshot.place
        )

    def _parse(self, entry: os.DirEntry[str]) -> tuple[object, Commit | None]:
        version: object = None
        try:
            stat = entry.stat()
            version = (stat.st_mtime_ns, stat.st_ino)
            known = self._parsed.get(entry.name)
            if known and known[0] == version:
                return known
            path = Path(entry.path)
            return version, Commit(_snapshot(json.loads(path.read_text())), path)
        except FileNotFoundError:  # thinned away between the listing and here
            return None, None
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._problems.note(entry.name, f"{entry.path} is damaged and left out: {error!r}")
            return version, None

    # Writing

    def commit(
        self, tensors: list[Tensor], names: Mapping[str, int], at: Snapshot, structures: Mapping[str, str] | None = None
    ) -> tuple[Commit, set[str]]:
        """Writes a state: `names` gives each name's place in `tensors`, `plain` CPU tensors that nobody else changes.

        Of `at` everything but the norms and `training` is taken, which is what `structures` tells of by name: JSON of
        values whose tensors are among `tensors`, `TRAINING` before their names. Only what changed since the last commit
        is written. Returns the commit with the files that it needs. Raises OSError, SafetensorError.
        """
        self._folder.mkdir(exist_ok=True)
        first_names: dict[int, str] = {}
        for tensor_name, place in names.items():
            first_names.setdefault(place, tensor_name)
        kept = {place: self._unchanged(key, tensors[place]) for place, key in first_names.items()}
        changed = {key: tensors[place] for place, key in first_names.items() if kept[place] is None}
        file = self._free_name(at)
        if changed:
            write_tensors(self._folder / file, changed)
        for key, tensor in changed.items():
            kept[names[key]] = _Kept(tensor, file, key, _norm(tensor) if not key.startswith(TRAINING) else None)
        state = {tensor_name: found for tensor_name, place in names.items() if (found := kept[place])}
        self._kept = state
        return self._write_json(_about(at, state, structures or {}))

    def size(self, file: str) -> int:
        """Returns the bytes of a file in the folder."""
        return (self._folder / file).stat().st_size

    def remove(self, commit: Commit) -> None:
        """Takes a snapshot away; the files that it needed stay until `discard`. Raises OSError."""
        commit.path.unlink(missing_ok=True)  # its owner may have deleted it, to have room
        self._listed = None
        self.thinned.append(commit.snapshot)

    def discard(self, file: str) -> None:
        """Takes a tensor file away that no snapshot needs any more."""
        with suppress(OSError):  # Windows keeps a file that is mapped
            (self._folder / file).unlink()

    def _unchanged(self, name: str, tensor: Tensor) -> _Kept | None:
        kept = self._kept.get(name)
        usable = kept is not None and same_bits(kept.tensor, tensor)
        # Of a state that a newer one replaced the files may be gone.
        return kept if kept is not None and usable and (self._folder / kept.file).exists() else None

    def _free_name(self, at: Snapshot) -> str:
        """A file once written is never written again: other snapshots may name it, and readers may have mapped it."""
        names = (f"{_stem(at.step, at.branch, again)}.safetensors" for again in count())
        return next(name for name in names if not (self._folder / name).exists())

    def _write_json(self, about: dict[str, Any]) -> tuple[Commit, set[str]]:
        paths = (self._folder / f"{_stem(about['step'], about['branch'], again)}.json" for again in count())
        for path in paths:
            earlier = json.loads(path.read_text()) if path.exists() else None
            merged = about if earlier is None else _merged(earlier, about)
            if merged is not None:
                return self._replace(path, merged)
        raise AssertionError("paths are endless")

    def _replace(self, path: Path, about: dict[str, Any]) -> tuple[Commit, set[str]]:
        draft = path.with_suffix(".json.part")
        draft.write_text(json.dumps(about))
        draft.replace(path)
        self._listed = None
        places = [*about["tensors"].values(), *about["training"]["tensors"].values()]
        return Commit(_snapshot(about), path), {file for file, _ in places}


def _about(at: Snapshot, state: Mapping[str, _Kept], structures: Mapping[str, str]) -> dict[str, Any]:
    places = {name: [kept.file, kept.key] for name, kept in state.items()}
    own = {name: place for name, place in places.items() if not name.startswith(TRAINING)}
    beside = {name: place for name, place in places.items() if name not in own}
    return {
        "step": at.step, "epoch": at.epoch, "finished_epochs": at.finished_epochs, "branch": at.branch, "time": at.time,
        "name": at.name, "tensors": own, "norms": {n: state[n].norm for n in own if state[n].norm is not None},
        "training": {"structures": dict(structures), "tensors": beside},
    }  # fmt: skip


def _merged(earlier: dict[str, Any], newer: dict[str, Any]) -> dict[str, Any] | None:
    """What two snapshots of one step are together, as at an epoch's end and by name; None where both are to be kept."""
    same = earlier["tensors"] == newer["tensors"] and earlier["training"] == newer["training"]
    names = {earlier["name"], newer["name"]} - {None}
    if len(names) > 1 or (names and not same):
        return None
    epoch = newer["epoch"] if newer["epoch"] is not None else earlier["epoch"]
    finished = max(earlier["finished_epochs"], newer["finished_epochs"])
    labels = {"epoch": epoch, "finished_epochs": finished, "name": next(iter(names), None)}
    return (earlier if same else newer) | labels


def _snapshot(about: dict[str, Any]) -> Snapshot:
    fields = ("step", "epoch", "time", "name", "norms", "branch", "finished_epochs")
    return Snapshot(**{field: about[field] for field in fields}, training=tuple(about["training"]["structures"]))


def _stem(step: int, branch: int, again: int) -> str:
    return f"{step:09d}" + (f"-b{branch}" if branch else "") + (f"-{again}" if again else "")


def _norm(tensor: Tensor) -> float | None:
    if not tensor.is_floating_point():
        return None
    wide = tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()
    return float(torch.linalg.vector_norm(wide))


def _unknown_tensor(name: str, snapshot: Snapshot, places: Mapping[str, object]) -> str:
    near = get_close_matches(name, places, n=3, cutoff=0.4) or list(places)[:3]
    return f"no tensor {name!r} in the snapshot at {snapshot}; there are {', '.join(map(repr, near))}"
