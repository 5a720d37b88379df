"""One row a budget of the design, and the table they are printed in."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torchvis_widgets.record.recording import Recording
from torchvis_widgets.record.run import Run

HEADER = ("what", "measured", "peer", "budget", "unit", "")


@dataclass(frozen=True)
class Row:
    """A measured figure beside its peer's (same unit, same process; None if it has none) and its upper limit."""

    what: str
    measured: float
    peer: float | None
    budget: float
    unit: str
    ok: bool | None  # None where it could not be measured

    @classmethod
    def limit(cls, what: str, measured: float, budget: float, unit: str, peer: float | None = None) -> Row:
        """A row that is ok while `measured` is at most `budget`."""
        return cls(what, measured, peer, budget, unit, measured <= budget)

    @classmethod
    def missing(cls, what: str, budget: float, unit: str) -> Row:
        """A row that this machine cannot measure; `unit` says why."""
        return cls(what, math.nan, None, budget, unit, None)

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        peer = "" if self.peer is None else f"{self.peer:.3g}"
        verdict = "not measured" if self.ok is None else "ok" if self.ok else "OVER"
        return self.what, f"{self.measured:.3g}", peer, f"{self.budget:.3g}", self.unit, verdict


def format_table(rows: Iterable[Row]) -> str:
    """Returns the rows as aligned text, numbers to the right."""
    cells = [HEADER, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADER))]
    lines = [
        "  ".join(
            text.rjust(width) if 1 <= column <= 3 else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def best_of(repeats: int, *actions: Callable[[], object], before: Callable[[], object] = lambda: None) -> list[float]:
    """Returns each action's least time in seconds; they take turns, so that a busy machine slows all of them."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(repeats):
        for action, kept in zip(actions, times, strict=True):
            before()
            start = time.perf_counter()
            action()
            kept.append(time.perf_counter() - start)
    return [min(kept) for kept in times]


@contextmanager
def temporary_run() -> Iterator[Run]:
    """A run whose directory is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        run = Recording.create(Path(folder) / "run", model={})
        yield run
        run.close()
