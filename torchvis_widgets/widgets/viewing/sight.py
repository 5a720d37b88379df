"""Sight: what is looked at, and Place: where. Together they are one tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor

from torchvis_widgets.look.capturing.attention import Attention
from torchvis_widgets.look.context import Context
from torchvis_widgets.look.errors import LookError, explained, nearest
from torchvis_widgets.look.observer import Ablations, Observer
from torchvis_widgets.session import Session
from torchvis_widgets.steer import Edit

What = Literal["activations", "gradients", "attention", "weights"]


@dataclass(frozen=True)
class Sight:
    """What is looked at, the same wherever one looks.

    key: of the output, or the name of a weight. of: what a gradient is of.
    edits, ablations: as the cursor's.
    """

    what: What
    key: str
    of: str | int = "loss"
    edits: tuple[Edit, ...] = ()
    ablations: Ablations = ()

    def plain(self) -> Sight:
        """The same of the model as it was recorded."""
        return replace(self, edits=(), ablations=())


@dataclass(frozen=True)
class Place:
    """Where one looks: at a snapshot (None = the live state), at a sample of the probe or (own) at the own input."""

    session: Session
    observer: Observer | None
    step: int | None
    sample: int
    own: bool = False

    def at(self, step: int | None) -> Place:
        """The same at another snapshot."""
        return replace(self, step=step)

    def sees(self) -> Observer:
        """The observer. Raises LookError where there is none."""
        if self.observer is None:
            raise LookError(*self.session.why_blind())
        return self.observer


def tensor_at(sight: Sight, place: Place) -> Tensor:
    """The tensor of one sample, or the weight, on the CPU; not to be changed. Raises LookError."""
    if sight.what == "weights":
        return weight(sight, place)
    observer, changes = place.sees(), (sight.edits, sight.ablations)
    if sight.what == "attention":
        return observer.attention(sight.key, place.step, [place.sample], *changes)[1][0]
    if sight.what == "gradients":
        return observer.gradients([sight.key], sight.of, place.step, [place.sample], *changes)[sight.key][0]
    return observer.activation(sight.key, place.step, place.sample, *changes)


def attention_at(sight: Sight, place: Place) -> Attention:
    """What there is to say of the attention besides its weights."""
    return place.sees().attention(sight.key, place.step, [place.sample], sight.edits, sight.ablations)[0]


def weight(sight: Sight, place: Place) -> Tensor:
    """The weight, or buffer, that the sight names, with the edits made. Raises LookError where there is none."""
    if not sight.key:
        raise LookError("the layer has no weights of its own", "Choose a layer inside of it, or another one.")
    state = state_at(place, sight.edits)
    if sight.key not in state:
        raise LookError(f"the state has no tensor {sight.key!r}", nearest(sight.key, list(state)))
    return state[sight.key].detach().cpu()


def state_at(place: Place, edits: tuple[Edit, ...]) -> Mapping[str, Tensor]:
    """The state at a place, for which no model is needed."""
    if place.observer is not None:
        return place.observer.state(place.step, edits)
    with explained("the live model" if place.step is None else f"step {place.step}"):
        state = place.session.view_state(place.step)
        return place.session.edits.preview(state, edits) if edits else state


def context_of(sight: Sight, place: Place) -> Context:
    """What is known of the tensor besides its values."""
    if sight.what == "weights" or place.observer is None:
        return Context()
    context = place.observer.context_of(sight.key)
    return replace(context, type="MultiheadAttention", leaf="[1]") if sight.what == "attention" else context
