"""Snapshots written in the background, in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from torchvis_widgets.record.clones import Clones
from torchvis_widgets.record.errors import Problems
from torchvis_widgets.record.lane import Lane
from torchvis_widgets.record.snapshots import TRAINING, Snapshot, SnapshotStore
from torchvis_widgets.record.structure import pack
from torchvis_widgets.record.thinning import Thinner

__all__ = ["SnapshotWriter"]

# States that may wait for the disk, besides the one being written: so many, or more while they are small, since the
# epochs of a small model can be shorter than a write.
_ROOM = 2
_ROOM_BYTES = 256 * 1024**2


@dataclass(frozen=True)
class _Taken:
    clones: Clones
    at: Snapshot
    structures: Mapping[str, str]


class SnapshotWriter:
    """Clones states on the training thread; its own thread compares them with the last one and writes what changed."""

    def __init__(self, store: SnapshotStore, problems: Problems, thinner: Thinner | None = None) -> None:
        self._store, self._problems, self._thinner = store, problems, thinner
        self._lanes: dict[torch.device, Lane] = {}
        self._changed = threading.Condition()
        self._pending: list[_Taken] = []
        self._writing = self._closing = self._off = False
        self._dropped = 0
        self._names: set[str] = set()
        self._thread: threading.Thread | None = None

    def save(self, state: Mapping[str, Tensor], at: Snapshot, training: Mapping[str, Any] | None = None) -> None:
        """Clones `state` and the tensors in `training`, and returns; see `Run.save`. Of `at` the norms are left out."""
        if self._off:
            return
        structures, beside = self._packed(training or {})
        try:
            clones = Clones({**state, **beside}, self._lanes)
        except RuntimeError as error:  # no memory left on the device, above all
            self._problems.note(f"snapshot {at.step}", f"the snapshot of step {at.step} could not be taken: {error}")
            return
        if clones.left_out:
            names = ", ".join(clones.left_out)
            self._problems.note("left out", f"snapshots are without {names}: no dense tensors of a type they can hold")
        with self._changed:
            while self._is_full(clones):
                self._make_room()
            self._pending.append(_Taken(clones, at, structures))
            if at.name is not None:
                self._names.add(at.name)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="torchvis-snapshots", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def names(self) -> set[str]:
        """The names of the snapshots taken, on the disk yet or not."""
        with self._changed:
            return self._names.copy()

    def flush(self, timeout: float) -> bool:
        """Waits until every state is on the disk; False if some are not after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._pending and not self._writing, timeout)

    def close(self, timeout: float) -> None:
        """Writes what is pending and ends the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is None or self._thread is threading.current_thread():
            return
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._problems.note("unwritten", f"the last snapshots were not written within {timeout:g} s")

    def _is_full(self, newest: Clones) -> bool:
        if len(self._pending) < _ROOM:
            return False
        return newest.nbytes + sum(taken.clones.nbytes for taken in self._pending) > _ROOM_BYTES

    def _make_room(self) -> None:
        """Drops the newest state waiting, but the first of all never and a named one only for want of others."""
        waiting = [taken.at for taken in self._pending]
        plain = [at for at in waiting if at.step and at.name is None]
        place = waiting.index((plain or waiting)[-1])
        del self._pending[place]
        self._names.discard(waiting[place].name or "")
        self._dropped += 1
        left_out = f"{self._dropped} snapshot{'s' if self._dropped > 1 else ''}"
        text = f"the disk is slower than training: {left_out} left out so far, the latest of step {waiting[place].step}"
        self._problems.note("dropped", text)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._closing)
                if not self._pending:
                    return
                self._writing = True
                taken = self._pending.pop(0)
            self._write(taken)
            del taken  # a state's memory, while the thread waits for the next one
            with self._changed:
                self._writing = False
                self._changed.notify_all()

    def _write(self, taken: _Taken) -> None:
        try:
            written = self._store.commit(taken.clones.to_host(), taken.clones.names, taken.at, taken.structures)
        except Exception as error:
            self._off = True
            with self._changed:
                self._pending.clear()
            self._problems.note("snapshots", f"no snapshots are kept from step {taken.at.step} on: {error}")
            return
        if self._thinner is None:
            return
        try:
            self._thinner.committed(*written)
        except Exception as error:
            self._thinner = None
            self._problems.note("thinning", f"snapshots are no longer thinned out: {error}")

    def _packed(self, training: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Tensor]]:
        """What is kept beside the model as JSON and tensors; what cannot be kept is told and left out."""
        structures: dict[str, str] = {}
        tensors: dict[str, Tensor] = {}
        for name, value in training.items():
            try:
                structures[name], found = pack(value, f"{TRAINING}{name}")
                tensors.update(found)
            except TypeError as error:
                self._problems.note(f"training {name}", f"snapshots are without the state of {name}: {error}")
        return structures, tensors
