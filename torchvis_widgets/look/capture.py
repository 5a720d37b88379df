"""capture: the outputs asked for, copied inside one forward pass of the replica that stops once it has them."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from torchvis_widgets.look.errors import CaptureError, ForwardError, in_words
from torchvis_widgets.look.keys import Key, parse_key
from torchvis_widgets.look.leaves import leaves
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica
from torchvis_widgets.look.trace import nearest

_ANOTHER_LAYER = "Choose a layer that the forward pass calls in eval mode, or one of its children."


@dataclass(frozen=True)
class Capture:
    """Outputs by key, on the CPU, with their batch dimension; `stopped` when the pass ended early, having them all."""

    outputs: dict[str, Tensor]
    stopped: bool


def capture(replica: Replica, probe: Probe, keys: Iterable[str], *, samples: slice | None = None) -> Capture:
    """The outputs named by `keys` for the probe, or for some of its samples.

    A key without a leaf stands for the module's first tensor. Raises CaptureError for a key that yields nothing and
    ForwardError where the model itself raises first.
    """
    search = _Search(replica.module, list(keys))
    with replica.lock, search.hooked():
        try:
            replica.forward(probe, samples)
        except _HaveAll:
            return Capture(search.found, stopped=True)
        except CaptureError:
            raise
        except torch.cuda.OutOfMemoryError as error:
            raise ForwardError("the device ran out of memory", "Use fewer probe samples or a CPU replica.") from error
        except Exception as error:
            raise ForwardError(
                f"the model raised before reaching {search.missing()[0]!r}: {in_words(error)}",
                "Choose an earlier layer, or a probe that runs through the whole model.",
            ) from error
    for key in search.missing():
        raise search.explained(key)
    return Capture(search.found, stopped=False)


class _HaveAll(BaseException):
    """Ends the pass; no Exception, lest a model's own `except Exception` swallow it."""


@dataclass
class _Search:
    model: nn.Module
    keys: list[str]
    found: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._modules = dict(self.model.named_modules(remove_duplicate=False))
        self._parsed = {key: self._parse(key) for key in self.keys}
        self._wanted: dict[int, list[tuple[str, Key]]] = defaultdict(list)
        for key, parsed in self._parsed.items():
            self._wanted[id(self._modules[parsed.path])].append((key, parsed))
        self._seen: dict[int, list[list[str]]] = defaultdict(list)  # leaf paths of each call, for the error

    def missing(self) -> list[str]:
        return [key for key in self._parsed if key not in self.found]

    @contextlib.contextmanager
    def hooked(self) -> Iterator[None]:
        modules = {id(module): module for module in self._modules.values()}
        handles = [modules[number].register_forward_hook(self._take) for number in self._wanted]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _take(self, module: nn.Module, _args: Any, output: Any) -> None:
        tensors = dict(leaves(output))
        self._seen[id(module)].append(list(tensors))
        for key, parsed in self._wanted[id(module)]:
            if parsed.call == len(self._seen[id(module)]):
                leaf = tensors.get(parsed.leaf) if parsed.leaf else next(iter(tensors.values()), None)
                if leaf is not None:
                    self.found[key] = _copied(leaf, key)
        if not self.missing():
            raise _HaveAll

    def _parse(self, key: str) -> Key:
        parsed = parse_key(key, self._modules)
        if parsed is None:
            raise CaptureError(f"the model has no layer {key!r}", nearest(key, list(self._modules)))
        return parsed

    def explained(self, key: str) -> CaptureError:
        path, call, leaf = self._parsed[key]
        calls = self._seen[id(self._modules[path])]
        if not calls:
            return CaptureError(f"{path!r} is never called by the forward pass", _ANOTHER_LAYER)
        if call > len(calls):
            times = "once" if len(calls) == 1 else f"{len(calls)} times"
            return CaptureError(f"{path!r} is called {times}, call {call} was asked for", f"Ask for {path!r}.")
        tensors = [str(Key(path, call, each)) for each in calls[call - 1]]
        if not tensors:
            return CaptureError(f"{path!r} gives no tensor", _ANOTHER_LAYER)
        return CaptureError(f"the output of {path!r} has no tensor {leaf}", nearest(key, tensors))


def _copied(tensor: Tensor, key: str) -> Tensor:
    """An own dense copy on the CPU: the next module may change the output in place."""
    if tensor.is_meta:
        raise CaptureError(f"{key!r} is on the meta device and has no values", "Give the model real weights.")
    tensor = tensor.detach()
    if tensor.is_quantized:
        return tensor.dequantize().cpu()
    if tensor.layout != torch.strided:
        return tensor.to_dense().cpu()
    return tensor.to("cpu", copy=True)
