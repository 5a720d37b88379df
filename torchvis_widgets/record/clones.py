"""A model's state copied at one instant: on the training thread only the clones, everything else later."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from torchvis_widgets.record.lane import Event, Lane, lane_for
from torchvis_widgets.record.tensor_file import is_storable, plain

__all__ = ["Clones"]


class Clones:
    """Clones of a state's tensors on their own devices; tied names share one."""

    def __init__(self, state: Mapping[str, Tensor], lanes: dict[torch.device, Lane]) -> None:
        self.names: dict[str, int] = {}  # name -> place in the list of tensors
        self.left_out: list[str] = []  # names whose values the file format cannot hold
        self._tensors: list[Tensor] = []
        places: dict[object, int] = {}
        for name, tensor in state.items():
            if not is_storable(tensor):
                self.left_out.append(name)
                continue
            same = _identity(tensor) if tensor.numel() else name
            if same not in places:
                places[same] = len(self._tensors)
                self._tensors.append(tensor.detach().clone())
            self.names[name] = places[same]
        self._lanes = lanes
        self._cloned = {device: self._mark(device) for device in {tensor.device for tensor in self._tensors}}

    @property
    def nbytes(self) -> int:
        """Memory that the clones take."""
        return sum(tensor.nbytes for tensor in self._tensors)

    def to_host(self) -> list[Tensor]:
        """Returns the tensors on the CPU, `plain`; waits for the device on the calling thread only."""
        host = [tensor if tensor.is_cpu else torch.empty_like(tensor, device="cpu") for tensor in self._tensors]
        for device, cloned in self._cloned.items():
            pairs = [(h, t) for h, t in zip(host, self._tensors, strict=True) if t.device == device and h is not t]
            targets, sources = [h for h, _ in pairs], [t for _, t in pairs]
            self._lanes[device].copy(targets, sources, cloned).synchronize()
        return [plain(tensor) for tensor in host]

    def _mark(self, device: torch.device) -> Event:
        if device not in self._lanes:
            self._lanes[device] = lane_for(device)
        event = self._lanes[device].event()
        self._lanes[device].mark(event)
        return event


def _identity(tensor: Tensor) -> object:
    lazy = (tensor.is_conj(), tensor.is_neg())
    return tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride(), lazy
