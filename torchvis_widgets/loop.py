"""How far a training loop has come: steps, epochs, rate and time left. Knows neither model nor widget."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from torchvis_widgets.brake import Brake, Reach

STATUSES = (
    *("idle", "training", "pausing", "paused", "stopping"),
    *("finished", "stopped", "interrupted", "failed", "closed"),
    *("following", "recorded"),  # of a run that another process writes, and of one that nobody does
)


class Loop:
    """Counts kept by the training thread and read by every other one; each is a single attribute store.

    `on_begin()` is called when `running` has become true and before the next step, `on_end()` when it no longer is, and
    `on_boundary()` where `start()`'s function begins or leaves an iteration: no step is under way there.
    """

    def __init__(
        self,
        on_begin: Callable[[], None] = lambda: None,
        on_end: Callable[[], None] = lambda: None,
        on_boundary: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_begin, self._on_end, self._on_boundary = on_begin, on_end, on_boundary
        self._status = "idle"
        self.detail = ""
        self.step = 0
        self.finished_epochs = 0
        self.target_epochs: int | None = None
        self.samples = 0
        self.batch = 0
        self.batch_began_at: int | None = None  # step at which the batch in progress began; it is not counted yet
        self.inside_epochs = False
        self.iterators = 0  # epochs() and batches() being iterated over
        self.past = False  # after the end of one in start(), where what follows it may be reading the model
        self.between = False  # after the end of one epoch and before the body of the next
        self.brake = Brake()
        self.reach = Reach()
        self.batches_per_epoch: int | None = None
        self.steps_per_epoch: float | None = None
        self.back: Callable[[], None] | None = None  # goes back to a snapshot when the epoch's body has ended
        self._turns = 0
        self._epoch_began_at_step = 0
        self._active = 0
        self._bare = False
        self._thread = 0
        self._started: float | None = None
        self._stopped: float | None = None
        self._standing_since: float | None = None
        self._began_at = 0.0
        self._began_at_step = 0
        self._rate = _Rate()

    @property
    def status(self) -> str:
        """One of `STATUSES`: what was last said, and while it trains what the brake makes of that."""
        if self._status != "training":
            return self._status
        if self.brake.stopping:
            return "stopping"
        if not self.brake.paused:
            return "training"
        return "pausing" if self._standing_since is None else "paused"

    @status.setter
    def status(self, status: str) -> None:
        self._status = status

    @property
    def running(self) -> bool:
        """Whether steps may be under way: inside `epochs()`, `batches()` or `start()`, or a bare loop's cell."""
        return self._active > 0 or self._bare

    @property
    def bare(self) -> bool:
        """Whether a loop runs that uses neither `epochs()` nor `batches()`: its epochs are not known."""
        return self.running and not self.iterators and not self.past

    @property
    def epoch(self) -> float:
        """Epochs finished, the part of the current one included where the number of batches is known."""
        stepped = self.batch_began_at is not None and self.step > self.batch_began_at
        part = (self.batch + stepped) / self.batches_per_epoch if self.batches_per_epoch else 0.0
        return self.finished_epochs + min(part, 1.0)

    def epoch_at(self, step: int) -> float | None:
        """Epochs finished after `step` steps, as if all had as many; None where their number is not known."""
        if step == self.step:
            return self.epoch
        steps = self.steps_per_epoch or self.batches_per_epoch
        return max(0.0, self.finished_epochs + (step - self._epoch_began_at_step) / steps) if steps else None

    @property
    def thread(self) -> int:
        """The identity of the thread that trains, 0 before any did."""
        return self._thread

    @property
    def began_at_step(self) -> int:
        """The step at which this stretch of training began."""
        return self._began_at_step

    def stop(self, reason: str = "") -> bool:
        """End `epochs()` and `batches()` at the next boundary; False where the loop uses neither."""
        if self.bare:
            return False
        if self.running:
            self.brake.stop(reason)
        return True

    def can_pause(self) -> bool:
        """Whether somebody could resume it: a loop on the main thread only a view that is answered elsewhere."""
        return self._thread != threading.main_thread().ident or bool(self.reach)

    def deafens(self) -> bool:
        """Whether views cannot be heard meanwhile: it runs on the main thread, and none was ever answered elsewhere."""
        return self.running and self._thread == threading.main_thread().ident and not self.reach.ever

    def pause(self, reason: str = "") -> bool:
        """Hold the loop at the next step boundary; False where nothing could resume it."""
        if self.running and not self.can_pause():
            return False
        if self.running:
            self.brake.pause(reason)
        return True

    def step_ended(self, meanwhile: Callable[[], None]) -> None:
        """The boundary of a step, on the training thread: stand still here if that was asked for."""
        if self.brake.after_step():
            self._stand(meanwhile)

    def epoch_ended(self, meanwhile: Callable[[], None]) -> None:
        """The boundary of two epochs: likewise. Going back is then done at once, as no epoch is in progress."""
        if self.brake.after_epoch():
            self.between = True
            try:
                self._stand(meanwhile)
            finally:
                self.between = False

    def _stand(self, meanwhile: Callable[[], None]) -> None:
        self.detail = self.brake.reason
        since = self._standing_since = time.monotonic()
        try:
            self.brake.wait(meanwhile)
        except BaseException:
            self.brake.release()  # an interrupt ends the pause as well
            raise
        finally:
            if self._started is not None:
                self._started += time.monotonic() - since
            self._standing_since = None
            self._rate = _Rate()
            self.detail = ""

    def enter(self, iterators: int = 0) -> None:
        """A stretch of training begins on the calling thread, with so many iterators of its own."""
        begins = not self.running
        if begins:
            self._thread = threading.get_ident()  # first: an interrupt that lands right after this ends what runs here
        self._active += 1
        self.iterators += iterators
        if begins:
            self._begin()

    def leave(self, status: str, detail: str = "") -> None:
        """It ends with `status`, one of `STATUSES`; the outermost one decides."""
        if self._active == 0:
            return  # the whole loop has been declared over, by the exception that ended its cell
        if self._active > 1:
            self._active -= 1
        else:
            stopped = self.brake.stopping and status == "finished"
            self._settle("stopped" if stopped else status, detail or self.brake.reason)

    def begin_iterating(self) -> None:
        """`epochs()` or `batches()` begins on the calling thread."""
        self.past = False
        within = self._active > 0
        self.enter(iterators=1)
        if within and self.iterators == 1:
            self._on_boundary()

    def end_iterating(self, status: str, *, is_last: bool) -> None:
        """It ends with `status`; `is_last` where no further one is to be expected soon, as it is between two passes."""
        if self._active == 0:
            return  # the whole loop has been declared over, by the exception that ended its cell
        self.iterators -= 1
        if self._active > 1 and not self.iterators:
            self._on_boundary()
            self.past = is_last or self.brake.stopping
        self.leave(status)

    def stepped(self) -> None:
        """One optimizer step has finished."""
        self.step += 1
        self.past = False
        if not (self._active or self._bare):  # at every step: no detour through `running`
            self._thread = threading.get_ident()
            self._bare = True
            self._begin()

    def cell_ended(self, error: BaseException | None) -> None:
        """The notebook cell on the calling thread is over: a loop that ran in it ended with it."""
        if self._thread != threading.get_ident():
            return
        left_early = self.status == "stopped" and error is not None
        if error is not None and (self.running or left_early):
            self.fail(error)
        elif self.running:
            self._settle("finished")

    def fail(self, error: BaseException) -> None:
        """The loop has ended by `error`."""
        interrupted = isinstance(error, KeyboardInterrupt)
        self._settle("interrupted" if interrupted else "failed", "" if interrupted else last_line(error))

    def recorded(self, step: int, epochs: int, seconds: float, *, following: bool) -> None:
        """Stand for a loop of the past, or of another process, which has come this far in so many seconds."""
        self.status, self.step = "following" if following else "recorded", step
        self.finished_epochs = epochs
        self.target_epochs = None if following else epochs or None
        if seconds > 0:
            self._started, self._stopped = 0.0, seconds

    def finish_epoch(self) -> None:
        """All of one epoch is done."""
        self.finished_epochs += 1
        steps = self.step - self._epoch_began_at_step
        self.steps_per_epoch = steps or self.steps_per_epoch
        self._epoch_began_at_step = self.step
        self.batch = 0

    def go_back(self, step: int, epochs: int) -> None:
        """The training goes on from an earlier point, or one of another branch."""
        self.step = self._epoch_began_at_step = step
        self.finished_epochs = epochs
        self._turns += 1

    def at_next_epoch(self, back: Callable[[], None]) -> None:
        """Call `back()` when the body of the epoch in progress has ended; at once outside of `epochs()`."""
        if self.inside_an_epoch:
            self.back = back
        else:
            back()

    def turn_back(self) -> bool:
        """Do what `back` holds; whether there was anything. The epoch in progress then does not count."""
        back, self.back = self.back, None
        if back is not None:
            back()
        return back is not None

    @property
    def inside_an_epoch(self) -> bool:
        """Whether the body of an `epochs()` loop is under way."""
        return self.inside_epochs and self.running and not self.between

    @property
    def turns(self) -> int:
        """How often the training went back."""
        return self._turns

    def current_epoch(self) -> int:
        """The epoch in progress, or the last one finished while none is."""
        return self.finished_epochs + (1 if self.inside_an_epoch else 0)

    def elapsed(self) -> float:
        """Seconds spent training, pauses between cells left out."""
        if self._started is None:
            return 0.0
        return (self._stopped or self._standing_since or time.monotonic()) - self._started

    def rates(self) -> tuple[float | None, float | None]:
        """Samples and steps per second over the last few seconds, or over the whole run once it has ended."""
        if not self.running:
            seconds = self.elapsed()
            steps = self.step - self._began_at_step
            return (self.samples / seconds or None, steps / seconds or None) if seconds else (None, None)
        return self._rate.of(self.samples, self.step)

    def progress(self) -> float | None:
        """The share done, 0 … 1; None where the end is not known."""
        total = self.target_epochs
        return min(1.0, self.epoch / total) if total else None

    def seconds_left(self) -> float | None:
        """From the share done by this stretch of training and the time it took."""
        progress = self.progress()
        if not self.running or progress is None or self.target_epochs is None:
            return None
        done = progress - self._began_at / self.target_epochs
        return self.elapsed() * (1 - progress) / done if done > 0 else None

    def total_steps(self) -> int | None:
        """Steps that the whole loop will take, as far as can be told."""
        if self.target_epochs is None:
            return None
        per_epoch = self.steps_per_epoch or self.batches_per_epoch
        return round(per_epoch * self.target_epochs) if per_epoch else None

    def _begin(self) -> None:
        self.status, self.detail = "training", ""
        self.brake.reset()
        self._started, self._stopped = time.monotonic(), None
        self._began_at, self._began_at_step = self.epoch, self.step
        self.samples = 0
        self._rate = _Rate()
        self._on_begin()

    def _settle(self, status: str, detail: str = "") -> None:
        try:
            self.turn_back()  # while it counts as running: from then on others change the model themselves
        finally:
            self._active, self.iterators = 0, 0
            self._bare = self.past = self.inside_epochs = False
            self._stopped = time.monotonic()
            self.status, self.detail = status, detail
            self._on_end()


class _Rate:
    """Counts per second over a sliding window of about three seconds."""

    def __init__(self) -> None:
        self._marks: list[tuple[float, int, int]] = []

    def of(self, samples: int, steps: int) -> tuple[float | None, float | None]:
        now = time.monotonic()
        self._marks.append((now, samples, steps))
        while len(self._marks) > 2 and now - self._marks[0][0] > 3.0:
            self._marks.pop(0)
        then, old_samples, old_steps = self._marks[0]
        seconds = now - then
        if seconds <= 0:
            return None, None
        return (samples - old_samples) / seconds or None, (steps - old_steps) / seconds or None


def last_line(error: BaseException) -> str:
    """`ValueError: what it says`, in one line."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[-1]}" if text else type(error).__name__
