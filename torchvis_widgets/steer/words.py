"""An edit in words, as lists, marks and messages name it."""

from __future__ import annotations

from torchvis_widgets.steer.edits import Edit, Span, spans
from torchvis_widgets.steer.packed import Packed

__all__ = ["in_words", "place"]


def in_words(edit: Edit) -> str:
    """Such as "conv1.weight[3] × 0.5" or "the model 25 % toward step 40"; one line."""
    masked = f" ({int(edit.where.tensor().sum()):,} values)" if edit.where is not None else ""
    return f"{place(edit)}{masked} {_done(edit)}"


def place(edit: Edit) -> str:
    """What is edited: "conv1.weight[3, 0:2]"."""
    if not edit.tensor:
        return "the model"
    name = edit.tensor if edit.tensor.isprintable() else repr(edit.tensor)
    return name + (f"[{', '.join(map(_span, edit.index))}]" if edit.index else "")


def _span(entry: Span) -> str:
    return str(entry) if isinstance(entry, int) else "+".join(f"{first}:{last}" for first, last in spans(entry))


def _done(edit: Edit) -> str:
    value = edit.value
    if isinstance(value, Packed):
        return "= a tensor"
    if isinstance(value, tuple):
        return f"clamped to {value[0]:g} … {value[1]:g}"
    if value is None:
        return "re-initialised"
    texts = {
        "gain": f"× {value:g}",
        "shift": f"{'-' if value < 0 else '+'} {abs(value):g}",
        "set": f"= {value:g}",
        "noise": f"+ noise of {value:g} σ",
        "prune": f"smallest {100 * value:g} % to 0",
        "freeze": "frozen" if value else "let train",
        "blend": f"{100 * value:g} % toward step {edit.toward}",
    }
    return texts[edit.op]
