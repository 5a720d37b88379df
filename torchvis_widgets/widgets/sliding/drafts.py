"""Drafts: the edits that views look through and no model has, with a way back and forth."""

from __future__ import annotations

from collections.abc import Callable

from torchvis_widgets.steer.edits import Edit
from torchvis_widgets.widgets.selection import Selection
from torchvis_widgets.widgets.sliding.asked import same_place

__all__ = ["Drafts"]

Edits = tuple[Edit, ...]

_AT_REST: dict[str, float] = {"gain": 1, "shift": 0, "noise": 0, "prune": 0, "blend": 0}


class Drafts:
    """The previewed edits of one session's views, oldest first; each change but the steps of a drag can be undone."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._past: list[Edits] = []
        self._future: list[Edits] = []
        self._dragged: Edit | None = None
        self._noted = False  # whether undo() leads back to before the drag
        self._aside: Edits = ()

    @property
    def edits(self) -> Edits:
        """Those in effect."""
        return self._selection.now.edits

    @property
    def steps(self) -> tuple[int, int]:
        """How many times `undo()` goes back and `redo()` forth."""
        return len(self._past), len(self._future)

    def with_edit(self, edit: Edit) -> Edits:
        """What the edits would be with one more; one of the same values gives up its place, one at rest is left out."""
        if not any(same_place(old, edit) for old in self.edits):
            return self.edits if _rests(edit) else (*self.edits, edit)
        replaced = [edit if same_place(old, edit) else old for old in self.edits]
        return tuple(each for each in replaced if not _rests(each))

    def put(self, edit: Edit, done: bool, check: Callable[[Edits], object]) -> None:
        """Look through one more edit; `done` when what was dragged is let go. What `check` raises leaves all alone."""
        edits = self.with_edit(edit)
        check(edits)
        self._noted = self._noted and self._dragged is not None and same_place(self._dragged, edit)
        self._look_through(edits)
        self._dragged = None if done else edit
        self._noted = self._noted and not done

    def drop(self, edit: Edit) -> None:
        """Look no more through the edit of the same values."""
        self._look_through(tuple(old for old in self.edits if not same_place(old, edit)))
        self._dragged, self._noted = None, False

    def clear(self) -> None:
        """Look through none; it can be undone."""
        self._dragged, self._noted = None, False
        self._look_through(())
        self._noted = False

    def set_aside(self) -> None:
        """Look at the model as it is, until `take_up()`."""
        self._aside = self.edits or self._aside
        self._selection.preview(())

    def take_up(self) -> None:
        """Look through the edits again that were set aside."""
        self._selection.preview(self.edits or self._aside)
        self._aside = ()

    def undo(self) -> None:
        """Go back by one change; nothing happens where there was none."""
        self._go(self._past, self._future)

    def redo(self) -> None:
        """Make the change again that was undone last; nothing happens where there is none."""
        self._go(self._future, self._past)

    def _look_through(self, edits: Edits) -> None:
        if edits == self.edits:
            return
        if not self._noted:
            self._past.append(self.edits)
            self._noted = True
        self._future.clear()
        self._selection.preview(edits)

    def _go(self, there: list[Edits], back: list[Edits]) -> None:
        self._dragged, self._noted = None, False
        if there:
            back.append(self.edits)
            self._selection.preview(there.pop())


def _rests(edit: Edit) -> bool:
    return edit.op in _AT_REST and edit.value == _AT_REST[edit.op]
