"""Which snapshot is meant, and the words for one that is not there."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from torchvis_widgets.record.snapshots import Commit, Snapshot, SnapshotStore

__all__ = ["find"]


def find(
    store: SnapshotStore,
    *,
    epoch: float | None = None,
    step: int | None = None,
    name: str | None = None,
    branch: int | None = None,
) -> Commit:
    """Returns the snapshot of exactly this epoch, step or name: on the way to `branch`, or where it is first found.

    That is on the way to the current branch before any that was left. Raises LookupError that names the nearest ones,
    TypeError unless one of the three is given.
    """
    if sum(asked is not None for asked in (epoch, step, name)) != 1:
        raise TypeError("a snapshot is found by one of its labels: give one of epoch=…, step=… and name=…")
    if step is not None and (exactly := store.at_step(step, branch)) is not None:
        return exactly
    line = store.line(branch)
    everywhere = line if branch is not None else store.commits()
    for commit in (*reversed(line), *reversed(everywhere)):
        if _matches(commit.snapshot, epoch, step, name):
            return commit
    snapshots = [commit.snapshot for commit in everywhere]
    if name is not None:
        raise LookupError(_no_such_name(name, [snapshot.name for snapshot in snapshots if snapshot.name]))
    thinned = any(_matches(snapshot, epoch, step, name) for snapshot in store.thinned)
    raise LookupError(_nothing_there(snapshots, epoch, step, thinned))


def _matches(snapshot: Snapshot, epoch: float | None, step: int | None, name: str | None) -> bool:
    if name is not None:
        return snapshot.name == name
    return snapshot.step == step if epoch is None else snapshot.epoch == epoch


def _nothing_there(snapshots: Sequence[Snapshot], epoch: float | None, step: int | None, thinned: bool) -> str:
    asked = f"no snapshot at step {step}" if epoch is None else f"no snapshot at epoch {epoch:g}"
    if thinned:
        asked += " any more (it was thinned away, to stay within keep=…)"
    wanted = epoch if step is None else step
    if wanted is None or not snapshots:
        return f"{asked}; there is none yet"
    placed = [(position, s) for s in snapshots if (position := s.step if epoch is None else s.epoch) is not None]
    placed.sort(key=lambda found: found[0])
    before = [str(s) for position, s in placed if position < wanted]
    after = [str(s) for position, s in placed if position > wanted]
    near = before[-1:] + after[:1]
    return f"{asked}; the nearest: {' and '.join(near) or max(snapshots, key=lambda s: s.step)}"


def _no_such_name(name: str, names: Sequence[str]) -> str:
    if not names:
        return f"no snapshot is named {name!r}; none has a name yet: session.snapshot({name!r}) takes one"
    near = get_close_matches(name, names, n=3, cutoff=0.4) or names[-3:]
    return f"no snapshot is named {name!r}; the nearest: {', '.join(map(repr, near))}"
