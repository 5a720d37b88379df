"""Own inputs: what the user brings, fitted to the shape and the range of the probe's samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from torchvis_widgets.look.errors import in_words
from torchvis_widgets.look.leaves import leaves
from torchvis_widgets.look.observer import Observer
from torchvis_widgets.widgets.viewing.fitting import Slot, slot_of
from torchvis_widgets.widgets.viewing.image_file import decoded
from torchvis_widgets.widgets.viewing.lens import is_index

Transform = Callable[[Any], Any]

_serial = count(1)


@dataclass(frozen=True, eq=False)
class OwnInput:
    """An input besides the probe's: an observer of it, what it is called, and what was done to it in words."""

    observer: Observer
    label: str
    note: str
    shape: tuple[int, int, int]
    serial: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the view."""
        channels, height, width = self.shape
        return {"label": self.label, "note": self.note, "height": height, "width": width, "channels": channels}


def own_input(observer: Observer, given: Any, transform: Transform | None) -> OwnInput:
    """Of a tensor, an array, a PIL image, or the path of an image or an .npy file. Raises ValueError in words."""
    label = "own input"
    if isinstance(given, str | Path):
        path = Path(given).expanduser()
        label = path.name
        try:
            given = decoded(path.read_bytes(), label)
        except OSError as error:
            raise ValueError(f"{str(path)!r} cannot be read: {in_words(error)}") from error
    return _made(observer, given, label, transform)


def uploaded(observer: Observer, name: object, buffers: Any) -> OwnInput:
    """Of the bytes of an image or an .npy file. Raises ValueError in words."""
    if not isinstance(name, str) or not name:
        raise ValueError(f"name is that of a file, found {name!r}")
    return _made(observer, decoded(bytes_of(buffers), name[:100]), name[:100], None)


def drawn(observer: Observer, height: object, width: object, buffers: Any) -> OwnInput:
    """Of a drawing: grey, uint8 (height, width), 255 = ink. Raises ValueError in words."""
    slot, size = _slot(observer), drawable(observer)
    if size is None:
        raise ValueError(f"nothing can be drawn for this model: its input is {slot}, expected images of one channel")
    rows, columns = size["height"], size["width"]
    if not is_index(height) or not is_index(width) or (height, width) != (rows, columns):
        raise ValueError(f"a drawing has the size of the input, {rows}×{columns}, found {height!r}×{width!r}")
    data = bytes_of(buffers)
    if len(data) != rows * columns:
        raise ValueError(f"a drawing of {rows}×{columns} has {rows * columns} bytes, found {len(data)}")
    ink = np.frombuffer(data, np.uint8).reshape(rows, columns)
    image = Image.fromarray(255 - ink if slot.on_white() else ink)
    return _made(observer, image, "drawing", None)


def drawable(observer: Observer | None) -> dict[str, int] | None:
    """The size of the drawing pad; None where the probe is no batch of images of one channel."""
    slot = None if observer is None else slot_of(observer.probe)
    if slot is None or slot.channels != 1:
        return None
    return {"height": slot.height, "width": slot.width}


def _made(observer: Observer, given: Any, label: str, transform: Transform | None) -> OwnInput:
    slot, note = _slot(observer), "as given"
    if transform is not None:
        try:
            given, note = transform(given), "as transform= gave it"
        except Exception as error:
            raise ValueError(f"transform= raised on {label!r}: {in_words(error)}") from error
    given = _image_or_tensor(given, slot)
    if isinstance(given, Image.Image):
        sample, note = slot.of_image(given)
    else:
        sample = slot.of_tensor(given)
    if len(list(leaves((slot.probe.args, slot.probe.kwargs)))) > 1:
        note += "; the other inputs are those of sample 0"
    shape = (slot.channels, slot.height, slot.width)
    return OwnInput(observer.on(slot.probe_of(sample)), label, note, shape, next(_serial))


def _image_or_tensor(given: Any, slot: Slot) -> Image.Image | Tensor:
    if isinstance(given, Image.Image):
        return given
    if not isinstance(given, Tensor | np.ndarray | np.generic):
        raise ValueError(
            f"an input is a tensor, an array, a PIL image or the path of a file, found {type(given).__name__}"
        )
    try:
        tensor = given if isinstance(given, Tensor) else torch.from_numpy(np.array(given))
    except TypeError as error:
        raise ValueError(f"an array of {given.dtype} is no input: {in_words(error)}") from error
    picture = _picture(tensor) if slot.channels and slot.tensor.dtype != torch.uint8 else None
    return tensor if picture is None else picture


def _picture(tensor: Tensor) -> Image.Image | None:
    """The image that bytes (H, W), (H, W, C) or (C, H, W) are."""
    if tensor.dtype != torch.uint8 or tensor.dim() not in (2, 3) or not tensor.numel():
        return None
    if tensor.dim() == 3 and tensor.shape[0] in (1, 3, 4) and tensor.shape[2] not in (3, 4):
        tensor = tensor.permute(1, 2, 0)
    if tensor.dim() == 3 and tensor.shape[2] == 1:
        tensor = tensor[:, :, 0]
    if tensor.dim() == 3 and tensor.shape[2] not in (3, 4):
        return None
    return Image.fromarray(tensor.contiguous().cpu().numpy())


def _slot(observer: Observer) -> Slot:
    slot = slot_of(observer.probe)
    if slot is None:
        raise ValueError(
            f"the probe is {observer.probe}, of which no tensor has an entry for each sample; "
            "look at other inputs with session.on(inputs).activations(…)"
        )
    return slot


def bytes_of(buffers: Any) -> bytes:
    """The only buffer. Raises ValueError where there is not one."""
    found = list(buffers) if isinstance(buffers, list | tuple) else []
    if len(found) != 1:
        raise ValueError(f"the bytes come in one buffer, found {len(found)}")
    return bytes(found[0])
