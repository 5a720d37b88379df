"""The numbers of statistics in memory, beside what was put into the file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from torchvis_widgets.record import statistics_file, statistics_table
from torchvis_widgets.record.branches import Branches
from torchvis_widgets.record.statistics_file import StatisticsFile, StatisticsRow
from torchvis_widgets.record.statistics_table import StatisticsTable


def row(step: int, name: str, norm: float | None, kind: str = "gradient", branch: int = 0) -> StatisticsRow:
    rest = (-1.0, 1.0, 0.25, 0.5, 0.75, 0, None, 10, 20, -1.0, 1.0, b"")
    return (step, None, 100.0 + step, branch, kind, name, norm, *rest)


class Disk:
    """A file that is being written, and the table that reads it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "metrics.sqlite"
        self.branches = Branches(folder, [[None, None, None]], follow=False)
        self.table = StatisticsTable(self.path, self.branches)
        self._file: StatisticsFile | None = None

    def write(self, rows: Iterable[StatisticsRow]) -> None:
        self._file = self._file or StatisticsFile(self.path)
        self._file.write(list(rows))
        self.table.look()

    def norms(self, step: int | None) -> dict[str, float]:
        return {name: numbers.norm for name, numbers in self.table.at("gradient", step).items()}


@pytest.fixture
def disk(tmp_path: Path) -> Iterable[Disk]:
    found = Disk(tmp_path)
    yield found
    if found._file is not None:
        found._file.close()


def test_the_last_numbers_up_to_a_step(disk: Disk) -> None:
    disk.write(row(step, name, norm + step) for step in (0, 10, 20) for name, norm in (("a", 1.0), ("b", 2.0)))
    assert disk.norms(10) == {"a": 11.0, "b": 12.0}
    assert disk.norms(19) == {"a": 11.0, "b": 12.0}
    assert disk.norms(None) == {"a": 21.0, "b": 22.0}
    assert disk.norms(-1) == {}
    assert disk.table.steps("gradient") == [0, 10, 20]
    assert tuple(disk.table.at("gradient", 0)["a"])[:5] == (1.0, 0.25, 0.5, 0.75, 0.0)
    assert disk.table.at("gradient", 0)["a"].total == 20


def test_what_was_not_measured_is_nan(disk: Disk) -> None:
    disk.write([row(0, "a", None)])
    assert disk.norms(0)["a"] != disk.norms(0)["a"]


def test_a_look_reads_only_what_is_new(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    disk.table.look()  # there is no file yet
    assert (disk.table.version, disk.table.kinds()) == (0, set())
    disk.write([row(0, "a", 1.0)])
    read: list[int] = []
    original = statistics_file.read_numbers

    def counted(path: Path, after: int = 0) -> tuple[list[StatisticsRow], int]:
        rows, last = original(path, after)
        read.append(len(rows))
        return rows, last

    monkeypatch.setattr(statistics_table, "read_numbers", counted)
    disk.write([row(5, "a", 2.0), row(5, "w", 3.0, "parameter")])
    disk.table.look()
    assert read == [2, 0]
    assert (disk.table.version, disk.table.kinds()) == (2, {"gradient", "parameter"})


def test_a_file_that_has_not_changed_need_not_be_looked_at(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    disk.write([row(0, "a", 1.0)])
    assert not disk.table.is_current()  # another write within the clock's tick would not show
    monkeypatch.setattr(statistics_table, "version", lambda path: "settled")
    disk.table.look()
    assert disk.table.is_current()
    monkeypatch.setattr(statistics_table, "version", lambda path: "written")
    assert not disk.table.is_current()


def test_two_optimizers_have_clocks_of_their_own(disk: Disk) -> None:
    for step in (0, 50, 100):
        disk.write([row(step, "d", step), row(step + 1, "g", step + 1)])
    assert disk.norms(100) == {"d": 100.0, "g": 51.0}


def test_a_layer_frozen_long_ago_is_left_out(disk: Disk) -> None:
    disk.write(row(step, name, 1.0) for step in (0, 10) for name in ("a", "b"))
    disk.write(row(step, "b", 2.0) for step in (20, 30, 40))
    assert disk.norms(10) == {"a": 1.0, "b": 1.0}
    assert disk.norms(40) == {"b": 2.0}


def test_only_the_way_to_the_current_branch_counts(disk: Disk) -> None:
    disk.write(row(step, "a", step) for step in (0, 10, 20))
    disk.branches.begin(0, 10, 110.0)
    disk.write([row(15, "a", 0.5, branch=1)])
    assert disk.table.steps("gradient") == [0, 10, 15]
    assert disk.norms(None) == {"a": 0.5}


def test_of_a_long_history_an_even_part_and_the_newest_are_kept(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics_table, "MOST_SHEETS", 8)
    disk.write(row(step, "a", step) for step in range(100))
    kept = disk.table.steps("gradient")
    assert kept == [0, 16, 32, 48, 64, 80, 96, 99]
    assert disk.norms(50) == {"a": 48.0}
