"""The size of each widget's JavaScript as it is shipped."""

from __future__ import annotations

from importlib.resources import files

from tests.benchmarks.table import Row

BUDGET = 60.0  # kB, minified


def rows() -> list[Row]:
    """One row a bundle."""
    folder = files("torchvis_widgets") / "static"
    sizes = {path.name: len(path.read_bytes()) for path in folder.iterdir() if path.name.endswith(".js")}
    assert sizes, "nothing is built: run `make js`"
    return [Row.limit(f"bundle {name}, minified", size / 1e3, BUDGET, "kB") for name, size in sorted(sizes.items())]
