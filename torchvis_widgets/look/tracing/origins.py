"""Origins: which call made a tensor."""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

from torch import Tensor


class Origin(NamedTuple):
    """A tensor's maker: the key of the node, and which of its outputs."""

    node: str
    leaf: str


class Origins:
    """Remembers makers as long as their tensors live, and keeps no tensor alive."""

    def __init__(self) -> None:
        self._by_tensor: dict[int, tuple[weakref.ref[Tensor], Origin]] = {}
        self._by_storage: dict[int, tuple[weakref.ref[Any], Origin]] = {}

    def made(self, tensor: Tensor, origin: Origin) -> None:
        """`tensor` is new; it may be a view of what others made."""
        self._by_tensor[id(tensor)] = weakref.ref(tensor), origin
        if tensor._base is None:
            self._note_storage(tensor, origin)

    def changed(self, tensor: Tensor, origin: Origin) -> None:
        """`tensor` was changed in place, and what it is a view of with it."""
        for each in (tensor, tensor._base):
            if each is not None:
                self._by_tensor[id(each)] = weakref.ref(each), origin
        self._note_storage(tensor, origin)

    def of(self, tensor: Tensor) -> Origin | None:
        """The maker of this very tensor."""
        known = self._by_tensor.get(id(tensor))
        return known[1] if known is not None and known[0]() is tensor else None

    def of_memory(self, tensor: Tensor) -> Origin | None:
        """The maker of the memory that it looks at: as with what came through numpy."""
        storage = _storage(tensor)
        known = self._by_storage.get(storage._cdata) if storage is not None else None
        return known[1] if known is not None and known[0]() is not None else None

    def _note_storage(self, tensor: Tensor, origin: Origin) -> None:
        storage = _storage(tensor)
        if storage is not None:
            self._by_storage[storage._cdata] = weakref.ref(storage), origin


def _storage(tensor: Tensor) -> Any:
    try:
        return tensor.untyped_storage()
    except (NotImplementedError, RuntimeError):  # sparse ones, and those inside vmap, have none
        return None
