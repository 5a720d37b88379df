"""Settings: how the model map shows the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from torchvis_widgets.widgets.mapping.measures import MEASURES
from torchvis_widgets.widgets.mapping.trends import TRENDS

MODES = ("tree", "graph")


@dataclass(frozen=True)
class Settings:
    """The map's settings.

    mode: "tree" or "graph". by: what layers are coloured by, None = by nothing. sorted: by the same, the most first.
    trend: the statistic that each row's line shows.

    Raises:
        TypeError: `sorted` is no bool.
        ValueError: there is no such choice; says what there is.
    """

    mode: str = "tree"
    by: str | None = None
    sorted: bool = False
    trend: str = "weights"

    def __post_init__(self) -> None:
        _one_of("mode", self.mode, MODES)
        _one_of("by", self.by, (None, *MEASURES))
        _one_of("trend", self.trend, tuple(TRENDS))
        if not isinstance(self.sorted, bool):
            raise TypeError(f"sorted is true or false, found {self.sorted!r}")

    def changed(self, changes: object) -> Settings:
        """The settings with other values for some fields. Raises as the class does, and for unknown fields."""
        if not isinstance(changes, Mapping):
            raise TypeError(f'changes are an object such as {{"mode": "graph"}}, found {changes!r}')
        unknown = [name for name in changes if name not in FIELDS]
        if unknown:
            raise ValueError(f"the map has no setting {unknown[0]!r}; it has {', '.join(FIELDS)}")
        return replace(self, **changes)


FIELDS = tuple(field.name for field in fields(Settings))


def _one_of(name: str, value: object, known: tuple[str | None, ...]) -> None:
    if not (value is None or isinstance(value, str)) or value not in known:
        listed = ", ".join("null" if each is None else each for each in known)
        raise ValueError(f"{name} is one of {listed}, found {value!r}")
