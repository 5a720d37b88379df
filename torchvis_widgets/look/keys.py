"""Names of outputs: module path, `:n` for the n-th call (1-based, none for the first), then the leaf."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

_SUFFIX = re.compile(r"(?::(?P<call>[1-9]\d*))?(?P<leaf>\[.*\])?", re.DOTALL)


class Key(NamedTuple):
    """One output: of which module, at which call (1-based), and which tensor of a nested output ("" = the first)."""

    path: str
    call: int
    leaf: str

    def __str__(self) -> str:
        return f"{self.path}{f':{self.call}' if self.call > 1 else ''}{self.leaf}"


def parse_key(key: str, paths: Collection[str]) -> Key | None:
    """The parts of a key among a model's module paths, or None where no module fits."""
    # The longest path wins: ModuleDict allows names such as "a:2" or "a[0]".
    for path in sorted((path for path in paths if key.startswith(path)), key=len, reverse=True):
        match = _SUFFIX.fullmatch(key, len(path))
        if match:
            return Key(path, int(match["call"] or 1), match["leaf"] or "")
    return None
