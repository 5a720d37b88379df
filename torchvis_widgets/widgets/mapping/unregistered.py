"""Modules that torch does not know of, as they are in a plain list: no optimizer gets their parameters."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn


def unregistered(model: nn.Module) -> dict[str, str]:
    """Module path → what it holds in plain lists, tuples and dicts that is nowhere registered, in words."""
    known = {id(each) for each in model.modules()}
    found = {path: "; ".join(_of(module, known)) for path, module in model.named_modules()}
    return {path: text for path, text in found.items() if text}


def _of(module: nn.Module, known: set[int]) -> Iterator[str]:
    for name, value in vars(module).items():
        if name.startswith("_") or not isinstance(value, list | tuple | dict):
            continue
        held = value.values() if isinstance(value, dict) else value
        count = sum(isinstance(each, nn.Module) and id(each) not in known for each in held)
        if count:
            which, instead = ("module" if count == 1 else "modules"), type(value).__name__
            proper = "nn.ModuleDict" if instead == "dict" else "nn.ModuleList"
            yield f"{count} {which} in the {instead} {name!r} hidden from the optimizer: make it an {proper}"
