"""Alarms: what goes wrong in training is marked in the run, and the loop told to go on, to pause or to stop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from torchvis_widgets.loop import Loop
from torchvis_widgets.record.clones import Clones
from torchvis_widgets.record.lane import Lane
from torchvis_widgets.record.loss_guard import LossGuard
from torchvis_widgets.record.recording import Recording

OnNonfinite = Literal["warn", "pause", "stop"]

CHOICES = ("warn", "pause", "stop")
GRADIENT, WEIGHT = "gradient", "weight"


@dataclass(frozen=True)
class _Search:
    """Whether each gradient and each weight is finite: still on its device, and found at this point of the training."""

    finite: Clones
    step: int


class Alarms:
    """Looks at every logged loss and at the statistics, and after a bad loss for the first layer that is not finite.

    On the training thread nothing is done while all is well. After a loss that is not finite its next step queues one
    check of all gradients and weights on their device, once; the metrics thread waits for the answer.

    Args:
        run: whose losses: the metrics whose last part is "loss". Marks go there.
        model: whose parameters are looked through, in the order of its modules.
        loop: what is paused or stopped.
        on_nonfinite: what becomes of it when a loss, a gradient or a weight is not finite.
        warn: takes what a line for the views is about, and the line: a later one about the same replaces it.
        on_error: hears of a failure of the alarms' own, after which they are silent.
    """

    def __init__(
        self,
        run: Recording,
        model: torch.nn.Module,
        loop: Loop,
        on_nonfinite: OnNonfinite,
        warn: Callable[[str, str], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._run, self._model, self._loop = run, model, loop
        self._on_nonfinite, self._warn, self._on_error = on_nonfinite, warn, on_error
        self._guards: dict[tuple[str, int], LossGuard] = {}
        self.wanted = False  # whether a check is due at the next step boundary
        self._searches: deque[_Search] = deque()
        self._unexplained: list[tuple[int, str]] = []  # marks of losses without a layer yet, and their texts
        self._bad: dict[str, set[str]] = {GRADIENT: set(), WEIGHT: set()}  # known not to be finite, and told
        self._cause: tuple[str, str] | None = None  # the weights not finite, in words, and the first one's layer
        self._lanes: dict[torch.device, Lane] = {}
        self._off = False
        run.listen(self.heard)
        run.listen_to_statistics(self.measured)

    # On the training thread

    def at_boundary(self) -> None:
        """Around a step, while its gradients are there: queue the check that a bad loss has asked for."""
        self.wanted = False
        try:
            self._searches.append(_Search(Clones(_finite(self._model), self._lanes), self._loop.step))
        except Exception as error:
            self._fail(error)

    def gone_back(self) -> None:
        """Everything is as it was at a snapshot: what went wrong since is no longer to be explained."""
        self.wanted = False
        self._searches.clear()
        self._unexplained.clear()
        self._cause = None

    # On the metrics thread

    def heard(self, names: list[str], rows: NDArray[np.float64]) -> None:
        """Take in logged values: `rows` (N, 6) as `MetricsWriter.listen` hands them out."""
        if self._off:
            return
        try:
            while self._searches:
                self._resolve(self._searches.popleft())
            for name, branch, losses in _losses(names, rows):
                self._check(name, branch, losses)
        except Exception as error:
            self._fail(error)

    # On the statistics' thread

    def measured(self, step: int, epoch: float | None, branch: int, finite: Mapping[tuple[str, str], bool]) -> None:
        """Take in statistics: whether each ("parameter" | "gradient" | "output", name) is finite, by modules' order."""
        told = bool(self._unexplained)  # of a bad loss, whose own search says which
        for kind, word in ((WEIGHT, "parameter"), (GRADIENT, "gradient")):
            bad = [name for (of, name), fine in finite.items() if of == word and not fine]
            known, fine = self._bad[kind], {name for (of, name), fine in finite.items() if of == word and fine}
            self._bad[kind] = (known - fine) | set(bad)
            if bad and not known and not told:  # what went bad before was told then
                told = True
                text = f"{_these(kind, bad)} at step {step}"
                self._run.mark(step, epoch, kind, text, _layer(bad[0]), branch=branch)
                self._alarm(step, branch, text)
        if not self._bad[WEIGHT]:
            self._cause = None

    def _check(self, name: str, branch: int, losses: NDArray[np.float64]) -> None:
        guard = self._guards.setdefault((name, branch), LossGuard())
        for place, what in guard.check(losses[:, 4]):
            step, epoch, value = int(losses[place, 0]), float(losses[place, 1]), float(losses[place, 4])
            at = None if np.isnan(epoch) else epoch
            if what == "jump":
                self._run.mark(step, at, "jump", f"{name} jumped to {value:.4g}", branch=branch)
                continue
            text, layer = f"{name} is {_word(value)} at step {step}", None
            if self._cause is not None and branch == self._run.branch:
                text, layer = f"{text}; {self._cause[0]}", self._cause[1]
            number = self._run.mark(step, at, "loss", text, layer, branch=branch)
            if layer is None and branch == self._run.branch:
                self._unexplained.append((number, text))
                self.wanted = True
            self._alarm(step, branch, text)

    def _resolve(self, search: _Search) -> None:
        tensors = search.finite.to_host()
        bad: dict[str, list[str]] = {GRADIENT: [], WEIGHT: []}
        for name, place in search.finite.names.items():
            kind, _, parameter = name.partition(" ")
            if not tensors[place]:
                bad[kind].append(parameter)
        self._bad = {kind: set(names) for kind, names in bad.items()}
        kind = WEIGHT if bad[WEIGHT] else GRADIENT
        more, layer = f"at step {search.step} every gradient and weight is finite: look at the data", None
        if bad[kind]:
            more, layer = f"at step {search.step} {_these(kind, bad[kind])}", _layer(bad[kind][0])
        self._cause = (more, layer) if bad[WEIGHT] and layer is not None else None
        for number, text in self._unexplained:
            self._run.amend_mark(number, text=f"{text}; {more}", layer=layer)
            self._warn(text, f"{text}; {more}")
        self._unexplained.clear()

    def _alarm(self, step: int, branch: int, text: str) -> None:
        if branch != self._run.branch:
            return  # what has been left meanwhile
        self._warn(text, text)
        if step < self._loop.began_at_step:
            return  # of a loop that has ended meanwhile
        if self._on_nonfinite == "stop" and not self._loop.stop(text):
            self._warn("stop", 'on_nonfinite="stop" could not end this loop: it needs session.epochs() or .batches()')
        if self._on_nonfinite == "pause" and not self._loop.pause(text):
            self._warn("pause", 'on_nonfinite="pause" could not pause this loop: it needs session.start(train)')

    def _fail(self, error: Exception) -> None:
        self._off = True
        with suppress(Warning):  # where warnings are errors; nothing may reach the thread that stores what was logged
            self._on_error(error)


def _finite(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Whether each gradient and weight is finite, on its device: "weight conv1.bias" -> a bool tensor ()."""
    found = {}
    for name, parameter in model.named_parameters():
        for kind, tensor in ((WEIGHT, parameter.detach()), (GRADIENT, parameter.grad)):
            if tensor is not None:
                values = tensor._values() if tensor.is_sparse else tensor
                found[f"{kind} {name}"] = values.isfinite().all()
    return found


def _losses(names: list[str], rows: NDArray[np.float64]) -> Iterator[tuple[str, int, NDArray[np.float64]]]:
    """(name, branch, its rows) of every metric whose last part is "loss"."""
    for number, branch in {(int(number), int(branch)) for number, branch in rows[:, [3, 5]]}:
        name = names[number - 1]
        if name.rsplit("/", 1)[-1] == "loss":
            yield name, branch, rows[(rows[:, 3] == number) & (rows[:, 5] == branch)]


def _these(kind: str, names: list[str]) -> str:
    """`the gradient of conv1.weight is not finite, nor are 3 others`."""
    more = f", nor {'is 1 other' if len(names) == 2 else f'are {len(names) - 1} others'}" if len(names) > 1 else ""
    what = names[0] if kind == WEIGHT else f"the gradient of {names[0]}"
    return f"{what} is not finite{more}"


def _layer(parameter: str) -> str:
    return parameter.rpartition(".")[0]


def _word(value: float) -> str:
    return "NaN" if np.isnan(value) else f"{'+' if value > 0 else '-'}Inf"
