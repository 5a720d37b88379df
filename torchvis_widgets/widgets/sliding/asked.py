"""What a view asks for, as edits; a view's words are never trusted."""

from __future__ import annotations

from typing import Any

from torchvis_widgets.steer.edits import Edit, EditError, Span

__all__ = ["edit_asked", "flag", "index_asked", "name_asked", "same_place", "whole_asked"]


def edit_asked(change: object, tensor: object, value: object, index: object, **more: Any) -> Edit:
    """The edit that a view's words mean. Raises TypeError or EditError; whether it fits the model is not known here.

    value: a number, a pair of them, or None. index: numbers, [first, last + 1] ranges, or lists of such ranges.
    """
    if not isinstance(change, str):
        raise TypeError(f"change is the name of an operation, found {type(change).__name__}")
    return Edit(name_asked(tensor), change, index_asked(index), _value(value), **more)  # type: ignore[arg-type]


def same_place(one: Edit, other: Edit) -> bool:
    """Whether two edits do the same thing to the same values, so that the one takes the other's place."""
    return (one.tensor, one.op, one.index) == (other.tensor, other.op, other.index)


def name_asked(value: object) -> str:
    """The name of a tensor."""
    if not isinstance(value, str):
        raise TypeError(f"tensor is a name, found {type(value).__name__}")
    return value


def whole_asked(value: object, what: str) -> int:
    """A whole number from 0 on."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError(f"{what} is a whole number from 0 on, found {value!r}")
    return value


def flag(value: object, what: str) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{what} is true or false, found {value!r}")
    return value


def index_asked(value: object) -> tuple[Span, ...] | None:
    """The part of a tensor, an entry a leading dimension; None for all of it."""
    if value is None:
        return None
    if not isinstance(value, list):
        raise TypeError(f"index is a list of whole numbers and ranges, found {value!r}")
    return tuple(_span(entry) for entry in value)


def _span(entry: object) -> Span:
    if isinstance(entry, int) and not isinstance(entry, bool):
        return entry
    if isinstance(entry, list) and entry and all(isinstance(each, list) for each in entry):
        return tuple(_range(each) for each in entry)
    return _range(entry)


def _range(entry: Any) -> tuple[int, int]:
    whole = isinstance(entry, list) and all(isinstance(end, int) and not isinstance(end, bool) for end in entry)
    if not whole or len(entry) != 2:
        raise TypeError(f"index is a list of whole numbers and ranges, found {entry!r} in it")
    return entry[0], entry[1]


def _value(value: object) -> float | tuple[float, float] | None:
    if value is None:
        return None
    if isinstance(value, list):
        if len(value) != 2:
            raise TypeError(f"value is a number or two of them, found {len(value)}")
        return _number(value[0]), _number(value[1])
    return _number(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"value is a number, found {type(value).__name__}")
    try:
        return float(value)
    except OverflowError:
        raise EditError(f"a number of {len(str(value))} digits is no finite value; pass a finite number") from None
