"""Tensors by name, and what is known of them beside their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from torchvis_widgets.session import Session

__all__ = ["class_names", "found", "frozen"]

MOST_FOUND = 50


def found(text: str, state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The tensors whose names hold all the words, shortest first, and how many there are."""
    words = text.lower().split()
    names = sorted((name for name in state if all(word in name.lower() for word in words)), key=len)
    shown = [{"name": name, "shape": list(state[name].shape)} for name in names[:MOST_FOUND]]
    return {"found": shown, "count": len(names)}


def frozen(session: Session, name: str) -> bool:
    """Whether a parameter of the model is kept from training."""
    parameters = {} if session.model is None else dict(session.model.named_parameters(remove_duplicate=False))
    return name in parameters and not parameters[name].requires_grad


def class_names(session: Session, name: str, count: int) -> Sequence[str]:
    """The classes' names for the channels of the model's last layer; nothing for others."""
    classes, modules = session.run.classes, session.graph.modules if session.graph is not None else ()
    last = [each.path for each in modules if each.parameters and not each.children][-1:]
    return classes if classes and len(classes) == count and name.rpartition(".")[0] in last else ()
