"""Whether an edit fits the tensors that it is about; asked before anything is changed."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from torchvis_widgets.steer.edits import OPS, Edit, EditError, Index, spans
from torchvis_widgets.steer.packed import Packed
from torchvis_widgets.steer.region import is_several, region_shape

__all__ = ["check", "editable", "why_not"]

_EDITABLE = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def check(tensors: Mapping[str, Tensor], edit: Edit) -> None:
    """Raises EditError for an edit that does not fit."""
    if edit.op not in OPS:
        ops = ", ".join(map(repr, OPS[:-1]))
        raise EditError(f"an edit's op is {ops} or {OPS[-1]!r}, not {edit.op!r}")
    if edit.tensor == "" and edit.op == "blend":
        _check_whole(edit)
    else:
        tensor = _tensor(tensors, edit.tensor)
        _check_index(edit, tensor)
        _check_where(edit, region_shape(tensor, edit.index))
        _check_kind(edit)
        _check_value(edit, tensor)
    if not 0 <= edit.seed < 2**63:
        raise EditError(f"seed is a whole number from 0 to 2⁶³ - 1, found {edit.seed!r}")


def editable(tensor: Tensor) -> bool:
    """Whether a tensor's values can be edited."""
    return why_not(tensor) is None


def why_not(tensor: Tensor) -> str | None:
    """Why a tensor cannot be edited; None where it can be."""
    if is_lazy(tensor):
        return "has no values before the first forward pass"
    if tensor.is_meta:
        return "has no values: it is on the meta device"
    if tensor.layout != torch.strided:
        return f"is {str(tensor.layout).removeprefix('torch.')}; only dense tensors can be edited"
    if tensor.dtype in _EDITABLE:
        return None
    kind = str(tensor.dtype).removeprefix("torch.")
    if tensor.is_quantized or tensor.is_floating_point():  # float8 and smaller: quantised with a scale beside it
        return f"is quantised ({kind}); only float16, bfloat16, float32 and float64 can be edited"
    return f"is of type {kind}; only floating-point tensors can be edited"


def _tensor(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    if name == "":
        raise EditError("name a tensor; only a blend is of the whole model")
    if name not in tensors:
        near = difflib.get_close_matches(str(name), tensors, 3, 0.4) or sorted(tensors)[:3]
        raise EditError(f"the model has no tensor {name!r}; the nearest are {', '.join(map(repr, near))}")
    reason = why_not(tensors[name])
    if reason is not None:
        raise EditError(f"{name!r} {reason}")
    return tensors[name]


def _check_whole(edit: Edit) -> None:
    if edit.index is not None or edit.where is not None:
        raise EditError("a blend of the whole model takes neither an index nor where=; name a tensor")
    _check_share(edit)
    _check_toward(edit)


def _check_index(edit: Edit, tensor: Tensor) -> None:
    index, shape = edit.index or (), tuple(tensor.shape)
    if len(index) <= len(shape) and all(_fits(entry, size) for entry, size in zip(index, shape, strict=False)):
        if sum(is_several(entry) for entry in index) > 1:
            raise EditError(f"only one dimension of {edit.tensor!r} can be several ranges, found {_said(index)}")
        return
    element = all(isinstance(entry, int) for entry in index)
    raise EditError(
        f"{edit.tensor!r} has no {'element' if element else 'part'} {_said(index)}: "
        f"its shape is {shape}, counted from 0" + ("" if element else "; a range is (first, last + 1)")
    )


def _fits(entry: Any, size: int) -> bool:
    if isinstance(entry, bool) or not isinstance(entry, (int, tuple)) or entry == ():
        return False
    try:
        ends = [end for first, last in spans(entry) for end in (first, last)]
    except (TypeError, ValueError):
        return False
    if not all(isinstance(end, int) and not isinstance(end, bool) for end in ends):
        return False
    filled = all(first < last for first, last in zip(ends[::2], ends[1::2], strict=True))
    return filled and ends == sorted(ends) and ends[0] >= 0 and ends[-1] <= size


def _check_where(edit: Edit, shape: tuple[int, ...]) -> None:
    if edit.where is None:
        return
    if edit.where.dtype != "bool" or edit.where.shape != shape:
        raise EditError(
            f"where= is a boolean mask of the shape {shape} of what is edited of {edit.tensor!r}, "
            f"found {edit.where.dtype} {edit.where.shape}"
        )
    if not bool(edit.where.tensor().any()):
        raise EditError(f"where= picks nothing of {edit.tensor!r}: the mask is False everywhere")


def _check_kind(edit: Edit) -> None:
    """Of a value: a number but for a few ops."""
    wants: dict[str, tuple[Any, str]] = {
        "clamp": (tuple, "two numbers (lowest, highest)"),
        "reinit": (type(None), "no value"),
        "set": ((int, float, Packed), "a number or a tensor of numbers"),
    }
    kinds, words = wants.get(edit.op, ((int, float), "a number"))
    if not isinstance(edit.value, kinds):
        raise EditError(f"{edit.op!r} of {edit.tensor!r} takes {words}, found {edit.value!r}")


def _check_value(edit: Edit, tensor: Tensor) -> None:
    if isinstance(edit.value, Packed):
        _check_values(edit, edit.value, tensor)
        return
    numbers = list(edit.value) if isinstance(edit.value, tuple) else [] if edit.value is None else [edit.value]
    most = torch.finfo(tensor.dtype).max
    for number in numbers:
        if not isinstance(number, (int, float)) or not math.isfinite(number) or abs(number) > most:
            raise EditError(f"{number} is no finite value for {edit.tensor!r}; pass a finite number")
    if edit.op == "noise" and edit.number < 0:
        raise EditError(f"noise is a share of the standard deviation, 0 or more, found {edit.value}")
    if edit.op == "clamp" and (len(numbers) != 2 or numbers != sorted(numbers)):
        raise EditError(f"clamp takes (lowest, highest), found {edit.value}")
    if edit.op == "freeze" and (edit.index is not None or edit.where is not None or edit.value not in (0, 1)):
        raise EditError(f"{edit.tensor!r} is frozen (1) or let go (0) as a whole, found {edit.value} for {edit.index}")
    if edit.op in ("prune", "blend"):
        _check_share(edit)
    if edit.op == "blend":
        _check_toward(edit)


def _check_share(edit: Edit) -> None:
    value = edit.value
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise EditError(f"{edit.op!r} takes a share from 0 to 1, found {value!r}")


def _check_toward(edit: Edit) -> None:
    if isinstance(edit.toward, bool) or not isinstance(edit.toward, int):
        raise EditError(f"a blend is toward the snapshot of a step, found toward={edit.toward!r}")


def _check_values(edit: Edit, values: Packed, tensor: Tensor) -> None:
    # Those that a mask leaves out stand for nothing.
    shape = region_shape(tensor, edit.index)
    picked = (int(edit.where.tensor().sum()),) if edit.where is not None else shape
    if values.shape != picked:
        raise EditError(f"a value for {edit.tensor!r} has the shape {values.shape}, expected {picked} or a number")
    if not bool(values.tensor().to(tensor.dtype).isfinite().all()):
        raise EditError(f"the values for {edit.tensor!r} are not all finite; pass finite numbers")


def _said(index: Index) -> str:
    return str(list(index))
