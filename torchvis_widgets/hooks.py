"""All that is attached to the user's objects, and how it comes off again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from torchvis_widgets.overhead import Overhead

Action = Callable[..., None]

_is_compiling, _is_traced = torch.compiler.is_compiling, torch.compiler.is_dynamo_compiling


class Hook:
    """A callable that never raises into the loop; after a failure, and in any copy of it, it does nothing.

    Copies matter: `copy.deepcopy(model)` (an averaged model, say) copies hooks too, and must not watch.
    """

    is_watch_hook = True

    def __init__(self, action: Action | None = None, on_error: Callable[[Exception], None] | None = None) -> None:
        self._action = action
        self._on_error = on_error

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Do what the hook is for, with whatever torch hands to hooks of its kind."""
        if self._action is None or _is_compiling():  # tracing a hook could fail in the user's own call
            return
        try:
            self._action(*args, **kwargs)
        except Exception as error:
            self._action = None
            if self._on_error is not None:
                self._on_error(error)

    def __deepcopy__(self, memo: dict[int, Any]) -> Hook:
        return Hook()

    def __reduce__(self) -> tuple[type[Hook], tuple[()]]:
        return Hook, ()


class Attachments:
    """The hooks of one session.

    on_error: hears of a hook that failed and was switched off.
    overhead: where the time that hooks take is counted.
    """

    def __init__(self, on_error: Callable[[Exception], None], overhead: Overhead) -> None:
        self._on_error, self._overhead = on_error, overhead
        self._handles: list[Any] = []

    def _hook(self, action: Action) -> Hook:
        return Hook(self._overhead.timed(action), self._on_error)

    def model_inputs(self, model: torch.nn.Module, action: Action) -> Callable[[], None]:
        """`action(args, kwargs)` before each forward pass of `model`; returns what takes it off."""
        hook = self._hook(lambda module, args, kwargs: action(args, kwargs))
        handle = model.register_forward_pre_hook(hook, with_kwargs=True)
        self._handles.append(handle)
        return handle.remove

    def criterion_calls(self, criterion: torch.nn.Module, action: Action) -> Callable[[], None]:
        """`action(criterion, args, output)` after each call of the criterion; returns what takes it off."""
        handle = criterion.register_forward_hook(self._hook(action))
        self._handles.append(handle)
        return handle.remove

    def optimizer_steps(
        self, concerns: Callable[[torch.optim.Optimizer], bool], *, before: Sequence[Action], after: Sequence[Action]
    ) -> None:
        """`before(optimizer, args, kwargs)` and `after(…)` around each step of whichever optimizer `concerns` us.

        The hooks are the process-wide ones: an optimizer that is made during the training is heard as well. There is
        one for all of `before` and one for all of `after`, as each costs every step; a failure switches off its part.
        """
        self._handles.append(register_optimizer_step_pre_hook(self._together(concerns, before)))
        self._handles.append(register_optimizer_step_post_hook(self._together(concerns, after)))

    def _together(self, concerns: Callable[[torch.optim.Optimizer], bool], actions: Sequence[Action]) -> Action:
        overhead, left = self._overhead, tuple(actions)

        def hook(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
            nonlocal left
            if _is_traced():  # tracing our part could fail in the user's own call
                return
            began = overhead.clock()
            try:
                for action in left if concerns(optimizer) else ():
                    try:
                        action(optimizer, args, kwargs)
                    except Exception as error:
                        left = tuple(each for each in left if each is not action)
                        self._on_error(error)
            except Exception as error:
                left = ()
                self._on_error(error)
            finally:
                overhead.spent += overhead.clock() - began

        return hook

    def remove(self) -> None:
        """Take every hook off again."""
        while self._handles:
            self._handles.pop().remove()
