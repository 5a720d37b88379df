"""Edits made on a copy of a state: what a preview shows, and bit for bit what the live edit gives."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial

import torch
from torch import Tensor

from torchvis_widgets.steer.arithmetic import floats
from torchvis_widgets.steer.checks import check
from torchvis_widgets.steer.edits import Edit, EditError
from torchvis_widgets.steer.initialise import initial
from torchvis_widgets.steer.outcome import outcome
from torchvis_widgets.steer.recipe import Recipe
from torchvis_widgets.steer.region import read, write

__all__ = ["Fresh", "Made", "States", "apply", "fan_based", "names_of", "new_values", "no_states", "others"]

States = Callable[[int, "int | None"], Mapping[str, Tensor]]
"""(step, branch) → the state of a snapshot; raises LookupError where there is none."""

Fresh = Callable[[str, tuple[int, ...], int], Recipe]
"""(name, shape, seed) → how the values that a tensor begins with are drawn."""

fan_based: Fresh = partial(initial, None)

Made = Callable[[Tensor, Edit, Tensor | None], Tensor]
"""(values, edit, there) → what the edit makes of the values, bit for bit as `outcome()` does."""


def no_states(step: int, branch: int | None) -> Mapping[str, Tensor]:
    """Where there is no run: raises LookupError."""
    raise LookupError("there are no snapshots here")


def apply(
    state: Mapping[str, Tensor],
    edits: Iterable[Edit],
    tied: Iterable[Collection[str]] = (),
    states: States = no_states,
    fresh: Fresh = fan_based,
    made: Made = outcome,
) -> dict[str, Tensor]:
    """A new state with the edits made, in order; only touched tensors are copied.

    Names that share a tensor change together: those in one group of `tied`, and those whose memory is the same.
    `states` finds what a blend is toward, `fresh` what a tensor is re-initialised to. Raises EditError.
    """
    groups = [frozenset(group) for group in tied]
    edited = dict(state)
    copied: set[str] = set()
    for edit in edits:
        check(edited, edit)
        values = new_values(edited, edit, states, fresh, made)
        for name, new in values.items():
            if name not in copied:
                together = _together(edited, name, groups)
                edited.update(dict.fromkeys(together, edited[name].detach().clone()))
                copied |= together
            write(edited[name], edit, new)
    return edited


def new_values(
    tensors: Mapping[str, Tensor],
    edit: Edit,
    states: States = no_states,
    fresh: Fresh = fan_based,
    made: Made = outcome,
) -> dict[str, Tensor]:
    """What an edit that fits makes of each tensor's region, by name; nothing is changed. Raises EditError."""
    there = others(tensors, edit, states, fresh)
    with torch.inference_mode(False), torch.no_grad():
        return {name: made(read(tensors[name], edit), edit, there.get(name)) for name in names_of(tensors, edit)}


def others(tensors: Mapping[str, Tensor], edit: Edit, states: States, fresh: Fresh) -> dict[str, Tensor]:
    """The snapshot's values that a blend is toward, or the fresh ones of a reinit, by name. Raises EditError."""
    if edit.op not in ("blend", "reinit"):
        return {}
    there = _snapshot(edit, states) if edit.op == "blend" else {}
    return {name: _other(edit, name, tensors[name], there, fresh) for name in names_of(tensors, edit)}


def names_of(tensors: Mapping[str, Tensor], edit: Edit) -> list[str]:
    """The tensors whose values an edit changes: none for a freeze, all that are floats for the whole model."""
    if edit.op == "freeze":
        return []
    return [edit.tensor] if edit.tensor else floats(tensors)


def _snapshot(edit: Edit, states: States) -> Mapping[str, Tensor]:
    assert edit.toward is not None
    try:
        return states(edit.toward, edit.branch)
    except LookupError as error:
        raise EditError(f"a blend toward step {edit.toward} is not possible: {error}") from error


def _other(edit: Edit, name: str, tensor: Tensor, there: Mapping[str, Tensor], fresh: Fresh) -> Tensor:
    if edit.op == "reinit":
        shape = tuple(tensor.shape)
        return read(fresh(name, shape, edit.seed).draw(shape, edit.seed).to(tensor.device), edit)
    if name not in there or there[name].shape != tensor.shape:
        found = f"the shape {tuple(there[name].shape)}" if name in there else "nothing"
        raise EditError(
            f"the snapshot at step {edit.toward} has {found} for {name!r}, expected the shape {tuple(tensor.shape)}"
        )
    return read(there[name].to(tensor.device), edit)


def _together(state: Mapping[str, Tensor], name: str, groups: list[frozenset[str]]) -> set[str]:
    together = {name}.union(*(group for group in groups if name in group))
    place = _place(state[name])
    together |= {other for other, tensor in state.items() if place is not None and _place(tensor) == place}
    return together & state.keys()


def _place(tensor: Tensor) -> tuple[object, ...] | None:
    if tensor.numel() == 0 or tensor.is_meta:
        return None
    return tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype
