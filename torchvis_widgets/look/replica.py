"""Replica: the copy of a model that every view looks through, so that the user's model is never run by a view."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from torchvis_widgets.look.copying import attributes_kept, built, copied, quieted, refuse_lazy, unwrapped
from torchvis_widgets.look.errors import ReplicaError
from torchvis_widgets.look.leaves import map_tensors
from torchvis_widgets.look.randomness import RandomStateKept

if TYPE_CHECKING:
    from torchvis_widgets.look.probe import Probe

T = TypeVar("T")


def is_watch_hook(hook: Any) -> bool:
    """Whether a module hook is one of ours: it, or what torch wrapped it in, carries `is_watch_hook = True`."""
    return bool(getattr(hook, "is_watch_hook", False) or getattr(getattr(hook, "hook", None), "is_watch_hook", False))


def require_module(model: object, call: str) -> None:
    """Raises TypeError for anything but a module, with what `call` takes."""
    if not isinstance(model, nn.Module):
        hint = "pass an instance, such as Net()" if isinstance(model, type) else "pass the model itself"
        found = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        raise TypeError(f"{call}() takes a torch.nn.Module, found {found}; {hint}")


class Replica:
    """A copy of a model in eval mode that states are loaded into; `lock` is held around every load and forward.

    `draws_random_numbers` is None until the first whole forward pass has shown it. Raises ReplicaError where the model
    cannot be copied: then `factory`, a function that builds the model anew, gives the replica.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        factory: Callable[[], nn.Module] | None = None,
        device: torch.device | str | None = None,
        drop_hook: Callable[[Any], bool] = is_watch_hook,
    ) -> None:
        model = unwrapped(model)
        refuse_lazy(model)
        self.lock = threading.RLock()
        self.draws_random_numbers: bool | None = None
        self.trainable = frozenset(
            name for name, parameter in model.named_parameters(remove_duplicate=False) if parameter.requires_grad
        )
        with torch.inference_mode(False):  # tensors made in inference mode could not be changed afterwards
            self.module = quieted(built(factory) if factory else copied(model, device), drop_hook)
            if device is not None:
                self.module.to(device)
        self._fuses = any(isinstance(part, _FUSING) for part in self.module.modules())
        self._tensors = _named_tensors(self.module)
        self.devices = list(dict.fromkeys(each.device for each in self._tensors.values())) or [torch.device("cpu")]
        """The devices of the replica's tensors, the inputs' one first."""
        self._required = self._tensors.keys() & self.module.state_dict().keys()
        self._loaded: tuple[Hashable, int] | None = None
        if factory:
            self.load(_named_tensors(model), None)

    @property
    def device(self) -> torch.device:
        """Where inputs go: the device of the first parameter."""
        return self.devices[0]

    def holds(self, token: Hashable) -> bool:
        """Whether the state loaded last came with this token and no forward pass has changed a buffer since."""
        return token is not None and self._loaded == (token, self._version())

    def load(self, state: Mapping[str, Tensor], token: Hashable) -> None:
        """Copy a state (parameter or buffer name → tensor) in, unless `token` says that it is in already.

        A token of None always loads. Raises ReplicaError when a tensor is missing or has another shape.
        """
        with self.lock:
            if self.holds(token):
                return
            self._check(state)
            self._loaded = None
            with torch.inference_mode(False), torch.no_grad():
                for name, tensor in self._tensors.items():
                    if name in state:
                        tensor.copy_(state[name])
            self._loaded = token, self._version()

    def forward(self, probe: Probe, samples: slice | None = None) -> Any:
        """The module's own output for the probe, or for some of its samples; raises whatever the module raises."""
        inputs = probe if samples is None else probe.samples(samples)
        return self.run(*self.moved((inputs.args, inputs.kwargs)))

    def run(self, args: Sequence[Any], kwargs: Mapping[str, Any], *, gradients: bool = False) -> Any:
        """The module's own output for inputs on its device; raises whatever the module raises."""
        each = every_module() if self._fuses else contextlib.nullcontext()
        with self.lock, self._randomness(), attributes_kept(self.module), each, _plain(gradients):
            return self.module(*args, **kwargs)

    def moved(self, value: T) -> T:
        """A nested value with copies of its tensors on the replica's device: a model may change its inputs in place."""
        copies: dict[int, Tensor] = {}  # a tensor that is given twice stays one

        def copy_of(tensor: Tensor) -> Tensor:
            if id(tensor) not in copies:
                copies[id(tensor)] = tensor.detach().to(self.device, copy=True)
            return copies[id(tensor)]

        with torch.inference_mode(False):
            moved: T = map_tensors(value, copy_of)
        return moved

    @contextlib.contextmanager
    def _randomness(self) -> Iterator[None]:
        if self.draws_random_numbers is False:
            yield  # another thread may be drawing: the process-wide state must not be touched, not even put back
            return
        with RandomStateKept(self.devices) as kept:
            yield
        # Not reached when the pass was stopped half-way: what comes after could still draw.
        self.draws_random_numbers = kept.drawn or bool(self.draws_random_numbers)

    def _version(self) -> int:
        return sum(tensor._version for tensor in self._tensors.values())

    def _check(self, state: Mapping[str, Tensor]) -> None:
        missing = sorted(self._required - state.keys())
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise ReplicaError(f"the state lacks {missing[0]!r}{more}", "Load a state of this very model.")
        for name, tensor in self._tensors.items():
            if name in state and state[name].shape != tensor.shape:
                found, expected = tuple(state[name].shape), tuple(tensor.shape)
                raise ReplicaError(
                    f"{name!r} has shape {found}, the model's is {expected}", "Load a state of this model."
                )


_FUSING = (nn.TransformerEncoder, nn.TransformerEncoderLayer, nn.MultiheadAttention)  # they have a fused path


class _EveryModule(TorchFunctionMode):
    """Changes nothing; being in a mode keeps nn.TransformerEncoder off its fused path, which calls no submodule."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def _plain(gradients: bool) -> Iterator[None]:
    with torch.inference_mode(False), torch.set_grad_enabled(gradients):
        yield


def every_module() -> contextlib.AbstractContextManager[Any]:
    """Within it nn.TransformerEncoder calls its submodules."""
    return contextlib.nullcontext() if torch._C._len_torch_function_stack() else _EveryModule()


def _named_tensors(module: nn.Module) -> dict[str, Tensor]:
    named: dict[str, Tensor] = dict(module.named_parameters(remove_duplicate=False))
    named.update(module.named_buffers(remove_duplicate=False))
    return named
