"""What a view is told of each tensor: its heat map, the values of its sliders, and the element picked on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from torchvis_widgets.steer.checks import why_not
from torchvis_widgets.steer.edits import Edit
from torchvis_widgets.widgets.matrix import Matrix

__all__ = ["MOST_TENSORS", "Picked", "left_out", "names_in", "picked_value", "row"]

MOST_TENSORS = 24

Picked = tuple[str, tuple[int, ...]]


def names_in(layer: str, names: Iterable[str]) -> list[str]:
    """The tensors of a layer and of what is inside of it, its own first."""
    inside = [name for name in names if not layer or name.startswith(f"{layer}.")]
    return sorted(inside, key=lambda name: name.rpartition(".")[0] != layer)


def left_out(names: list[str]) -> str | None:
    """What there is to say of the tensors that are not shown."""
    if not names:
        return "This layer has no weights of its own; select one that has."
    if len(names) > MOST_TENSORS:
        return f"{MOST_TENSORS} of {len(names)} tensors; find the others by name, or select a layer inside."
    return None


def row(name: str, tensor: Tensor, matrix: Matrix, base: Matrix, edits: Iterable[Edit]) -> dict[str, Any]:
    """What is shown of a tensor; `base` is laid out from its values without edits, which set how far sliders reach."""
    reason = why_not(tensor)
    lo, hi = matrix.limits
    rows, columns = matrix.full_size
    return {
        "name": name, "shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch."),
        "rows": len(matrix.rows), "cols": len(matrix.columns), "rows_total": rows, "cols_total": columns,
        "lo": lo, "hi": hi, "reach": base.reach, "values": _values(name, edits),
        "editable": reason is None, "note": reason,
    }  # fmt: skip


def picked_value(
    picked: Picked | None, state: Mapping[str, Tensor], bases: Mapping[str, Matrix]
) -> dict[str, Any] | None:
    """The element picked, where its tensor is shown: what it is and how far its slider goes."""
    if picked is None or picked[0] not in bases:
        return None
    name, index = picked
    row, column = bases[name].cell(index)
    value = float(state[name][index])
    reach = max(2 * bases[name].reach, 2 * abs(value), 1e-3)
    place = {"tensor": name, "index": list(index), "row": row, "col": column}
    return {**place, "value": value, "lo": -reach, "hi": reach}


def _values(name: str, edits: Iterable[Edit]) -> dict[str, Any]:
    """Of the edits of a whole tensor the values, by operation."""
    whole = [edit for edit in edits if edit.tensor == name and edit.index is None and edit.where is None]
    return {edit.op: edit.seed if edit.op == "reinit" else edit.value for edit in whole}
