"""Statistics of each layer's output on the probe, computed at snapshots, on a thread of their own."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable

import torch
from torch import Tensor

from torchvis_widgets.look.errors import LookError
from torchvis_widgets.look.keys import Key
from torchvis_widgets.look.observer import Observer
from torchvis_widgets.loop import Loop
from torchvis_widgets.record.measure import Reading
from torchvis_widgets.record.recording import Recording
from torchvis_widgets.record.sampling import obstacle
from torchvis_widgets.record.sheet import Label, Sheet
from torchvis_widgets.record.snapshots import Snapshot
from torchvis_widgets.record.statistics import Statistics

PERIOD = 1.0  # seconds between two looks for a new snapshot
SHARE = 0.005  # of the time that training takes, spent here at most while it goes on
FIRST_GUESS = 0.1  # seconds that one snapshot takes
FLUSH_TIMEOUT = 10.0  # seconds that close() waits for the last snapshot


class OutputStatistics:
    """Takes the newest snapshot first; those that training left no time for when it has ended.

    observer: what to look through, None while there is no probe yet.
    """

    def __init__(
        self, run: Recording, loop: Loop, settings: Statistics, observer: Callable[[], Observer | None]
    ) -> None:
        self._run, self._loop, self._settings, self._observer = run, loop, settings, observer
        self._done: set[Hashable] = set()
        self._spent, self._last = 0.0, FIRST_GUESS
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="torchvis-outputs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread, and take the last snapshot if that is still to be taken."""
        self._closing.set()
        self._thread.join()
        if self._observer() is not None:
            self._run.flush(FLUSH_TIMEOUT)
            waiting = self._run.snapshots[-1:]
            if waiting and waiting[0].place not in self._done:
                self._take(waiting[0])

    def _work(self) -> None:
        pause = PERIOD
        while not self._closing.wait(pause):
            waiting = [each for each in self._run.snapshots if each.place not in self._done]
            if waiting and self._may_look():
                self._take(waiting[-1])
            pause = max(PERIOD, 3 * self._last) if self._loop.running or len(waiting) < 2 else 3 * self._last

    def _may_look(self) -> bool:
        if self._observer() is None:
            return False
        return not self._loop.running or self._spent + self._last <= SHARE * self._loop.elapsed()

    def _take(self, snapshot: Snapshot) -> None:
        began = time.perf_counter()
        observer = self._observer()
        survey = _Survey(self._settings, self._run)
        try:
            if observer is not None:
                observer.survey(snapshot.step, survey.take)
        except LookError as error:
            self._run.leave_out_of_statistics("outputs", str(error))
        except Exception as error:
            self._run.leave_out_of_statistics("outputs", f"{type(error).__name__}: {error}")
            self._closing.set()
        else:
            survey.put(snapshot)
        self._done.add(snapshot.place)
        self._last = time.perf_counter() - began
        if self._loop.running:
            self._spent += self._last


class _Survey:
    """Reads the outputs of one pass as they come: the next layer may change them in place."""

    def __init__(self, settings: Statistics, run: Recording) -> None:
        self._settings, self._run = settings, run
        self._found: dict[torch.device, tuple[list[Label], list[Reading]]] = defaultdict(lambda: ([], []))

    def take(self, key: Key, output: Tensor) -> None:
        """One output of the pass."""
        if not self._settings.takes(key.path):
            return
        reason = obstacle(output)
        if reason is not None:
            self._run.leave_out_of_statistics(f"the output of {str(key)!r}", reason)
            return
        reading = Reading([output])
        labels, readings = self._found[reading.device]
        labels.append(Label("output", str(key), reading.sample.sizes[0], output.numel()))
        readings.append(reading)

    def put(self, snapshot: Snapshot) -> None:
        """Everything, as of `snapshot`."""
        for labels, readings in self._found.values():
            sheet = Sheet(snapshot.step, snapshot.epoch, snapshot.branch, labels, readings, time=snapshot.time)
            self._run.put_statistics(sheet)
