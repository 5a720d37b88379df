"""listen: one pass of the replica for a listener that looks for keys; what it raises comes through the model."""

from __future__ import annotations

from typing import Any

from torchvis_widgets.look.capturing.keyring import Keyring
from torchvis_widgets.look.errors import ForwardError, OutOfMemory, in_words, out_of_memory
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica
from torchvis_widgets.look.tracing.walk import Call, Listener, Walk


class HaveAll(Exception):
    """A listener ends the pass with it."""


def listen(
    replica: Replica,
    inputs: Probe,
    keyring: Keyring,
    listener: Listener,
    *,
    functions: bool = False,
    operators: bool = False,
    gradients: bool = False,
) -> Any:
    """Run the inputs with `listener` told of the calls that the keys name; gives the model's output.

    functions, operators: tell of all of them, and of all modules. Raises what the listener raises, and ForwardError
    for what the model does.
    """
    heard = _Outspoken(listener)
    functions = functions or operators or keyring.functions
    run = _carry_out if operators or keyring.operators else None
    try:
        args, kwargs = replica.moved((inputs.args, inputs.kwargs))
        with replica.lock, Walk(replica.module, heard, modules=keyring.modules, functions=functions, run=run):
            output = replica.run(args, kwargs, gradients=gradients)
    except (Exception, _Through) as error:
        if heard.raised is None:
            raise _failed(error, inputs.count, keyring) from error
    raised, heard.raised = heard.raised, None
    if raised is None:
        return output
    try:
        raise raised.with_traceback(None)  # whose frames would keep the activations alive
    finally:
        del raised


def _carry_out(operator: Any, *args: Any, **kwargs: Any) -> Any:
    return operator(*args, **kwargs)


def _failed(error: BaseException, samples: int, keyring: Keyring) -> ForwardError:
    if out_of_memory(error):
        return OutOfMemory(samples)
    missing = keyring.missing()
    return ForwardError(
        f"the model raised {f'before reaching {missing[0]!r}' if missing else 'afterwards'}: {in_words(error)}",
        "Choose an earlier layer, or a probe that runs through the whole model.",
    )


class _Through(BaseException):
    """Ends the pass; no Exception, lest a model's own `except Exception` swallow it."""


class _Outspoken(Listener):
    """Another listener, what it raises kept: TorchScript makes a RuntimeError of every exception."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.raised: Exception | None = None

    def leave(self, call: Call, output: Any) -> Any:
        if self.raised is not None:  # what unwinds the pass calls functions too
            return output
        try:
            return self._listener.leave(call, output)
        except Exception as error:
            self.raised = error
        raise _Through
