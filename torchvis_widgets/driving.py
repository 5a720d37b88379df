"""Driving: the part of a session that starts, holds, ends and rewinds a training, and keeps what came of it."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch

from torchvis_widgets.background import Background
from torchvis_widgets.brake import PERIOD
from torchvis_widgets.inside import Inside
from torchvis_widgets.live import state_of
from torchvis_widgets.loop import Loop
from torchvis_widgets.record.snapshots import Snapshot
from torchvis_widgets.record.weights_file import check_target, write_weights
from torchvis_widgets.rewind import Rewind, wait_for_step
from torchvis_widgets.steer.mailbox import Mailbox
from torchvis_widgets.watcher import Watcher


class Driving(Inside):
    """What can be done to a training from Python, which the TrainingBar's buttons and the timeline call as well."""

    loop: Loop
    mailbox: Mailbox
    _background: Background
    _rewind: Rewind

    def _watching(self, call: str) -> Watcher:
        raise NotImplementedError

    def loop_elsewhere(self) -> bool:
        """Whether a loop on another thread may be changing the model at this moment."""
        raise NotImplementedError

    @property
    def in_hand(self) -> bool:
        """Whether there is a training to be driven from here: one that is watched, by a session that is open."""
        raise NotImplementedError

    # Going on and standing still

    def start(self, train: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Run `train(*args, **kwargs)` in a background thread, which keeps the cell free and every host interactive.

        What follows `epochs()` in it, validating or saving, has the model to itself: what is asked for from elsewhere
        meanwhile (edits, snapshots, hyperparameters) is refused with an error that says so, unless the function ends
        within a second. What the function asks for itself is done at once. Of a function that uses neither `epochs()`
        nor `batches()`, or is between two passes over `batches()`, this cannot be told: others wait for its next step.

        Raises:
            RuntimeError: a training function started earlier is still running, or the session is closed.
        """
        self._watching("start()")
        self._background.start(lambda: train(*args, **kwargs))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until what `start()` began has ended; False if `timeout` seconds pass first.

        Raises:
            BaseException: what the training function raised.
        """
        return self._background.wait(timeout)

    def wait_paused(self, timeout: float | None = None) -> bool:
        """Wait until a loop on another thread stands still; False if it ends, or `timeout` seconds pass, before."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.loop.running and self.loop.status != "paused":
            if until is not None and time.monotonic() > until:
                return False
            time.sleep(PERIOD)
        return self.loop.status == "paused"

    def pause(self) -> None:
        """Hold the training at the end of the step in progress, until `resume()`, here or by a view's button.

        A loop in the cell can be held where a view can resume it: JupyterLab ≥ 4.4 or Notebook ≥ 7.4 with
        ipykernel ≥ 7, and the session on show; interrupting the kernel ends the pause and the loop. One that
        `session.start(train)` began can be held everywhere.

        Raises:
            RuntimeError: no loop is running, or nothing could resume it.
        """
        self._to_hold("pause()")
        self.loop.brake.pause()

    def resume(self, *, steps: int | None = None, epochs: int | None = None) -> None:
        """Let a paused training go on; nothing happens where none is paused.

        Args:
            steps: only so many optimizer steps, then it is held again: `session.resume(steps=1)`.
            epochs: only to the end of the epoch in progress (1), or of a later one (2, …), then it is held again.

        Raises:
            ValueError: both are given, or one is no positive whole number.
            RuntimeError: with `steps` or `epochs`: no loop is running, nothing could resume it then, or it tells
                nothing of its epochs.
        """
        if steps is None and epochs is None:
            self.loop.brake.release()
            return
        call = _check_count(steps, epochs)
        self._to_hold(call)
        if epochs is not None and self.loop.bare:
            raise RuntimeError(f"{call} needs a loop over session.epochs() or session.batches(); this one uses neither")
        self.loop.brake.release(steps=steps, epochs=epochs)

    def stop(self) -> None:
        """End `epochs()` and `batches()` at the next boundary, as if that had been the last; what follows them runs.

        Raises:
            RuntimeError: the loop that is running uses neither, so only interrupting the kernel ends it.
        """
        self._watching("stop()")
        if not self.loop.stop():
            raise RuntimeError("stop() ends loops over session.epochs() or session.batches(); this one uses neither")

    def _to_hold(self, call: str) -> None:
        """Raises RuntimeError where there is no loop to be held, or none that could go on again."""
        self._watching(call)
        if not self.loop.running or self.loop.past:
            raise RuntimeError(f"{call} found no loop that is running; it holds one that session.start(train) began")
        if not self.loop_elsewhere() and not self.loop.can_pause():
            raise RuntimeError(
                f"{call} was called on the loop's own thread, where nothing could resume it: train with "
                "session.start(train), or show the session in JupyterLab ≥ 4.4 or Notebook ≥ 7.4 with ipykernel ≥ 7"
            )

    # Going back

    def snapshot(self, name: str) -> None:
        """Keep the model's state under a name, now or, while a loop runs on another thread, at the end of its step.

        A named snapshot is never thinned away; `restore(name=…)` and `run.state_dict(name=…)` find it.

        Raises:
            TypeError: `name` is no string.
            ValueError: `name` is empty, longer than 100 characters, not printable, or taken.
            RuntimeError: the session is closed or watches no training.
            TimeoutError: the step under way takes more than a minute; the snapshot is taken when it ends.
        """
        keeper = self._watching("snapshot()").keeper
        keeper.check_name(name)
        wait_for_step(self.mailbox.put(lambda: keeper.save(None, name)), "the snapshot will be taken when it ends")

    def restore(
        self,
        *,
        epoch: float | None = None,
        step: int | None = None,
        name: str | None = None,
        branch: int | None = None,
    ) -> Snapshot:
        """Put the model back to a snapshot, and what else that holds: optimizers, schedulers, random numbers.

        With `watch(resumable=…)` training that goes on from an epoch's end equals, bit for bit, the training that went
        on then. Steps and epochs count on from there as a new branch of the run; the old one is kept. Gradients are
        dropped. While a loop runs on another thread this waits for the end of its step. Inside `epochs()` the epoch in
        progress is given up: `batches()` hands out no more, and when the loop's body has come to its end everything is
        put back and the epochs go on from there (if the loop is paused: once it is resumed). After a snapshot that is
        no epoch's end they go on with a new pass over the data.

        Args:
            epoch: of the snapshot.
            step: of the snapshot, where epochs do not tell it.
            name: of the snapshot, as `snapshot(name)` was given it.
            branch: looks for it on the way to this branch's end; by default to the current one's, then anywhere.

        Returns:
            The snapshot. `run.best("val/loss")` gives one whose step can be asked for.

        Warns:
            RuntimeWarning: the snapshot holds not all that `resumable=` asks for, or the model alone.

        Raises:
            LookupError: no such snapshot; names the nearest.
            RestoreError: the model has other tensors now.
            RunError: a file of it is damaged.
            RuntimeError: the session is closed or watches no training.
            TimeoutError: the step or the epoch's end takes more than a minute; it is put back after that.
        """
        watcher, rewind = self._watching("restore()"), self._rewind
        recorded = watcher.keeper.read(epoch=epoch, step=step, name=name, branch=branch)
        if (left_out := watcher.keeper.not_recorded(recorded)) is not None:
            warnings.warn(left_out, RuntimeWarning, stacklevel=2)
        rewind.to(recorded)
        return recorded.snapshot

    def continue_from(self, step: int) -> str | None:
        """`restore(step=step)` for a view: it does not wait, and a paused loop goes on. Returns what it warns of.

        Raises:
            LookupError: no such snapshot; names the nearest.
            RestoreError: the model has other tensors now.
            RuntimeError: the session is closed or watches no training.
        """
        watcher, rewind = self._watching("continue_from()"), self._rewind
        recorded = watcher.keeper.read(step=step)
        rewind.to(recorded, wait=False)
        self.loop.brake.release()
        return watcher.keeper.not_recorded(recorded)

    def best(self, metric: str, mode: Literal["min", "max"] = "min") -> Snapshot:
        """As `Run.best`: `session.restore(step=session.best("val/loss").step)` goes back there."""
        return self.run.best(metric, mode)

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        epoch: float | None = None,
        step: int | None = None,
        name: str | None = None,
    ) -> Path:
        """Write the model's weights to a safetensors file, as they are now or at a snapshot; returns its path.

        `model.load_state_dict(safetensors.torch.load_file(path))` reads it back; tensors that share memory are written
        under each of their names. While a loop runs on another thread this waits for the end of its step. A file that
        is there is replaced whole or not at all.

        Args:
            path: ends in ".safetensors".
            epoch: of a snapshot, as for `restore()`; by default the model as it is now.
            step: likewise.
            name: likewise.

        Raises:
            ValueError: the path has another ending, or a tensor is of a kind that the format does not know.
            FileNotFoundError: the folder does not exist.
            LookupError: no such snapshot; names the nearest. Or there is neither a model nor a snapshot.
            TimeoutError: the step under way takes more than a minute; nothing is written.
        """
        target = check_target(path)
        if (epoch, step, name) != (None, None, None):
            found = self.run.snapshot(epoch=epoch, step=step, name=name)
            state, at = self.run.state_dict(epoch=epoch, step=step, name=name), found.step
        elif self.model is not None:
            state, at = self._state_now(self.model)
        else:
            raise LookupError("this run was reopened and has no model: say which snapshot, save(path, epoch=…)")
        write_weights(target, state, step=at)
        return target

    def _state_now(self, model: torch.nn.Module) -> tuple[dict[str, torch.Tensor], int]:
        def copied() -> tuple[dict[str, torch.Tensor], int]:
            return {name: tensor.detach().clone() for name, tensor in state_of(model).items()}, self.loop.step

        return wait_for_step(self.mailbox.put(copied), "nothing was written")


def _check_count(steps: object, epochs: object) -> str:
    """The call in words. Raises ValueError for what counts nothing."""
    if steps is not None and epochs is not None:
        raise ValueError("resume() takes steps=… or epochs=…, not both: session.resume(steps=1)")
    name, value = ("steps", steps) if epochs is None else ("epochs", epochs)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"resume({name}=…) takes a positive whole number, found {value!r}; session.resume({name}=1)")
    return f"resume({name}={value})"
