"""Effect: what interventions make of a model's answer, beside what it is without them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from torchvis_widgets.look.capture import Taker, listen, stopped_early
from torchvis_widgets.look.errors import CaptureError
from torchvis_widgets.look.interventions import Intervention
from torchvis_widgets.look.keyring import Keyring
from torchvis_widgets.look.leaves import with_leaves
from torchvis_widgets.look.outcome import Outcome
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica
from torchvis_widgets.look.walk import Call, Listener


@dataclass(frozen=True, eq=False)
class Effect:
    """What interventions change: the model's answer for the whole probe, and the outputs of the keys asked for.

    Outputs are by key, one tensor a sample, without the batch dimension, on the CPU.
    """

    before: Outcome
    after: Outcome
    unchanged: dict[str, list[Tensor]]
    changed: dict[str, list[Tensor]]


def intervene(
    replica: Replica, probe: Probe, interventions: Sequence[Intervention], keys: Sequence[str]
) -> tuple[Any, dict[str, Tensor]]:
    """The model's changed output for the probe, and the outputs of `keys` in that pass, on the CPU.

    Raises CaptureError for a key that the pass does not meet, or whose output cannot be changed so.
    """
    taker = Taker(Keyring(replica.module, keys))
    intervener = _Intervener(replica.module, interventions, taker)
    followed = Keyring(replica.module, [*intervener.keyring.keys, *keys])
    try:
        output = listen(replica, probe, followed, intervener)
    except CaptureError:
        raise
    except Exception as error:
        raise stopped_early(error, interventions[0].key) from error
    for ring, missing in ((intervener.keyring, intervener.missing()), (taker.keyring, taker.missing())):
        for key in missing:
            raise ring.explained(key)
    return output, taker.found


@dataclass
class _Intervener(Listener):
    """Carries out interventions in a walk, then tells `then` of what has become."""

    model: nn.Module
    interventions: Sequence[Intervention]
    then: Listener

    def __post_init__(self) -> None:
        self.keyring = Keyring(self.model, [each.key for each in self.interventions])
        self._by_key: dict[str, list[Intervention]] = defaultdict(list)
        for each in self.interventions:
            self._by_key[each.key].append(each)
        self._met: set[str] = set()

    def missing(self) -> list[str]:
        return [key for key in self.keyring.keys if key not in self._met]

    def leave(self, call: Call, output: Any) -> Any:
        changed: dict[str, Tensor] = {}
        for key, leaf, tensor in self.keyring.met(call, output):
            self._met.add(key)
            for each in self._by_key[key]:
                tensor = each.applied(tensor, call)
            changed[leaf] = tensor
        return self.then.leave(call, with_leaves(output, changed))
