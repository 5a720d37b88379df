"""Which snapshots go when all of them take more bytes than they may, and how they go."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from torchvis_widgets.record.errors import Problems
from torchvis_widgets.record.snapshots import Commit, SnapshotStore

__all__ = ["Thinner", "to_bytes", "too_many"]

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def to_bytes(keep: str | int | None) -> int | None:
    """Returns `"2GB"`, `"500 MB"`, `"1.5GiB"` or a number of bytes as bytes; None (no limit) stays None.

    Raises TypeError for anything but these kinds, ValueError for what is no positive amount.
    """
    if keep is None:
        return None
    if isinstance(keep, bool) or not isinstance(keep, (str, int)):
        raise TypeError(f'keep: found {type(keep).__name__} {keep!r}, expected bytes as in "2GB", an int, or None')
    found = re.fullmatch(r"\s*([0-9.]+)\s*([kKMGT]?)(i?)B?\s*", str(keep))
    try:
        amount = float(found[1]) * (_BINARY if found[3] else _UNITS)[found[2].upper()] if found else 0.0
    except ValueError:
        amount = 0.0
    if amount < 1:
        raise ValueError(f'keep: found {keep!r}, expected a positive amount as in "2GB", "500MB" or 10**9')
    return int(amount)


@dataclass(frozen=True)
class _Held:
    commit: Commit
    files: frozenset[str]
    own: int  # bytes of its json file: of many snapshots of a small or frozen model they are the most


class Thinner:
    """Keeps a folder of snapshots within `budget` bytes; belongs to the thread that writes them.

    to_spare: of the snapshots given, those that stay beside the first, the last and those with a name.
    """

    def __init__(
        self,
        store: SnapshotStore,
        budget: int,
        to_spare: Callable[[Sequence[Commit]], Collection[Commit]],
        problems: Problems,
    ) -> None:
        self._store, self._budget, self._to_spare, self._problems = store, budget, to_spare, problems
        self._held: dict[Path, _Held] = {}
        self._sizes: dict[str, int] = {}

    def committed(self, commit: Commit, files: Collection[str]) -> None:
        """A snapshot has come, or has been replaced by a newer state; what is too much goes. Raises OSError."""
        self._held[commit.path] = _Held(commit, frozenset(files), self._store.size(commit.path.name))
        for file in files:
            self._sizes.setdefault(file, self._store.size(file))
        held = sorted(self._held.values(), key=lambda each: each.commit.snapshot.place)
        spared = set(self._to_spare([each.commit for each in held]))
        spared |= {held[0].commit, commit}
        spared |= {each.commit for each in held if each.commit.snapshot.name is not None}
        # Removed before anything else that could fail: what a json file names is always complete.
        for each in too_many(held, self._sizes, self._budget, spared):
            self._store.remove(each.commit)
            del self._held[each.commit.path]
        self._sweep()

    def _sweep(self) -> None:
        needed = {file for each in self._held.values() for file in each.files}
        for file in sorted(self._sizes.keys() - needed):
            self._store.discard(file)
            del self._sizes[file]
        total = sum(self._sizes.values()) + sum(each.own for each in self._held.values())
        if total > self._budget:
            least = "the first, last, best and named snapshots alone take"
            text = f"{least} {_words(total)}, more than keep={_words(self._budget)}"
            self._problems.note("keep", text)
        else:
            self._problems.settle("keep")


def too_many(held: Sequence[_Held], sizes: dict[str, int], budget: int, spared: Collection[Commit]) -> list[_Held]:
    """Returns those of `held` (ordered by branch and step) that go until the files of the others fit into `budget`.

    What lies closest between its neighbours goes first, which thins evenly; among equals the older one, and before it
    whatever gives tensors' bytes back: a file stays as long as any snapshot needs it.
    """
    kept, gone = list(held), []
    uses = Counter(file for each in kept for file in each.files)
    while sum(sizes[file] for file, count in uses.items() if count) + sum(each.own for each in kept) > budget:
        free = [index for index, each in enumerate(kept) if each.commit not in spared]
        if not free:
            break
        index = min(free, key=lambda i: (all(uses[file] > 1 for file in kept[i].files), _gap(kept, i)))
        uses.subtract(kept[index].files)
        gone.append(kept.pop(index))
    return gone


def _gap(held: Sequence[_Held], index: int) -> int:
    """Steps between the neighbours in the same branch; at its end twice the distance to the only one."""
    here = held[index].commit.snapshot
    near = [held[i].commit.snapshot for i in (index - 1, index + 1) if 0 <= i < len(held)]
    distances = [abs(other.step - here.step) for other in near if other.branch == here.branch]
    return sum(distances) * (3 - len(distances)) if distances else 0


def _words(size: int) -> str:
    unit = next((unit for unit in "TGMK" if size >= _UNITS[unit]), "")
    return f"{size / _UNITS[unit]:.3g} {unit.replace('K', 'k')}B"
