"""unmet: why a whole pass did not yield an output that was asked for, and what to ask for instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, jit, nn

from torchvis_widgets.look.capturing.keyring import Keyring
from torchvis_widgets.look.capturing.listen import listen
from torchvis_widgets.look.errors import CaptureError, ForwardError, nearest
from torchvis_widgets.look.keys import Key
from torchvis_widgets.look.leaves import leaves
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica
from torchvis_widgets.look.tracing.module_table import CONTAINERS
from torchvis_widgets.look.tracing.walk import Call, Listener

_ANOTHER_LAYER = "Choose a layer that the forward pass calls in eval mode, or one of its children."
_MOST_NAMES = 8


def unmet(replica: Replica, inputs: Probe, keyring: Keyring, text: str) -> CaptureError:
    """Why `text`, one of the keys, was not met; runs the inputs once more to see what is called there instead."""
    key = keyring.keys[text]
    calls = keyring.seen[key.path, key.function]
    if calls:
        return _no_such_output(text, key, calls)
    place = str(key._replace(call=1, leaf=""))
    if key.function == "unseen":
        return CaptureError(
            f"{place!r} stands for what was made outside torch, where nothing is called", "Choose what reads it."
        )
    script = _scripted(keyring, key.path)
    if script is not None:
        return _inside_a_script(replica, inputs, place, script)
    module = keyring.module(key.path)
    if key.function:
        return _no_such_function(replica, inputs, place, key.path, module)
    return _never_called(replica, inputs, place, module)


def _no_such_output(text: str, key: Key, calls: list[list[str]]) -> CaptureError:
    place = str(key._replace(call=1, leaf=""))
    if key.call > len(calls):
        times = "once" if len(calls) == 1 else f"{len(calls)} times"
        return CaptureError(f"{place!r} is called {times}, call {key.call} was asked for", f"Ask for {place!r}.")
    tensors = [str(key._replace(leaf=each)) for each in calls[key.call - 1]]
    if not tensors:
        return CaptureError(f"{place!r} gives no tensor", _ANOTHER_LAYER)
    return CaptureError(f"the output of {place!r} has no tensor {key.leaf}", nearest(text, tensors))


def _inside_a_script(replica: Replica, inputs: Probe, place: str, script: str) -> CaptureError:
    inside = "the model, which is scripted" if not script else f"{script!r}, which is scripted"
    operators = _Overheard(script)
    _run(replica, inputs, operators, operators=True)
    names = _listed(operators.functions) or repr(script)
    return CaptureError(
        f"{place!r} is inside {inside}: TorchScript tells Python of no layer that it calls",
        f"Choose one of {names}, or look at the model as it was before torch.jit.script.",
    )


def _no_such_function(replica: Replica, inputs: Probe, place: str, path: str, module: nn.Module) -> CaptureError:
    heard = _Overheard(path)
    _run(replica, inputs, heard, operators=isinstance(module, jit.ScriptModule))
    reason = f"{place!r} is never called by the forward pass"
    if heard.functions:
        return CaptureError(reason, f"Called in {path or 'the model itself'!r} are {_listed(heard.functions)}.")
    return CaptureError(reason, "No function is called there by itself. " + _ANOTHER_LAYER)


def _never_called(replica: Replica, inputs: Probe, place: str, module: nn.Module) -> CaptureError:
    if isinstance(module, CONTAINERS):
        children = _listed([f"{place}.{name}" for name, _ in module.named_children()])
        remedy = f"Choose one of {children}." if children else _ANOTHER_LAYER
        return CaptureError(f"{place!r} is a {type(module).__name__}, which is never called itself", remedy)
    heard = _Overheard(place, {id(tensor) for tensor in (*module.parameters(False), *module.buffers(False))})
    _run(replica, inputs, heard)
    if heard.readers:
        return CaptureError(
            f"{place!r} is never called: {heard.readers[0]!r} reads its parameters", f"Choose {heard.readers[0]!r}."
        )
    return CaptureError(f"{place!r} is never called by the forward pass", _ANOTHER_LAYER)


def _run(replica: Replica, inputs: Probe, listener: Listener, *, operators: bool = False) -> None:
    try:
        listen(replica, inputs, Keyring(replica.module, []), listener, functions=True, operators=operators)
    except ForwardError:  # it ran a moment ago
        return


class _Overheard(Listener):
    """What is called in the module of `path`, and by whom some tensors are read."""

    def __init__(self, path: str, tensors: set[int] | None = None) -> None:
        self._path, self._tensors = path, tensors or set()
        self.functions: list[str] = []
        self.readers: list[str] = []

    def leave(self, call: Call, output: Any) -> Any:
        if call.function and call.path == self._path and any(True for _ in leaves(output)):
            self.functions.append(call.key())
        if call.function and any(id(tensor) in self._tensors for tensor in _given(call)):
            self.readers.append(call.key())
        return output


def _given(call: Call) -> Iterator[Tensor]:
    return (tensor for _, tensor in leaves((call.args, call.kwargs)))


def _scripted(keyring: Keyring, path: str) -> str | None:
    """The outermost scripted module that a path leads into, not the one at its end."""
    above = [""] if path else []
    steps = path.split(".")
    above += [".".join(steps[:depth]) for depth in range(1, len(steps))]
    return next((each for each in above if isinstance(keyring.module(each), jit.ScriptModule)), None)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(map(repr, names[:_MOST_NAMES])) + more
