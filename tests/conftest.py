"""What every test has: a fixed seed, two threads in all, and Hypothesis without a deadline (CI machines stall)."""

from __future__ import annotations

import os
import signal

import hypothesis
import pytest
import torch

hypothesis.settings.register_profile("torchvis", deadline=None, derandomize=True)
hypothesis.settings.load_profile("torchvis")
# Processes that share the cores with more threads than these wait for each other.
torch.set_num_threads(max(1, 2 // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))))
os.environ["OMP_NUM_THREADS"] = str(torch.get_num_threads())  # of kernels and other processes that tests start
# Some tests press Ctrl-C, which what a shell starts in the background ignores.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    torch.manual_seed(0)
