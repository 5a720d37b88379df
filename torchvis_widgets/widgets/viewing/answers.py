"""The model's answers on the probe, in words."""

from __future__ import annotations

import math
from typing import Any

import torch
from numpy.typing import NDArray

from torchvis_widgets.look.outcome import Outcome


def predictions(outcome: Outcome, names: list[str] | None, labels: list[int] | None) -> list[dict[str, Any]] | None:
    """For each sample what is predicted, whether it is right (None = not known), and how probable it is."""
    if outcome.predictions is None:
        return None
    sure = outcome.probabilities
    return [
        {
            "text": class_name(names, index),
            "correct": None if labels is None else labels[sample] == index,
            "probability": None if sure is None else finite(float(sure[sample, index])),
        }
        for sample, index in enumerate(outcome.predictions)
    ]


def finite(value: float | None) -> float | None:
    """The number where JSON can hold it."""
    return value if value is not None and math.isfinite(value) else None


def is_answer(tensor: torch.Tensor, outcome: Outcome, sample: int) -> bool:
    """Whether a layer's output (K,) is what the model answers: only that has the classes' names."""
    if outcome.predictions is None or outcome.logits is None:
        return False
    answer = outcome.logits[sample]
    return tensor.shape == answer.shape and torch.allclose(tensor.float(), answer.float(), rtol=1e-3, atol=1e-4)


def names_of_labels(labels: NDArray[Any], names: list[str] | None) -> list[str] | None:
    """The classes' names where a mask's labels are their numbers, None where one of them is no class."""
    if names is None or not labels.size or labels.min() < 0 or labels.max() >= len(names):
        return None
    return names


def class_name(names: list[str] | None, index: int) -> str:
    """A class in words, or its number where no name was given."""
    return names[index] if names is not None and 0 <= index < len(names) else str(index)
