"""Keyring: the outputs that are asked for, found among the calls of a walk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor, nn

from torchvis_widgets.look.errors import CaptureError, nearest
from torchvis_widgets.look.keys import Key, parse_key
from torchvis_widgets.look.leaves import leaves
from torchvis_widgets.look.tracing.walk import Call


class Keyring:
    """Keys of one model. Raises CaptureError for one whose module there is not."""

    def __init__(self, model: nn.Module, keys: Iterable[str]) -> None:
        self._modules: dict[str, nn.Module] = dict(model.named_modules(remove_duplicate=False))
        owners: dict[int, str] = {}
        for path, module in self._modules.items():
            owners.setdefault(id(module), path)
        self.keys = {text: self._parsed(text, owners) for text in keys}
        self._wanted: dict[tuple[str, str], list[str]] = defaultdict(list)
        for text, key in self.keys.items():
            self._wanted[key.path, key.function].append(text)
        self._missing = dict.fromkeys(self.keys)
        self.seen: dict[tuple[str, str], list[list[str]]] = defaultdict(list)
        """The leaves of each call, by path and function, of those that a key names."""

    @property
    def functions(self) -> bool:
        """Whether any of them names a function."""
        return any(key.function for key in self.keys.values())

    @property
    def operators(self) -> bool:
        """Whether any of them names an operator that only the dispatcher sees."""
        return any("." in key.function for key in self.keys.values())

    @property
    def modules(self) -> list[nn.Module]:
        """The modules that they name."""
        return list({id(m): m for m in (self._modules[key.path] for key in self.keys.values())}.values())

    def module(self, path: str) -> nn.Module:
        """The module of a path, as of a key; `get_submodule` is not for scripted ones."""
        return self._modules[path]

    def missing(self) -> list[str]:
        """The keys not met yet."""
        return list(self._missing)

    def met(self, call: Call, output: Any) -> Iterator[tuple[str, str, Tensor]]:
        """The (key, leaf, tensor) that this call has yielded."""
        texts = self._wanted.get((call.path, call.function))
        if texts is None:
            return
        tensors = dict(leaves(output))
        self.seen[call.path, call.function].append(list(tensors))
        for text in texts:
            key = self.keys[text]
            leaf = key.leaf or next(iter(tensors), "")
            if key.call == call.number and leaf in tensors:
                self._missing.pop(text, None)
                yield text, leaf, tensors[leaf]

    def _parsed(self, text: str, owners: dict[int, str]) -> Key:
        key = parse_key(text, self._modules)
        if key is None:
            raise CaptureError(f"the model has no layer {text!r}", nearest(text, list(self._modules)))
        return key._replace(path=owners[id(self._modules[key.path])])
