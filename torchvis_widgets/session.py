"""Session: ties a model and its loop to a run, a replica and a mailbox."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

import torch

from torchvis_widgets import kernel
from torchvis_widgets.background import Background
from torchvis_widgets.best_at_end import restore_best
from torchvis_widgets.driving import Driving
from torchvis_widgets.editing import Editing
from torchvis_widgets.follow import Follower
from torchvis_widgets.iterators import Batches, Epochs
from torchvis_widgets.keeper import Recorded
from torchvis_widgets.live import LiveState, State, Version
from torchvis_widgets.look.observer import Observer
from torchvis_widgets.look.tracing.graph import Graph
from torchvis_widgets.loop import Loop, last_line
from torchvis_widgets.overhead import Overhead
from torchvis_widgets.record.best import Best
from torchvis_widgets.record.errors import Problems
from torchvis_widgets.record.numbers import check_step
from torchvis_widgets.record.recording import Recording
from torchvis_widgets.record.run import Run
from torchvis_widgets.rewind import Rewind
from torchvis_widgets.steer.hyperparameters import Hyperparameters
from torchvis_widgets.steer.mailbox import Mailbox
from torchvis_widgets.steer.uninterrupted import uninterrupted
from torchvis_widgets.watcher import Watcher

Batch = TypeVar("Batch")


class Session(Driving, Editing):
    """A model that is being watched or looked at; `watch()`, `inspect()` and views of a `Run` make one.

    As the last line of a cell it shows the dashboard. It is a context manager: leaving it closes it.
    """

    viewer: ClassVar[Callable[[Any], Any] | None] = None
    """Makes the widget that shows a session; set by the package, so that this module knows no widget."""

    def __init__(self, run: Run, model: torch.nn.Module | None = None, overhead: float | None = None) -> None:
        self.run = run
        self.model = model
        self.open = True
        self.mailbox = Mailbox(self.loop_elsewhere, self._why_nobody_serves)
        self.loop = Loop(self._loop_begins, self._loop_ended, on_boundary=self.mailbox.drain)
        self.overhead = Overhead(overhead)
        self.layers = model
        self.edits = self._log_of_edits()
        self.hyperparameters = Hyperparameters()
        self.graph = Graph.from_dict(run.graph) if run.graph else None
        self.observer = None
        self.stage: object | None = None  # what its views share; made and read by widgets/stage.py alone
        self._live = LiveState(run, model, self.mailbox, lambda: self.loop.step)
        self._watcher: Watcher | None = None
        self._problems: list[str] = []
        self._warnings = Problems()
        self.lively: Callable[[], bool] = lambda: self.open
        """Whether what the views show may change by itself; looks for what is new in a run that is being followed."""
        self.pauses = False  # whether alarms pause the loop, which then may not be on the main thread
        self.restores_best: Best | None = None  # by what `epochs()` puts the model back to its best when it ends
        self._closers: list[Callable[[], None]] = []
        self._background = Background(self.loop, self._left)

    # The loop

    def epochs(self, count: int) -> Epochs:
        """Iterate over `count` epochs, yielding 1 … `count`; a second call goes on counting where the first ended.

        A snapshot is taken before the first step and at the end of each epoch.

        Raises:
            ValueError: `count` is not a positive whole number.
            RuntimeError: the session watches no training.
        """
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise ValueError(f"epochs() takes a positive whole number, found {count!r}; for example session.epochs(20)")
        watcher = self._watching("epochs()")
        timed = self.overhead.timed
        return Epochs(
            self.loop,
            count,
            began=timed(watcher.before_step),
            ended=timed(watcher.epoch_ended),
            between=timed(watcher.between_epochs),
            left=self._epochs_left,
        )

    def batches(self, loader: Iterable[Batch]) -> Batches[Batch]:
        """Iterate over a data loader's batches, which come through unchanged and are counted.

        Raises:
            RuntimeError: the session watches no training.
        """
        watcher = self._watching("batches()")
        timed = self.overhead.timed
        return Batches(
            self.loop,
            loader,
            after_batch=timed(watcher.after_batch),
            ended=timed(watcher.epoch_ended),
            between=timed(watcher.between_epochs),
        )

    def log(self, values: Mapping[str, Any] | None = None, /, *, step: int | None = None, **named: Any) -> None:
        """Record scalars at the step reached: `session.log({"train/loss": loss})` or `session.log(accuracy=0.9)`.

        Values are numbers or one-element tensors of any device and dtype; a tensor is copied without waiting for its
        device. Names with the same last part (`train/loss`, `val/loss`) share a panel.

        Args:
            values: by name.
            step: the optimizer steps after which the values were true, where that is not now: an evaluation that ran
                beside the training, say. Their epoch is then told from the number of steps in an epoch.
            named: more values, by name.

        Raises:
            TypeError: a name is no string, a value no number, or `step` no whole number.
            ValueError: a tensor of more than one element, or a negative `step`.
            RuntimeError: the session is closed or watches no training.
        """
        began = time.perf_counter()
        watcher = self._watching("log()")
        both = {**(values or {}), **named} if named or values is None else values
        if step is None:
            watcher.log(both, self.loop.step, self.loop.epoch)
        else:
            watcher.log(both, check_step(step), self.loop.epoch_at(step))
        self.overhead.spent += time.perf_counter() - began

    def close(self) -> None:
        """Take every hook off the model and finish the recording; views go on showing what was recorded."""
        if not self.open:
            return
        self.open = False
        self.loop.brake.release()
        if self._watcher is not None:
            self._watcher.detach()
        self._left()
        if self.loop.running or self.loop.status == "idle":
            self.loop.status = "closed"
        while self._closers:
            self._closers.pop()()
        if isinstance(self.run, Recording):
            self.run.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self.loop.fail(error)
        self.close()

    # Looking inside

    def view_state(self, step: int | None) -> State:
        """The weights at a snapshot's step, or (None) the newest that can be had without waiting for the loop."""
        return self.live().state if step is None else self.run.state_dict(step=step)

    def live(self) -> Version:
        """The newest state of the model that can be had without waiting for its loop."""
        return self._live.newest(self.loop_elsewhere())

    def keep_live(self) -> None:
        """Copy the model's state for the views; called on the training thread after an edit."""
        self._live.keep()

    @property
    def records(self) -> bool:
        """Whether there is a training to tell of: one that is watched, or a run that holds one."""
        return self._watcher is not None or not isinstance(self.run, Recording)

    @property
    def in_hand(self) -> bool:
        """Whether there is a training to be driven from here: one that is watched, by a session that is open."""
        return self._watcher is not None and self.open

    def loop_elsewhere(self) -> bool:
        """Whether a loop on another thread may be changing the model at this moment."""
        return self.loop.running and self.loop.thread != threading.get_ident()

    def _why_nobody_serves(self) -> str:
        if not self.loop.past or not self.loop_elsewhere():
            return ""
        return (
            "the training function is past its loop and still at work: it may be validating or saving the model, which "
            "therefore stays as it is. Nothing was done; ask again when it has ended, session.wait() waits for that, "
            "or call this within the function itself"
        )

    def moving(self) -> bool:
        """Whether what the views show changes all the time: a loop runs, here or in the process that is followed."""
        return self.loop.running or self.loop.status == "following"

    # Housekeeping

    @property
    def problems(self) -> list[str]:
        """What watching had to give up, in words; training is never among it."""
        return [*self._problems, *self._warnings.texts(), *self.run.problems]

    def report(self, error: Exception) -> None:
        """Note a failure of the watcher's own: shown in the views, warned of once, never raised."""
        text = f"torchvis_widgets switched a part of itself off: {last_line(error)}"
        if text not in self._problems:
            self._problems.append(text)
            warnings.warn(text, RuntimeWarning, stacklevel=2)

    def warn(self, subject: str, text: str) -> None:
        """Show a line about the training in the views; a later one about the same subject replaces it."""
        self._warnings.note(subject, text)

    def follow(self) -> None:
        """Keep up with the run, which another process may be writing."""
        follower = Follower(self.run, self.loop, self._traced)
        self.lively = follower.look
        follower.look()

    def _traced(self, graph: dict[str, Any]) -> None:
        if self.model is None and self.observer is None:
            self.graph = Graph.from_dict(graph)

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the session closes."""
        self._closers.append(callback)

    def observe(self, observer: Observer, graph: Graph) -> None:
        """Look through `observer` from now on, at the modules of `graph`."""
        self.observer, self.graph = observer, graph

    def watched_by(self, watcher: Watcher) -> None:
        """Record what `watcher` sees of the loop."""
        self._watcher = watcher
        self._rewind = Rewind(self.loop, self.mailbox, self.loop_elsewhere, self._go_back, self.report)
        self.on_close(kernel.on_cell_end(self._cell_ended))

    def _go_back(self, recorded: Recorded) -> None:
        if self._watcher is not None:
            self._watcher.go_back(recorded)
        self.edits.go_back(self.run.is_past)
        self._warnings = Problems()  # they were about what has been left
        self._live.forget()  # a copy of a later step: the newest is now the snapshot

    def _watching(self, call: str) -> Watcher:
        if self._watcher is None:
            raise RuntimeError(f"{call} needs a session that watches training: make one with tvw.watch(model, …)")
        if not self.open:
            raise RuntimeError(f"{call} on a closed session: call tvw.watch(model, …) again for a new one")
        if self.pauses and call in ("epochs()", "batches()") and kernel.on_main_thread() and not self.loop.reach:
            raise RuntimeError(
                f'{call} with on_nonfinite="pause" runs on the main thread, where nothing could resume it: '
                'train with session.start(train), or watch with on_nonfinite="stop"; in JupyterLab ≥ 4.4 and '
                "Notebook ≥ 7.4 with ipykernel ≥ 7 it works once the session is on show"
            )
        return self._watcher

    def _loop_begins(self) -> None:
        self.mailbox.barrier()
        self.overhead.begin()

    def _epochs_left(self) -> None:
        """An `epochs()` has ended, on the training thread, and what follows it in the user's code comes next."""
        if self._watcher is None or self.restores_best is None or not isinstance(self.run, Recording):
            return
        try:
            with uninterrupted():
                restore_best(self._watcher, self.run, self.loop, self.restores_best, self._go_back)
        except LookupError as error:
            self.warn("restore_best", f"restore_best found nothing to restore: {error}")
        except Exception as error:
            self.report(error)

    def _loop_ended(self) -> None:
        self.mailbox.barrier()
        if self._watcher is not None:
            self._watcher.loop_ended()

    def _cell_ended(self, error: BaseException | None) -> None:
        self.loop.cell_ended(error)
        self._live.forget()
        if not self.loop.running:
            self._left()

    def _left(self) -> None:
        if self._watcher is not None:
            with self.mailbox.alone():  # no loop runs: others change the model themselves
                self._watcher.keep_last()

    def __repr__(self) -> str:
        return f"Session({self.run.name!r}, {self.loop.status}, step {self.loop.step}, run {str(self.run.path)!r})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        viewer = Session.viewer
        return {"text/plain": repr(self)} if viewer is None else viewer(self)._repr_mimebundle_(**kwargs)
