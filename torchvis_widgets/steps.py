"""Which optimizer steps are counted: of several optimizers, of one made anew, and of one that was never named."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterable, Sequence

import torch

PATIENCE = 20  # steps of others in a row after which a leader that no longer steps has lost the lead
ASK_AGAIN = 40  # questions after which an optimizer that held none of the model's parameters is looked at once more

Parameters = Callable[[], Iterable[torch.nn.Parameter]]


class Lead:
    """One optimizer leads, and each of its steps is one step of the run: a GAN's two optimizers make one.

    The first that was named leads, else the first that steps. Another takes the lead at once where it replaces the
    leader (that is gone, holds parameters that the model no longer has, or shares some with the other), and otherwise
    when it and its like have stepped `PATIENCE` times in a row: training has gone on to its next phase.

    Args:
        parameters: the model's, as they are when asked for: a layer may be replaced during training.
        named: the optimizers that the user gave, in order. Those named after the first replace nobody.
    """

    def __init__(self, parameters: Parameters, named: Sequence[torch.optim.Optimizer] = ()) -> None:
        self._parameters = parameters
        self._named = weakref.WeakSet(named)
        self._known: weakref.WeakKeyDictionary[torch.optim.Optimizer, tuple[int, bool]] = weakref.WeakKeyDictionary()
        self._leader: weakref.ref[torch.optim.Optimizer] | None = None
        self._surely: Callable[[], torch.optim.Optimizer | None] = lambda: None  # the one asked about last, if named
        self._strangers: weakref.WeakKeyDictionary[torch.optim.Optimizer, int] = weakref.WeakKeyDictionary()
        self._led: set[int] = set()  # the model's parameters that the leader held when it took the lead
        self._rivals: weakref.WeakSet[torch.optim.Optimizer] = weakref.WeakSet()  # known to replace nobody
        self._others_in_a_row = 0
        if named:
            self._take(named[0])

    def optimizers(self) -> list[torch.optim.Optimizer]:
        """Those that were named or hold some of the parameters, as far as they have stepped."""
        return [*self._named, *(each for each, (_, held) in self._known.items() if held and each not in self._named)]

    def concerns(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether a step of this optimizer changes the model: it was named, or holds some of the parameters."""
        if self._surely() is optimizer:
            return True
        if optimizer in self._named:
            self._surely = weakref.ref(optimizer)
            return True
        groups = len(optimizer.param_groups)
        known = self._known.get(optimizer)
        if known is None or known[0] != groups or (not known[1] and self._is_to_be_asked_again(optimizer)):
            # A group added may hold a layer that was replaced, and what was trained by itself may become the layer.
            known = self._known[optimizer] = (groups, bool(self._held(optimizer)))
        return known[1]

    def _is_to_be_asked_again(self, stranger: torch.optim.Optimizer) -> bool:
        asked = self._strangers[stranger] = self._strangers.get(stranger, 0) + 1
        return asked % ASK_AGAIN == 0

    def is_awaited(self) -> bool:
        """Whether an optimizer of the model exists; asked once, before any has stepped: it walks through all objects.

        Gradients may be accumulated over several batches, and a GradScaler skips its first steps: such a loop has taken
        no step yet, while one without an optimizer takes its steps by hand.
        """
        optimizers = (each for each in gc.get_objects() if issubclass(type(each), torch.optim.Optimizer))
        return any(self._held(optimizer) for optimizer in optimizers)

    def counts(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether the step that `optimizer` has just taken is a step of the run."""
        leader = self._leader() if self._leader is not None else None
        if optimizer is leader:
            self._others_in_a_row = 0
            return True
        self._others_in_a_row += 1
        if leader is None or self._others_in_a_row >= PATIENCE or self._replaces(optimizer, leader):
            self._take(optimizer)
            return True
        return False

    def _replaces(self, optimizer: torch.optim.Optimizer, leader: torch.optim.Optimizer) -> bool:
        if optimizer in self._named or optimizer in self._rivals:
            return False
        mine = {id(parameter) for parameter in self._parameters()}
        if not self._led <= mine or not self._held(optimizer).isdisjoint(self._held(leader)):
            return True
        self._rivals.add(optimizer)  # asked once: the answer costs a walk through the model
        return False

    def _held(self, optimizer: torch.optim.Optimizer) -> set[int]:
        mine = {id(parameter) for parameter in self._parameters()}
        return mine & {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}

    def _take(self, optimizer: torch.optim.Optimizer) -> None:
        self._leader = weakref.ref(optimizer)
        self._led = self._held(optimizer)
        self._others_in_a_row = 0
