"""The kernels of the hosts matrix: the environment's own, and older ones laid over it; `python -m` installs these.

An overlay is a folder with ipykernel alone, which comes before the environment's packages: no second torch is needed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

OLDER = ("7.1", "6.31")  # 6.31 is the last without subshells, 7.1 routes by the request, later ones by the last reply
NEWEST = "newest"  # the environment's own
KERNELS = (NEWEST, *OLDER)
OVERLAYS = Path(__file__).parents[2] / ".venv" / "overlays"
REMEDY = "run `python -m tests.tools.kernels`, as `make test` does"


def folder(kernel: str) -> Path:
    """Return where an older kernel is laid."""
    return OVERLAYS / f"ipykernel-{kernel}"


def spec_name(kernel: str) -> str:
    """Return the kernelspec's name, which notebooks ask for."""
    return "python3" if kernel == NEWEST else f"ipykernel-{kernel}"


def is_version(found: str, kernel: str) -> bool:
    """Tell whether a version is one of the kernel's; the newest is any that is none of the older."""
    older = next((each for each in OLDER if found.startswith(f"{each}.")), NEWEST)
    return older == kernel


def missing() -> list[str]:
    """Return the older kernels that are not there."""
    found = {kernel: [each.version for each in distributions(path=[str(folder(kernel))])] for kernel in OLDER}
    return [kernel for kernel, versions in found.items() if not any(is_version(each, kernel) for each in versions)]


def write_specs(data: Path) -> None:
    """Write a kernelspec for each older kernel into a Jupyter data directory."""
    for kernel in OLDER:
        first = [str(folder(kernel)), *filter(None, [os.environ.get("PYTHONPATH")])]
        spec = {
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": f"Python 3 (ipykernel {kernel})",
            "language": "python",
            "env": {"PYTHONPATH": os.pathsep.join(first)},
        }
        target = data / "kernels" / spec_name(kernel)
        target.mkdir(parents=True)
        (target / "kernel.json").write_text(json.dumps(spec))


def install(kernel: str) -> None:
    """Lay an older ipykernel down; what it needs beside itself is the environment's."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    which = ["--no-deps", "--upgrade", "--target", str(folder(kernel)), f"ipykernel=={kernel}.*"]
    subprocess.run([*pip, *which], check=True)


def main() -> None:
    """Make sure that all are there."""
    for kernel in missing():
        install(kernel)
    if left := missing():
        sys.exit(f"ipykernel {', '.join(left)} did not get into {OVERLAYS}")
    print(*map(folder, OLDER), sep="\n")


if __name__ == "__main__":
    main()
