"""Front ends that ask for everything at once, each from a thread of its own, while a model trains."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import torchvis_widgets as tvw
from tests.unit.session.training import Net, data, setup, steps
from tests.unit.session.witness import Witness, checksum
from tests.unit.widgets.front_end import FrontEnd, wait_for
from torchvis_widgets.record.edits import read_edits
from torchvis_widgets.steer.edits import Edit
from torchvis_widgets.widgets.base import LiveWidget
from torchvis_widgets.widgets.dashboard import Dashboard

EDITORS = 2
WEIGHTS = ("conv.weight", "conv.bias", "norm.weight", "fc.weight", "fc.bias")
LAYERS = ("conv", "norm", "relu", "fc", "")
EXPECTED = (  # what a front end may be told while loops come and go
    "no snapshot at step", "found no loop that is running", "another restore() was asked for",
    "resume(epochs=1) needs a loop", "stop() ends loops over session.epochs()",
)  # fmt: skip


def with_ledger() -> tuple[Net, torch.optim.Optimizer, torch.nn.Module]:
    """A model with a number for each editor that training leaves alone: what edits make of it can be counted."""
    model, optimizer, criterion = setup()
    model.register_buffer("ledger", torch.zeros(EDITORS, dtype=torch.float64))
    return model, optimizer, criterion


class Page:
    """A front end of one widget, on a thread of its own; every request has to be answered."""

    def __init__(
        self, widget: LiveWidget, seed: int, act: Callable[[Page], None] = lambda _: None, finish: str = ""
    ) -> None:
        self.widget, self.random, self._act, self._finish = widget, random.Random(seed), act, finish
        self.front = FrontEnd(widget, slow=True)
        self.asked: list[str] = []
        self.errors: list[str] = []

    def work(self, enough: Callable[[], bool]) -> None:
        self.front.ask("hello", view="v", visible=True)  # from this thread: whoever trains can be resumed by it
        while not enough():
            self._act(self)
        if self._finish:
            self.ask(self._finish)

    def ask(self, op: str, **args: Any) -> bool:
        """Whether the kernel did as it was asked."""
        name = f"{op}:{len(self.asked)}"
        self.asked.append(name)
        self.front.send({"kind": "request", "id": name, "op": op, "args": args})
        reply = next((each for each in reversed(self.front.replies) if each["id"] == name), None)
        if reply is not None and not reply["ok"]:
            self.errors.append(f"{op} {args}: {reply['error']}")
        return reply is not None and bool(reply["ok"])

    def assert_answered(self) -> None:
        wait_for(lambda: set(self.asked) <= {reply["id"] for reply in list(self.front.replies)})
        unexpected = [error for error in self.errors if not any(text in error for text in EXPECTED)]
        assert not unexpected, unexpected


class Hammer:
    """Pages of all widgets of a session's dashboard, which together ask for `commands` things."""

    def __init__(self, session: tvw.Session, commands: int, seed: int = 0, rewind: bool = True) -> None:
        self.session, self.accepted = session, [[] for _ in range(EDITORS)]  # type: ignore[var-annotated]
        self.rewind, self.audits, self.trouble = rewind, 0, []  # type: ignore[var-annotated]
        board = Dashboard(session)
        assert board.scrubber is not None
        assert board.hyperparameters is not None
        editors = [board.sliders, tvw.WeightSliders(session)]
        acts: list[tuple[LiveWidget, Callable[[Page], None], str]] = [
            *((widget, lambda page, n=number: self._edit(page, n), "") for number, widget in enumerate(editors)),
            (board.bar, self._drive, "resume"), (board.scrubber, self._scrub, ""), (board.map, self._click_map, ""),
            (board.viewer, self._click_viewer, ""), (board.hyperparameters, self._tune, ""),
        ]  # fmt: skip
        self.board = board
        self.pages = [Page(widget, seed + n, act, finish) for n, (widget, act, finish) in enumerate(acts)]
        self._commands = commands
        self._threads = [threading.Thread(target=self._guarded, args=(page,)) for page in self.pages]

    def __enter__(self) -> Hammer:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a front end waits for ever"

    @property
    def working(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    @property
    def asked(self) -> int:
        return sum(len(page.asked) for page in self.pages)

    def _guarded(self, page: Page) -> None:
        try:
            page.work(lambda: self.asked >= self._commands and len(page.asked) > 10)
        except BaseException as error:
            self.trouble.append(error)
            self.session.stop()

    # What is asked

    def _edit(self, page: Page, number: int) -> None:
        if page.widget.mode != "live":  # type: ignore[attr-defined]
            page.ask("mode", mode="live")
        chance, dice = page.random.random(), page.random
        if chance < 0.1:
            self._edit_without_waiting(page, number)
        elif chance < 0.5:
            change, value = dice.choice([("gain", -1.0), ("shift", float(len(page.asked) + 1))])
            if page.ask("edit", change=change, tensor="ledger", value=value, index=[number]):
                self.accepted[number].append((change, value))
        elif chance < 0.65:
            page.ask("edit", change="gain", tensor=dice.choice(WEIGHTS), value=dice.choice([0.5, 0.9, 1.1]), done=False)
        elif chance < 0.8:
            change, value = dice.choice([("noise", 0.1), ("prune", 0.2), ("clamp", [-1.0, 1.0]), ("shift", 0.01)])
            page.ask("edit", change=change, tensor=dice.choice(WEIGHTS), value=value)
        elif chance < 0.95:
            page.ask(dice.choice(["undo", "undo", "redo"]))
        else:
            self.session.mailbox.put(self.audit).result(60)

    def _edit_without_waiting(self, page: Page, number: int) -> None:
        """As front ends do that are not told in time: several edits wait at once."""
        log, loop = self.session.edits, self.session.loop
        changes = [("gain", -1.0) if page.random.random() < 0.5 else ("shift", 10_000.0 + at) for at in range(4)]
        edits = [Edit("ledger", op, (number,), value) for op, value in changes]  # type: ignore[arg-type]
        put = [self.session.mailbox.put(lambda edit=edit: log.apply(edit, step=loop.step)) for edit in edits]  # type: ignore[misc]
        for each in put:
            each.result(60)
        self.accepted[number].extend(changes)

    def _drive(self, page: Page) -> None:
        page.ask("presence", view="v", visible=True)
        held = page.ask(page.random.choice(["pause", "pause", "step", "epoch"]))
        if held and page.random.random() < 0.1:
            page.ask("stop")
        page.ask("resume")

    def _scrub(self, page: Page) -> None:
        known = self.session.run.snapshots
        step = page.random.choice([None, *(snapshot.step for snapshot in known)])
        if self.rewind and step is not None and page.random.random() < 0.03:
            page.ask("continue_from", step=step)
        else:
            page.ask("move", step=step)

    def _click_map(self, page: Page) -> None:
        page.ask("select", layer=page.random.choice(LAYERS))

    def _click_viewer(self, page: Page) -> None:
        page.ask("sample", sample=page.random.randrange(8))
        checksum(dict(self.session.live().state))

    def _tune(self, page: Page) -> None:
        op = page.random.choice(["set", "set", "undo", "hold"])
        name = page.random.choice(["lr", "momentum", "dropout"])
        args = {"set": {"name": name, "value": page.random.uniform(0.001, 0.1)},
                "hold": {"name": name, "held": page.random.random() < 0.5}, "undo": {}}  # fmt: skip
        page.ask(op, **args[op])

    # What has to be true

    def audit(self) -> None:
        """At a boundary: the edits in effect, made one after the other, give what is in the model, exactly."""
        values = [0.0] * EDITORS
        for edit in self.session.edits.edits:
            if edit.tensor == "ledger":
                (place,), number = edit.index, float(edit.value)  # type: ignore[misc,arg-type]
                values[place] = values[place] * number if edit.op == "gain" else values[place] + number  # type: ignore[index]
        assert self.session.model is not None
        found = self.session.model.ledger.tolist()
        assert found == values, f"the edits in effect make {values}, the model has {found}"
        self.audits += 1

    def assert_all_well(self, run: Path) -> None:
        """Every request has been answered, every edit made once, in the order in which it was asked for."""
        for error in self.trouble:
            raise error
        for page in self.pages:
            page.assert_answered()
        assert not self.session.problems, self.session.problems
        assert self.audits > 0
        self.audit()
        made: list[list[tuple[str, float]]] = [[] for _ in range(EDITORS)]
        for edited in read_edits(run / "metrics.sqlite"):
            if edited.tensor == "ledger":
                edit = json.loads(edited.edit)
                made[edit["index"][0]].append((edited.op, edit["value"]))
        assert made == self.accepted, f"made {made}, asked for {self.accepted}"


class UnderFire:
    """A session whose loops run while a hammer is at work, and what has to be true when they are over."""

    def __init__(self, place: Path, patch: pytest.MonkeyPatch, commands: int, seed: int) -> None:
        self.model, self.optimizer, self.criterion = with_ledger()
        self.witness, self.run = Witness(self.model), place / "run"
        self.session = tvw.watch(
            self.model, self.optimizer, self.criterion, probe=data(1)[0], run=self.run, resumable=True
        )
        self.witness.watch(self.session, patch)
        self.commands, self.hammer = commands, Hammer(self.session, commands, seed)

    def loop(self) -> Iterator[None]:
        """One at full speed, 8 steps an epoch, until it is stopped or nobody asks any more; gives way after a step."""
        batches = data(8)
        for _ in self.session.epochs(50):
            for _ in steps(self.model, self.optimizer, self.criterion, self.session.batches(batches)):
                yield
                if not self.hammer.working:
                    return

    def assert_all_well(self) -> None:
        """Of the loop, the front ends and every copy."""
        self.session.close()
        self.hammer.assert_all_well(self.run)
        assert self.hammer.asked >= self.commands
        assert self.session.loop.step > 0
        assert self.witness.assert_nothing_torn() > 10
