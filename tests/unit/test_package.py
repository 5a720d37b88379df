"""What is shipped and tracked: public names, the wheel's files, reasons for dependencies, no trace of a machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import torchvis_widgets

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PROJECT = (ROOT / "pyproject.toml").read_text()
SOURCES = ROOT / "js" / "src"
SECOND = [f"{path.parts[-3]}_more" for path in SOURCES.glob("*/more/index.tsx")]
BUNDLES = sorted([*(path.parent.name for path in SOURCES.glob("*/index.tsx")), *SECOND])


def test_public_names_are_sorted_and_there() -> None:
    names = torchvis_widgets.__all__
    assert names == sorted(names)
    assert not [name for name in names if not hasattr(torchvis_widgets, name)]


def test_every_bundle_must_be_built_for_a_wheel() -> None:
    hook = tomllib.loads(PROJECT)["tool"]["hatch"]["build"]["hooks"]["jupyter-builder"]
    assert hook["ensured-targets"] == [f"torchvis_widgets/static/{name}.js" for name in BUNDLES]


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names in a wheel of this tree, with the JavaScript that `make js` has built."""
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=ROOT,
        env=os.environ | {"SKIP_JUPYTER_BUILDER": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        return wheel.namelist()


@pytest.mark.parametrize("name", BUNDLES)
def test_the_wheel_carries_the_bundle(name: str, wheel_names: list[str]) -> None:
    kinds = ("js",) if name in SECOND else ("js", "css")
    assert {f"torchvis_widgets/static/{name}.{kind}" for kind in kinds} <= set(wheel_names)


def test_the_wheel_carries_the_licences_of_what_is_bundled(wheel_names: list[str]) -> None:
    assert "torchvis_widgets/static/third_party_licences.txt" in wheel_names
    text = (ROOT / "torchvis_widgets" / "static" / "third_party_licences.txt").read_text()
    dependencies = json.loads((ROOT / "js" / "package.json").read_text())["dependencies"]
    assert [name for name in dependencies if f"{name}\n" not in text] == []
    assert text.count("Permission is hereby granted") == len(dependencies)


def test_the_wheel_carries_nothing_else(wheel_names: list[str]) -> None:
    inside = re.compile(r"torchvis_widgets(-[\w.]+\.dist-info)?/")
    assert "torchvis_widgets/py.typed" in wheel_names
    assert not [name for name in wheel_names if not inside.match(name) or "__pycache__" in name]


def test_every_dependency_has_its_reason() -> None:
    listed = re.findall(r'^    "[A-Za-z][\w\[\]-]*(?:[<>=!~].*)?",.*$', PROJECT, flags=re.MULTILINE)
    tables = tomllib.loads(PROJECT)
    extras = tables["project"]["optional-dependencies"].values()
    wanted = [*tables["build-system"]["requires"], *tables["project"]["dependencies"], *(d for e in extras for d in e)]
    lines = {line.strip().split('",')[0].strip('"'): line for line in listed}
    assert not [name for name in wanted if not re.search(r'",\s+# \w.{5,}', lines.get(name, ""))]


def tracked_text() -> dict[str, str]:
    """Path → text of every file that git tracks or would."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    paths = [ROOT / name for name in listed if name and (ROOT / name).is_file()]
    return {str(path.relative_to(ROOT)): path.read_bytes().decode("utf-8", "replace") for path in paths}


# Each in two parts, so that this file is not its own first finding.
@pytest.mark.parametrize(
    "trace",
    [
        pytest.param(r"https?://[^/ \"]*(regis" r"try|py" r"pi\.|hos" r"ted\.|deb" r"ian\.org)", id="registry"),
        pytest.param(r"(?<![\w.*~-])/(ro" r"ot|wo" r"rk|ho" r"me|Us" r"ers)/\w", id="absolute path"),
        pytest.param(r"\"resol" r"ved\"", id="address in a lock file"),
    ],
)
def test_no_trace_of_the_machine_in_the_tree(trace: str) -> None:
    assert not [(name, found[0]) for name, text in tracked_text().items() if (found := re.search(trace, text))]
