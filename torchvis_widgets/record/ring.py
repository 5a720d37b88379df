"""Logged numbers that live on a device: gathered there in blocks, brought to the host by the background thread."""

from __future__ import annotations

import threading
from collections import deque

import torch
from torch import Tensor

from torchvis_widgets.record.lane import Event, Lane, lane_for

__all__ = ["Ring", "Slot"]


class Slot:
    """The place of one number that is still on its way to the host."""

    __slots__ = ("_batch", "_index")

    def __init__(self, batch: list[float], index: int) -> None:
        self._batch = batch
        self._index = index

    def value(self) -> float | None:
        """Returns the number, None while it is not there yet."""
        return self._batch[self._index] if self._batch else None


class _Block:
    """Device memory for `capacity` numbers, the host memory they go to, and the list the slots of this filling read."""

    def __init__(self, device: torch.device, capacity: int, lane: Lane) -> None:
        # MPS has no float64. Outside of inference mode, as an inference tensor could not be written to once it ends.
        kind = torch.float32 if device.type == "mps" else torch.float64
        with torch.inference_mode(False):
            self.device = torch.zeros(capacity, dtype=kind, device=device)
            self.host = torch.zeros(capacity, dtype=kind, device="cpu", pin_memory=lane.pinned)
            self.cells = self.device.unbind()
        self.written = lane.event()
        self.batch: list[float] = []
        self.count = 0


class Ring:
    """Blocks on one device; `put` belongs to the training thread, `pump` to the background thread."""

    def __init__(self, device: torch.device, *, lane: Lane | None = None, capacity: int = 256) -> None:
        self._device = device
        self._capacity = capacity
        self._lane = lane or lane_for(device)
        self._lock = threading.Lock()
        self._free: list[_Block] = []
        self._filling = self._fresh()
        self._sealed: deque[_Block] = deque()
        self._copying: deque[tuple[_Block, Event]] = deque()

    def put(self, number: Tensor) -> Slot:
        """Queues a copy of `number`, a tensor of one element of any real dtype on this device, and returns at once."""
        with self._lock:
            if self._filling.count == self._capacity:
                self._seal()
            block = self._filling
            block.cells[block.count].copy_(number.detach().reshape(()))
            self._lane.mark(block.written)
            block.count += 1
            return Slot(block.batch, block.count - 1)

    def pump(self) -> None:
        """Starts the copies that are due and hands out the numbers that have arrived; never waits for the device."""
        with self._lock:
            if self._filling.count:
                self._seal()
        while self._sealed:
            block = self._sealed.popleft()
            self._copying.append((block, self._lane.copy([block.host], [block.device], block.written)))
        while self._copying and self._copying[0][1].query():
            block, _ = self._copying.popleft()
            block.batch.extend(block.host[: block.count].tolist())
            with self._lock:
                self._free.append(block)

    def _seal(self) -> None:
        self._sealed.append(self._filling)
        self._filling = self._fresh()

    def _fresh(self) -> _Block:
        block = self._free.pop() if self._free else _Block(self._device, self._capacity, self._lane)
        block.batch, block.count = [], 0
        return block
