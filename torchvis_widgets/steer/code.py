"""Edits as a piece of Python that needs nothing but torch, and gives the same bits."""

from __future__ import annotations

import base64
import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from torchvis_widgets.steer import arithmetic
from torchvis_widgets.steer.edits import Edit, Span, spans
from torchvis_widgets.steer.packed import Packed, unpacked
from torchvis_widgets.steer.region import is_several
from torchvis_widgets.steer.transaction import Transaction
from torchvis_widgets.steer.words import in_words

__all__ = ["code"]

_EDIT = '''def edit(w, change, at=..., where=None, there=None):
    """Change w[at], or of that only where a mask is true; computed in float32 at least."""
    others = () if there is None else (picked(there.to(w.device), at, where),)
    new = change(picked(w, at, where), *others).to(w.device, w.dtype)
    part = new if where is None else w[at].clone()
    if where is not None:
        part[where.to(w.device)] = new
    w[at] = part


def picked(w, at, where):
    """The values of w[at], where the mask is true."""
    return wide(w[at] if where is None else w[at][where.to(w.device)])
'''
_WIDTH = 96  # of a line of base64


def code(transactions: Sequence[Transaction], run: str) -> str:
    """The text of a module with `apply_edits(state_dict)`; `run` is the directory that snapshots are loaded from."""
    body = [line for each in transactions for line in _lines(each, run)]
    helpers = _helpers("\n".join(body))
    steps = textwrap.indent("\n".join([*body, "return state_dict"]), "    ")
    function = (
        "@torch.no_grad()\ndef apply_edits(state_dict):\n"
        f'    """Make {len(transactions)} edits in place, oldest first: apply_edits(model.state_dict())."""\n{steps}\n'
    )
    return "\n\n".join([_imports("\n".join([*body, *helpers])), *helpers, function])


def _helpers(text: str) -> list[str]:
    """The sources of what is called in `text`."""
    found = []
    for name, source in [("edit", _EDIT), *((each.__name__, inspect.getsource(each)) for each in _FUNCTIONS)]:
        if f"{name}(" in text:
            found.append(source)
            text += source
    return found


# Each before what it calls itself.
_FUNCTIONS: tuple[Callable[..., Any], ...] = (
    arithmetic.noisy, arithmetic.pruned, arithmetic.blended, arithmetic.floats, unpacked,
    arithmetic.spread, arithmetic.wide,
)  # fmt: skip


def _imports(text: str) -> str:
    wanted = {
        "import base64": "base64." in text,
        "import math": "math." in text,
        "import zlib": "zlib." in text,
        "from collections.abc import Mapping": "Mapping[" in text,
        "import numpy as np": "np." in text,
        "import torch": True,
        "from torch import Tensor": True,
        "import torchvis_widgets as tvw": "tvw." in text,
    }
    return (
        "from __future__ import annotations\n\n" + "\n".join(name for name, needed in wanted.items() if needed) + "\n"
    )


def _lines(transaction: Transaction, run: str) -> list[str]:
    edit = transaction.edit
    said = f"# {in_words(edit)}, at step {transaction.step}"
    if edit.op == "freeze":
        return [f"{said}: requires_grad = {not edit.value}, which a state_dict does not hold"]
    if not edit.tensor:
        there = _snapshot(edit, run)
        return [
            said, f"there = {there}", "for name in floats(state_dict):",
            f"    edit(state_dict[name], {_change(edit)}, there=there[name])",
        ]  # fmt: skip
    lines = [said, f"w = state_dict[{edit.tensor!r}]", *_arguments(transaction, run)]
    names = [name for name in ("at", "where", "there") if any(line.startswith(f"{name} = ") for line in lines)]
    lines.append(f"edit({', '.join(['w', _change(edit), *(f'{name}={name}' for name in names)])})")
    others = [name for name in transaction.tied if name != edit.tensor]
    if others:
        lines += [f"for name in {others!r}:  # the same tensor", "    if name in state_dict:",
                  "        state_dict[name].copy_(w)"]  # fmt: skip
    return lines


def _arguments(transaction: Transaction, run: str) -> list[str]:
    edit, recipe = transaction.edit, transaction.recipe
    lines = []
    if edit.index:
        lines.append(f"at = {_at(edit)}")
    if edit.where is not None:
        lines += _unpacked("where", edit.where)
    if isinstance(edit.value, Packed):
        lines += _unpacked("value", edit.value)
    if edit.op == "blend":
        lines.append(f"there = {_snapshot(edit, run)}[{edit.tensor!r}]")
    if recipe is not None:
        drawn = recipe.code("w.shape", edit.seed)
        lines += [f"there = {drawn}"] if drawn is not None else _unpacked("there", recipe.values)
    return lines


def _at(edit: Edit) -> str:
    several = any(is_several(entry) for entry in edit.index or ())
    entries = [_entry(entry, several) for entry in edit.index or ()]
    return f"({', '.join(entries)},)" if len(entries) == 1 else f"({', '.join(entries)})"


def _entry(entry: Span, several: bool) -> str:
    if is_several(entry):
        return str([place for first, last in spans(entry) for place in range(first, last)])
    if isinstance(entry, int) and not several:
        return str(entry)
    return f"slice({spans(entry)[0][0]}, {spans(entry)[0][1]})"


def _change(edit: Edit) -> str:
    value = edit.value
    if isinstance(value, Packed):
        return "lambda x: value"
    if isinstance(value, tuple):
        return f"lambda x: x.clamp({value[0]!r}, {value[1]!r})"
    changes = {
        "gain": f"lambda x: x * {value!r}",
        "shift": f"lambda x: x + {value!r}",
        "set": f"lambda x: torch.full_like(x, {value!r})",
        "noise": f"lambda x: noisy(x, {value!r}, {edit.seed})",
        "prune": f"lambda x: pruned(x, {value!r})",
        "reinit": "lambda x, there: there",
        "blend": f"lambda x, there: blended(x, there, {value!r})",
    }
    return changes[edit.op]


def _snapshot(edit: Edit, run: str) -> str:
    branch = "" if edit.branch is None else f", branch={edit.branch}"
    return f"tvw.Run({run!r}).state_dict(step={edit.toward}{branch})"


def _unpacked(name: str, packed: Packed | None) -> list[str]:
    assert packed is not None
    text = base64.b64encode(packed.data).decode()
    lines = [f"    {part!r}" for part in textwrap.wrap(text, _WIDTH)]
    return [f"{name} = unpacked(base64.b64decode(", *lines, f"), {packed.shape}, {packed.dtype!r})"]
