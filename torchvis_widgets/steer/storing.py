"""Transactions as they are stored in a run, and read from it."""

from __future__ import annotations

import json
from typing import Any

from torchvis_widgets.record.edits import Edited
from torchvis_widgets.steer.edits import Edit
from torchvis_widgets.steer.packed import Packed
from torchvis_widgets.steer.recipe import Recipe
from torchvis_widgets.steer.transaction import Transaction, Turn
from torchvis_widgets.steer.words import in_words

__all__ = ["stored", "transaction_of"]


def stored(done: Transaction) -> Edited:
    """What the run's database holds of a transaction: all but the bits that undo() needs."""
    edit, recipe = done.edit, done.recipe
    content = edit.value if isinstance(edit.value, Packed) else recipe.values if recipe is not None else None
    about = {
        "index": edit.index, "seed": edit.seed, "toward": edit.toward, "branch": edit.branch,
        "value": None if isinstance(edit.value, Packed) else edit.value,
        "reset_optimizer": edit.reset_optimizer, "tied": done.tied,
        "where": _shape(edit.where), "content": _shape(content),
        "recipe": None if recipe is None else [recipe.kind, recipe.a, recipe.b],
    }  # fmt: skip
    return Edited(
        done.step, done.epoch, done.time, edit.tensor, edit.op, in_words(edit), json.dumps(about),
        None if edit.where is None else edit.where.data, None if content is None else content.data,
        tuple((turn.step, turn.time, turn.branch) for turn in done.turns), done.branch,
    )  # fmt: skip


def transaction_of(number: int, edited: Edited, undone: bool) -> Transaction:
    """The transaction that was stored."""
    about = json.loads(edited.edit)
    content = _packed(about["content"], edited.content)
    recipe = about["recipe"]
    edit = Edit(
        edited.tensor, edited.op, _tuples(about["index"]),  # type: ignore[arg-type]
        content if edited.op == "set" and content is not None else _tuples(about["value"]),
        about["seed"], about["toward"], about["branch"], _packed(about["where"], edited.mask),
        about["reset_optimizer"],
    )  # fmt: skip
    return Transaction(
        number, edit, edited.step, edited.epoch, edited.time, edited.branch, tuple(about["tied"]),
        None if recipe is None else Recipe(recipe[0], recipe[1], recipe[2], content),
        [Turn(*turn) for turn in edited.turns], undone,
    )  # fmt: skip


def _shape(packed: Packed | None) -> list[Any] | None:
    return None if packed is None else [packed.shape, packed.dtype]


def _packed(shape: list[Any] | None, data: bytes | None) -> Packed | None:
    return None if shape is None or data is None else Packed(tuple(shape[0]), shape[1], data)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
