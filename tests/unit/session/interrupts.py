"""What a process of its own does: it trains in the main thread while front ends ask and Ctrl-C comes at any moment."""

from __future__ import annotations

import random
import signal
import sys
import threading
from pathlib import Path

import pytest
import torch

from tests.unit.session.hammer import UnderFire


class CtrlC:
    """Sends SIGINT to the main thread, again and again, at random moments while it is said to be in a cell."""

    def __init__(self) -> None:
        self.cell, self.over = threading.Event(), threading.Event()
        self._dice, self._main = random.Random(1), threading.main_thread().ident or 0
        self._lock = threading.Lock()
        threading.Thread(target=self._press, daemon=True).start()

    def leave_cell(self) -> None:
        with self._lock:
            self.cell.clear()

    def _press(self) -> None:
        while not self.over.is_set():
            self.cell.wait(0.1)
            self.over.wait(self._dice.random() * 0.1)
            with self._lock:
                if self.cell.is_set():
                    signal.pthread_kill(self._main, signal.SIGINT)
                    self.cell.clear()


def interrupted_training(place: Path, commands: int) -> int:
    """How often it was, when everything turned out well."""
    patch, times, keyboard = pytest.MonkeyPatch(), 0, CtrlC()
    fire = UnderFire(place, patch, commands, seed=7)
    session = fire.session
    with fire.hammer as hammer:
        while hammer.working:
            error: BaseException | None = None
            within = False  # the loop: Ctrl-C may also come before it has begun and after it has ended
            try:
                keyboard.cell.set()
                for _ in fire.loop():
                    within = True
                    if not keyboard.cell.is_set():
                        keyboard.cell.set()
                within = False
                keyboard.leave_cell()
            except KeyboardInterrupt as pressed:
                error = pressed
                times += 1
                fire.witness.note()  # it may have come in the midst of a step
                torch.set_grad_enabled(True)  # which torch leaves off when the end of optimizer.step() is interrupted
            session._cell_ended(error)  # as IPython tells it
            assert not session.loop.running
            assert not within or session.loop.status == "interrupted", session.loop.status
    keyboard.over.set()
    fire.assert_all_well()
    return times


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.setswitchinterval(1e-4)
    print(interrupted_training(Path(sys.argv[1]), int(sys.argv[2])), "interrupts")
