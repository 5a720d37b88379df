"""ModelMap: the model as a tree or a graph, of which a click selects one layer for every view."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any, ClassVar

import torch
import traitlets as t

from torchvis_widgets.look.tracing.graph import Graph
from torchvis_widgets.record.weak import weakly
from torchvis_widgets.widgets.base import Topic
from torchvis_widgets.widgets.mapping import trends
from torchvis_widgets.widgets.mapping.outline import Outline
from torchvis_widgets.widgets.mapping.probed import Probed
from torchvis_widgets.widgets.mapping.reader import Reader
from torchvis_widgets.widgets.mapping.settings import Settings
from torchvis_widgets.widgets.mapping.unregistered import unregistered
from torchvis_widgets.widgets.mapping.untraced import untraced
from torchvis_widgets.widgets.stage import Source
from torchvis_widgets.widgets.view import View


class ModelMap(View):
    """The modules and functions of the model, and what is known of each.

    Args:
        source: a `Session`, or a `Run` to look at what was recorded.
        model: with a `Run`, a model of the recorded architecture.
        mode: "tree", or "graph": what goes where, in boxes that a double click opens.
        by: what layers are coloured by: "parameters", "macs" (multiply-adds), "seconds", "memory" (bytes) or
            "gradient" (the norm at the snapshot looked at); None = by nothing.
        sorted: the tree is sorted by the same, the most first.
        trend: what each row's line shows over the run: "weights" or "gradients" (their norm), "updates" (the step's
            change over the weights), or an output's "mean", "std" or "zeros" (a share) on the probe.

    Raises:
        TypeError: `source` is neither, or `sorted` no bool.
        ValueError: there is no such mode, measure or trend; says what there is.
    """

    bundle: ClassVar[str] = "model_map"

    rows = t.List(t.Dict()).tag(sync=True)
    layer = t.Unicode().tag(sync=True)
    view = t.Dict().tag(sync=True)
    trends_known = t.List(t.Dict()).tag(sync=True)
    opened = t.List(t.Unicode()).tag(sync=True)  # not `open`: that is a method of every widget

    def __init__(
        self,
        source: Source,
        *,
        model: torch.nn.Module | None = None,
        mode: str = "tree",
        by: str | None = None,
        sorted: bool = False,
        trend: str = "weights",
        **traits: Any,
    ) -> None:
        self._settings = Settings(mode, by, sorted, trend)
        self._outline: Outline | None = None
        self._graph: Graph | None = None
        self._parameters: dict[str, torch.nn.Parameter] = {}
        self._open: tuple[str, ...] = ()
        self._turn = 0  # counts outlines
        self._reader: Reader | None = None
        self._probed: Probed | None = None
        super().__init__(source, model=model, **traits)

    # What is shown

    def update(self) -> None:
        self._take_in()
        session = self.stage.session
        self.show(
            layer=self.stage.selection.now.layer,
            view=asdict(self._settings),
            trends_known=trends.known(session.run.measured.kinds()),
            opened=list(self._open),
        )

    def topics(self) -> list[Topic]:
        outline, run, settings, step = self._outline, self.stage.session.run, self._settings, self.stage.step
        if outline is None:
            return []
        self._statistics().want()
        snapshots = run.snapshots
        newest = (run.branch, len(snapshots), snapshots[-1].place if snapshots else None)
        recorded = (self._turn, run.measured.version, newest)
        probed = self._look_at_probe()
        topics = [
            Topic("trends", (settings.trend, *recorded), lambda: outline.trends.lines(settings.trend)),
            Topic(
                "marks", (step, probed.version, *recorded), lambda: ({"marks": outline.marks(step, probed.outputs)}, [])
            ),
        ]
        if (by := settings.by) is not None:
            at = (step, *recorded) if by == "gradient" else (self._turn,)
            topics.append(Topic("measure", (by, *at), lambda: outline.measure(by, step)))
        if settings.mode == "graph":
            opened = self._open
            topics.append(Topic("graph", (self._turn, opened), lambda: (outline.boxes.drawn(opened), [])))
        return topics

    def _take_in(self) -> None:
        """Look at the model anew when it has been traced anew, or when layers were frozen."""
        session, before = self.stage.session, self._outline
        model, graph = session.model, session.graph
        is_new = before is None or graph is not self._graph
        if is_new:
            self._parameters = {} if model is None else dict(model.named_parameters(remove_duplicate=False))
        trained = {name: parameter.requires_grad for name, parameter in self._parameters.items()}
        if before is not None and not is_new and before.trained == trained:
            return
        self._graph = graph
        if graph is None and model is not None:
            graph = untraced(model)
        if graph is None:
            return
        self._outline = Outline(graph, session.run, trained, {} if model is None else unregistered(model))
        self._open = self._outline.boxes.first() if is_new else self._open
        self._turn += 1
        self.rows = self._outline.rows

    def _statistics(self) -> Reader:
        if self._reader is None:
            session = self.stage.session  # its end does not end the reading: the last outputs are measured then
            self._reader = Reader(session.run.measured, weakly(self.changed), session.report)
        return self._reader

    def _look_at_probe(self) -> Probed:
        """What is known of an inspected model's outputs: no run records them."""
        session = self.stage.session
        if self._probed is None:
            self._probed = Probed(weakly(self.changed), session.report)
        if not session.records and session.model is not None and session.observer is not None:
            self._probed.want(session.observer)
        return self._probed

    # What can be asked for

    def needs_part(self) -> bool:
        return self._settings.mode == "graph"

    def select(self, layer: str) -> None:
        """Show a layer in every view: a module's path, or a function's key such as "layer1.0/add".

        Raises:
            LookupError: the model has no such layer.
        """
        if self._outline is None or not self._outline.has(layer):
            paths = [row["path"] for row in self.rows]
            raise LookupError(f"no layer {layer!r}; the model has {', '.join(map(repr, paths[:8]))} …")
        self.stage.selection.select(layer)
        self.changed()

    def look(self, **changes: Any) -> None:
        """Change settings: `map.look(mode="graph", by="gradient")`; see the class for what there is.

        Raises:
            TypeError: `sorted` is no bool.
            ValueError: there is no such setting, or no such choice; says what there is.
        """
        self._change(changes)

    def _change(self, changes: object) -> None:
        self._settings = self._settings.changed(changes)
        self.changed()

    def open_box(self, *keys: str) -> None:
        """Open boxes of the graph, and those that they are in: `map.open_box("layer1.0")`.

        Raises:
            LookError: a key names no box; says which are near.
        """
        self._set_boxes(keys, open=True)

    def close_box(self, *keys: str) -> None:
        """Close boxes of the graph. Raises as `open_box()`."""
        self._set_boxes(keys, open=False)

    def _set_boxes(self, keys: Collection[str], *, open: bool) -> None:
        if self._outline is None:
            raise LookupError("the run has no graph yet: it is recorded with the first step")
        boxes = self._outline.boxes
        boxes.check(keys)
        self._open = boxes.opened(self._open, keys) if open else boxes.closed(self._open, keys)
        self.changed()

    def answer_select(self, layer: str) -> dict[str, Any]:
        """A row or a node was clicked."""
        self.select(layer)
        return {}

    def answer_view(self, changes: dict[str, Any]) -> dict[str, Any]:
        """A setting was changed."""
        self._change(changes)
        return {}

    def answer_open(self, keys: list[str], open: bool) -> dict[str, Any]:
        """Boxes were opened or closed."""
        if not isinstance(keys, list) or not isinstance(open, bool):
            raise TypeError(f"open takes a list of keys and true or false, found {keys!r} and {open!r}")
        self._set_boxes(keys, open=open)
        return {}
