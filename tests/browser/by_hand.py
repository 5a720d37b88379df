"""What a picture must show, worked out without the product: a plain forward hook, the contract's bytes and colours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Array = npt.NDArray[Any]

QUICKSTART = Path(__file__).parents[2] / "notebooks" / "01_quickstart.ipynb"
LEVELS = 250
STOPS = {
    "diverging": [(33, 102, 172), (146, 197, 222), (247, 247, 247), (244, 165, 130), (178, 24, 43)],
    "sequential": [(247, 247, 247), (247, 208, 168), (233, 129, 112), (150, 54, 122), (46, 18, 82)],
}
# A forward pass in another process may round its last bit the other way: such a value may fall on either level.
TIE = 1e-3


def quickstart_cell(text: str) -> int:
    """Return the index of the notebook's code cell that contains the text."""
    cells = nbformat.read(QUICKSTART, as_version=4).cells
    return next(i for i, cell in enumerate(cells) if cell.cell_type == "code" and text in cell.source)


def cells_before_watch() -> list[str]:
    """Return the notebook's code cells before `watch()`: the user's own code."""
    cells = nbformat.read(QUICKSTART, as_version=4).cells[: quickstart_cell("tvw.watch(")]
    return [cell.source for cell in cells if cell.cell_type == "code"]


def quickstart_names() -> dict[str, Any]:
    """Run the user's own code and return its names."""
    names: dict[str, Any] = {"__name__": "quickstart"}
    for source in cells_before_watch():
        exec(source, names)
    return names


def activation(
    model: nn.Module, state: Mapping[str, torch.Tensor], layer: str, inputs: torch.Tensor, sample: int
) -> Array:
    """Return the layer's output for one sample, without the batch dimension, with the weights of `state`."""
    model.load_state_dict(dict(state))
    found: list[torch.Tensor] = []
    handle = model.eval().get_submodule(layer).register_forward_hook(lambda *args: found.append(args[2].clone()))
    with torch.no_grad():
        model(inputs[sample : sample + 1])
    handle.remove()
    return np.asarray(found[0][0], np.float64)


def levels(values: Array, lo: float, hi: float) -> tuple[Array, Array]:
    """Return the least and the greatest byte that a picture may have at each value; all but ties are the same."""
    scaled = np.clip((values - lo) / (hi - lo), 0, 1) * LEVELS
    return np.rint(np.clip(scaled - TIE, 0, LEVELS)).astype(int), np.rint(np.clip(scaled + TIE, 0, LEVELS)).astype(int)


def colours(diverging: bool) -> Array:
    """Return the colour of every byte, (251, 3): straight lines between the stops, halves rounded up."""
    stops = np.array(STOPS["diverging" if diverging else "sequential"], float)
    place = np.arange(LEVELS + 1) / LEVELS * (len(stops) - 1)
    first = np.minimum(place.astype(int), len(stops) - 2)
    between = stops[first] + (stops[first + 1] - stops[first]) * (place - first)[:, None]
    rounded: Array = np.floor(between + 0.5).astype(np.uint8)
    return rounded
