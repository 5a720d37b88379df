"""How much memory a training takes: of this process, and on the devices of its tensors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

try:
    import psutil
except ImportError:  # a plain script without ipykernel, which brings it: the host's memory is then not told
    psutil = None

PERIOD = 1.0  # seconds between two looks


@dataclass(frozen=True)
class Memory:
    """Bytes in use at one place, of `total` there; `place` is "host" or a device such as "cuda:0"."""

    place: str
    used: int
    total: int | None

    def to_dict(self) -> dict[str, Any]:
        """As the front end takes it."""
        return {"place": self.place, "used": self.used, "total": self.total}


class MemoryMeter:
    """Looks at most once a second; waits for no device.

    devices: those whose memory counts, beside the host's.
    """

    def __init__(self, devices: Callable[[], Iterable[torch.device]]) -> None:
        self._devices = devices
        self._found: list[Memory] = []
        self._looked: float | None = None

    def now(self) -> list[Memory]:
        """What is in use, the host first."""
        at = time.monotonic()
        if self._looked is None or at - self._looked >= PERIOD:
            self._looked = at
            found = [host(), *(device(each) for each in dict.fromkeys(self._devices()))]
            self._found = [each for each in found if each is not None]
        return self._found


def host() -> Memory | None:
    """What this process has in the machine's memory."""
    if psutil is None:
        return None
    return Memory("host", psutil.Process().memory_info().rss, psutil.virtual_memory().total)


def device(where: torch.device) -> Memory | None:
    """What this process' tensors take on a device; None on one that does not tell."""
    if where.type == "cuda":
        total = torch.cuda.get_device_properties(where).total_memory
        return Memory(str(where), torch.cuda.memory_allocated(where), total)
    if where.type == "mps":
        return Memory(str(where), torch.mps.current_allocated_memory(), None)
    return None
