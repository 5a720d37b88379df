"""What a training is beside the model's weights: optimizers, schedulers and random numbers, taken and put back."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

RANDOM = "random"


@dataclass(frozen=True)
class TrainingState:
    """The objects whose state a snapshot keeps beside the model's, by name, and whether random numbers are kept."""

    parts: Mapping[str, Any] = field(default_factory=dict)
    devices: Callable[[], Iterable[torch.device]] = tuple  # those whose random numbers count, beside the CPU

    def take(self) -> dict[str, Any]:
        """The state of every part, and of the random numbers; what is in it is not copied."""
        if not self.parts:
            return {}
        return {**{name: _state(part) for name, part in self.parts.items()}, RANDOM: random_state(self.devices())}

    def missing(self, recorded: Mapping[str, Any]) -> list[str]:
        """The parts here of which a snapshot has recorded nothing."""
        return [name for name in self.parts if name not in recorded]

    def put_back(self, recorded: Mapping[str, Any]) -> None:
        """Give every part the state recorded under its name, random numbers last: loading may draw some."""
        for name, part in self.parts.items():
            if name in recorded:
                _load(part, recorded[name])
        if RANDOM in recorded:
            set_random_state(recorded[RANDOM])


def training_parts(optimizers: Sequence[Any], resumable: object) -> dict[str, Any]:
    """What `watch(resumable=…)` asks for: the optimizers, and the objects given, by the names snapshots know them by.

    Raises:
        TypeError: one has no `state_dict()` and `load_state_dict()`, and is no `torch.Generator`.
        ValueError: there is no optimizer whose state could be kept.
    """
    if resumable is False or resumable is None:
        return {}
    more = [] if resumable is True else list(resumable) if isinstance(resumable, (list, tuple)) else [resumable]
    for each in more:
        stateful = callable(getattr(each, "state_dict", None)) and callable(getattr(each, "load_state_dict", None))
        if isinstance(each, type) or not (stateful or isinstance(each, torch.Generator)):
            found = f"the class {each.__name__}" if isinstance(each, type) else type(each).__name__
            raise TypeError(
                f"resumable: found {found}, expected True, or a list of schedulers, GradScalers and other objects with "
                "state_dict() and load_state_dict(), or torch.Generators: resumable=[scheduler]"
            )
    if not optimizers:
        raise ValueError(
            "resumable needs the optimizer whose state is to be kept: watch(model, optimizer, resumable=…)"
        )
    named = {f"optimizer {number}": each for number, each in enumerate(optimizers)}
    return named | {f"{type(each).__name__} {number}": each for number, each in enumerate(more)}


def random_state(devices: Iterable[torch.device]) -> dict[str, Any]:
    """The state of torch's default generators, of Python's `random` and of numpy's; waits for no device."""
    version, words, gauss = random.getstate()
    cuda = {str(each): torch.cuda.get_rng_state(each) for each in dict.fromkeys(devices) if each.type == "cuda"}
    return {
        "torch": torch.get_rng_state(),
        "cuda": cuda,
        "python": (version, torch.tensor(words, dtype=torch.int64), gauss),
        "numpy": np.random.get_state(legacy=False),
    }


def set_random_state(state: Mapping[str, Any]) -> None:
    """Put back what `random_state` gave; a CUDA device that this machine lacks is left out."""
    torch.set_rng_state(state["torch"])
    for device, kept in state["cuda"].items():
        if (torch.device(device).index or 0) < torch.cuda.device_count():
            torch.cuda.set_rng_state(kept, device)
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words.tolist()), gauss))
    np.random.set_state(state["numpy"])


def _state(part: Any) -> Any:
    return part.get_state() if isinstance(part, torch.Generator) else part.state_dict()


def _load(part: Any, state: Any) -> None:
    if isinstance(part, torch.Generator):
        part.set_state(state)
    else:
        # A copy: load_state_dict() takes tensors as they are, and these are mapped from the snapshot's file.
        part.load_state_dict(copy.deepcopy(state))
