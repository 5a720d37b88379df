"""What all views of one session share: the session, the selection and the publisher."""

from __future__ import annotations

from typing import Any

import torch

from torchvis_widgets.look.tracing.graph import Graph
from torchvis_widgets.record.run import Run
from torchvis_widgets.session import Session
from torchvis_widgets.watch import of_run
from torchvis_widgets.widgets.publisher import Publisher
from torchvis_widgets.widgets.selection import Cursor, Selection

Source = Session | Run


class Stage:
    """One session's views and what they share."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.selection = Selection(Cursor(layer=first_layer(session.graph)))
        self.publisher = Publisher(session.lively, session.moving, session.report)
        session.on_close(self.publisher.close)
        self.dashboard: Any = None  # made when the session is first shown

    @property
    def step(self) -> int | None:
        """The step of the snapshot looked at; None where it is the state of now."""
        return self.selection.now.step


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
