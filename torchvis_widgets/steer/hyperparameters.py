"""Hyperparameters: what `session.hyperparameters` lists and sets while a model trains."""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from torchvis_widgets.steer import naming
from torchvis_widgets.steer.buffers import make_up
from torchvis_widgets.steer.change_log import ChangeLog, short
from torchvis_widgets.steer.knobs import GroupPlace, Knob, ModulePlace, Value, of_modules, of_optimizers
from torchvis_widgets.steer.naming import HyperparameterNameError
from torchvis_widgets.steer.rules import check_together, checked
from torchvis_widgets.steer.schedulers import setter_of
from torchvis_widgets.steer.wishes import Wish, Wishes, override_text

Held = Value | tuple[Value, ...]


class Hyperparameters(Mapping[str, Any]):
    """The optimizers' numbers and switches and the model's Dropout shares, by name; `["lr"] = 0.01` sets one.

    Of several groups, optimizers or Dropouts each has a name of its own, `"group 1/lr"`, `"head.drop/dropout"`; the
    last part alone, `"lr"`, means all of them. `"betas"` is a tuple, `"betas[0]"` a number of it. While a loop runs on
    another thread a change is made at the end of the step in progress. It is recorded and marked in the run.

    Setting raises HyperparameterNameError for an unknown name and HyperparameterError for a value that does not fit;
    nothing is then changed. TimeoutError where the step takes more than a minute: it is set when that ends.
    """

    def __init__(self) -> None:
        self._model: nn.Module | None = None
        self._optimizers: list[weakref.ref[torch.optim.Optimizer]] = []
        self._known: Sequence[Any] = ()
        self._log: ChangeLog | None = None
        self._carry_out: Callable[[Callable[[], None]], None] = _refuse
        self._wishes = Wishes(self._setter_of, self._overridden)
        self._setters: weakref.WeakKeyDictionary[torch.optim.Optimizer, str] = weakref.WeakKeyDictionary()
        self._undo: list[dict[Knob, Value]] = []
        self._drops: tuple[float, list[Knob]] = (-math.inf, [])
        self._first: dict[Knob, Value] = {}
        self._going_on = False  # whether the newest change may be amended

    def attach(
        self,
        model: nn.Module,
        optimizers: Iterable[torch.optim.Optimizer],
        known: Iterable[Any],
        log: ChangeLog,
        carry_out: Callable[[Callable[[], None]], None],
    ) -> None:
        """Steer these; `known` may hold schedulers, `carry_out(command)` waits for the training thread to do it."""
        self._model, self._known, self._log, self._carry_out = model, list(known), log, carry_out
        self._optimizers = [weakref.ref(each) for each in optimizers]

    # As a mapping

    def __iter__(self) -> Iterator[str]:
        return (knob.name for knob in self.knobs())

    def __len__(self) -> int:
        return len(self.knobs())

    def __contains__(self, name: object) -> bool:
        return any(naming.means(name, knob) for knob in self.knobs())

    def __getitem__(self, name: str) -> Held:
        return naming.value_of(name, self._named(name))

    def __setitem__(self, name: str, value: object) -> None:
        self._carry_out(lambda: self.put(name, value))

    def hold(self, name: str, value: object = None) -> None:
        """Keep a value against schedulers and the training code, at every step boundary until `release(name)`.

        Args:
            name: as for setting.
            value: by default what the user last set, or what it is now where the user set none.
        """
        if value is not None:
            self._carry_out(lambda: self.put(name, value, held=True))
        else:
            self._carry_out(lambda: self.keep(name, True))

    def release(self, name: str) -> None:
        """Let schedulers set it again."""
        self._carry_out(lambda: self.keep(name, False))

    def undo(self) -> None:
        """Take the newest change that was made here back; nothing happens where there is none."""
        self._carry_out(self.take_back)

    @property
    def held(self) -> list[str]:
        """The names of those that are held."""
        return [knob.name for knob in self.knobs() if (wish := self._wishes[knob]) is not None and wish.held]

    @property
    def undoable(self) -> int:
        """How many changes `undo()` would take back, one after the other."""
        return len(self._undo)

    def __repr__(self) -> str:
        lines = [f"{knob.name:<24} {short(knob.get()):<10} {self.remark(knob)}".rstrip() for knob in self.knobs()]
        return "\n".join(lines) or f"no hyperparameters: {self.why_empty()}"

    # On the training thread, at a step boundary

    def put(self, name: str, value: object, *, held: bool | None = None, amend: bool = False) -> None:
        """Set what `name` means, all of it or, where something does not fit, nothing.

        held: keep it from now on; None leaves that as it is. amend: the newest change goes on, as a drag does.
        """
        wanted = {knob: checked(knob, each) for knob, each in naming.spread(name, self._named(name), value).items()}
        check_together(wanted)
        before = {knob: knob.get() for knob in wanted}
        make_up(knob for knob, each in wanted.items() if each)
        self._first = before | self._first
        for knob, each in wanted.items():
            knob.set(each)
        self._note(before, wanted, amend)
        for knob, each in wanted.items():
            old = self._wishes[knob]
            came_from = old.before if amend and old is not None else before[knob]
            keeps = old is not None and old.held if held is None else held
            self._wishes.make(knob, each, came_from, held=keeps)

    def keep(self, name: str, held: bool) -> None:
        """Hold what `name` means, or let it go."""
        for knob in self._named(name):
            self._wishes.hold(knob, held)

    def take_back(self) -> None:
        """Undo the newest change."""
        if not self._undo:
            return
        before, self._going_on = self._undo.pop(), False
        now = {knob: knob.get() for knob in before}
        for knob, value in before.items():
            old = self._wishes[knob]
            knob.set(value)
            self._wishes.make(knob, value, now[knob], held=old is not None and old.held)
        if self._log is not None and before != now:
            self._log.turned(now, before)

    @property
    def wished(self) -> bool:
        """Whether the user has set or held anything that is to be looked after."""
        return bool(self._wishes.all)

    def look(self) -> None:
        """Before each step: put back what is held, and notice what a scheduler has set."""
        self._wishes.look()

    def stepped(self, optimizer: torch.optim.Optimizer) -> None:
        """This optimizer has taken a step: it is one of those steered, in the place of one with the same parameters."""
        for reference in self._optimizers:
            if reference() is optimizer:
                return
        mine = _parameters(optimizer)
        others = [reference for reference in self._optimizers if (other := reference()) is not None
                  and mine.isdisjoint(_parameters(other))]  # fmt: skip
        self._optimizers = [*others, weakref.ref(optimizer)]

    def go_back(self) -> None:
        """The training is back at a snapshot, which holds the optimizers' values; what Dropouts had, the run tells."""
        self._wishes.forget()
        self._undo.clear()
        self._going_on = False
        then = {change.name: change.after for change in self._log.run.changed} if self._log is not None else {}
        for knob in self.knobs():
            if isinstance(knob.place, ModulePlace) and knob in self._first:
                knob.set(then.get(knob.name, self._first[knob]))

    # What views show

    def knobs(self, within: float = 0.0) -> list[Knob]:
        """Every one, the optimizers' first; the model is walked through anew if that is more than `within` s ago."""
        optimizers = [optimizer for reference in list(self._optimizers) if (optimizer := reference()) is not None]
        walked, drops = self._drops
        if self._model is not None and (not within or time.monotonic() - walked > within):
            drops = list(of_modules(self._model))
            self._drops = time.monotonic(), drops
        return [*of_optimizers(optimizers), *drops]

    def wish(self, knob: Knob) -> Wish | None:
        """What the user last set it to, and what became of that."""
        return self._wishes[knob]

    def scheduler(self, knob: Knob) -> str:
        """The class of the scheduler known to set it, "" for none."""
        optimizer = knob.place.optimizer() if isinstance(knob.place, GroupPlace) else None
        return self._setters.get(optimizer, "") if optimizer is not None and knob.what == "lr" else ""

    def remark(self, knob: Knob) -> str:
        """That it is held, or what has set it against the user's wish; "" for neither."""
        wish = self._wishes[knob]
        if wish is not None and wish.by:
            return override_text(knob, wish)
        return f"{knob.name} is held" if wish is not None and wish.held else ""

    def why_empty(self) -> str:
        """Why there are none, and the remedy."""
        if self._log is None:
            return "they are there while a training is watched: tvw.watch(model, optimizer)"
        return "no optimizer has taken a step yet; name it, tvw.watch(model, optimizer), or take one"

    def _named(self, name: str) -> list[Knob]:
        knobs = self.knobs()
        if not knobs:
            raise HyperparameterNameError(f"there is no {name!r}: {self.why_empty()}")
        return naming.find(name, knobs)

    def _note(self, before: dict[Knob, Value], after: dict[Knob, Value], amend: bool) -> None:
        self._going_on = self._going_on and amend and self._undo[-1].keys() == after.keys()
        if self._log is None or (before == after and not self._going_on):
            return
        if self._going_on:
            self._log.amend(after)
        else:
            self._going_on = True
            self._undo.append(before)
            self._log.turned(before, after)

    def _setter_of(self, knob: Knob) -> str:
        optimizer = knob.place.optimizer() if isinstance(knob.place, GroupPlace) else None
        if optimizer is None:
            return "the training code"
        self._setters[optimizer] = setter_of(optimizer, self._known)
        return self._setters[optimizer]

    def _overridden(self, knob: Knob, wish: Wish) -> None:
        if self._log is not None and wish.found is not None:
            self._log.overridden(knob, wish.value, wish.found, wish.by, override_text(knob, wish))


def _parameters(optimizer: torch.optim.Optimizer) -> set[int]:
    return {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}


def _refuse(command: Callable[[], None]) -> None:
    raise RuntimeError("hyperparameters are set while a training is watched: make a session with tvw.watch(model, …)")
