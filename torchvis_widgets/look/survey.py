"""survey: every module's outputs in one forward pass, handed out as they come."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from torchvis_widgets.look.keys import Key
from torchvis_widgets.look.leaves import leaves
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica
from torchvis_widgets.look.trace import MOST_CALLS


def survey(replica: Replica, probe: Probe, take: Callable[[Key, Tensor], None]) -> None:
    """Run the probe and call `take(key, output)` within the pass: what it keeps it must copy.

    Of a module called very often, the first 64 calls. Raises whatever the model raises.
    """
    calls: dict[int, int] = defaultdict(int)

    def hand_out(path: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, _args: Any, output: Any) -> None:
            calls[id(module)] += 1
            if calls[id(module)] <= MOST_CALLS:
                for leaf, tensor in leaves(output):
                    take(Key(path, calls[id(module)], leaf), tensor.detach())

        return hook

    with replica.lock, contextlib.ExitStack() as hooks:
        for path, module in replica.module.named_modules():
            hooks.callback(module.register_forward_hook(hand_out(path)).remove)
        replica.forward(probe)
