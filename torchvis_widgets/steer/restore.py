"""Putting a model back to a recorded state: checked as a whole before anything is touched."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn


class RestoreError(ValueError):
    """A recorded state does not fit the model as it is now."""


def check_fits(live: Mapping[str, Tensor], recorded: Mapping[str, Tensor]) -> None:
    """Raises RestoreError that names the first tensor that is missing or has another shape or type."""
    for name in {**live, **recorded}:
        if name not in recorded:
            raise RestoreError(f"the snapshot has no {name!r}, which the model has now. {_REMEDY}")
        if name not in live:
            raise RestoreError(f"the snapshot has {name!r}, which the model no longer has. {_REMEDY}")
        here, there = live[name], recorded[name]
        if (here.shape, here.dtype) != (there.shape, there.dtype):
            raise RestoreError(
                f"{name!r} is {tuple(there.shape)} {_kind(there)} in the snapshot and "
                f"{tuple(here.shape)} {_kind(here)} in the model. {_REMEDY}"
            )


def put_back(model: nn.Module, live: Mapping[str, Tensor], recorded: Mapping[str, Tensor]) -> None:
    """Write a recorded state into the live tensors, bit for bit and in place, and drop the gradients.

    Of the training thread, at a step boundary. What holds the tensors (an optimizer, a wrapper) goes on holding them.
    """
    for name, tensor in live.items():
        # .data leaves the version counter alone: in a GAN's loop a graph through this model may be alive here.
        tensor.data.copy_(recorded[name])
    for parameter in model.parameters():
        parameter.grad = None


_REMEDY = "Give the model back the layers it had then, or load what fits yourself: run.state_dict(…)"


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
