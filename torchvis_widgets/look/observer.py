"""Observer: the one place that turns (key, step, sample, edits) into tensors."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import torch
from torch import Tensor

from torchvis_widgets.look.cache import ByteCache
from torchvis_widgets.look.capturing.attention import Attention, attention
from torchvis_widgets.look.capturing.by_sample import BySample, slice_with
from torchvis_widgets.look.capturing.capture import Reduce, capture
from torchvis_widgets.look.capturing.effect import Effect, intervene
from torchvis_widgets.look.capturing.gradients import Scalar, gradients, logit, own_scalar
from torchvis_widgets.look.capturing.interventions import Intervention
from torchvis_widgets.look.capturing.sample_dims import SampleDims
from torchvis_widgets.look.capturing.survey import survey
from torchvis_widgets.look.context import Context
from torchvis_widgets.look.criterion import guarded, own_criterion
from torchvis_widgets.look.errors import LookError, OutOfMemory, in_words, out_of_memory, without_values
from torchvis_widgets.look.keys import Key
from torchvis_widgets.look.leaves import map_tensors
from torchvis_widgets.look.outcome import Criterion, Outcome, logits_of
from torchvis_widgets.look.picturing.picture import colour_limits
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica

State: TypeAlias = Mapping[str, Tensor]
Edits: TypeAlias = tuple[Hashable, ...]
T = TypeVar("T")

_MOST_SNAPSHOTS = 8  # that limits() looks at
_LIMITS_BYTES = 256  # a cache entry of two numbers, its key included


class Observer:
    """Looks at the probe through the replica, at any snapshot (`step`) or at the live model (`step` None).

    state_of: the state at a step, or the live one; called without the replica's lock held.
    apply_edits: (state, edits) → the edited state; edits are hashable.
    quiet: whether no training loop runs: only then a model that draws random numbers in eval mode may be run, because
        the random state is the process's and putting it back would rewind the training thread's.
    place_of: what tells the snapshot at a step from every other: a run that went back may have another one there.
    context_of: what is known of the tensor that a key names, besides its values.
    live_token: changes whenever the live state may have; None = it may change at any time, so nothing live is kept.
    Everything raises LookError with a reason and a remedy, and nothing else. Tensors come from a cache: do not change
    them in place.
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
        live_token: Callable[[], Hashable | None] = lambda: None,
        context_of: Callable[[str], Context] = lambda key: Context(),
        cache_bytes: int = 512 * 1024**2,
    ) -> None:
        self._replica = replica
        self.probe = probe
        self._state_of = state_of
        self._apply_edits = apply_edits
        self._quiet = quiet
        own = own_criterion(criterion, replica.device)
        self._criterion = None if own is None else guarded(own, quiet, replica.devices)
        self._place_of = place_of
        self._live_token = live_token
        self._identity = object()  # two observers of one replica may take their states from two runs
        self._cache: ByteCache[Any] = ByteCache(cache_bytes)
        self.context_of = context_of
        self._dims = SampleDims()
        self._by_sample = BySample(probe, replica.module)

    def activation(self, key: str, step: int | None, sample: int, edits: Edits = ()) -> Tensor:
        """The output named by a key for one sample, without the batch dimension, on the CPU."""
        return self.activations([key], step, [sample], edits)[key][0]

    def activations(
        self,
        keys: Sequence[str],
        step: int | None,
        samples: Sequence[int],
        edits: Edits = (),
        reduce: Reduce | None = None,
    ) -> dict[str, list[Tensor]]:
        """The outputs of several keys for several samples, each without the batch dimension, in one pass.

        `reduce` is applied on the model's device to each output (N, …); nothing is kept of what it gives.
        """
        self._by_sample.check(samples)
        token = self._token(step, edits) if reduce is None else None
        places = {(key, sample): ("activation", token, key, sample) for key in keys for sample in samples}
        found: dict[tuple[str, int], Tensor] = {}
        for pair, place in places.items():
            kept: Tensor | None = self._cache.get(place) if token is not None else None
            if kept is not None:
                found[pair] = kept
        missing = sorted({sample for key, sample in places if (key, sample) not in found})
        if missing:
            fresh = self._look(step, edits, token, lambda: self._captured(keys, missing, reduce))
            found.update(fresh)
            for pair, tensor in fresh.items() if token is not None else ():
                self._cache.put(places[pair], tensor, tensor.nbytes)
        return {key: [found[key, sample] for sample in samples] for key in keys}

    def gradients(
        self, keys: Sequence[str], of: str | int | Callable[[Any], Any], step: int | None, samples: Sequence[int]
    ) -> dict[str, list[Tensor]]:
        """The gradient of a number with respect to each key's output, for each sample without the batch dimension.

        of: "loss", the criterion on these samples; an output's index, summed over them; or a function of the output.
        samples: evenly spaced.
        """
        scalar = self._scalar(of)
        token = self._token(step, ())

        def look(which: slice | None) -> dict[str, Tensor]:
            chosen = scalar if which is not None else _of_samples(scalar, samples, self.probe.count)
            return gradients(self._replica, self.probe, keys, chosen, samples=which)

        split = self._look(step, (), token, lambda: self._by_sample(samples, look, self._dims))
        return {key: [split[key, sample] for sample in samples] for key in keys}

    def attention(self, key: str, step: int | None, samples: Sequence[int]) -> tuple[Attention, list[Tensor]]:
        """The attention that a key names, and its weights (heads, T, S) for each sample."""
        token = self._token(step, ())
        found: list[Attention] = []

        def look(which: slice | None) -> dict[str, Tensor]:
            found.append(attention(self._replica, self.probe, key, samples=which))
            return {key: found[-1].weights}

        split = self._look(step, (), token, lambda: self._by_sample(samples, look, SampleDims()))
        return found[0], [split[key, sample] for sample in samples]

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

        def plain(which: slice | None) -> dict[str, Tensor]:
            return capture(self._replica, self.probe, keys, samples=which).outputs

        def look() -> tuple[Outcome, dict[tuple[str, int], Tensor]]:
            output, found = intervene(self._replica, self.probe, interventions, keys)
            return self._outcome(output), self._by_sample.split(
                found, samples, range(self.probe.count), plain, self._dims
            )

        after, split = self._look(step, edits, self._token(step, edits), look)
        return Effect(before, after, unchanged, {key: [split[key, sample] for sample in samples] for key in keys})

    def outputs(self, step: int | None, edits: Edits = ()) -> Outcome:
        """The model's answer for the whole probe, and its loss where there are a criterion and targets."""
        token = self._token(step, edits)
        return self._kept(
            ("outputs", token), lambda: self._look(step, edits, token, self._answer), lambda outcome: outcome.nbytes()
        )

    def survey(self, step: int, take: Callable[[Key, Tensor], None]) -> None:
        """Run the probe at a snapshot and call `take(key, output)` within the pass, for every module; see `survey`."""
        token = self._token(step, ())
        self._look(step, (), token, lambda: survey(self._replica, self.probe, take))

    def limits(self, key: str, steps: Sequence[int | None], sample: int = 0) -> tuple[float, float]:
        """Colour limits (lo, hi) that hold for a key at all of `steps`, from at most 9 of them, evenly spaced."""
        found = []
        problem = LookError("there is no snapshot yet", "Wait for the first one, or look at the live model.")
        for step in _spread(steps):
            try:
                found.append(self._limits_at(key, step, sample))
            except LookError as error:  # one snapshot that cannot be read must not take the others' limits away
                problem = error
        if not found:
            raise problem
        hi = max(hi for _, hi in found)
        return (-hi if any(lo < 0 for lo, _ in found) else 0.0), hi

    def _limits_at(self, key: str, step: int | None, sample: int) -> tuple[float, float]:
        return self._kept(
            ("limits", self._token(step, ()), key, sample),
            lambda: colour_limits(self.activation(key, step, sample), context=self.context_of(key)),
            lambda _: _LIMITS_BYTES,
        )

    def _kept(self, place: tuple[Any, ...], make: Callable[[], T], size: Callable[[T], int]) -> T:
        token = place[1]
        found: T | None = self._cache.get(place) if token is not None else None
        if found is None:
            found = make()
            if token is not None:
                self._cache.put(place, found, size(found))
        return found

    def _token(self, step: int | None, edits: Edits) -> Hashable | None:
        # Read before the state: a step taken in between makes a stale token, whose entry is never found again.
        with _explained(f"step {step}" if step is not None else "the live model"):
            place = self._live_token() if step is None else self._place_of(step)
        return None if place is None else (self._identity, step is None, place, tuple(edits))

    def _look(self, step: int | None, edits: Edits, token: Hashable | None, look: Callable[[], T]) -> T:
        self._refuse_random()
        what = f"step {step}" if step is not None else "the live model"
        with _explained(what), torch.inference_mode(False), self._loaded(step, edits, token):
            return look()

    @contextlib.contextmanager
    def _loaded(self, step: int | None, edits: Edits, token: Hashable | None) -> Iterator[None]:
        while True:
            # Not under the lock: state_of may wait for the training thread, which may be waiting for a view.
            state = None if self._replica.holds(token) else self._state(step, edits)
            with self._replica.lock:
                if state is None and not self._replica.holds(token):
                    continue  # another thread has loaded something else in between
                if state is not None:
                    self._replica.load(state, token)
                yield
                return

    def _state(self, step: int | None, edits: Edits) -> State:
        state = self._state_of(step)
        if not edits:
            return state
        if self._apply_edits is None:
            raise LookError("edits cannot be previewed here", "Give the observer apply_edits.")
        return self._apply_edits(state, tuple(edits))

    def _refuse_random(self) -> None:
        draws = self._replica.draws_random_numbers
        if draws is False or self._quiet():
            return
        if draws is None:
            raise LookError(
                "whether the model draws random numbers is not known yet", "Call trace() on the replica first."
            )
        raise LookError(
            "the model draws random numbers in eval mode, and running a copy of it now would change the numbers "
            "that training draws",
            "Look when training has ended, or switch the randomness off in eval mode "
            "(F.dropout(x, training=self.training)).",
        )

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

    def _scalar(self, of: str | int | Callable[[Any], Any]) -> Scalar:
        if callable(of):
            return guarded(own_scalar(of), self._quiet, self._replica.devices)
        if hasattr(of, "__index__"):
            return logit(operator.index(of))
        if of != "loss":
            raise LookError(
                f"of={of!r} is no number of the model's output",
                'Ask for of="loss", a class by its index, or give a function of the output.',
            )
        criterion, targets = self._criterion, self.probe.targets
        if criterion is None or targets is None:
            missing = "criterion" if criterion is None else "targets"
            raise LookError(
                f"there is no loss: no {missing}", "Give watch() a criterion and a probe=(inputs, targets)."
            )
        return lambda output, probe: criterion(output, self._replica.moved(probe.targets))

    def _answer(self) -> Outcome:
        with torch.no_grad():
            return self._outcome(self._replica.forward(self.probe))

    def _outcome(self, output: Any) -> Outcome:
        logits = logits_of(output)
        if logits is not None and logits.is_meta:
            raise without_values("the model's answer")
        return Outcome.of(output, self.probe.targets, self._criterion)


def _of_samples(scalar: Scalar, samples: Sequence[int], count: int) -> Scalar:
    """The same number, of some samples of the output for all."""
    which = slice_with(samples)

    def chosen(tensor: Tensor) -> Tensor:
        return tensor[which] if tensor.shape[:1] == (count,) else tensor

    return lambda output, inputs: scalar(map_tensors(output, chosen), inputs.samples(which))


def _spread(steps: Sequence[int | None]) -> list[int | None]:
    """Every 2**k-th step and the last: as a run grows the choice stays nearly the same, so that the cache serves it."""
    stride = 1
    while len(steps) > stride * _MOST_SNAPSHOTS:
        stride *= 2
    return list(dict.fromkeys([*steps[::stride], *steps[-1:]]))


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except LookError:
        raise
    except Exception as error:
        if out_of_memory(error):
            raise OutOfMemory() from error
        raise LookError(
            f"{what} cannot be looked at: {in_words(error)}", "Choose another snapshot or layer."
        ) from error
