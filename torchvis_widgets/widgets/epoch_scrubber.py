"""EpochScrubber: the timeline that takes every view of a session back to any snapshot."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import traitlets as t

from torchvis_widgets.record.series import Series
from torchvis_widgets.widgets.base import Reply, Topic
from torchvis_widgets.widgets.marked import latest_marks, told
from torchvis_widgets.widgets.selection import Against
from torchvis_widgets.widgets.view import View

CURVE_POINTS = 400
SLOWEST, USUAL_SPEED, FASTEST = 0.1, 10, 60  # snapshots a second
ENDED = ("stopped", "interrupted", "failed", "closed")  # before the steps that it was to take


class EpochScrubber(View):
    """One tick a snapshot, the loss as a faint curve behind, and a playhead.

    Read `position` for the step looked at (None = the newest); `seek()` moves it, `play()` lets it move by itself.
    """

    bundle: ClassVar[str] = "epoch_scrubber"
    patient: ClassVar[tuple[str, ...]] = ("move",)

    steps = t.List(t.Int()).tag(sync=True)
    epochs = t.List(t.Any()).tag(sync=True)  # float, or None for a snapshot that is no epoch's end
    position = t.Int(None, allow_none=True).tag(sync=True)
    against = t.Int(None, allow_none=True).tag(sync=True)  # the step that is compared with
    playing = t.Bool(False).tag(sync=True)
    last_step = t.Int(0).tag(sync=True)
    total_steps = t.Int(None, allow_none=True).tag(sync=True)
    steps_per_epoch = t.Float(None, allow_none=True).tag(sync=True)
    can_continue = t.Bool(False).tag(sync=True)  # whether training can go on from the snapshot on show
    marks = t.List(t.Dict()).tag(sync=True)  # {step, kind, text} of each moment marked in the run

    def update(self) -> None:
        session = self.stage.session
        epochs: dict[int, float | None] = {}  # one tick a step, also where a state was kept again under a name
        for snapshot in session.run.snapshots:
            epochs[snapshot.step] = snapshot.epoch if snapshot.epoch is not None else epochs.get(snapshot.step)
        against = self.stage.selection.now.against
        self.show(
            steps=list(epochs),
            epochs=list(epochs.values()),
            position=self.stage.step,
            against=against.step if against is not None else None,
            playing=self.stage.player.playing,
            last_step=session.loop.step,
            total_steps=None if session.loop.status in ENDED else session.loop.total_steps(),
            steps_per_epoch=session.loop.steps_per_epoch,
            can_continue=session.in_hand,
            marks=told(latest_marks(session.run)),
        )

    def topics(self) -> list[Topic]:
        run = self.stage.session.run
        series = main_loss(run.series)
        if series is None:
            return []
        return [Topic("curve", (series.name, len(series), run.branch), lambda: _curve(series))]

    def seek(self, *, epoch: float | None = None, step: int | None = None) -> None:
        """Take every view to the snapshot of an epoch or a step; with neither, follow the newest again.

        Raises:
            LookupError: no snapshot there; the nearest ones are named.
        """
        follow = epoch is None and step is None
        at = None if follow else self.stage.session.run.snapshot(epoch=epoch, step=step).step
        self.stage.player.halt()
        self.stage.move(at)

    def play(self, speed: float = USUAL_SPEED) -> None:
        """Take every view from snapshot to snapshot, up to the newest; where that is on show, from the first.

        Args:
            speed: snapshots a second, at most; views that draw more slowly slow it down, and none is left out.

        Raises:
            TypeError: `speed` is no number.
            ValueError: `speed` is not between 0.1 and 60.
        """
        if isinstance(speed, bool) or not isinstance(speed, (int, float)):
            raise TypeError(f"speed is a number of snapshots a second, found {type(speed).__name__}; play(speed=10)")
        if not SLOWEST <= speed <= FASTEST:
            raise ValueError(f"speed is {SLOWEST:g} … {FASTEST:g} snapshots a second, found {speed!r}; play(speed=10)")
        self.stage.player.play(speed)
        self.changed()

    def pause(self) -> None:
        """End what `play()` began; the playhead stays where it is."""
        self.stage.player.halt()
        self.changed()

    def answer_move(self, step: int | None) -> dict[str, Any]:
        """The playhead has moved; answered when every view shows it."""
        if step is not None and (not isinstance(step, int) or isinstance(step, bool)):
            raise TypeError(f"step must be a whole number or null, found {type(step).__name__}")
        self.seek(step=step)
        return {}

    def answer_play(self, speed: float | None) -> None:
        """Play was pressed, or another speed chosen meanwhile; None: pause was."""
        if speed is None:
            self.pause()
        else:
            self.play(speed)

    def answer_continue_from(self, step: int) -> dict[str, Any]:
        """Training is to go on from a snapshot, what came after it being left; `note` says what becomes of it.

        Raises:
            LookupError: no snapshot there; the nearest ones are named.
            RestoreError: the model has other tensors now.
            RuntimeError: the session is closed or watches no training.
        """
        if not isinstance(step, int) or isinstance(step, bool):
            raise TypeError(f"step must be a whole number, found {type(step).__name__}")
        session = self.stage.session
        place, running = session.run.snapshot(step=step), session.loop.running
        left_out = session.continue_from(step)
        self.stage.player.halt()
        self.stage.move(None)
        note = f"training goes on from {place}" if running else f"back at {place}: training goes on from there when run"
        return {"note": f"{note}; {left_out}" if left_out else note}

    def answer_compare(self, on: bool) -> None:
        """Compare was pressed: the snapshot on show stays beside those that the playhead goes to."""
        if not isinstance(on, bool):
            raise TypeError(f"on must be true or false, found {type(on).__name__}")
        self.stage.selection.compare(Against(step=self._on_show()) if on else None)
        self.changed()

    def _on_show(self) -> int:
        snapshots = self.stage.session.run.snapshots
        if not snapshots:
            raise LookupError("there is no snapshot yet to compare with; wait for the first epoch's end")
        return snapshots[-1].step if self.stage.step is None else self.stage.step


def main_loss(series: Any) -> Series | None:
    """The metric that stands for the run: the training loss if there is one, else the first metric."""
    names = list(series)
    preferred = [name for name in ("train/loss", "loss") if name in names]
    losses = [name for name in names if name.rsplit("/", 1)[-1] == "loss"]
    chosen = [*preferred, *losses, *names][:1]
    return series[chosen[0]] if chosen else None


def _curve(series: Series) -> Reply:
    view = series.view("step", CURVE_POINTS)
    buffers = [np.asarray(values, dtype="<f4").tobytes() for values in (view.x, view.y)]
    return {"name": series.name, "count": len(view.x)}, buffers
