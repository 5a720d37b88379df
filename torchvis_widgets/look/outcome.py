"""Outcome: what the model answers for the whole probe, read from its raw output."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from torchvis_widgets.look.errors import in_words
from torchvis_widgets.look.leaves import leaves, map_tensors

Criterion = Callable[[Any, Any], Tensor]


@dataclass(frozen=True, eq=False)
class Outcome:
    """The model's answer on the CPU: `logits` its "logits", or else its first tensor.

    Where that is (N, K) with K > 1: `predictions`, the class index of each sample, and `probabilities` (N, K).
    `loss` is the criterion's mean over the probe; `problem` says in words why there is none though it was asked for.
    """

    logits: Tensor | None
    predictions: list[int] | None
    probabilities: Tensor | None
    loss: float | None
    problem: str | None

    @classmethod
    def of(cls, output: Any, targets: Any | None, criterion: Criterion | None) -> Outcome:
        """Read a raw output of the model; never raises."""
        loss, problem = _loss(output, targets, criterion)
        found = logits_of(output)
        logits = None if found is None else found.detach().to("cpu", copy=True)
        predictions = probabilities = None
        if logits is not None and logits.dim() == 2 and logits.shape[1] > 1 and logits.is_floating_point():
            predictions = [int(index) for index in logits.argmax(dim=-1)]
            probabilities = _probabilities(logits.float())
        return cls(logits, predictions, probabilities, loss, problem)

    def nbytes(self) -> int:
        """Bytes of the tensors held."""
        return sum(t.nbytes for t in (self.logits, self.probabilities) if t is not None)


def logits_of(output: Any) -> Tensor | None:
    """What a raw output holds as "logits", or else its first tensor."""
    tensors = dict(leaves(output))
    return tensors.get("['logits']", next(iter(tensors.values()), None))


def _probabilities(logits: Tensor) -> Tensor:
    # A model that ends in softmax already gives them; a second softmax would flatten them.
    sums_to_one = torch.allclose(logits.sum(dim=-1), torch.ones(len(logits)), atol=1e-3)
    return logits if sums_to_one and bool((logits >= 0).all()) else logits.softmax(dim=-1)


def _loss(output: Any, targets: Any | None, criterion: Criterion | None) -> tuple[float | None, str | None]:
    if criterion is None or targets is None:
        return None, None
    try:
        device = next((tensor.device for _, tensor in leaves(output)), torch.device("cpu"))
        value = criterion(output, map_tensors(targets, lambda tensor: tensor.to(device)))
        loss = float(value.detach().float().mean())
    except Exception as error:
        return None, f"the criterion raised on the probe: {in_words(error)}"
    return (loss, None) if math.isfinite(loss) else (loss, f"the loss is {loss}")
