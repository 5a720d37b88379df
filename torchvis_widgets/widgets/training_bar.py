"""TrainingBar: status, epoch, step, progress, rate and time left."""

from __future__ import annotations

from typing import ClassVar

import traitlets as t

from torchvis_widgets.widgets.view import View


class TrainingBar(View):
    """How far training has come. Times are in seconds, `rate` in samples per second, `progress` is 0 … 1."""

    bundle: ClassVar[str] = "training_bar"

    name = t.Unicode().tag(sync=True)
    run_path = t.Unicode().tag(sync=True)
    status = t.Unicode("idle").tag(sync=True)
    epoch = t.Int(0).tag(sync=True)
    epochs = t.Int(None, allow_none=True).tag(sync=True)
    step = t.Int(0).tag(sync=True)
    progress = t.Float(None, allow_none=True).tag(sync=True)
    rate = t.Float(None, allow_none=True).tag(sync=True)
    steps_per_second = t.Float(None, allow_none=True).tag(sync=True)
    seconds_left = t.Float(None, allow_none=True).tag(sync=True)
    elapsed = t.Float(0.0).tag(sync=True)
    warnings = t.List(t.Unicode()).tag(sync=True)
    detail = t.Unicode().tag(sync=True)

    def update(self) -> None:
        session = self.stage.session
        loop = session.loop
        self.name, self.run_path = session.run.name, str(session.run.path)
        self.status = loop.status if session.records else "inspected"
        self.epoch, self.epochs, self.step = loop.current_epoch(), loop.target_epochs, loop.step
        self.progress, self.seconds_left = loop.progress(), loop.seconds_left()
        self.rate, self.steps_per_second = loop.rates()
        self.elapsed = loop.elapsed()
        problems = session.problems
        # The alarm that ended or paused the loop may by now have found the layer: it is told once, in full.
        self.detail = next((text for text in problems if loop.detail and text.startswith(loop.detail)), loop.detail)
        self.warnings = [text for text in problems if text != self.detail]
