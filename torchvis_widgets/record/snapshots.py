"""Snapshots of a model's state: safetensors files, and one json file each that commits it."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import count
from pathlib import Path

import torch
from torch import Tensor

from torchvis_widgets.record.errors import Problems
from torchvis_widgets.record.tensor_file import read_tensors, same_bits, write_tensors

__all__ = ["Snapshot", "SnapshotStore"]


_SETTLED = 2 * 10**9  # nanoseconds; the coarsest clock of a common file system


@dataclass(frozen=True)
class Snapshot:
    """The model's state after `step` optimizer steps; `norms` holds the L2 norm of each floating-point tensor."""

    step: int
    epoch: float | None
    time: float
    name: str | None
    norms: dict[str, float]

    def __str__(self) -> str:
        if self.epoch is None:
            return f"step {self.step}"
        return f"epoch {self.epoch:g} (step {self.step})"


@dataclass(frozen=True)
class _Commit:
    """A snapshot and its json file; where its tensors lie is read from that when asked for: that is most of it."""

    snapshot: Snapshot
    path: Path

    def places(self) -> dict[str, list[str]]:
        """Returns name -> [file, key]."""
        places: dict[str, list[str]] = json.loads(self.path.read_text())["tensors"]
        return places


@dataclass(frozen=True)
class _Kept:
    """Where the newest version of a tensor lies, and its bits to compare the next version with."""

    tensor: Tensor
    file: str
    key: str
    norm: float | None


class SnapshotStore:
    """The folder `snapshots` of a run; the json file is written last, so that what it names is always complete."""

    def __init__(self, folder: Path, problems: Problems) -> None:
        self._folder, self._problems = folder, problems
        self._lock = threading.Lock()
        self._parsed: dict[str, tuple[object, _Commit | None]] = {}  # json file -> (which version of it, its content)
        self._kept: dict[str, _Kept] = {}
        self._listed: tuple[int, list[_Commit]] | None = None  # the folder's time of change, and what was in it

    def committed(self) -> list[Snapshot]:
        """Returns what has been committed, by step, by whichever process."""
        return [commit.snapshot for commit in self._read()]

    def find(self, epoch: float | None = None, step: int | None = None) -> Snapshot:
        """Returns the snapshot at exactly this epoch or step. Raises LookupError that names the nearest ones."""
        return self._find(epoch, step).snapshot

    def load(
        self, epoch: float | None = None, step: int | None = None, keys: Iterable[str] | None = None
    ) -> dict[str, Tensor]:
        """Returns the tensors named by `keys` (all if None), memory-mapped. Raises LookupError, RunError."""
        commit = self._find(epoch, step)
        places = commit.places()
        wanted = list(places) if keys is None else list(keys)
        for name in wanted:
            if name not in places:
                raise LookupError(_unknown_tensor(name, commit.snapshot, places))
        files: dict[str, set[str]] = {}
        for name in wanted:
            file, key = places[name]
            files.setdefault(file, set()).add(key)
        loaded = {file: read_tensors(self._folder / file, found) for file, found in files.items()}
        return {name: loaded[places[name][0]][places[name][1]] for name in wanted}

    def commit(self, tensors: list[Tensor], names: Mapping[str, int], at: Snapshot) -> None:
        """Writes a state: `names` gives each name's place in `tensors`, `plain` CPU tensors that nobody else changes.

        Of `at` everything but the norms is taken. Only what changed since the last commit is written.
        Raises OSError, SafetensorError.
        """
        self._folder.mkdir(exist_ok=True)
        first_names: dict[int, str] = {}
        for tensor_name, place in names.items():
            first_names.setdefault(place, tensor_name)
        kept = {place: self._unchanged(key, tensors[place]) for place, key in first_names.items()}
        changed = {key: tensors[place] for place, key in first_names.items() if kept[place] is None}
        file = self._free_name(at.step)
        if changed:
            write_tensors(self._folder / file, changed)
        for key, tensor in changed.items():
            kept[names[key]] = _Kept(tensor, file, key, _norm(tensor))
        state = {tensor_name: found for tensor_name, place in names.items() if (found := kept[place])}
        self._write_json(state, at)
        self._kept = state

    def _unchanged(self, name: str, tensor: Tensor) -> _Kept | None:
        kept = self._kept.get(name)
        return kept if kept and same_bits(kept.tensor, tensor) else None

    def _free_name(self, step: int) -> str:
        """A file once written is never written again: other snapshots may name it, and readers may have mapped it."""
        names = (f"{step:09d}{f'-{again}' if again else ''}.safetensors" for again in count())
        return next(name for name in names if not (self._folder / name).exists())

    def _write_json(self, state: dict[str, _Kept], at: Snapshot) -> None:
        path = self._folder / f"{at.step:09d}.json"
        epoch, name = at.epoch, at.name
        if path.exists():  # saved twice at one step, as at an epoch's end and by name: the newer state with both labels
            earlier = json.loads(path.read_text())
            epoch = earlier["epoch"] if epoch is None else epoch
            name = earlier["name"] if name is None else name
        tensors = {tensor: [kept.file, kept.key] for tensor, kept in state.items()}
        norms = {tensor: kept.norm for tensor, kept in state.items() if kept.norm is not None}
        about = {"step": at.step, "epoch": epoch, "time": at.time, "name": name, "tensors": tensors, "norms": norms}
        draft = path.with_suffix(".json.part")
        draft.write_text(json.dumps(about))
        draft.replace(path)

    def _read(self) -> list[_Commit]:
        with self._lock:
            changed = self._folder.stat().st_mtime_ns if self._folder.exists() else 0
            if self._listed is not None and self._listed[0] == changed:
                return self._listed[1]
            commits = self._scan()
            # A change within the clock's last tick need not show in the next time of change: look again then.
            settled = time.time_ns() - changed > _SETTLED
            self._listed = (changed, commits) if settled else None
            return commits

    def _scan(self) -> list[_Commit]:
        try:
            entries = [entry for entry in os.scandir(self._folder) if entry.name.endswith(".json")]
        except FileNotFoundError:
            entries = []
        self._parsed = {entry.name: self._parse(entry) for entry in entries}
        commits = [commit for _, commit in self._parsed.values() if commit]
        return sorted(commits, key=lambda commit: commit.snapshot.step)

    def _parse(self, entry: os.DirEntry[str]) -> tuple[object, _Commit | None]:
        stat = entry.stat()
        version = (stat.st_mtime_ns, stat.st_ino)
        known = self._parsed.get(entry.name)
        if known and known[0] == version:
            return known
        try:
            path = Path(entry.path)
            about = json.loads(path.read_text())
            snapshot = Snapshot(about["step"], about["epoch"], about["time"], about["name"], about["norms"])
            return version, _Commit(snapshot, path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._problems.note(entry.name, f"{entry.path} is damaged and left out: {error!r}")
            return version, None

    def _find(self, epoch: float | None, step: int | None) -> _Commit:
        if (epoch is None) == (step is None):
            raise TypeError("a snapshot is found by its epoch or by its step: give one of epoch=… and step=…")
        commits = self._read()
        for commit in reversed(commits):
            if (commit.snapshot.step == step) if epoch is None else (commit.snapshot.epoch == epoch):
                return commit
        raise LookupError(_nothing_there([commit.snapshot for commit in commits], epoch, step))


def _norm(tensor: Tensor) -> float | None:
    if not tensor.is_floating_point():
        return None
    wide = tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()
    return float(torch.linalg.vector_norm(wide))


def _nothing_there(snapshots: list[Snapshot], epoch: float | None, step: int | None) -> str:
    asked = f"step {step}" if epoch is None else f"epoch {epoch:g}"
    wanted = epoch if step is None else step
    if wanted is None or not snapshots:
        return f"no snapshot at {asked}; there is none yet"
    placed = [(position, s) for s in snapshots if (position := s.step if epoch is None else s.epoch) is not None]
    before = [str(s) for position, s in placed if position < wanted]
    after = [str(s) for position, s in placed if position > wanted]
    near = before[-1:] + after[:1]
    return f"no snapshot at {asked}; the nearest: {' and '.join(near) or snapshots[-1]}"


def _unknown_tensor(name: str, snapshot: Snapshot, places: Mapping[str, object]) -> str:
    near = get_close_matches(name, places, n=3, cutoff=0.4) or list(places)[:3]
    return f"no tensor {name!r} in the snapshot at {snapshot}; there are {', '.join(map(repr, near))}"
