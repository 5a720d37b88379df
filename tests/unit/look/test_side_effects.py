"""Nothing that looks inside leaves a trace on the user's model, its inputs or the process."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import torchvis_widgets as tvw
from torchvis_widgets.look import picture

pytestmark = pytest.mark.filterwarnings("ignore:.*nested tensor.*")


class Digits(nn.Module):
    """BatchNorm, dropout and an in-place ReLU on the input itself."""

    def __init__(self) -> None:
        super().__init__()
        self.relu, self.conv = nn.ReLU(inplace=True), nn.Conv2d(1, 4, 3, padding=1)
        self.norm, self.drop, self.head = nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Linear(4 * 16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(self.norm(self.conv(self.relu(x)))).flatten(1))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.into, self.out = nn.Linear(8, 4, bias=False), nn.Linear(4, 8, bias=False)
        self.again = self.into
        self.back = nn.Linear(4, 8, bias=False)
        self.back.weight = self.out.weight
        self.out.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.back(self.again(self.out(self.into(x))))


class Hooked(nn.Module):
    """The user's own hooks, of every kind."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(8, 8), nn.Linear(8, 3)
        self.first.register_forward_pre_hook(lambda module, args, kwargs: (args, kwargs), with_kwargs=True)
        self.first.register_forward_hook(lambda module, args, output: output * 2)
        self.last.register_full_backward_hook(lambda module, given, got: None)
        self.last.register_full_backward_pre_hook(lambda module, got: None)
        self.last.weight.register_hook(lambda gradient: gradient)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x))


class Remembers(nn.Module):
    """Changes buffers and attributes in its forward, in place and by assignment."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 3)
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(8))
        self.calls, self.last = 0, None

    def forward(self, x: Tensor) -> Tensor:
        self.seen += 1
        self.mean = 0.9 * self.mean + 0.1 * x.mean(0)
        self.calls += 1
        self.last = output = self.linear(x - self.mean + self.calls)
        return output


class Draws(nn.Module):
    """Draws random numbers of every kind, in eval mode too."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.dropout(x, 0.5, training=True) + random.random() + float(np.random.rand())
        return self.linear(x + torch.randn_like(x))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.LSTM(8, 4, batch_first=True, dropout=0.3, num_layers=2), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0][:, -1])


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layers(x)[:, 0])


class Computed(nn.Module):
    """Weights computed from others: by a parametrization, and by the older weight_norm."""

    def __init__(self) -> None:
        super().__init__()
        self.new = nn.utils.parametrizations.spectral_norm(nn.Linear(8, 8))
        self.old, self.head = nn.Linear(8, 8), nn.Linear(8, 3)
        with pytest.warns(FutureWarning):
            nn.utils.weight_norm(self.old)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.old(self.new(x)))


class OwnCall(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 3)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **kwargs) * 2

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], str]] = {
    "digits": (Digits, (4, 1, 4, 4), "conv"),
    "tied and frozen": (Tied, (4, 8), "into"),
    "hooked": (Hooked, (4, 8), "first"),
    "remembers": (Remembers, (4, 8), "linear"),
    "draws": (Draws, (4, 8), "linear"),
    "recurrent": (Recurrent, (4, 5, 8), "rnn"),
    "encoder": (Encoder, (4, 5, 8), "layers.layers.1.self_attn"),
    "computed weights": (Computed, (4, 8), "old"),
    "own __call__": (OwnCall, (4, 8), "linear"),
}


def look_everywhere(model: nn.Module, x: Tensor, y: Tensor, key: str) -> None:
    graph = tvw.trace(model, x)
    assert str(graph)
    assert graph.to_dot()
    assert graph.to_dict()
    session = tvw.inspect(model, (x, y), criterion=nn.CrossEntropyLoss())
    assert session.graph is not None
    functions = [node.key for node in session.graph.nodes if node.kind == "function" and node.outputs]
    shown = session.activations([key, functions[-1]])
    for tensor in shown.values():
        picture(tensor[0])
    session.activations(functions[0], sample=1)
    session.gradients(key)
    session.gradients(key, 1, sample=slice(1, 3))
    where = {"head": 1} if "attn" in key else {"channel": 1}
    session.intervene(tvw.Intervention.zero(key, **where), tvw.Intervention.noise(functions[-1], 0.1), layer=key)
    for wrong in ("no such layer", f"{key}:7", f"{key}/nonsense"):
        with pytest.raises(tvw.look.LookError):
            session.activations(wrong)
    if "attn" in key:
        session.attention(key)
    session.close()


def of_tensors(model: nn.Module) -> list[Any]:
    named = [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]
    return [
        (name, id(t), t._version, t.requires_grad, t.dtype, t.detach().clone(), id(t.grad),
         None if t.grad is None else (t.grad._version, t.grad.clone()), len(t._backward_hooks or ()))
        for name, t in named
    ]  # fmt: skip


def of_modules(model: nn.Module) -> list[Any]:
    return [
        (name, type(module), module.training, {
            attribute: list(value.items()) if "hooks" in attribute and isinstance(value, dict) else id(value)
            for attribute, value in vars(module).items()
        })
        for name, module in model.named_modules(remove_duplicate=False)
    ]  # fmt: skip


def of_process() -> list[Any]:
    return [
        torch.get_rng_state(), random.getstate(), list(np.random.get_state()),
        torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_dtype(),
        torch.get_default_device(), torch.are_deterministic_algorithms_enabled(), torch.is_autocast_enabled("cpu"),
        torch.backends.mha.get_fastpath_enabled(), torch.backends.cudnn.enabled, torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic, torch.get_num_threads(), torch._C._len_torch_function_stack(),
        torch._C._len_torch_dispatch_stack(), torch.autograd.is_multithreading_enabled(),
        list(nn.modules.module._global_forward_hooks), list(nn.modules.module._global_forward_pre_hooks),
    ]  # fmt: skip


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor | np.ndarray):
        return type(one) is type(other) and bool((one == other).all())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    return bool(one == other)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", MODELS)
def test_everything_is_bit_for_bit_as_it_was(name: str, training: bool) -> None:
    make, shape, key = MODELS[name]
    model, x, y = make(), torch.randn(shape), torch.tensor([0, 1, 2, 0])
    model.train()
    F.cross_entropy(model(x.clone()), y).backward()
    model.train(training)
    for part in list(model.children())[:1]:
        part.train(not training)
    before, given = (of_tensors(model), of_modules(model), of_process()), (x.clone(), y.clone())
    look_everywhere(model, x, y, key)
    after = of_tensors(model), of_modules(model), of_process()
    for what, old, new in zip(("tensors", "modules", "process"), before, after, strict=True):
        assert same(old, new), what
    assert same((x, y), given)
    assert (x._version, y._version) == (0, 0)


@pytest.mark.parametrize("name", ["digits", "remembers", "encoder"])
def test_a_look_does_not_hang_on_the_looks_before(name: str) -> None:
    make, shape, key = MODELS[name]
    model, x = make(), torch.randn(shape)
    session = tvw.inspect(model, x)
    first = session.activations([key, ""])
    session.intervene(tvw.Intervention.zero(key), layer=key)
    session.gradients(key, 0)
    again = session.activations([key, ""], sample=slice(0, 4))
    fresh = tvw.inspect(model, x).activations([key, ""])
    for each in (key, ""):
        assert torch.equal(first[each], again[each])
        assert torch.equal(first[each], fresh[each])


def test_what_is_seen_is_what_the_model_itself_computes_in_eval_mode() -> None:
    model, x = Remembers(), torch.randn(4, 8)
    session = tvw.inspect(model, x)
    seen = [session.activations(""), session.activations("", sample=slice(0, 3))]
    with torch.no_grad():
        assert torch.allclose(seen[0], model.eval()(x), atol=1e-6)
    assert (model.calls, float(model.seen)) == (1, 1.0)
    # That pass of the user's own has changed the buffers, which every look follows; plain attributes it does not.
    shown = session.activations("")
    model.calls = 0
    with torch.no_grad():
        assert torch.allclose(shown, model(x), atol=1e-6)


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_in_every_mode_of_autograd(mode: Callable[[], Any]) -> None:
    make, shape, key = MODELS["digits"]
    model, x, y = make(), torch.randn(shape), torch.tensor([0, 1, 2, 0])
    expected = tvw.inspect(model, (x, y), criterion=nn.CrossEntropyLoss())
    plain, gradient = expected.activations("norm"), expected.gradients("norm")
    with mode():
        before = of_process()[:6]
        look_everywhere(model, x, y, key)
        session = tvw.inspect(model, (x.clone(), y.clone()), criterion=nn.CrossEntropyLoss())
        assert torch.equal(session.activations("norm"), plain)
        assert torch.equal(session.gradients("norm"), gradient)
        assert same(of_process()[:6], before)
    assert torch.equal(session.activations("conv", sample=1), expected.activations("conv", sample=1))
    assert not session.activations("conv").is_inference()


def test_when_the_model_raises_half_way_nothing_is_left_either() -> None:
    class Fails(Digits):
        def forward(self, x: Tensor) -> Tensor:
            super().forward(x)
            raise RuntimeError("no")

    model, x = Fails(), torch.randn(4, 1, 4, 4)
    before, given = (of_tensors(model), of_modules(model), of_process()), x.clone()
    with pytest.warns(RuntimeWarning, match="the model raised, and the graph ends there: RuntimeError: no"):
        graph = tvw.trace(model, x)
    assert graph.error is not None
    with pytest.raises(tvw.look.ProbeError):
        tvw.inspect(model, x)
    assert same((of_tensors(model), of_modules(model), of_process()), before)
    assert torch.equal(x, given)
