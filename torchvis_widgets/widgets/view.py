"""View: a live widget on a stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from torchvis_widgets import kernel
from torchvis_widgets.widgets.base import LiveWidget
from torchvis_widgets.widgets.stage import Source, Stage, stage_of


class View(LiveWidget):
    """A widget that shows one session together with its other views.

    Args:
        source: a `Session`, or a `Run` to look at what was recorded.
        model: with a `Run`, a model of the recorded architecture, for what has to be computed.
    """

    def __init__(self, source: Source, *, model: torch.nn.Module | None = None, **traits: Any) -> None:
        self._stage = stage_of(source, model)
        super().__init__(**traits)
        self.update()
        self._stage.publisher.add(self)

    @property
    def stage(self) -> Stage:
        """What this view shares with the other views of its session."""
        return self._stage

    def changed(self) -> None:
        self._stage.publisher.publish(asked_by=self)

    def answer_hello(self, view: str, visible: bool) -> dict[str, Any]:
        self._tell_reach()
        return super().answer_hello(view, visible)

    def answer_presence(self, view: str, visible: bool | None) -> None:
        self._tell_reach()
        super().answer_presence(view, visible)

    def _tell_reach(self) -> None:
        self._stage.session.loop.reach.answered(kernel.on_main_thread())

    def unheard(self) -> bool:
        return self._stage.unheard()

    def drawn(self) -> None:
        self._stage.publisher.drawn()

    def acknowledged(self, seconds: float) -> None:
        self._stage.publisher.heard(seconds)

    def when_sent(self, then: Callable[[], None]) -> None:
        self._stage.publisher.when_sent(then)

    def prefetch(self, step: int) -> None:
        """Compute what the frame at a snapshot needs into the caches, and send nothing."""
