"""The way from a device to the host that never makes the training thread wait for the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

__all__ = ["Event", "HostLane", "Lane", "lane_for"]


class Event(Protocol):
    """A point in a device's work; `torch.cuda.Event` is one."""

    def query(self) -> bool:
        """Says without waiting whether the device has passed the point."""

    def synchronize(self) -> None:
        """Waits until it has."""


class Lane(Protocol):
    """Copies from one device to host memory."""

    pinned: bool

    def event(self) -> Event:
        """Returns a new event of this device."""

    def mark(self, event: Event) -> None:
        """Moves `event` behind all that the calling thread has queued on this device so far."""

    def copy(self, targets: Sequence[Tensor], sources: Sequence[Tensor], after: Event) -> Event:
        """Copies `sources` to host tensors `targets` once `after` has passed; the event returned tells when it is done.

        Call it on a background thread; both lists must be kept alive until then.
        """


class CudaLane:
    """A stream of its own, so that a copy waits for the training stream and never the other way round."""

    pinned = True

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: Any = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def event(self) -> Event:
        """Returns a new CUDA event."""
        event: Event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        return event

    def mark(self, event: Any) -> None:
        """Records `event` on the stream that the calling thread uses on this device, current device or not."""
        event.record(torch.cuda.current_stream(self._device))

    def copy(self, targets: Sequence[Tensor], sources: Sequence[Tensor], after: Event) -> Event:
        """Queues the copies behind `after` on the lane's own stream."""
        with torch.cuda.stream(self._stream):
            self._stream.wait_event(after)
            for target, source in zip(targets, sources, strict=True):
                # non_blocking also into pageable memory: a blocking copy would trip `set_sync_debug_mode`, which
                # holds for all threads.
                target.copy_(source, non_blocking=True)
            done = self.event()
            self.mark(done)
        return done


class HostLane:
    """For the CPU, and for devices without a lane of their own: there the background thread waits."""

    pinned = False

    def event(self) -> Event:
        """Returns an event that has always passed."""
        return _Passed()

    def mark(self, event: Event) -> None:
        """Nothing is queued on the host."""

    def copy(self, targets: Sequence[Tensor], sources: Sequence[Tensor], after: Event) -> Event:
        """Copies at once."""
        after.synchronize()
        for target, source in zip(targets, sources, strict=True):
            target.copy_(source)
        return self.event()


class _Passed:
    def query(self) -> bool:
        return True

    def synchronize(self) -> None:
        """Nothing to wait for."""


def lane_for(device: torch.device) -> Lane:
    """Returns a new lane for `device`."""
    return CudaLane(device) if device.type == "cuda" else HostLane()
