"""A model's weights in a safetensors file of the user's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from torchvis_widgets.record.tensor_file import is_storable, plain

__all__ = ["check_target", "write_weights"]

_SUFFIX = ".safetensors"


def check_target(path: str | os.PathLike[str]) -> Path:
    """Returns the path. Raises ValueError for another ending, FileNotFoundError where its folder is missing."""
    target = Path(path).expanduser().absolute()
    if target.suffix != _SUFFIX:
        raise ValueError(
            f"save() writes {_SUFFIX} files, found {target.name!r}: save({target.stem + _SUFFIX!r}). "
            "For another format: torch.save(model.state_dict(), path)"
        )
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(target.parent)!r} to save {target.name!r} in; make it first")
    return target


def write_weights(target: Path, state: Mapping[str, Tensor], *, step: int) -> None:
    """Writes the tensors and, as metadata, `step`; a file of that name is replaced once the new one is complete.

    Raises ValueError for a tensor that safetensors cannot hold, and OSError.
    """
    for name, tensor in state.items():
        if not is_storable(tensor):
            raise ValueError(
                f"{name!r} is {tensor.dtype} {tensor.layout}, found in no safetensors file: they hold dense tensors of "
                "common dtypes. torch.save(model.state_dict(), path) takes it"
            )
    draft = target.with_name(f".{target.name}.part")
    try:
        # Clones, as a file cannot hold two tensors that share memory.
        tensors = {name: plain(tensor.detach().cpu().clone()) for name, tensor in state.items()}
        save_file(tensors, draft, metadata={"format": "pt", "step": str(step)})
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
