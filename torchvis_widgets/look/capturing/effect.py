"""Effect: what interventions make of a model's answer, beside what it is without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from torchvis_widgets.look.capturing.capture import Taker
from torchvis_widgets.look.capturing.interventions import Intervention, changed
from torchvis_widgets.look.capturing.keyring import Keyring
from torchvis_widgets.look.capturing.listen import listen
from torchvis_widgets.look.capturing.unmet import unmet
from torchvis_widgets.look.errors import ForwardError, OutOfMemory, in_words
from torchvis_widgets.look.leaves import leaves, with_leaves
from torchvis_widgets.look.outcome import Outcome
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica
from torchvis_widgets.look.tracing.walk import Call, Listener


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
    intervener = Intervener.of(replica, interventions, taker)
    try:
        output = listen(replica, probe, intervener.following(taker.keyring), intervener)
    except OutOfMemory:
        raise
    except ForwardError as error:
        if intervener.keyring.missing() or error.__cause__ is None:
            raise
        what = ", ".join(f"{each.key!r} {each.what}" for each in interventions)
        raise ForwardError(
            f"the model raised with {what}: {in_words(error.__cause__)}", "Change less of it, or another layer."
        ) from error
    for ring in (intervener.keyring, taker.keyring):
        for key in ring.missing():
            raise unmet(replica, probe, ring, key)
    return output, taker.found


@dataclass
class Intervener(Listener):
    """Carries out interventions in a walk, then tells `then` of what has become."""

    replica: Replica
    interventions: Sequence[Intervention]
    keyring: Keyring
    then: Listener

    @classmethod
    def of(cls, replica: Replica, interventions: Sequence[Intervention], then: Listener) -> Intervener:
        """Raises CaptureError for a key whose module there is not."""
        return cls(replica, interventions, Keyring(replica.module, [each.key for each in interventions]), then)

    def following(self, asked: Keyring) -> Keyring:
        """What a walk has to tell of for the interventions and for what is asked."""
        return Keyring(self.replica.module, [*self.keyring.keys, *asked.keys]) if self.keyring.keys else asked

    def leave(self, call: Call, output: Any) -> Any:
        """Change what was asked for."""
        found = list(self.keyring.met(call, output))
        first = next((leaf for leaf, _ in leaves(output)), "")
        attends = isinstance(call.module, nn.MultiheadAttention)
        outputs: dict[str, Tensor] = {}
        for leaf, tensor in {leaf: tensor for _, leaf, tensor in found}.items():
            keys = {key for key, at, _ in found if at == leaf}  # two keys may name one output
            those = [each for each in self.interventions if each.key in keys]
            outputs[leaf] = changed(those, tensor, call, of_attention=attends and leaf == first)
        return self.then.leave(call, with_leaves(output, outputs))
