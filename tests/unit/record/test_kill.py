"""Writers killed at random moments: the run reopens, a second of metrics is lost at most, and no snapshot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from torchvis_widgets.record.recording import Recording
from torchvis_widgets.record.run import Run

KILLS = 50

# The writers are forked, which saves the time of importing torch each time.
WRITER = """
import json, os, random, signal, sys, time, torch
from pathlib import Path
from torchvis_widgets.record.recording import Recording
from torchvis_widgets.record.run import Run

def train(path, steps, flushes, pause=0.0):
    run = Recording.create(path, model={"w": ((1000,), "torch.float32")})
    for step in range(steps):
        run.log(step, step / 10, {"a": float(step)})
        run.save({"w": torch.arange(1000.0) * step, "frozen": torch.ones(3)}, step=step, epoch=None)
        if flushes and step % 10 == 9:
            run.flush()
            (path / "flushed").write_text(str(step))
        elif not step:
            (path / "began").write_text("")
        time.sleep(pause)

def kill_at_random(numbers, flushes, longest):
    paths = {number: Path(sys.argv[1]) / str(number) for number in numbers}
    processes = {}
    for number, path in paths.items():
        processes[number] = os.fork()
        if not processes[number]:
            train(path, 10**6, flushes, 0.0 if flushes else 0.002)
    while not all((path / ("flushed" if flushes else "began")).exists() for path in paths.values()):
        time.sleep(0.01)
    moments = sorted((time.time() + random.uniform(0, longest), number) for number in numbers)
    for moment, number in moments:
        time.sleep(max(0.0, moment - time.time()))
        killed = time.time()
        os.kill(processes[number], signal.SIGKILL)
        os.waitpid(processes[number], 0)
        (paths[number] / "killed").write_text(json.dumps(killed))

random.seed(0)
kills = int(sys.argv[2])
for number in range(1, kills, 2):  # busy, and killed soon after a flush
    kill_at_random([number], True, 0.2)
for first in range(0, kills, 10):  # long enough without one that more than a second could be lost; five at once
    kill_at_random(range(first, min(first + 10, kills), 2), False, 3.0)

train(Path(sys.argv[1]) / "ended", 5, False)  # and the interpreter ends without close()
"""


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directories of writers killed at random moments, and of one that ended without close()."""
    folder = tmp_path_factory.mktemp("runs")
    subprocess.run([sys.executable, "-c", WRITER, str(folder), str(KILLS)], check=True)
    return folder


@pytest.mark.timeout(300)  # the first one waits for the fixture: fifty writers, one after another
@pytest.mark.parametrize("number", range(KILLS))
def test_killed_writer(left_behind: Path, number: int) -> None:
    path = left_behind / str(number)
    killed = json.loads((path / "killed").read_text())
    # Empty where it was killed while the test's own file was written.
    flushed = int((path / "flushed").read_text() or 9) if number % 2 else -1
    for name in ("killed", "flushed", "began"):
        (path / name).unlink(missing_ok=True)
    run = Run(path)
    series = run.series.get("a")
    values = series.columns()[3].tolist() if series else []
    assert len(values) > flushed
    assert values == list(range(len(values)))
    last = series.columns()[2][-1] if series else run.began
    assert killed - last <= 1.0
    steps = [snapshot.step for snapshot in run.snapshots]
    if flushed >= 0:
        assert {0, flushed} <= set(steps)
    for step in steps:
        state = run.state_dict(step=step)
        assert torch.equal(state["w"], torch.arange(1000.0) * step)
        assert torch.equal(state["frozen"], torch.ones(3))
    assert run.problems == []
    Recording.create(path, model={"w": ((1000,), "torch.float32")}).close()  # the lock went with the process
    if values:
        assert Run(left_behind / f"{number}-1").series["a"].columns()[3].tolist() == values


def test_interpreter_that_ends_without_close_keeps_everything(left_behind: Path) -> None:
    run = Run(left_behind / "ended")
    assert run.series["a"].last == (4, 4.0)
    assert run.snapshots[-1].step == 4
