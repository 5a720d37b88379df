"""The README's table of hosts: written and read back by the same words, and the versions of the overlays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.hosts import CURVES, LATER, LIVE, PARTS, PAUSE, REFUSED, Seen
from tests.tools import hosts, kernels

ALL: Seen = dict.fromkeys(PARTS, LIVE)
SOME: Seen = dict.fromkeys(PARTS, LATER) | {CURVES: LIVE, PAUSE: REFUSED}


@pytest.fixture
def readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "README.md"
    path.write_text(f"# title\n\n{hosts.BEGIN}\n{hosts.END}\n\nmore\n")
    monkeypatch.setattr(hosts, "README", path)
    return path


def test_what_is_written_is_read_back(readme: Path) -> None:
    hosts.write({("lab", "newest"): (ALL, ALL), ("notebook", "6.31"): (SOME, ALL)})
    once = readme.read_text()
    assert hosts.said("lab", "newest") == ("all live", "all live")
    assert hosts.said("notebook", "6.31") == (
        "live: curves; when the cell ends: layers, timeline, sliders; greyed out: pause",
        "all live",
    )
    assert hosts.said("notebook", "7.1") == ()
    hosts.write({("lab", "newest"): (ALL, ALL), ("notebook", "6.31"): (SOME, ALL)})
    assert readme.read_text() == once
    assert once.startswith("# title\n\n<!--")
    assert once.endswith("\n\nmore\n")


def test_newer_versions_do_not_make_the_table_wrong(readme: Path) -> None:
    hosts.write({("lab", "newest"): (SOME, ALL)})
    table = readme.read_text()
    assert "| JupyterLab (" in table
    readme.write_text(table.replace("| newest (", "| newest (99"))
    assert hosts.said("lab", "newest") == (hosts.told(SOME), "all live")


def test_a_readme_without_the_table_is_told(readme: Path) -> None:
    readme.write_text("# title\n")
    with pytest.raises(ValueError, match=r"README.md has no <!-- written by python -m tests.tools.hosts -->"):
        hosts.said("lab", "newest")


@pytest.mark.parametrize(("found", "kernel"), [("7.1.0", "7.1"), ("6.31.2", "6.31"), ("7.10.0", "newest")])
def test_a_version_is_of_one_kernel(found: str, kernel: str) -> None:
    assert [each for each in kernels.KERNELS if kernels.is_version(found, each)] == [kernel]


def test_an_overlay_that_is_not_there_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "OVERLAYS", tmp_path)
    assert kernels.missing() == list(kernels.OLDER)
