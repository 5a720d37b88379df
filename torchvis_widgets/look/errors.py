"""What cannot be shown: each error carries a reason and a remedy in words, so that no view is ever silently blank."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator

import torch

ON_THE_CPU = "Look on the CPU: tvw.inspect(model, inputs, device='cpu')."


class LookError(Exception):
    """Something cannot be shown: `reason` says why, `remedy` what to do about it."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}. {remedy}")
        self.reason = reason
        self.remedy = remedy


class ProbeError(LookError, ValueError):
    """The probe is no batch of samples, or does not run through the model."""


class ReplicaError(LookError):
    """The model cannot be copied, or a state does not fit the copy."""


class CaptureError(LookError):
    """A key yields no tensor."""


class ForwardError(CaptureError):
    """The replica's forward pass raised before the key was reached."""


class OutOfMemory(ForwardError):
    """The device has no room for the pass."""

    def __init__(self, samples: int | None = None) -> None:
        if samples == 1:
            super().__init__("the device ran out of memory with a single sample", ON_THE_CPU)
        else:
            given = f" with {samples} samples" if samples else ""
            fewer = ON_THE_CPU.replace("Look", "Use fewer probe samples, or look")
            super().__init__(f"the device ran out of memory{given}", fewer)


def without_values(what: str) -> CaptureError:
    """What to say of an output on the meta device."""
    return CaptureError(f"{what} is on the meta device and has no values", "Give the model real weights.")


def out_of_memory(error: BaseException) -> bool:
    """Whether an error tells that a device has no room left."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # The CPU's allocator and Apple's raise a plain RuntimeError.
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, RuntimeError) and any(each in str(error) for each in words)


def in_words(error: BaseException) -> str:
    """An error on one line: its class and its first line of text."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def nearest(name: str, names: list[str]) -> str:
    """A remedy that names what was probably meant."""
    near = difflib.get_close_matches(name, names, 3, 0.4) or names[:3]
    return f"Did you mean {' or '.join(repr(each) for each in near)}?" if near else "There is nothing to choose from."


@contextlib.contextmanager
def explained(what: str) -> Iterator[None]:
    """Within it, everything that is raised becomes a LookError about `what`."""
    try:
        yield
    except LookError:
        raise
    except Exception as error:
        if out_of_memory(error):
            raise OutOfMemory() from error
        raise LookError(
            f"{what} cannot be looked at: {in_words(error)}", "Choose another snapshot or layer."
        ) from error
