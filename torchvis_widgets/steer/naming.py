"""What a name means among the hyperparameters: one of them, or all that are called so."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from torchvis_widgets.steer.knobs import Knob, Value
from torchvis_widgets.steer.rules import HyperparameterError

MOST_NAMED = 5  # names that an error tells
MEANT = {"learning_rate": "lr", "p": "dropout", "wd": "weight_decay"}  # what others call them


class HyperparameterNameError(KeyError):
    """There is no hyperparameter of that name, or it has no one value."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would show it in quotes


def find(name: object, knobs: Sequence[Knob]) -> list[Knob]:
    """The knobs that a name means: its own, else all elements of a tuple, else all of that kind.

    Raises HyperparameterNameError that names the nearest.
    """
    exact = [knob for knob in knobs if knob.name == name]
    found = exact or [knob for knob in knobs if means(name, knob)]
    if not found:
        known = list(
            dict.fromkeys([*(knob.name for knob in knobs), *(each for knob in knobs for each in _shared(knob))])
        )
        meant = MEANT.get(str(name), str(name))
        near = difflib.get_close_matches(meant, known, 3, 0.4) or known[:MOST_NAMED]
        raise HyperparameterNameError(
            f"there is no hyperparameter {name!r}; the nearest are {', '.join(map(repr, near))}"
        )
    return found


def means(name: object, knob: Knob) -> bool:
    """Whether a name is the knob's own, or one that it shares."""
    return isinstance(name, str) and (name == knob.name or name in _shared(knob))


def value_of(name: str, knobs: Sequence[Knob]) -> Value | tuple[Value, ...]:
    """The value of what a name means, a tuple for a tuple. Raises HyperparameterNameError where they differ."""
    groups = _by_place(knobs)
    whole = any(len(group) > 1 for group in groups) or (knobs[0].element is not None and not name.endswith("]"))
    values = [tuple(knob.get() for knob in group) if whole else group[0].get() for group in groups]
    if len(set(values)) > 1:
        each = [f"{group[0].name!r} is {value}" for group, value in zip(groups, values, strict=True)]
        more = ", …" if len(each) > MOST_NAMED else ""
        raise HyperparameterNameError(f"{name!r} has several values: {', '.join(each[:MOST_NAMED])}{more}; ask for one")
    return values[0]


def spread(name: str, knobs: Sequence[Knob], value: object) -> dict[Knob, object]:
    """A value for each of the knobs, an element each of a tuple. Raises HyperparameterError for one too short."""
    groups = _by_place(knobs)
    if all(len(group) == 1 for group in groups) and not isinstance(value, (tuple, list)):
        return dict.fromkeys(knobs, value)
    for group in groups:
        if not isinstance(value, (tuple, list)) or len(value) != len(group):
            example = value_of(group[0].name, group[:1]) if len(group) == 1 else tuple(knob.get() for knob in group)
            wanted = f"{len(group)} numbers" if len(group) > 1 else "a number"
            raise HyperparameterError(f"{name} takes {wanted}, found {value!r}; for example {example!r}")
    values = list(value) if isinstance(value, (tuple, list)) else []
    return {knob: each for group in groups for knob, each in zip(group, values, strict=True)}


def _shared(knob: Knob) -> set[str]:
    """The names that it shares with others."""
    element = "" if knob.element is None else f"[{knob.element}]"
    where = f"{knob.where}/" if knob.where else ""
    return {knob.what, knob.what + element, where + knob.what}


def _by_place(knobs: Sequence[Knob]) -> list[list[Knob]]:
    groups: dict[object, list[Knob]] = {}
    for knob in knobs:
        groups.setdefault((knob.place, knob.key), []).append(knob)
    return list(groups.values())
