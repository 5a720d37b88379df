"""Lens: what the activation viewer is set to show, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from torchvis_widgets.look.picturing.kinds import KINDS

CHOICES: dict[str, tuple[Any, ...]] = {
    "tab": ("activations", "weights", "gradients", "distribution"),
    "scope": ("unit", "layer", "epochs"),
    "limits": ("robust", "full"),
    "sort": ("index", "energy", "variance", "change"),
    "alive": (False, True),
    "kind": (None, *KINDS),
    "difference": (False, True),
    "input": ("probe", "own"),
    "spread": ("activations", "weights"),
}


@dataclass(frozen=True)
class Lens:
    """The viewer's settings; None is the first choice, or its own.

    tab: what is shown. key: which of the layer's outputs. parameter: which of its weights.
    of: what gradients are of, the loss or a class by its index.
    scope: what one colour scale holds for: each unit, the layer as shown, or the layer over all epochs.
    limits: "robust" ones clip the greatest half per cent, "full" ones nothing.
    sort: the order of the units. since: the step that change is counted from. alive: dead units are left out.
    kind: of the picture. difference: to what is compared with. input: the probe's sample, or the own one.
    spread: whose distribution.

    Raises:
        ValueError: there is no such choice; says what there is.
    """

    tab: str = "activations"
    key: str | None = None
    parameter: str | None = None
    of: str | int = "loss"
    scope: str = "epochs"
    limits: str = "robust"
    sort: str = "index"
    since: int | None = None
    alive: bool = False
    kind: str | None = None
    difference: bool = False
    input: str = "probe"
    spread: str = "activations"

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            _one_of(name, getattr(self, name), known)
        for name in ("key", "parameter"):
            if not isinstance(value := getattr(self, name), str | None):
                raise ValueError(f"{name} is a name or null, found {value!r}")
        if self.of != "loss" and not is_index(self.of):
            raise ValueError(f"of is 'loss' or the index of a class, found {self.of!r}")
        if self.since is not None and not is_index(self.since):
            raise ValueError(f"since is the step of a snapshot or null, found {self.since!r}")

    def changed(self, changes: Mapping[str, Any]) -> Lens:
        """The lens with other values for some fields. Raises ValueError as the lens does, and for unknown fields."""
        unknown = [name for name in changes if name not in FIELDS]
        if unknown:
            raise ValueError(f"the viewer has no setting {unknown[0]!r}; it has {', '.join(FIELDS)}")
        return replace(self, **changes)

    def of_another_layer(self) -> Lens:
        """The lens without what only the last layer has."""
        return replace(self, key=None, parameter=None, kind=None)


FIELDS = tuple(field.name for field in fields(Lens))


def is_index(value: object) -> bool:
    """Whether it counts something from 0; True and 1.0 do not."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _one_of(name: str, value: object, known: tuple[Any, ...]) -> None:
    if not any(type(value) is type(each) and value == each for each in known):
        listed = ", ".join("null" if each is None else str(each) for each in known)
        raise ValueError(f"{name} is one of {listed}, found {value!r}")
