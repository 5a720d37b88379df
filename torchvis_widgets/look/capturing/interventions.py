"""Interventions: how outputs are changed on their way through a model."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from torchvis_widgets.look.capturing.axes import Axis, axes, samples_dim
from torchvis_widgets.look.capturing.heads import with_heads
from torchvis_widgets.look.errors import CaptureError, in_words, out_of_memory
from torchvis_widgets.look.tracing.walk import Call

Units = int | Sequence[int] | None


@dataclass(frozen=True, eq=False)
class Intervention:
    """A change to one output: make it with `zero()`, `mean()`, `scale()`, `clamp()`, `noise()` or `replace()`.

    key: the layer or function, as for `session.activations()`.
    what: the change, in words.
    change: (output, dimensions to average over) → the changed one, of the same shape.
    channel, head, token: which of them; all where none is named, and where several are, what they have in common.
        Channels are dimension 1 of (N, C, …), and the last one of (N, D) and (N, T, D); tokens are dimension 1 of
        (N, T, D). Heads are those of `nn.MultiheadAttention`, or dimension 1 of (N, heads, …).
    dim: the dimension of the channels, where it is another.

    Several on one output are carried out in their order, but heads first: they lie before the projection.
    """

    key: str
    what: str
    change: Callable[[Tensor, tuple[int, ...]], Tensor]
    channel: tuple[int, ...] | None = None
    head: tuple[int, ...] | None = None
    token: tuple[int, ...] | None = None
    dim: int | None = None

    @classmethod
    def zero(cls, key: str, **where: Any) -> Intervention:
        """Set to 0. `where`: channel=, head=, token= (an index or several) and dim=."""
        return cls._of(key, "zero", lambda output, over: torch.zeros_like(output), where)

    @classmethod
    def mean(cls, key: str, **where: Any) -> Intervention:
        """Set to the mean over the probe's samples, and of a channel or a head over positions as well."""
        return cls._of(key, "mean", _mean, where)

    @classmethod
    def scale(cls, key: str, factor: float, **where: Any) -> Intervention:
        """Multiply by a factor."""
        return cls._of(key, f"times {factor:g}", lambda output, over: output * factor, where)

    @classmethod
    def clamp(cls, key: str, least: float | None = None, greatest: float | None = None, **where: Any) -> Intervention:
        """Keep within limits."""
        return cls._of(key, f"within {least} … {greatest}", lambda output, over: output.clamp(least, greatest), where)

    @classmethod
    def noise(cls, key: str, std: float, *, seed: int = 0, **where: Any) -> Intervention:
        """Add normal noise of a standard deviation; the same for the same seed, and drawn from no one else's state."""
        return cls._of(key, f"noise of {std:g}", lambda output, over: output + std * _normal(output, seed), where)

    @classmethod
    def replace(cls, key: str, value: Tensor, **where: Any) -> Intervention:
        """Put another tensor in its place, of the output's shape or one that broadcasts to it."""
        owned = value.detach().clone()
        return cls._of(key, "replaced", lambda output, over: _in_place_of(output, owned), where)

    @classmethod
    def _of(cls, key: str, what: str, change: Any, where: dict[str, Any]) -> Intervention:
        unknown = where.keys() - {"channel", "head", "token", "dim"}
        if unknown:
            raise TypeError(f"an intervention takes channel=, head=, token= and dim=, found {min(unknown)}=")
        dim = where.pop("dim", None)
        return cls(key, what, change, dim=dim, **{axis: _units(units) for axis, units in where.items()})

    def applied(self, output: Tensor, call: Call) -> Tensor:
        """The changed output. Raises CaptureError for units that there are not."""
        if output.is_quantized:
            raise CaptureError(
                f"the output of {self.key!r} is quantised ({str(output.dtype).removeprefix('torch.')})",
                "Intervene on the model as it was before it was quantised, or on a layer with floating-point output.",
            )
        dims = axes(output.dim(), call)
        if self.dim is not None:
            dims["channel"] = self._own_dim(output)
        return self._where(output, dims, samples_dim(output.dim(), call))

    def _in_heads(self, heads: Tensor) -> Tensor:
        if self.channel is not None:
            raise CaptureError(f"{self.key!r} was given head= and channel=", "Name one of them.")
        return self._where(heads, {"head": 1, "token": 2}, 0)

    def _own_dim(self, output: Tensor) -> int:
        assert self.dim is not None
        if not -output.dim() <= self.dim < output.dim():
            raise CaptureError(
                f"the output {tuple(output.shape)} of {self.key!r} has no dimension {self.dim}",
                f"Choose dim= from 0 … {output.dim() - 1}.",
            )
        return self.dim % output.dim()

    def _where(self, output: Tensor, dims: dict[Axis, int], samples: int) -> Tensor:
        chosen = torch.ones((), dtype=torch.bool, device=output.device)
        for axis, units in self._axes():
            if axis not in dims:
                raise CaptureError(
                    f"the output {tuple(output.shape)} of {self.key!r} has no {axis}s",
                    "Choose a layer that has, or name the dimension of the channels with dim=.",
                )
            chosen = chosen & self._mask(output, axis, dims[axis], units)
        try:
            changed = self.change(output, self._over(output.dim(), dims, samples))
            if not torch.can_cast(changed.dtype, output.dtype):
                raise RuntimeError(f"it would give {str(changed.dtype).removeprefix('torch.')}")
        except Exception as error:
            if out_of_memory(error):
                raise
            raise CaptureError(
                f"{self.what!r} cannot be done to the output of {self.key!r}: {in_words(error)}",
                f"It is {tuple(output.shape)} {str(output.dtype).removeprefix('torch.')}.",
            ) from error
        return torch.where(chosen, changed, output).to(output.dtype)

    def _over(self, rank: int, dims: dict[Axis, int], samples: int) -> tuple[int, ...]:
        named = dict(self._axes())
        if not named or "token" in named:
            return (samples,)
        kept = {dims[axis] for axis in named} | ({rank - 1} if "head" in named else set())
        return tuple(dim for dim in range(rank) if dim not in kept)

    def _axes(self) -> list[tuple[Axis, tuple[int, ...]]]:
        named: list[tuple[Axis, tuple[int, ...] | None]] = [
            ("channel", self.channel), ("head", self.head), ("token", self.token)
        ]  # fmt: skip
        return [(axis, units) for axis, units in named if units is not None]

    def _mask(self, output: Tensor, axis: Axis, dim: int, units: tuple[int, ...]) -> Tensor:
        size = output.shape[dim]
        beyond = next((unit for unit in units if not -size <= unit < size), None)
        if beyond is not None:
            raise CaptureError(f"{self.key!r} has {size} {axis}s, none with index {beyond}", f"Choose 0 … {size - 1}.")
        mask = torch.zeros(size, dtype=torch.bool, device=output.device)
        mask[list(units)] = True
        return mask.view([-1 if each == dim else 1 for each in range(output.dim())])


def changed(interventions: Sequence[Intervention], output: Tensor, call: Call, *, of_attention: bool) -> Tensor:
    """The output after all of them. of_attention: it is what an `nn.MultiheadAttention` gives, and not its weights."""
    in_heads = [each for each in interventions if of_attention and each.head is not None]
    if in_heads:
        output = with_heads(call, lambda heads: functools.reduce(lambda at, each: each._in_heads(at), in_heads, heads))
    for each in interventions:
        if each not in in_heads:
            output = each.applied(output, call)
    return output


def _units(units: Any) -> tuple[int, ...] | None:
    if units is None:
        return None
    several = list(units) if isinstance(units, Iterable) else [units]
    if any(isinstance(unit, bool) or not hasattr(unit, "__index__") for unit in several):
        raise TypeError(f"units are named by index, an int or several, found {units!r}")
    return tuple(operator.index(unit) for unit in several)


def _in_place_of(output: Tensor, value: Tensor) -> Tensor:
    if not torch.can_cast(value.dtype, output.dtype):
        raise TypeError(f"the tensor given is {str(value.dtype).removeprefix('torch.')}")
    return value.to(output).expand_as(output)


def _mean(output: Tensor, over: tuple[int, ...]) -> Tensor:
    return output.mean(dim=over, keepdim=True).expand_as(output)


def _normal(output: Tensor, seed: int) -> Tensor:
    generator = torch.Generator(output.device).manual_seed(seed)
    return torch.randn(output.shape, generator=generator, device=output.device, dtype=output.dtype)
