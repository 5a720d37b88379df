"""TrainingBar: how far training has come and what it costs, and the buttons that drive it."""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets as t

from torchvis_widgets.live import state_of
from torchvis_widgets.memory import MemoryMeter
from torchvis_widgets.session import Session
from torchvis_widgets.widgets.view import View

ITERATORS = "it needs a loop over session.epochs() or session.batches()"
UNREACHABLE = (
    "nothing could resume this loop: no view is answered while the cell runs. "
    "Use session.start(train) to train in the background"
)


class TrainingBar(View):
    """How far training has come, and what drives it.

    Times are in seconds, `rate` in samples per second, `progress` is 0 … 1.
    """

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
    overhead = t.Float(None, allow_none=True).tag(sync=True)  # the share that watching adds; None before it is known
    overhead_cap = t.Float(None, allow_none=True).tag(sync=True)
    savings = t.Unicode().tag(sync=True)  # what is done more rarely to stay under the cap
    memory = t.List(t.Dict()).tag(sync=True)  # {place, used, total} in bytes, the host first
    unavailable = t.Dict().tag(sync=True)  # why each button cannot be pressed, "" where it can; {}: there are none
    warnings = t.List(t.Unicode()).tag(sync=True)
    detail = t.Unicode().tag(sync=True)

    def __init__(self, source: Any, **traits: Any) -> None:
        self._memory: MemoryMeter | None = None
        super().__init__(source, **traits)

    def update(self) -> None:
        session = self.stage.session
        loop = session.loop
        self.name, self.run_path = session.run.name, str(session.run.path)
        self.status = loop.status if session.records else "inspected"
        self.epoch, self.epochs, self.step = loop.current_epoch(), loop.target_epochs, loop.step
        self.progress, self.seconds_left = loop.progress(), loop.seconds_left()
        self.rate, self.steps_per_second = loop.rates()
        self.elapsed = loop.elapsed()
        self._update_cost(session)
        self.unavailable = _unavailable(session)
        problems = session.problems
        # The alarm that ended or paused the loop may by now have found the layer: it is told once, in full.
        self.detail = next((text for text in problems if loop.detail and text.startswith(loop.detail)), loop.detail)
        self.warnings = [text for text in problems if text != self.detail]

    def _update_cost(self, session: Session) -> None:
        spent = session.overhead
        share = spent.share if session.in_hand else None
        self.overhead = None if share is None else round(share, 3)  # what is shown of it: less is no news
        self.overhead_cap, self.savings = spent.cap, spent.savings()
        if session.in_hand and session.loop.running and session.model is not None:
            model = session.model
            if self._memory is None:
                self._memory = MemoryMeter(lambda: {tensor.device for tensor in state_of(model).values()})
            self.show(memory=[each.to_dict() for each in self._memory.now()])

    def answer_pause(self) -> None:
        """Hold the loop at the end of its step."""
        self.stage.session.pause()
        self.changed()

    def answer_resume(self) -> None:
        """Let it go on."""
        self.stage.session.resume()
        self.changed()

    def answer_step(self) -> None:
        """Let it take one step."""
        self.stage.session.resume(steps=1)
        self.changed()

    def answer_epoch(self) -> None:
        """Let it go on to the end of the epoch in progress."""
        self.stage.session.resume(epochs=1)
        self.changed()

    def answer_stop(self) -> None:
        """End its iterators; the code after the loop runs."""
        self.stage.session.stop()
        self.changed()


def _unavailable(session: Session) -> dict[str, str]:
    """Why each button cannot be pressed, "" where it can; empty where there is nothing to be driven."""
    loop = session.loop
    if not session.in_hand or not loop.running:
        return {}
    if loop.past or loop.status == "stopping":
        why = "the loop is over; what follows it is at work" if loop.past else "the loop is about to end"
        return dict.fromkeys(("pause", "step", "epoch", "stop"), why)
    hold = "" if loop.can_pause() or loop.brake.paused else UNREACHABLE
    iterators = ITERATORS if loop.bare else ""
    return {"pause": hold, "step": hold, "epoch": hold or iterators, "stop": iterators}
