"""What a snapshot costs the loop, and a long run its reader."""

from __future__ import annotations

import time

import torch
from torchvision.models import resnet18

from tests.benchmarks.table import Row, best_of, temporary_run
from torchvis_widgets.record.run import Run
from torchvis_widgets.record.structure import pack
from torchvis_widgets.steer.training_state import TrainingState

EPOCHS = 1000


def rows() -> list[Row]:
    """Blocking time of save() beside one clone of the state, and the time until a long run is open."""
    return [_blocking(resumable=False), _blocking(resumable=True), _reopening()]


def _blocking(resumable: bool) -> Row:
    model = resnet18()
    state = model.state_dict()
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(2, 3, 32, 32)).sum().backward()
    optimizer.step()
    # What the session hands over of a training, taken anew each time as it is there; clone() has its tensors.
    training = TrainingState({"optimizer 0": optimizer} if resumable else {})
    beside = pack(training.take(), "")[1]
    steps = iter(range(100))
    # What save() and clone make is freed outside of the clock: the writer keeps its clones for later, too.
    made: list[dict[str, torch.Tensor]] = []
    with temporary_run() as run:

        def settle() -> None:
            run.flush(60)
            made.clear()

        def clone() -> None:
            made.append({name: tensor.detach().clone() for name, tensor in {**state, **beside}.items()})

        def save() -> None:
            run.save(state, step=next(steps), epoch=None, training=training.take())

        own, other = best_of(15, save, clone, before=settle)
    own, other = own * 1e3, other * 1e3
    what = "ResNet-18 and Adam's state" if resumable else "ResNet-18"
    return Row.limit(f"snapshot of {what}: blocking part vs one clone", own, 1.3 * other, "ms", other)


def _reopening() -> Row:
    state = {f"layer{i}.weight": torch.zeros(8) for i in range(120)}
    with temporary_run() as run:
        for epoch in range(EPOCHS):
            for batch in range(100):
                run.log(epoch * 100 + batch, epoch + batch / 100, {"train/loss": 0.5, "train/accuracy": 0.5})
            run.save(state, step=epoch * 100, epoch=float(epoch))
            run.flush()
        run.close()
        start = time.perf_counter()
        again = Run(run.path)
        assert (len(again.snapshots), len(again.series["train/loss"])) == (EPOCHS, EPOCHS * 100)
        seconds = time.perf_counter() - start
    return Row.limit(f"reopening a run of {EPOCHS:,} epochs, 200,000 values", seconds, 1.0, "s")
