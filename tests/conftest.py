"""What every test has: a fixed seed, two threads, and Hypothesis without a deadline (CI machines stall)."""

from __future__ import annotations

import hypothesis
import pytest
import torch

hypothesis.settings.register_profile("torchvis", deadline=None, derandomize=True)
hypothesis.settings.load_profile("torchvis")
torch.set_num_threads(2)


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    torch.manual_seed(0)
