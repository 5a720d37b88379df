"""Ablation: a unit of a layer switched off, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from torchvis_widgets.look.capturing.interventions import Intervention

Axis = Literal["channel", "head", "token"]
Method = Literal["zero", "mean"]


@dataclass(frozen=True)
class Ablation:
    """One channel, head or token of the output that `key` names, set to zero or to its mean.

    dim: the dimension of the channels, where it is another than `Intervention` takes it for.

    Raises:
        ValueError: no such axis or method, or a negative unit.
    """

    key: str
    unit: int
    axis: Axis = "channel"
    method: Method = "zero"
    dim: int | None = None

    def __post_init__(self) -> None:
        for name, value, known in (("axis", self.axis, get_args(Axis)), ("method", self.method, get_args(Method))):
            if value not in known:
                raise ValueError(f"{name} is one of {', '.join(known)}, found {value!r}")
        if isinstance(self.unit, bool) or not isinstance(self.unit, int) or self.unit < 0:
            raise ValueError(f"unit counts from 0, found {self.unit!r}")

    def intervention(self) -> Intervention:
        """The intervention that carries it out."""
        make = Intervention.zero if self.method == "zero" else Intervention.mean
        return make(self.key, **self.where())

    def where(self) -> dict[str, int]:
        """What the intervention is given besides the key."""
        return {self.axis: self.unit, **({} if self.dim is None else {"dim": self.dim})}
