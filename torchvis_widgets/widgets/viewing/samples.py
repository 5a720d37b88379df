"""The probe's samples for the strip: small images and labels, the own input after them."""

from __future__ import annotations

from typing import Any

import numpy as np

from torchvis_widgets.look.observer import Observer
from torchvis_widgets.session import Session
from torchvis_widgets.widgets.viewing.answers import class_name
from torchvis_widgets.widgets.viewing.fitting import slot_of
from torchvis_widgets.widgets.viewing.own_input import OwnInput

THUMBNAIL = 64  # pixels a side
_LARGEST = 1 << 14  # larger than any input


def samples(session: Session, observer: Observer, own: OwnInput | None) -> tuple[dict[str, Any], list[bytes]]:
    """The samples' count, labels and RGB images (count, height, width, 3) as uint8, if they are images."""
    probe = observer.probe
    names, labels = session.run.classes, probe.labels()
    texts = [None] * probe.count if labels is None else [class_name(names, label) for label in labels]
    value: dict[str, Any] = {"count": probe.count, "height": 0, "width": 0, "labels": texts}
    if own is not None:
        value["own"], value["labels"] = True, [*texts, own.label]
    slot = slot_of(probe)
    if slot is not None and slot.channels:
        value["size"] = [slot.height, slot.width]
    images = probe.images(THUMBNAIL)
    if images is None:
        return value, []
    value["height"], value["width"] = images.shape[1:3]
    whole = probe.images(_LARGEST)
    value["size"] = [int(side) for side in (images if whole is None else whole).shape[1:3]]
    more = [] if own is None else [_of_own(own, images.shape[1:])]
    return value, [np.concatenate([images, *more]).tobytes()]


def _of_own(own: OwnInput, shape: tuple[int, ...]) -> Any:
    image = own.observer.probe.images(THUMBNAIL)
    return image if image is not None and image.shape[1:] == shape else np.zeros((1, *shape), np.uint8)
