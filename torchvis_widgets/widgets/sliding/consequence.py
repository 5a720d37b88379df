"""What edits make of the model's answer for the probe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torchvis_widgets.look.errors import LookError
from torchvis_widgets.look.observer import Observer
from torchvis_widgets.steer.edits import Edit

__all__ = ["consequence"]

MOST_SAID = 6


def consequence(
    observer: Observer | None, step: int | None, edits: tuple[Edit, ...], classes: Sequence[str] | None
) -> dict[str, Any] | None:
    """The loss before and after, and the predictions that change; None where nothing can be computed."""
    if observer is None:
        return None
    try:
        before = observer.outputs(step)
        after = observer.outputs(step, edits) if edits else before
    except LookError:
        return None
    pairs = enumerate(zip(before.predictions or [], after.predictions or [], strict=True))
    moved = [(sample, one, other) for sample, (one, other) in pairs if one != other]
    changes = [f"{sample}: {_name(one, classes)} → {_name(other, classes)}" for sample, one, other in moved[:MOST_SAID]]
    return {
        "loss_before": before.loss, "loss_after": after.loss, "count": observer.probe.count,
        "changed": len(moved), "changes": changes,
    }  # fmt: skip


def _name(label: int, classes: Sequence[str] | None) -> str:
    return classes[label] if classes and label < len(classes) else str(label)
