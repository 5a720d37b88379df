"""Scene: the cursor and the lens, resolved into what one frame looks at."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torchvis_widgets.look.observer import Observer
from torchvis_widgets.session import Session
from torchvis_widgets.widgets.selection import Against, Cursor
from torchvis_widgets.widgets.viewing.lens import Lens
from torchvis_widgets.widgets.viewing.listing import Listing
from torchvis_widgets.widgets.viewing.outlets import Outlet
from torchvis_widgets.widgets.viewing.sight import Place, Sight, What


@dataclass(frozen=True)
class Scene:
    """What one frame looks at.

    type: of the layer. outlet: its output that is chosen; None where it has none, or the layer is not known.
    here, there: where; `there` None = nothing is compared with. step: of `here`, the live one's included.
    live: it is the model as it is now. state: what tells the weights on show from others.
    """

    session: Session
    layer: str
    type: str
    lens: Lens
    outlet: Outlet | None
    sight: Sight
    here: Place
    there: Place | None
    step: int
    live: bool
    state: Hashable

    @property
    def places(self) -> list[Place]:
        """Here, and what is compared with."""
        return [self.here] if self.there is None else [self.here, self.there]

    def titles(self) -> list[str]:
        """What tells the places from each other; "" where there is one."""
        if self.there is None:
            return [""]
        one, other = self.here, self.there
        return [_title(self, place, one.step != other.step, place_of(one) != place_of(other)) for place in (one, other)]


def scene(session: Session, cursor: Cursor, lens: Lens, listing: Listing, own: Observer | None) -> Scene:
    """The scene of now."""
    newest = session.live() if cursor.step is None else None
    step = newest.step if newest is not None else cursor.step or 0
    # The newest snapshot by its step, lest a newer one come between here and the picture.
    at = newest.snapshot if newest is not None else cursor.step
    outlet = listing.outlet(lens.key)
    what = _what(lens, outlet)
    key = listing.parameter(lens.parameter) if what == "weights" else outlet.target if outlet else cursor.layer
    sight = Sight(what, key, lens.of if what == "gradients" else "loss", cursor.edits, cursor.ablations)
    is_own = lens.input == "own" and own is not None and what != "weights"
    here = Place(session, own if is_own else session.observer, at, 0 if is_own else cursor.sample, is_own)
    there = _there(here, session.observer, cursor, what)
    live = cursor.step is None and session.model is not None
    state = cursor.step if newest is None else ("live", newest.token)
    return Scene(session, cursor.layer, listing.type, lens, outlet, sight, here, there, step, live, state)


def compared(session: Session, against: Against | None) -> dict[str, Any] | None:
    """What is compared with, for the view."""
    if against is None:
        return None
    words = [when(session, against.step)] if against.step is not None else []
    words += [f"sample {against.sample}"] if against.sample is not None else []
    return {"step": against.step, "sample": against.sample, "label": " · ".join(words)}


def step_of(scene: Scene, place: Place) -> int:
    """The step of a place, also where that is the live state."""
    return scene.step if place.step == scene.here.step else place.step or 0


def epoch_of(session: Session, step: int) -> float | None:
    """The epoch of the snapshot at a step; None where it is no epoch's end."""
    return next((each.epoch for each in session.run.snapshots if each.step == step), None)


def epochs_of(session: Session, steps: Sequence[int | None]) -> list[float | None]:
    """The epochs of snapshots by their steps."""
    known = {each.step: each.epoch for each in session.run.snapshots}
    return [None if step is None else known.get(step) for step in steps]


def place_of(place: Place) -> str:
    """Which input is looked at, in words."""
    return "own input" if place.own else f"sample {place.sample}"


def when(session: Session, step: int | None) -> str:
    """When the weights were so, in words."""
    if step is None:
        return "live"
    epoch = epoch_of(session, step)
    return f"step {step}" if epoch is None else f"epoch {epoch:g}"


def _title(scene: Scene, place: Place, by_step: bool, by_input: bool) -> str:
    parts = [when(scene.session, place.step)] if by_step else []
    return " · ".join([*parts, place_of(place)] if by_input else parts)


def _what(lens: Lens, outlet: Outlet | None) -> What:
    if lens.tab == "weights" or (lens.tab == "distribution" and lens.spread == "weights"):
        return "weights"
    if lens.tab == "gradients":
        return "gradients"
    return "attention" if outlet is not None and outlet.attention else "activations"


def _there(here: Place, probe: Observer | None, cursor: Cursor, what: What) -> Place | None:
    against = cursor.against
    if against is None:
        return None
    there = here if against.step is None else replace(here, step=against.step)
    if against.sample is not None and what != "weights":
        there = replace(there, observer=probe, sample=against.sample, own=False)
    return None if there == here else there
