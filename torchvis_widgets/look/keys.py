"""Names of outputs: module path, `/function` called inside it, `:n` for the n-th call (1-based), then the leaf."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

_SUFFIX = re.compile(r"(?:/(?P<function>[A-Za-z_][\w.]*))?(?::(?P<call>[1-9]\d*))?(?P<leaf>\[.*\])?", re.DOTALL)


class Key(NamedTuple):
    """One output: of which module or of which function inside it, at which call (1-based), and which of its tensors.

    `function` is "" for the module itself, and `leaf` is "" for the first tensor.
    """

    path: str
    function: str
    call: int
    leaf: str

    def __str__(self) -> str:
        function = f"/{self.function}" if self.function else ""
        return f"{self.path}{function}{f':{self.call}' if self.call > 1 else ''}{self.leaf}"


def parse_key(key: str, paths: Collection[str]) -> Key | None:
    """The parts of a key among a model's module paths, or None where no module fits."""
    # The longest path wins: ModuleDict allows names such as "a:2", "a[0]" or "a/b".
    for path in sorted((path for path in paths if key.startswith(path)), key=len, reverse=True):
        match = _SUFFIX.fullmatch(key, len(path))
        if match:
            return Key(path, match["function"] or "", int(match["call"] or 1), match["leaf"] or "")
    return None
