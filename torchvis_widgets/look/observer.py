"""Observer: the one place that turns (key, step, sample, edits) into tensors."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar, cast

import torch
from torch import Tensor, nn

from torchvis_widgets.look.attention import Attention, attention
from torchvis_widgets.look.cache import ByteCache
from torchvis_widgets.look.capture import OutOfMemory, Reduce, capture
from torchvis_widgets.look.effect import Effect, intervene
from torchvis_widgets.look.errors import ForwardError, LookError, in_words
from torchvis_widgets.look.gradients import Scalar, gradients, logit, own_scalar
from torchvis_widgets.look.interventions import Intervention
from torchvis_widgets.look.keys import Key
from torchvis_widgets.look.outcome import Criterion, Outcome
from torchvis_widgets.look.probe import Probe, take_sample
from torchvis_widgets.look.quantise import array_of, robust_limits
from torchvis_widgets.look.replica import Replica
from torchvis_widgets.look.survey import survey

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
        cache_bytes: int = 512 * 1024**2,
    ) -> None:
        self._replica = replica
        self.probe = probe
        self._state_of = state_of
        self._apply_edits = apply_edits
        self._criterion = _own_criterion(criterion)
        self._quiet = quiet
        self._place_of = place_of
        self._live_token = live_token
        self._identity = object()  # two observers of one replica may take their states from two runs
        self._cache: ByteCache[Any] = ByteCache(cache_bytes)
        self._sample_alone = not any(_mixes_samples(module) for module in replica.module.modules())

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
        self._check(samples)
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
        """
        scalar = self._scalar(of)
        token = self._token(step, ())

        def look(cover: slice | None) -> dict[str, Tensor]:
            return gradients(self._replica, self.probe, keys, scalar, samples=cover)

        split = self._look(step, (), token, lambda: self._by_sample(samples, look))
        return {key: [split[key, sample] for sample in samples] for key in keys}

    def attention(self, key: str, step: int | None, samples: Sequence[int]) -> tuple[Attention, list[Tensor]]:
        """The attention that a key names, and its weights (heads, T, S) for each sample."""
        token = self._token(step, ())
        found: list[Attention] = []

        def look(cover: slice | None) -> dict[str, Tensor]:
            found.append(attention(self._replica, self.probe, key, samples=cover))
            return {key: found[-1].weights}

        split = self._look(step, (), token, lambda: self._by_sample(samples, look))
        return found[-1], [split[key, sample] for sample in samples]

    def effect(
        self,
        interventions: Sequence[Intervention],
        keys: Sequence[str],
        step: int | None,
        samples: Sequence[int],
        edits: Edits = (),
    ) -> Effect:
        """What interventions make of the model's answer for the whole probe, and of the outputs of some keys."""
        self._check(samples)
        before = self.outputs(step, edits)
        unchanged = self.activations(keys, step, samples, edits)

        def look() -> tuple[Outcome, dict[str, Tensor]]:
            output, found = intervene(self._replica, self.probe, interventions, keys)
            return Outcome.of(output, self.probe.targets, self._criterion), found

        after, found = self._look(step, edits, self._token(step, edits), look)
        split = _split(found, samples, 0, self.probe.count)
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
            lambda: robust_limits(array_of(self.activation(key, step, sample))[0]),
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
        with _explained(f"step {step}" if step is not None else "the live model"), self._loaded(step, edits, token):
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
        def look(cover: slice | None) -> dict[str, Tensor]:
            return capture(self._replica, self.probe, keys, samples=cover, reduce=reduce).outputs

        try:
            return self._by_sample(samples, look)
        except OutOfMemory:
            if len(samples) == 1:
                raise
            half = len(samples) // 2
            first = self._captured(keys, samples[:half], reduce)
            return first | self._captured(keys, samples[half:], reduce)

    def _by_sample(
        self, samples: Sequence[int], look: Callable[[slice | None], dict[str, Tensor]]
    ) -> dict[tuple[str, int], Tensor]:
        self._check(samples)
        if self._sample_alone and len(samples) < self.probe.count:
            with contextlib.suppress(ForwardError):  # some models squeeze() a batch of 1 away: run them whole
                first, last = min(samples), max(samples) + 1
                return _split(look(slice(first, last)), samples, first, last - first)
        return _split(look(None), samples, 0, self.probe.count)

    def _check(self, samples: Sequence[int]) -> None:
        for sample in samples:
            self.probe.sample(sample)

    def _scalar(self, of: str | int | Callable[[Any], Any]) -> Scalar:
        if callable(of):
            return own_scalar(of)
        if isinstance(of, int):
            return logit(of)
        criterion, targets = self._criterion, self.probe.targets
        if criterion is None or targets is None:
            missing = "criterion" if criterion is None else "targets"
            raise LookError(
                f"there is no loss: no {missing}", "Give watch() a criterion and a probe=(inputs, targets)."
            )
        return lambda output, probe: criterion(output, self._replica.moved(probe.targets))

    def _answer(self) -> Outcome:
        with torch.no_grad():
            return Outcome.of(self._replica.forward(self.probe), self.probe.targets, self._criterion)


def _split(
    outputs: Mapping[str, Tensor], samples: Sequence[int], first: int, count: int
) -> dict[tuple[str, int], Tensor]:
    """Each sample's part as a tensor of its own, so that the cache holds what it counts."""
    return {
        (key, sample): take_sample(tensor, sample - first, count).clone()
        for key, tensor in outputs.items()
        for sample in samples
    }


def _spread(steps: Sequence[int | None]) -> list[int | None]:
    """Every 2**k-th step and the last: as a run grows the choice stays nearly the same, so that the cache serves it."""
    stride = 1
    while len(steps) > stride * _MOST_SNAPSHOTS:
        stride *= 2
    return list(dict.fromkeys([*steps[::stride], *steps[-1:]]))


def _mixes_samples(module: nn.Module) -> bool:
    """Whether a sample's output depends on the others of its batch even in eval mode."""
    return isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is None


def _own_criterion(criterion: Criterion | None) -> Criterion | None:
    if not isinstance(criterion, nn.Module):
        return criterion
    try:
        own = copy.deepcopy(criterion)
    except Exception:
        return cast("Criterion", criterion.forward)  # not the module itself: hooks on it belong to the training loop
    return own.requires_grad_(False)


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except LookError:
        raise
    except torch.OutOfMemoryError as error:
        raise LookError("the device ran out of memory", "Use fewer probe samples or a CPU replica.") from error
    except Exception as error:
        raise LookError(
            f"{what} cannot be looked at: {in_words(error)}", "Choose another snapshot or layer."
        ) from error
