"""What an optimizer lacks in its state when a switch is turned on after its first step."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from torchvis_widgets.steer.knobs import GroupPlace, Knob

# (class, hyperparameter) -> what it keeps for each parameter once that is not 0; zeros at its first step. SGD makes up
# its momentum when it finds none. Source: `_init_group` of each class.
KEPT = {
    (torch.optim.RMSprop, "momentum"): "momentum_buffer",
    (torch.optim.RMSprop, "centered"): "grad_avg",
    (torch.optim.Adam, "amsgrad"): "max_exp_avg_sq",
    (torch.optim.AdamW, "amsgrad"): "max_exp_avg_sq",
}


def make_up(knobs: Iterable[Knob]) -> None:
    """Give the optimizers what their next step will look for; on the training thread, before the knobs are turned."""
    for knob in knobs:
        optimizer = knob.place.optimizer() if isinstance(knob.place, GroupPlace) else None
        names = [name for (kind, key), name in KEPT.items() if isinstance(optimizer, kind) and key == knob.key]
        if names and optimizer is not None and isinstance(knob.place, GroupPlace):
            _fill(optimizer, knob.place.index, names[0])


def _fill(optimizer: torch.optim.Optimizer, index: int, name: str) -> None:
    for parameter in optimizer.param_groups[index]["params"]:
        state = optimizer.state.get(parameter)
        if state and name not in state:
            state[name] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
