"""Statistics of parameters and gradients, taken around an optimizer's step on the training thread."""

from __future__ import annotations

import time
import weakref
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from torchvis_widgets.loop import Loop
from torchvis_widgets.record.measure import Reading
from torchvis_widgets.record.recording import Recording
from torchvis_widgets.record.sampling import obstacle
from torchvis_widgets.record.sheet import Label, Sheet
from torchvis_widgets.record.statistics import Statistics
from torchvis_widgets.record.update import Before


class StepStatistics:
    """Measures what an optimizer holds before every n-th of its own steps, and how far that step moved it after it.

    A parameter that no optimizer holds (a frozen one) is measured with the first optimizer's. Where a step is given a
    closure, which computes the gradients within it (LBFGS), they are read after the step. Everything is only queued on
    the device.

    affords: whether measuring, which took so many seconds the last time, is to be done at a step where it is due.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        run: Recording,
        loop: Loop,
        settings: Statistics,
        optimizers: Sequence[Optimizer] = (),
        affords: Callable[[float], bool] = lambda seconds: True,
    ) -> None:
        self._affords, self._seconds = affords, 0.0
        self._model, self._run, self._loop, self._settings = model, run, loop, settings
        self._every = settings.every
        self._steps: weakref.WeakKeyDictionary[Optimizer, _Steps] = weakref.WeakKeyDictionary(
            {optimizer: _Steps(optimizer) for optimizer in optimizers}
        )
        self._last: _Steps | None = None  # of the optimizer that stepped last: asking the dictionary takes longer
        self._taken: dict[str, bool] = {}
        self._begun: _Begun | None = None

    def before(self, optimizer: Optimizer, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None) -> None:
        """The optimizer begins a step; `args` are the step's own, itself the first."""
        self._begun = None
        last = self._last
        if last is None or last.optimizer() is not optimizer:
            last = self._last = self._steps.setdefault(optimizer, _Steps(optimizer))
        steps, last.count = last.count, last.count + 1
        if steps % self._every or _is_captured() or not self._affords(self._seconds):
            return
        began = time.perf_counter()
        closure = (kwargs or {}).get("closure") or (args[1] if len(args) > 1 else None)
        with torch.no_grad():
            held = self._parameters(optimizer)
            gradients = [] if closure is not None else _gradients(held)
            groups = self._measured([*held, *gradients], _scale(optimizer))
        self._begun = _Begun(optimizer, held if closure is not None else [], groups, self._at())
        self._seconds = time.perf_counter() - began

    def after(self, optimizer: Optimizer, *_: Any) -> None:
        """The optimizer has stepped."""
        begun = self._begun
        if begun is None:
            return
        self._begun = None
        if begun.optimizer is not optimizer:
            return
        began = time.perf_counter()
        with torch.no_grad():
            groups = begun.groups + self._measured(_gradients(begun.late), None)
            for labels, reading, before in groups:
                self._run.put_statistics(
                    Sheet(*begun.at, labels, [reading], None if before is None else before.moved())
                )
        self._seconds += time.perf_counter() - began

    def go_back(self) -> None:
        """The run has gone back to an earlier step: the statistics come at the same steps as before."""
        for steps in list(self._steps.values()):
            steps.count = self._loop.step

    def _at(self) -> tuple[int, float, int]:
        return self._loop.step, self._loop.epoch, self._run.branch

    def _parameters(self, optimizer: Optimizer) -> list[_Item]:
        """The parameters to be measured now, those that `optimizer` holds first."""
        holders = list(self._steps)
        held = _held(optimizer)
        elsewhere = {number for other in holders if other is not optimizer for number in _held(other)}
        named = [(name, each) for name, each in self._model.named_parameters() if self._takes(name)]
        own = [_Item("parameter", name, each, True) for name, each in named if id(each) in held]
        if holders[0] is not optimizer:
            return own
        return own + [
            _Item("parameter", name, each, False)
            for name, each in named
            if id(each) not in held and id(each) not in elsewhere
        ]

    def _takes(self, name: str) -> bool:
        if name not in self._taken:
            self._taken[name] = self._settings.takes(name)
        return self._taken[name]

    def _measured(self, items: list[_Item], scale: Tensor | None) -> list[_Group]:
        """The items that can be measured, a group for each device and type."""
        groups: dict[object, list[_Item]] = defaultdict(list)
        for item in items:
            reason = obstacle(item.tensor)
            if reason is None:
                groups[item.tensor.device, item.tensor.dtype].append(item)
            else:
                self._run.leave_out_of_statistics(item.label(), reason)
        return [self._group(group, scale) for group in groups.values()]

    def _group(self, items: list[_Item], scale: Tensor | None) -> _Group:
        reading = Reading([item.tensor for item in items], self._settings.most_samples)
        samples, moving = reading.sample.parts(), [item.tensor for item in items if item.moves]
        if scale is not None:
            reading.unscale(sum(item.kind == "parameter" for item in items), scale)
        before = None
        if moving:
            exact = self._settings.exact_updates
            values = reading.values(len(moving)) if exact else samples[: len(moving)]
            before = Before(moving, values, self._settings.most_samples, exact=exact)
        labels = [
            Label(item.kind, item.name, len(sample), item.tensor.numel())
            for item, sample in zip(items, samples, strict=True)
        ]
        return labels, reading, before


_Group = tuple[list[Label], Reading, "Before | None"]


class _Item(NamedTuple):
    """A tensor to be measured; `moves` where the optimizer may change it."""

    kind: str
    name: str
    tensor: Tensor
    moves: bool

    def label(self) -> str:
        return self.name if self.kind == "parameter" else f"{self.name}'s gradient"


class _Steps:
    """How many steps an optimizer has begun."""

    __slots__ = ("count", "optimizer")

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer, self.count = weakref.ref(optimizer), 0


class _Begun(NamedTuple):
    """A step that is being measured; the gradients of `late` are read after it."""

    optimizer: Optimizer
    late: list[_Item]
    groups: list[_Group]
    at: tuple[int, float, int]


def _held(optimizer: Optimizer) -> set[int]:
    return {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}


def _gradients(parameters: list[_Item]) -> list[_Item]:
    return [
        _Item("gradient", item.name, item.tensor.grad, False) for item in parameters if item.tensor.grad is not None
    ]


def _scale(optimizer: Optimizer) -> Tensor | None:
    """What a GradScaler leaves the gradients multiplied with, for an optimizer that divides by it itself (fused)."""
    scale = getattr(optimizer, "grad_scale", None)
    return scale if isinstance(scale, Tensor) else None


def _is_captured() -> bool:
    """Whether the step is being recorded into a CUDA graph, which must hold nothing of ours."""
    return torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()
