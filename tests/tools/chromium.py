"""The Chromium that the browser tests drive: one of the machine's, or Playwright's; `python -m` installs one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SYSTEM_INSTALLS = (
    ("apt-get", "apt-get update && apt-get install --yes chromium"),
    ("dnf", "dnf install --assumeyes chromium"),
    ("apk", "apk add chromium"),
    ("pacman", "pacman --sync --noconfirm chromium"),
)
REMEDY = (
    "No Chromium that starts was found (looked at $CHROMIUM, {commands} and Playwright's own). "
    "Install one with the system's package manager, or set CHROMIUM to the path of one."
).format(commands=", ".join(COMMANDS))


def starts(path: str) -> bool:
    """Tell whether the executable runs at all: a shim without its package and missing libraries do not."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def playwright_path() -> str:
    """Return where Playwright keeps its Chromium, installed or not."""
    # A process of its own: Playwright's sync API would leave an event loop running in this one.
    code = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def find() -> str | None:
    """Return the path of a Chromium that starts, or None; $CHROMIUM comes first and must start if it is set."""
    if chosen := os.environ.get("CHROMIUM"):
        return chosen if starts(chosen) else None
    named = filter(None, map(shutil.which, COMMANDS))
    return next(filter(starts, named), None) or next(filter(starts, [playwright_path()]), None)


def install() -> None:
    """Try Playwright's download, then the system's package manager; who is not root cannot use the latter."""
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if find() or os.geteuid() != 0:
        return
    for tool, command in SYSTEM_INSTALLS:
        if shutil.which(tool):
            subprocess.run(command, shell=True, check=False)
            return


def main() -> None:
    """Make sure that there is one and print its path."""
    if not find() and "CHROMIUM" not in os.environ:
        install()
    sys.exit(REMEDY) if (path := find()) is None else print(path)


if __name__ == "__main__":
    main()
