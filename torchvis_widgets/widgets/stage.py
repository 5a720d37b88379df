"""What all views of one session share: the session, the selection and the publisher."""

from __future__ import annotations

import weakref
from contextlib import suppress
from typing import Any

import torch

from torchvis_widgets import kernel
from torchvis_widgets.look.tracing.graph import Graph
from torchvis_widgets.record.run import Run
from torchvis_widgets.session import Session
from torchvis_widgets.watch import of_run
from torchvis_widgets.widgets.player import Player
from torchvis_widgets.widgets.prefetcher import Prefetcher, upcoming
from torchvis_widgets.widgets.publisher import PERIOD, Publisher
from torchvis_widgets.widgets.selection import Cursor, Selection
from torchvis_widgets.widgets.sliding.drafts import Drafts

Source = Session | Run

PATIENCE = 2.0  # seconds that a move waits for the computing of its frame ahead of it
UNHEARD, RAREST = 0.5, 15.0  # seconds between frames for views that cannot be heard: at first, and in the end
SHARE = 1 / 200  # of the training so far, by which a plot grows between two of them


class Stage:
    """One session's views and what they share."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.selection = Selection(Cursor(layer=first_layer(session.graph)))
        self.drafts = Drafts(self.selection)
        self.publisher = Publisher(session.lively, session.moving, session.report, self._slowness)
        self.prefetcher = Prefetcher(self._prefetch)
        self.player = Player(
            steps=self._steps,
            at=lambda: self.step,
            move=self.move,
            when_sent=self.publisher.when_sent,
            ended=self.publisher.publish,
        )
        session.on_close(self.player.halt)
        session.on_close(self.publisher.close)
        _keep_stills(self.publisher)
        self.dashboard: Any = None  # made when the session is first shown

    def unheard(self) -> bool:
        """Whether the loop in the cell keeps the kernel from hearing of its views, as before ipykernel 7."""
        return self.session.loop.deafens() and kernel.has_front_end()

    def _slowness(self) -> float:
        """How many times rarer frames are to be.

        Of views that are not heard nobody knows when they have painted, nor when their page was closed, after which a
        server keeps all that is sent to it: the longer the training, the rarer, and a plot's end still moves on.
        """
        asked = self.session.overhead.slowness()
        if not self.unheard():
            return asked
        return max(asked, min(max(UNHEARD, SHARE * self.session.loop.elapsed()), RAREST) / PERIOD)

    @property
    def step(self) -> int | None:
        """The step of the snapshot looked at; None where it is the state of now."""
        return self.selection.now.step

    def move(self, step: int | None) -> None:
        """Take every view on screen to a snapshot, then compute what comes next in the same direction."""
        before, steps = self.step, self._steps()
        if step is not None:
            self.prefetcher.wait_for(step, PATIENCE)
        self.selection.move(step)
        self.publisher.publish()
        self.prefetcher.aim(upcoming(steps, before, step))

    def _steps(self) -> list[int]:
        """Of the snapshots, in order; one a step, also where a state was kept again under a name."""
        return list(dict.fromkeys(snapshot.step for snapshot in self.session.run.snapshots))

    def _prefetch(self, step: int) -> None:
        for view in self.publisher.shown():
            with suppress(Exception):  # the frame itself will say why
                view.prefetch(step)


def _keep_stills(publisher: Publisher) -> None:
    """At each cell's end, as long as somebody holds the publisher."""
    held = weakref.ref(publisher)

    def ended(_: BaseException | None) -> None:
        found = held()
        if found is not None:
            found.keep_stills()

    weakref.finalize(publisher, kernel.on_cell_end(ended))


def first_layer(graph: Graph | None) -> str:
    """The layer that views open on: the first one with weights of its own, else the whole model."""
    modules = graph.modules if graph is not None else ()
    return next((each.path for each in modules if each.parameters and not each.children), "")


def stage_of(source: Source, model: torch.nn.Module | None = None) -> Stage:
    """The stage of a session or a run, one each however many views there are.

    Args:
        source: what `watch()` or `inspect()` gave, or a `Run`.
        model: for a `Run`: a model of the recorded architecture, which activations are computed with.

    Raises:
        TypeError: `source` is neither, or a model was given with a session, which has one.
    """
    if isinstance(source, Run):
        source = of_run(source, model)
    elif not isinstance(source, Session):
        raise TypeError(
            f"a view takes a Session or a Run, found {type(source).__name__}; "
            "make one with tvw.watch(model), tvw.inspect(model, inputs) or tvw.Run(path)"
        )
    elif model is not None:
        raise TypeError("model= goes with a Run; a Session already has its model")
    if not isinstance(source.stage, Stage):
        source.stage = Stage(source)
    return source.stage
