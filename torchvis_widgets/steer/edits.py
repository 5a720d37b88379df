"""Weight edits: previewed on a copy of a state, or carried out on the live model as transactions that can be undone."""

from __future__ import annotations

import difflib
import math
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

_MOST_TRANSACTIONS = 100


class EditError(ValueError):
    """An edit does not fit the model's tensors."""


@dataclass(frozen=True)
class Edit:
    """Multiply by `value` ("gain") or make equal to it ("set"): a tensor by name, or what `index` picks of it.

    `index` counts from 0, one number a leading dimension: (11,) is a conv's output channel 11, None the whole tensor.
    """

    tensor: str
    op: Literal["gain", "set"]
    index: tuple[int, ...] | None
    value: float


@dataclass
class Transaction:
    """An edit that was carried out: `before` holds the bits of what it touched, as they were after `step` steps."""

    edit: Edit
    step: int
    before: Tensor


def apply(
    state: Mapping[str, Tensor], edits: Iterable[Edit], tied: Iterable[Collection[str]] = ()
) -> dict[str, Tensor]:
    """A new state with the edits made, in order; only touched tensors are copied.

    Names that share a tensor change together: those in one group of `tied`, and those whose memory is the same.
    Raises EditError.
    """
    groups = [frozenset(group) for group in tied]
    edited = dict(state)
    copied: set[str] = set()
    for edit in edits:
        _checked(edited, edit)
        if edit.tensor not in copied:
            together = _together(edited, edit.tensor, groups)
            edited.update(dict.fromkeys(together, edited[edit.tensor].detach().clone()))
            copied |= together
        _write(_region(edited[edit.tensor], edit), edit)
    return edited


class EditLog:
    """The edits made to the live model, newest last; every method belongs to the training thread at a step boundary.

    tensors: the live parameters and buffers by name. `step` is always the number of optimizer steps finished.
    version: counts the changes made. The tensors' own version counters do not tell of them.
    """

    def __init__(self, tensors: Callable[[], Mapping[str, Tensor]]) -> None:
        self.version = 0
        self._tensors = tensors
        self._done: deque[Transaction] = deque(maxlen=_MOST_TRANSACTIONS)

    def __len__(self) -> int:
        return len(self._done)

    @property
    def edits(self) -> list[Edit]:
        """The edits that undo() would take back, oldest first."""
        return [transaction.edit for transaction in self._done]

    def apply(self, edit: Edit, *, step: int) -> None:
        """Carry out an edit as a transaction of its own. Raises EditError."""
        region = self._region(edit)
        self._done.append(Transaction(edit, step, region.clone()))
        _write(region, edit)
        self.version += 1

    def amend(self, edit: Edit, *, step: int) -> None:
        """Give the newest transaction another value, as a drag does: relative to the weights before that transaction.

        After an optimizer step what training has changed since is kept: a gain is made up by the ratio. An edit of
        something else is a transaction of its own. Raises EditError.
        """
        last = self._done[-1] if self._done else None
        if last is None or replace(edit, value=last.edit.value) != last.edit:
            self.apply(edit, step=step)
            return
        region = self._region(edit)
        if edit.op == "set":
            _write(region, edit)
        elif step != last.step and _invertible(last.edit, region):
            _write(region, replace(edit, value=edit.value / last.edit.value))
        else:  # no step since, or a gain so near 0 that no ratio leads back
            region.copy_(last.before)
            _write(region, edit)
        last.edit = edit
        self.version += 1

    def undo(self, *, step: int) -> Edit | None:
        """Take the newest transaction back and return its edit; None when there is none.

        The exact bits return when no optimizer step was made since, when the edit was a "set" or a gain near 0. After
        a step a gain is taken back by its inverse, so that what training has changed since is kept.
        """
        if not self._done:
            return None
        last = self._done[-1]
        region = self._region(last.edit)
        if step == last.step or not _invertible(last.edit, region):
            region.copy_(last.before)
        else:
            region.mul_(1 / last.edit.value)
        self.version += 1
        return self._done.pop().edit

    def forget(self) -> None:
        """What was edited is gone, as the model has gone back to a snapshot."""
        self._done.clear()
        self.version += 1

    def _region(self, edit: Edit) -> Tensor:
        tensors = self._tensors()
        _checked(tensors, edit)
        return _region(tensors[edit.tensor], edit)


def _region(tensor: Tensor, edit: Edit) -> Tensor:
    # .data leaves the version counter alone: with two networks in one loop a graph through this one may be alive at the
    # other's step boundary, and its backward() must not raise "modified by an inplace operation" because of our edit.
    return tensor.data[edit.index or ()]


def _invertible(edit: Edit, region: Tensor) -> bool:
    """Whether dividing by a gain gives the weights back: near 0 it has rounded them to nothing."""
    return edit.op == "gain" and abs(edit.value) > math.sqrt(torch.finfo(region.dtype).tiny)


def _write(region: Tensor, edit: Edit) -> None:
    if edit.op == "gain":
        region.mul_(edit.value)
    else:
        region.fill_(edit.value)


def _together(state: Mapping[str, Tensor], name: str, groups: list[frozenset[str]]) -> set[str]:
    together = {name}.union(*(group for group in groups if name in group))
    place = _place(state[name])
    together |= {other for other, tensor in state.items() if place is not None and _place(tensor) == place}
    return together & state.keys()


def _place(tensor: Tensor) -> tuple[object, ...] | None:
    if tensor.numel() == 0 or tensor.is_meta:
        return None
    return tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype


def _checked(tensors: Mapping[str, Tensor], edit: Edit) -> None:
    if edit.tensor not in tensors:
        near = difflib.get_close_matches(edit.tensor, tensors, 3, 0.4) or sorted(tensors)[:3]
        raise EditError(f"the model has no tensor {edit.tensor!r}; the nearest are {', '.join(map(repr, near))}")
    tensor = tensors[edit.tensor]
    if not tensor.is_floating_point():
        kind = str(tensor.dtype).removeprefix("torch.")
        raise EditError(f"{edit.tensor!r} is of type {kind}; only floating-point tensors can be edited")
    if edit.op not in ("gain", "set"):
        raise EditError(f"an edit's op is 'gain' or 'set', not {edit.op!r}")
    index = edit.index or ()
    if len(index) > tensor.dim() or any(not 0 <= i < size for i, size in zip(index, tensor.shape, strict=False)):
        raise EditError(
            f"{edit.tensor!r} has no element {list(index)}: its shape is {tuple(tensor.shape)}, counted from 0"
        )
    if not math.isfinite(edit.value) or abs(edit.value) > torch.finfo(tensor.dtype).max:
        raise EditError(f"{edit.value} is no finite value for {edit.tensor!r}; pass a finite number")
