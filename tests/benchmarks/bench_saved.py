"""The quickstart saved with its widgets' state, pictures and code included, as `jupyter execute` does."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from tests.benchmarks.table import Row
from tests.browser.by_hand import QUICKSTART

BUDGET = 1000.0  # kB


def rows() -> list[Row]:
    """The whole file, and how much of it is the last pictures."""
    notebook = nbformat.read(QUICKSTART, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        place = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place).execute()
        saved = Path(folder) / "saved.ipynb"
        nbformat.write(notebook, saved)
        size = saved.stat().st_size
    states = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    pictures = sum(_pictures(state) for state in states)
    assert pictures, "no widget has kept its last picture"
    return [
        Row.limit("quickstart saved with its widgets' state", size / 1e3, BUDGET, "kB"),
        Row.limit("  of it the last pictures", pictures / 1e3, BUDGET, "kB"),
    ]


def _pictures(state: dict[str, Any]) -> int:
    values = len(json.dumps(state["state"].get("still", [])))
    return values + sum(len(each["data"]) for each in state.get("buffers", []) if each["path"][0] == "still")
