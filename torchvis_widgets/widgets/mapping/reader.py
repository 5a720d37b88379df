"""Reader: takes a run's statistics into memory beside the frames."""

from __future__ import annotations

import time
from collections.abc import Callable

from torchvis_widgets.record.statistics_table import StatisticsTable
from torchvis_widgets.widgets.viewing.latest import Latest

PERIOD = 1.0  # seconds between two looks at a file that is being written


class Reader:
    """`found()` is called, on the thread that reads, when there is more than before."""

    def __init__(
        self, table: StatisticsTable, found: Callable[[], None], on_error: Callable[[Exception], None]
    ) -> None:
        self._table, self._tell = table, found
        self._latest = Latest("tvw-statistics", self._failed)
        self._on_error, self._off = on_error, False
        self._looked = -PERIOD

    def want(self) -> None:
        """Have a look soon, unless nothing has changed or the last look was just now."""
        now = time.monotonic()
        if self._off or now - self._looked < PERIOD or self._table.is_current():
            return
        self._looked = now
        self._latest.want(self._look)

    def _look(self, _: Callable[[], bool]) -> None:
        before = self._table.version
        self._table.look()
        if self._table.version != before:
            self._tell()

    def _failed(self, error: Exception) -> None:
        self._off = True
        self._on_error(error)
