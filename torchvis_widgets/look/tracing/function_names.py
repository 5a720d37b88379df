"""What a function of torch is called in a graph: `x + y` and `torch.add` are both `add`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

# Attributes of a tensor that are tensors made from it; all others are only looked up.
_COMPUTED = frozenset({"T", "mT", "H", "mH", "real", "imag", "data"})

_OPERATORS = {
    "__radd__": "add",
    "__rmul__": "mul",
    "__truediv__": "div",
    "__rtruediv__": "rdiv",
    "__rdiv__": "rdiv",
    "__itruediv__": "div_",
    "__idiv__": "div_",
    "__iadd__": "add_",
    "__isub__": "sub_",
    "__imul__": "mul_",
    "__ipow__": "pow_",
    "__imod__": "remainder_",
    "__ifloordiv__": "floor_divide_",
    "__iand__": "bitwise_and_",
    "__ior__": "bitwise_or_",
    "__ixor__": "bitwise_xor_",
    "__mod__": "remainder",
    "__floordiv__": "floor_divide",
    "__and__": "bitwise_and",
    "__or__": "bitwise_or",
    "__xor__": "bitwise_xor",
    "__invert__": "bitwise_not",
}


def function_name(func: Callable[..., Any]) -> str:
    """The name, or "" for what only looks something up: a shape, a dtype, a device."""
    try:
        return _name(func)
    except TypeError:  # not hashable
        return _name.__wrapped__(func)


@functools.lru_cache(maxsize=4096)
def _name(func: Callable[..., Any]) -> str:
    name: str = getattr(func, "__name__", type(func).__name__)
    if name in ("__get__", "__set__", "__delete__"):
        attribute: str = getattr(getattr(func, "__self__", None), "__name__", "")
        return attribute if name == "__get__" and attribute in _COMPUTED else ""
    if type(func).__name__ in ("OpOverload", "OpOverloadPacket"):
        return str(getattr(func, "overloadpacket", func))  # torch.ops.torchvision.nms: "torchvision.nms"
    if name.startswith("__") and name.endswith("__"):
        return _OPERATORS.get(name, name.strip("_"))
    return name
