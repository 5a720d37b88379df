"""What a page that nbconvert made loads from content networks, found on this machine: manager and widgets' code."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "js" / "node_modules" / ".cache" / "html-manager"
PACKAGES = {"@jupyter-widgets/html-manager@1.0.15": "dist/embed-amd.js", "requirejs@2.3.7": "require.js"}
EXTENSIONS = Path(sys.prefix) / "share" / "jupyter" / "nbextensions"


@functools.cache
def packed(package: str) -> bytes:
    """Return the one file that is wanted of an npm package, fetched without what the package depends on."""
    KEPT.mkdir(parents=True, exist_ok=True)
    kept = KEPT / Path(PACKAGES[package]).name
    if not kept.exists():
        command = ["npm", "pack", "--silent", f"--pack-destination={KEPT}", package]
        name = subprocess.run(command, cwd=KEPT, check=True, capture_output=True, text=True).stdout.split()[-1]
        with tarfile.open(KEPT / name) as archive:
            found = archive.extractfile(f"package/{PACKAGES[package]}")
            assert found is not None
            kept.write_bytes(found.read())
        (KEPT / name).unlink()
    return kept.read_bytes()


def served(address: str) -> tuple[str, bytes]:
    """Return the type and the bytes of what a converted notebook asks the network for; nothing for the rest."""
    if "html-manager" in address:
        return "text/javascript", packed("@jupyter-widgets/html-manager@1.0.15")
    if re.search(r"/require(\.min)?\.js", address):
        return "text/javascript", packed("requirejs@2.3.7")
    if found := re.search(r"/(anywidget|bqplot|bqscales)(@[^/]*/dist/index)?(\.js)?$", address):
        return "text/javascript", (EXTENSIONS / found[1] / "index.js").read_bytes()
    return ("text/css" if ".css" in address else "text/javascript"), b""
