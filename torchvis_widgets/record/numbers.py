"""What counts as a number to log, and the words for what does not."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

__all__ = ["at_hand", "check_name", "check_step", "to_number"]


def check_name(name: object) -> None:
    """Raises TypeError for a metric name that is not a str, ValueError for an empty one."""
    if not isinstance(name, str):
        raise TypeError(f'metric names: found {_kind(name)} {name!r}, expected a str as in log({{"train/loss": loss}})')
    if not name:
        raise ValueError('metric names: found an empty str, expected one as in log({"train/loss": loss})')


def check_step(step: object) -> int:
    """Returns `step`. Raises TypeError for what is no int, ValueError for a negative one."""
    if not isinstance(step, int) or isinstance(step, bool):
        raise TypeError(
            f"log(step=…) takes the number of optimizer steps, found {step!r:.60}; "
            'a metric of that name is logged as session.log({"step": value})'
        )
    if step < 0:
        raise ValueError(f"log(step=…) takes the number of optimizer steps, 0 or more; found {step}")
    return step


def at_hand(value: Any) -> float | None:
    """A copy of a number that is a plain tensor on the CPU, as most are; None for all else."""
    if type(value) is not Tensor or not value.is_cpu:
        return None
    try:
        found = value.item()  # unlike float() it takes tensors with gradient without a warning
    except RuntimeError:  # more than one element: the words for that are to_number's
        return None
    return found if type(found) is float else None


def to_number(name: str, value: Any) -> float | Tensor:
    """Returns `value` as a float, or as the tensor of one element that it is where that lives on a device.

    Raises TypeError for what is no number, ValueError for arrays of another size than one and for numbers too large.
    """
    if isinstance(value, Tensor):
        return _from_tensor(name, value)
    if isinstance(value, (np.ndarray, np.generic)):
        return _from_array(name, value)
    if value is None:
        raise TypeError(_words(name, "None", 'Leave the metric out, or log float("nan")'))
    if isinstance(value, (str, bytes)) or not hasattr(type(value), "__float__"):
        raise TypeError(_words(name, f"{_kind(value)} {_short(value)}", _remedy(name, value)))
    try:
        return float(value)
    except OverflowError:
        raise ValueError(_words(name, "an int too large for a float", "Log its logarithm: math.log(value)")) from None
    except (TypeError, ValueError) as error:
        # Other frameworks' arrays have __float__ as well, and refuse where they hold more than one element.
        raise TypeError(_words(name, f"{_kind(value)} ({error})", "Convert it first: float(value)")) from error


def _from_tensor(name: str, value: Tensor) -> float | Tensor:
    _check_size(name, "a tensor", tuple(value.shape), value.numel())
    if value.is_complex():
        raise TypeError(_words(name, f"a tensor of {value.dtype}", "Log its magnitude: value.abs()"))
    if value.is_meta:
        raise ValueError(_words(name, "a tensor on the meta device, which has no value", "Leave the metric out"))
    return float(value.item()) if value.is_cpu else value


def _from_array(name: str, value: np.ndarray[Any, Any] | np.generic) -> float:
    _check_size(name, "an array", value.shape, value.size)
    if value.dtype.kind not in "fiub":
        remedy = "Log its magnitude: abs(value)" if value.dtype.kind == "c" else "Convert it first: float(value)"
        raise TypeError(_words(name, f"an array of {value.dtype}", remedy))
    return float(value.item())


def _check_size(name: str, what: str, shape: tuple[int, ...], size: int) -> None:
    if size == 0:
        raise ValueError(_words(name, f"{what} of shape {shape}, which is empty", "Leave the metric out"))
    if size > 1:
        raise ValueError(_words(name, f"{what} of shape {shape}", f"Log its mean: {{{name!r}: value.mean()}}"))


def _words(name: str, found: str, remedy: str) -> str:
    return f"metric {name!r}: found {found}, expected one number (float, int or a tensor of one element). {remedy}."


def _remedy(name: str, value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"Log its mean: {{{name!r}: sum(value) / len(value)}}"
    if isinstance(value, dict):
        inner = f"{name}/{next(iter(value), '…')}"
        return f"Give each value a name of its own: {{{inner!r}: …}}"
    if callable(value):
        return f"Log what it returns: {{{name!r}: value()}}"
    return "Convert it first: float(value)"


def _kind(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeio' else 'a'} {name}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
