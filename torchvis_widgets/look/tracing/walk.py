"""Walk: one forward pass in which every call of a module or a function has its name, and may be changed."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from torchvis_widgets.look.keys import Key
from torchvis_widgets.look.tracing.function_names import function_name
from torchvis_widgets.look.tracing.sizes import any_nested

_EntersItself = torch.jit.ScriptModule  # takes neither another class nor another forward


@dataclass(eq=False)
class Call:
    """One call: of a module (`function` "") or of a function inside the module of `path`.

    `number` counts the calls of this module, or of this function inside this module; a function's is known when it
    has returned.
    """

    path: str
    function: str
    type: str
    number: int
    parent: Call | None
    module: nn.Module | None
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    begun: bool = False
    notes: Any = None  # the listener's own

    def key(self, leaf: str = "") -> str:
        """The name of one of its outputs."""
        return str(Key(self.path, self.function, self.number, leaf))


class Listener:
    """What a walk tells, on the thread that runs the model; by itself it does nothing about it."""

    def enter(self, call: Call) -> None:
        """A call begins."""

    def leave(self, call: Call, output: Any) -> Any:
        """A call has returned `output`; what is given back here goes on in its place."""
        return output

    def failed(self, call: Call, error: Exception) -> None:
        """A call raised; the innermost is told first."""


class Walk:
    """A context manager: passes run within it are told to `listener`.

    modules: those to tell of, all by default. Calls of functions are told too where `functions`, and then all modules
    have to be followed. `run` carries out an operator of the dispatcher; with it operators are told that run outside
    of any function that torch shows to Python, in a scripted module for example, by names such as "aten.mul". What the
    model calls on other threads is not told: nothing says in which of the calls under way it was begun.
    """

    def __init__(
        self,
        model: nn.Module,
        listener: Listener,
        *,
        modules: Iterable[nn.Module] | None = None,
        functions: bool = True,
        run: Callable[..., Any] | None = None,
    ) -> None:
        self._listener = listener
        self._modules = list(model.modules() if modules is None or functions else modules)
        self._paths = _paths(model, {id(module) for module in self._modules})
        self._functions, self._run = functions, run
        self._stack: list[Call] = []
        self._module_calls: dict[int, int] = defaultdict(int)
        self._function_calls: dict[tuple[str, str], int] = defaultdict(int)
        self._overriding: set[int] = set()
        self._untold = False
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> Walk:
        self._thread = threading.get_ident()
        with contextlib.ExitStack() as undo:
            for module in self._modules:
                self._follow(module, undo)
            if self._run is not None:
                undo.enter_context(_Operators(self, self._run))
            if self._functions:
                undo.enter_context(_Functions(self))
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._undo.close()

    # Functions and operators

    def call(self, name: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Carry out a function, told by its name."""
        if self._untold:  # inside another function, or the listener's own
            return func(*args, **kwargs)
        parent = self._stack[-1] if self._stack else None
        call = Call(parent.path if parent else "", name, name, 0, parent, None, args, kwargs)
        self._untold = True
        try:
            self._listener.enter(call)
            try:
                output = func(*args, **kwargs)
            except Exception as error:
                self._number(call)
                self._listener.failed(call, error)
                raise
            self._number(call)
            return self._listener.leave(call, output)
        finally:
            self._untold = False

    def _number(self, call: Call) -> None:
        self._function_calls[call.path, call.function] += 1
        call.number = self._function_calls[call.path, call.function]

    # Modules

    def _follow(self, module: nn.Module, undo: contextlib.ExitStack) -> None:
        # Not module.register_…(): a scripted module refuses it, and runs its hooks all the same.
        pre = nn.Module.register_forward_pre_hook(module, self._before, prepend=True, with_kwargs=True)
        undo.callback(pre.remove)
        undo.callback(nn.Module.register_forward_hook(module, self._after).remove)
        if isinstance(module, _EntersItself):
            return
        undo.enter_context(self._forward_followed(module))
        if type(module).__call__ is not nn.Module.__call__:
            undo.enter_context(self._call_followed(module))

    def _before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self._tells(module):
            self._enter(module, args, kwargs)

    def _after(self, module: nn.Module, _args: Any, output: Any) -> Any:
        if not self._tells(module):
            return None
        changed = self._leave(self._innermost(module), output)
        return None if changed is output else changed

    @contextlib.contextmanager
    def _forward_followed(self, module: nn.Module) -> Iterator[None]:
        """Sees `module.forward(…)` called directly, which runs no hook, and where the pass raises."""
        own = "forward" in vars(module)
        original = module.forward

        @functools.wraps(original)
        def forward(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != self._thread:
                return original(*args, **kwargs)
            call = self._stack[-1] if self._stack else None
            hooked = id(module) in self._overriding or (call is not None and call.module is module and not call.begun)
            if call is None or not hooked:
                call = self._enter(module, args, kwargs)
            call.begun, call.args, call.kwargs = True, args, kwargs  # as the module's own hooks have changed them
            try:
                output = original(*args, **kwargs)
            except Exception as error:
                self._fail(call, error)
                raise
            return output if hooked else self._leave(call, output)

        vars(module)["forward"] = forward
        try:
            yield
        finally:
            if own:
                vars(module)["forward"] = original
            else:
                del vars(module)["forward"]

    @contextlib.contextmanager
    def _call_followed(self, module: nn.Module) -> Iterator[None]:
        """Sees the calls of a module whose class has a `__call__` of its own, which need not run any hook."""
        original: Any = type(module)
        walk = self

        class Followed(original):  # type: ignore[misc]  # the base is known at run time only
            def __call__(self, *args: Any, **kwargs: Any) -> Any:
                if not walk._tells(self):
                    return super().__call__(*args, **kwargs)
                call = walk._enter(self, args, kwargs)
                walk._overriding.add(id(self))
                try:
                    output = super().__call__(*args, **kwargs)
                except Exception as error:
                    walk._fail(call, error)
                    raise
                finally:
                    walk._overriding.discard(id(self))
                return walk._leave(call, output)

        Followed.__name__, Followed.__qualname__ = original.__name__, original.__qualname__
        module.__class__ = Followed
        try:
            yield
        finally:
            module.__class__ = original

    def _tells(self, module: nn.Module) -> bool:
        return id(module) not in self._overriding and threading.get_ident() == self._thread

    def _enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        self._module_calls[id(module)] += 1
        parent = self._stack[-1] if self._stack else None
        number = self._module_calls[id(module)]
        call = Call(self._paths[id(module)], "", class_name(module), number, parent, module, args, kwargs)
        self._stack.append(call)
        self._tell(self._listener.enter, call)
        return call

    def _leave(self, call: Call, output: Any) -> Any:
        self._end(call)
        return self._tell(self._listener.leave, call, output)

    def _fail(self, call: Call, error: Exception) -> None:
        if call in self._stack:
            self._end(call)
            self._tell(self._listener.failed, call, error)

    def _tell(self, tell: Callable[..., Any], *args: Any) -> Any:
        before, self._untold = self._untold, True
        try:
            with torch._C.DisableTorchFunction():  # to ask a tensor for its shape is no call
                return tell(*args)
        finally:
            self._untold = before

    def _end(self, call: Call) -> None:
        while self._stack and self._stack.pop() is not call:  # a scripted module that raised is still there
            pass

    def _innermost(self, module: nn.Module) -> Call:
        return next(call for call in reversed(self._stack) if call.module is module)


@functools.lru_cache(maxsize=4096)
def _has_parts(operator: Any) -> bool:
    return bool(operator._can_decompose())


def _paths(model: nn.Module, wanted: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for path, module in model.named_modules():
        if id(module) in wanted:
            found[id(module)] = path
            if len(found) == len(wanted):
                break
    return found


def class_name(module: nn.Module) -> str:
    """The name of a module's class; of a scripted one that of the class it was made of."""
    name: str = module.original_name if isinstance(module, torch.jit.ScriptModule) else type(module).__name__
    return name


class _Functions(TorchFunctionMode):
    """Tells the functions of torch that are called; a function's own inside is not told."""

    def __init__(self, walk: Walk) -> None:
        super().__init__()
        self._walk = walk

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = function_name(func)
        if not name:
            return func(*args, **(kwargs or {}))
        return self._walk.call(name, func, args, kwargs or {})


class _Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Tells the operators that run outside of any function."""

    def __init__(self, walk: Walk, run: Callable[..., Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._walk, self._run = walk, run

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # what is run is eager; and to tell it so, torch would first import its compiler, in two seconds

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._walk.call(function_name(func), functools.partial(self._carry_out, func), args, kwargs or {})

    def _carry_out(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        # batch_norm, and in inference mode many more: their parts are what is told. Those of nested tensors never end.
        if not any_nested(args) and _has_parts(func):
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        return self._run(func, *args, **kwargs)
