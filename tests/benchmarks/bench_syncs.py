"""How often watching makes the training thread wait for its device."""

from __future__ import annotations

import tempfile
import warnings

import torch

import torchvis_widgets as tvw
from tests.benchmarks.table import Row

STEPS = 60  # the defaults take statistics at step 0 and 50

WHAT = f"device syncs in log() and the hooks, {STEPS} steps with statistics and snapshots"


def rows() -> list[Row]:
    """One row; without a GPU there is nothing to measure, and it says so."""
    if not torch.cuda.is_available():
        return [Row.missing(WHAT, 0, "no GPU")]
    model = torch.nn.Sequential(torch.nn.Linear(256, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10)).cuda()
    optimizer = torch.optim.Adam(model.parameters())
    x, y = torch.randn(64, 256).cuda(), torch.randint(0, 10, (64,)).cuda()
    with (
        tempfile.TemporaryDirectory() as folder,
        tvw.watch(model, optimizer, probe=x[:8], run=f"{folder}/run", snapshots=tvw.Every(steps=20)) as session,
        warnings.catch_warnings(record=True) as found,
    ):
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            for _ in session.epochs(1):
                for _ in session.batches(range(STEPS)):
                    optimizer.zero_grad()
                    loss = torch.nn.functional.cross_entropy(model(x), y)
                    loss.backward()
                    optimizer.step()
                    session.log({"train/loss": loss})
        finally:
            torch.cuda.set_sync_debug_mode("default")
    syncs = sum("synchroniz" in str(each.message) for each in found)
    return [Row.limit(WHAT, syncs, 0, "syncs")]
