"""The threads beside the frames."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import threading, torch
from torchvis_widgets.widgets.viewing.latest import Latest

busy = threading.Event()

def work(stale):
    busy.set()
    while not stale():
        torch.randn(1500, 1500) @ torch.randn(1500, 1500)

latest = Latest("busy", print)
latest.want(work)
busy.wait()
"""


def test_the_end_of_the_process_waits_for_what_they_compute() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
