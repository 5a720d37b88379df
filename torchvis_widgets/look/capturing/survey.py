"""survey: every module's outputs in one forward pass, handed out as they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from torchvis_widgets.look.keys import Key
from torchvis_widgets.look.leaves import leaves
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica
from torchvis_widgets.look.tracing.module_table import MOST_CALLS
from torchvis_widgets.look.tracing.walk import Call, Listener, Walk


def survey(replica: Replica, probe: Probe, take: Callable[[Key, Tensor], None]) -> None:
    """Run the probe and call `take(key, output)` within the pass: what it keeps it must copy.

    Of a module called very often, the first 64 calls. Raises whatever the model raises.
    """
    with replica.lock, Walk(replica.module, _HandOut(take), functions=False):
        replica.forward(probe)


class _HandOut(Listener):
    def __init__(self, take: Callable[[Key, Tensor], None]) -> None:
        self._take = take

    def leave(self, call: Call, output: Any) -> Any:
        if call.number <= MOST_CALLS:
            for leaf, tensor in leaves(output):
                self._take(Key(call.path, "", call.number, leaf), tensor.detach())
        return output
