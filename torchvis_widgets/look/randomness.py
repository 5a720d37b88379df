"""Process-wide random states (torch on every device used, Python, numpy), kept over a block of code."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterable
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor


class RandomStateKept:
    """Puts the random states back at the block's end; `drawn` then says whether the block drew from any of them.

    Only for a thread beside which nothing else draws: putting the state back would rewind the other thread too.
    """

    def __init__(self, devices: Iterable[torch.device] = ()) -> None:
        self._devices = [device for device in devices if device.type not in ("cpu", "meta")]
        self.drawn = False

    def __enter__(self) -> RandomStateKept:
        self._torch = self._torch_states()
        self._host = random.getstate(), np.random.get_state()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        changed = any(not torch.equal(*pair) for pair in zip(self._torch, self._torch_states(), strict=True))
        self.drawn = changed or pickle.dumps(self._host) != pickle.dumps((random.getstate(), np.random.get_state()))
        if self.drawn:
            self._restore()

    def _torch_states(self) -> list[Tensor]:
        return [torch.get_rng_state(), *(_module(device).get_rng_state(*_which(device)) for device in self._devices)]

    def _restore(self) -> None:
        torch.set_rng_state(self._torch[0])
        for device, state in zip(self._devices, self._torch[1:], strict=True):
            _module(device).set_rng_state(state, *_which(device))
        random.setstate(self._host[0])
        np.random.set_state(self._host[1])


def _module(device: torch.device) -> Any:
    return torch.get_device_module(device)


def _which(device: torch.device) -> tuple[torch.device, ...]:
    return () if device.type == "mps" else (device,)  # torch.mps knows one device and takes no argument for it
