"""Observer: the one place that turns (key, step, sample, edits) into tensors."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Sequence
from itertools import product
from typing import Any, TypeAlias, TypeVar

import torch
from torch import Tensor

from torchvis_widgets.look.ablation import Ablation
from torchvis_widgets.look.cache import ByteCache
from torchvis_widgets.look.capturing.attention import Attention, attention
from torchvis_widgets.look.capturing.by_sample import BySample, Split
from torchvis_widgets.look.capturing.capture import Reduce, capture
from torchvis_widgets.look.capturing.effect import Effect, intervene
from torchvis_widgets.look.capturing.gradients import gradients
from torchvis_widgets.look.capturing.interventions import Intervention
from torchvis_widgets.look.capturing.sample_dims import SampleDims
from torchvis_widgets.look.capturing.survey import survey
from torchvis_widgets.look.context import Context
from torchvis_widgets.look.criterion import guarded, own_criterion
from torchvis_widgets.look.errors import OutOfMemory, without_values
from torchvis_widgets.look.keys import Key
from torchvis_widgets.look.outcome import Criterion, Outcome, logits_of
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica
from torchvis_widgets.look.scalars import Of, of_samples, scalar_of
from torchvis_widgets.look.states import Edits, Live, State, States

Ablations: TypeAlias = tuple[Ablation, ...]
T = TypeVar("T")

_OWN_CACHE_BYTES = 64 * 1024**2  # of an observer of other inputs: few samples, for a while


class Observer:
    """Looks at the probe through the replica, at any snapshot (`step`) or at the live model (`step` None).

    state_of: the state at a step, or the live one; called without the replica's lock held.
    apply_edits: (state, edits) → the edited state; edits are hashable.
    quiet: whether no training loop runs: only then a model that draws random numbers in eval mode may be run, because
        the random state is the process's and putting it back would rewind the training thread's.
    place_of: what tells the snapshot at a step from every other: a run that went back may have another one there.
    context_of: what is known of the tensor that a key names, besides its values.
    live: the live state's token, which changes whenever the state may have, and what loads the very state it is of; a
        token of None = it may change at any time, so nothing live is kept. By default that, and `state_of(None)`.
    Everything raises LookError with a reason and a remedy, and nothing else. Tensors come from a cache: do not change
    them in place. `ablations` are carried out on the way, in a pass of their own; no weight is changed for them.
    """

    def __init__(
        self,
        replica: Replica,
        probe: Probe,
        state_of: Callable[[int | None], State],
        *,
        apply_edits: Callable[[State, Edits], State] | None = None,
        criterion: Criterion | None = None,
        quiet: Callable[[], bool] = lambda: False,
        place_of: Callable[[int], Hashable] = lambda step: step,
        live: Callable[[], Live] | None = None,
        context_of: Callable[[str], Context] = lambda key: Context(),
        cache_bytes: int = 512 * 1024**2,
    ) -> None:
        self._replica = replica
        self.probe = probe
        newest = live or (lambda: (None, lambda: state_of(None)))
        self._states = States(replica, state_of, apply_edits, quiet, place_of, newest)
        own = own_criterion(criterion, replica.device)
        self._criterion = None if own is None else guarded(own, quiet, replica.devices)
        self.token, self.state, self.steady = self._states.token, self._states.of, self._states.steady
        self._find, self._look = self._states.find, self._states.look
        self._cache: ByteCache[Any] = ByteCache(cache_bytes)
        self.context_of = context_of
        self._dims = SampleDims()
        self._by_sample = BySample(probe, replica.module)

    def on(self, probe: Probe) -> Observer:
        """An observer of the same states through the same replica, at other inputs."""
        other = copy.copy(self)
        other.probe, other._by_sample, other._dims = probe, BySample(probe, self._replica.module), SampleDims()
        other._cache = ByteCache(_OWN_CACHE_BYTES)
        return other

    def activation(
        self, key: str, step: int | None, sample: int, edits: Edits = (), ablations: Ablations = ()
    ) -> Tensor:
        """The output named by a key for one sample, without the batch dimension, on the CPU."""
        return self.activations([key], step, [sample], edits, ablations=ablations)[key][0]

    def activations(
        self,
        keys: Sequence[str],
        step: int | None,
        samples: Sequence[int],
        edits: Edits = (),
        reduce: Reduce | None = None,
        ablations: Ablations = (),
    ) -> dict[str, list[Tensor]]:
        """The outputs of several keys for several samples, each without the batch dimension, in one pass.

        `reduce` is applied on the model's device to each output (N, …); nothing is kept of what it gives.
        """
        self._by_sample.check(samples)
        if ablations:
            return self._both(keys, step, samples, edits, ablations)[1]
        at = self._find(step, edits) if reduce is None else self._find(step, edits).unnamed()
        token = at.token
        places = {(key, sample): _place(token, (), key, sample) for key in keys for sample in samples}
        found: dict[tuple[str, int], Tensor] = {}
        for pair, place in places.items():
            kept: Tensor | None = self._cache.get(place) if token is not None else None
            if kept is not None:
                found[pair] = kept
        missing = sorted({sample for key, sample in places if (key, sample) not in found})
        if missing:
            fresh = self._look(at, lambda: self._captured(keys, missing, reduce))
            found.update(fresh)
            for pair, tensor in fresh.items() if token is not None else ():
                self._cache.put(places[pair], tensor, tensor.nbytes)
        return {key: [found[key, sample] for sample in samples] for key in keys}

    def glance(
        self, key: str, step: int | None, sample: int, edits: Edits = (), ablations: Ablations = ()
    ) -> tuple[Outcome, Tensor]:
        """`outputs()` and `activation()` together: one pass where neither is known yet."""
        token = self.token(step, edits)
        if not ablations and (token is None or self._cache.get(("outputs", token, ())) is not None):
            return self.outputs(step, edits), self.activation(key, step, sample, edits)
        outcome, found = self._both([key], step, [sample], edits, ablations)
        return outcome, found[key][0]

    def known(self, key: str, step: int | None, edits: Edits = (), ablations: Ablations = ()) -> list[Tensor] | None:
        """The output for every sample, where a pass has given it already."""
        token = self.token(step, edits)
        kept = (self._cache.get(_place(token, ablations, key, sample)) for sample in range(self.probe.count))
        found = [tensor for tensor in kept if tensor is not None]
        return found if token is not None and len(found) == self.probe.count else None

    def gradients(
        self,
        keys: Sequence[str],
        of: Of,
        step: int | None,
        samples: Sequence[int],
        edits: Edits = (),
        ablations: Ablations = (),
    ) -> dict[str, list[Tensor]]:
        """The gradient of a number with respect to each key's output, for each sample without the batch dimension.

        of: "loss", the criterion on these samples; an output's index, summed over them; or a function of the output.
        samples: evenly spaced.
        """
        scalar = scalar_of(of, self._replica, self.probe, self._criterion, self._states.quiet)
        at = self._find(step, edits)
        token = at.token
        changes = [each.intervention() for each in ablations]

        def look(which: slice | None) -> dict[str, Tensor]:
            chosen = scalar if which is not None else of_samples(scalar, samples, self.probe.count)
            return gradients(self._replica, self.probe, keys, chosen, samples=which, interventions=changes)

        def pass_back() -> Split:
            return self._look(at, lambda: self._by_sample(samples, look, self._dims))

        place = ("gradients", None if callable(of) else token, ablations, tuple(keys), of, tuple(samples))
        split = self._kept(place, pass_back, lambda found: sum(each.nbytes for each in found.values()))
        return {key: [split[key, sample] for sample in samples] for key in keys}

    def attention(
        self,
        key: str,
        step: int | None,
        samples: Sequence[int],
        edits: Edits = (),
        ablations: Ablations = (),
    ) -> tuple[Attention, list[Tensor]]:
        """The attention that a key names, and its weights (heads, T, S) for each sample."""
        at = self._find(step, edits)
        token = at.token
        found: list[Attention] = []
        changes = [each.intervention() for each in ablations]

        def look(which: slice | None) -> dict[str, Tensor]:
            found.append(attention(self._replica, self.probe, key, samples=which, interventions=changes))
            return {key: found[-1].weights}

        def weights() -> tuple[Attention, Split]:
            split = self._look(at, lambda: self._by_sample(samples, look, SampleDims()))
            return found[0], split

        place = ("attention", token, ablations, key, tuple(samples))
        first, split = self._kept(place, weights, lambda made: 2 * sum(each.nbytes for each in made[1].values()))
        return first, [split[key, sample] for sample in samples]

    def values(self, key: str, step: int | None, most: int) -> Tensor:
        """About `most` of the values (n,) of a key's output for the whole probe, evenly spaced; not kept."""
        taken: list[Tensor] = []

        def some(output: Tensor) -> Tensor:
            stride = -(-output.numel() // most) | 1  # odd, lest it meet the same few columns of a map again and again
            return output.reshape(-1)[::stride]

        def look() -> None:
            taken.append(capture(self._replica, self.probe, [key], reduce=some).outputs[key])

        self._look(self._find(step, ()), look)
        return taken[0]

    def effect(
        self,
        interventions: Sequence[Intervention],
        keys: Sequence[str],
        step: int | None,
        samples: Sequence[int],
        edits: Edits = (),
    ) -> Effect:
        """What interventions make of the model's answer for the whole probe, and of the outputs of some keys."""
        self._by_sample.check(samples)
        before = self.outputs(step, edits)
        unchanged = self.activations(keys, step, samples, edits)
        at = self._find(step, edits)
        after, split = self._look(at, lambda: self._changed(interventions, keys, samples))
        return Effect(before, after, unchanged, {key: [split[key, sample] for sample in samples] for key in keys})

    def outputs(self, step: int | None, edits: Edits = (), ablations: Ablations = ()) -> Outcome:
        """The model's answer for the whole probe, and its loss where there are a criterion and targets."""
        if ablations:
            return self._both([], step, [], edits, ablations)[0]
        at = self._find(step, edits)
        token = at.token
        place = ("outputs", token, ())
        return self._kept(place, lambda: self._look(at, self._answer), lambda made: made.nbytes())

    def survey(self, step: int | None, take: Callable[[Key, Tensor], None]) -> None:
        """Run the probe at a snapshot and call `take(key, output)` within the pass, for every module; see `survey`."""
        at = self._find(step, ())
        self._look(at, lambda: survey(self._replica, self.probe, take))

    def _both(
        self, keys: Sequence[str], step: int | None, samples: Sequence[int], edits: Edits, ablations: Ablations
    ) -> tuple[Outcome, dict[str, list[Tensor]]]:
        """The answer and some outputs from one pass of the whole probe, which keeps the outputs for all its samples."""
        at = self._find(step, edits)
        token = at.token
        kept = {pair: self._cache.get(_place(token, ablations, *pair)) for pair in product(keys, samples)}
        outcome: Outcome | None = self._cache.get(("outputs", token, ablations))
        found = {pair: tensor for pair, tensor in kept.items() if tensor is not None}
        if token is None or outcome is None or len(found) < len(kept):
            changes, every = [each.intervention() for each in ablations], range(self.probe.count)
            outcome, found = self._look(at, lambda: self._changed(changes, keys, every))
            self._keep(token, ablations, outcome, found)
        return outcome, {key: [found[key, sample] for sample in samples] for key in keys}

    def _keep(self, token: Hashable | None, ablations: Ablations, outcome: Outcome, found: Split) -> None:
        if token is None:
            return
        self._cache.put(("outputs", token, ablations), outcome, outcome.nbytes())
        for pair, tensor in found.items():
            self._cache.put(_place(token, ablations, *pair), tensor, tensor.nbytes)

    def _changed(
        self, changes: Sequence[Intervention], keys: Sequence[str], samples: Sequence[int]
    ) -> tuple[Outcome, Split]:
        def plain(which: slice | None) -> dict[str, Tensor]:
            return capture(self._replica, self.probe, keys, samples=which).outputs

        output, found = intervene(self._replica, self.probe, changes, keys)
        return self._outcome(output), self._by_sample.split(found, samples, range(self.probe.count), plain, self._dims)

    def _kept(self, place: tuple[Any, ...], make: Callable[[], T], size: Callable[[T], int]) -> T:
        token = place[1]
        found: T | None = self._cache.get(place) if token is not None else None
        if found is None:
            found = make()
            if token is not None:
                self._cache.put(place, found, size(found))
        return found

    def _captured(
        self, keys: Sequence[str], samples: Sequence[int], reduce: Reduce | None
    ) -> dict[tuple[str, int], Tensor]:
        def look(which: slice | None) -> dict[str, Tensor]:
            return capture(self._replica, self.probe, keys, samples=which, reduce=reduce).outputs

        try:
            return self._by_sample(samples, look, self._dims if reduce is None else SampleDims())
        except OutOfMemory:
            if len(samples) == 1 or not self._by_sample.alone:
                raise
        # Only here, where the error and the tensors of its frames are gone.
        half = len(samples) // 2
        first = self._captured(keys, samples[:half], reduce)
        return first | self._captured(keys, samples[half:], reduce)

    def _answer(self) -> Outcome:
        with torch.no_grad():
            return self._outcome(self._replica.forward(self.probe))

    def _outcome(self, output: Any) -> Outcome:
        logits = logits_of(output)
        if logits is not None and logits.is_meta:
            raise without_values("the model's answer")
        return Outcome.of(output, self.probe.targets, self._criterion)


def _place(token: Hashable, ablations: Ablations, key: str, sample: int) -> tuple[Hashable, ...]:
    return "activation", token, ablations, key, sample
