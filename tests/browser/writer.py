"""A training in a process of its own: `python -m tests.browser.writer RUN`.

A number on its standard input is logged as val/loss at the next step, "end" ends the training with its epoch.
"""

from __future__ import annotations

import sys
import threading
import time
from queue import Empty, SimpleQueue

import torchvis_widgets as tvw
from tests.browser.cells import SETUP

PAUSE = 0.03


def main(path: str) -> None:
    names: dict[str, object] = {}
    exec(SETUP, names)
    lines: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=lambda: [lines.put(line.strip()) for line in sys.stdin], daemon=True).start()
    train(path, names, lines)


def train(path: str, names: dict[str, object], lines: SimpleQueue[str]) -> None:
    model, optimizer, criterion, batches = (names[name] for name in ("model", "optimizer", "criterion", "batches"))
    probe = names["images"][:6], names["labels"][:6]
    with tvw.watch(model, optimizer, criterion, probe=probe, classes=["a", "b", "c"], run=path) as session:
        for _ in session.epochs(1000):
            for x, y in session.batches(batches):
                optimizer.zero_grad()
                criterion(model(x), y).backward()
                optimizer.step()
                time.sleep(PAUSE)
                if (line := heard(lines)) == "end":
                    session.stop()
                elif line:
                    session.log({"val/loss": float(line)})


def heard(lines: SimpleQueue[str]) -> str:
    try:
        return lines.get_nowait()
    except Empty:
        return ""


if __name__ == "__main__":
    main(sys.argv[1])
