"""Follower: keeps a session up with a run that another process is writing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torchvis_widgets.loop import Loop
from torchvis_widgets.record.run import Run


class Follower:
    """Tells a loop that stands for the recorded one how far that has come, and of a graph that was traced meanwhile."""

    def __init__(self, run: Run, loop: Loop, on_graph: Callable[[dict[str, Any]], None]) -> None:
        self._run, self._loop, self._on_graph = run, loop, on_graph
        self._graph: dict[str, Any] | None = None

    def look(self) -> bool:
        """Take in what is new; whether there may be more: the run is still being written."""
        run = self._run
        following = run.followed  # before what it has written: the last of that must not be missed
        run.reread()
        places = [place for series in run.series.values() if (place := series.reached) is not None]
        snapshots = run.snapshots
        step = max([int(step) for step, _, _ in places] + [snapshot.step for snapshot in snapshots], default=0)
        epochs = [epoch for _, epoch, _ in places if epoch == epoch] + [
            s.epoch for s in snapshots if s.epoch is not None
        ]
        times = [time for _, _, time in places] + [snapshot.time for snapshot in snapshots]
        seconds = max(times, default=run.began) - run.began
        self._loop.recorded(step, int(max(epochs, default=0)), seconds, following=following)
        if run.graph is not None and run.graph is not self._graph:
            self._graph = run.graph
            self._on_graph(run.graph)
        return following
