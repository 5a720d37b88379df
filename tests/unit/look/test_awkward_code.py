"""Models whose forward does odd things: recursion, views changed in place, other libraries, other modes of torch."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import torchvis_widgets as tvw
from tests.unit.look.passes import Parts, captured, pairs
from torchvis_widgets.look import CaptureError, Graph, Probe, ProbeError
from torchvis_widgets.look.tracing import recorder


@pytest.fixture
def x() -> Tensor:
    return torch.randn(3, 4)


@torch.no_grad()
def test_one_module_at_two_places(x: Tensor) -> None:
    class Shares(Parts):
        def forward(self, x: Tensor) -> Tensor:
            return self.after(self.before(x))

    shared = nn.Linear(4, 4)
    model = Shares(after=nn.Sequential(shared, nn.ReLU()), before=nn.Sequential(shared))
    graph = tvw.trace(model, x)
    assert graph["before.0"].note == "the same module as 'after.0'; called 2 times"
    assert graph["before.0"].keys == graph["after.0"].keys == ("after.0", "after.0:2")
    assert (graph.node("after.0").parent, graph.node("after.0:2").parent) == ("before", "after")
    assert graph[""].parameters == 20
    second, by_its_other_name = captured(model, ["after.0:2", "before.0:2"], x)
    assert torch.equal(second, shared(shared(x)))
    assert torch.equal(second, by_its_other_name)


@torch.no_grad()
def test_recursion(x: Tensor) -> None:
    class Recurses(Parts):
        def forward(self, x: Tensor, depth: int = 2) -> Tensor:
            return self(self.layer(x), depth - 1) + 1 if depth else x

    layer = nn.Linear(4, 4)
    graph = tvw.trace(Recurses(layer=layer), x)
    assert graph[""].keys == ("", ":2", ":3")
    assert [graph.node(key).parent for key in ("", ":2", ":3", "layer:2", "/add", "/add:2")] == [
        None,
        "",
        ":2",
        ":2",
        ":2",  # functions are counted as they return: the inner addition is the first
        "",
    ]
    assert ("/add", "/add:2") in pairs(graph)
    inner, outer = captured(Recurses(layer=layer), ["/add", ""], x)
    assert torch.equal(inner, layer(layer(x)) + 1)
    assert torch.equal(outer, inner + 1)


@torch.no_grad()
def test_forward_called_directly(x: Tensor) -> None:
    class Direct(Parts):
        def forward(self, x: Tensor) -> Tensor:
            return self.layer.forward(x) + self.layer(x)

    layer = nn.Linear(4, 4)
    graph = tvw.trace(Direct(layer=layer), x)
    assert graph["layer"].calls == 2
    assert {("layer/linear", "/add"), ("layer/linear:2", "/add")} <= pairs(graph)
    for output in captured(Direct(layer=layer), ["layer", "layer:2"], x):
        assert torch.equal(output, layer(x))


@torch.no_grad()
def test_the_user_s_own_hooks_have_their_effect(x: Tensor) -> None:
    layer = nn.Linear(4, 4)
    layer.register_forward_pre_hook(lambda module, args: (args[0] - 1,))
    layer.register_forward_hook(lambda module, args, output: output * 10)
    graph = tvw.trace(nn.Sequential(layer, nn.ReLU()), x)
    assert [node.key for node in graph.children("0")] == ["0/sub", "0/linear", "0/mul"]
    assert ("0/mul", "1/relu") in pairs(graph)
    plain, after = captured(nn.Sequential(layer, nn.ReLU()), ["0/linear", "0"], x)
    assert torch.equal(plain, F.linear(x - 1, layer.weight, layer.bias))
    assert torch.equal(after, plain * 10)


class Doubles(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * 2


@torch.no_grad()
def test_a_custom_autograd_function(x: Tensor) -> None:
    class Custom(Parts):
        def forward(self, x: Tensor) -> Tensor:
            return Doubles.apply(self.layer(x)) + 1

    layer = nn.Linear(4, 4)
    graph = tvw.trace(Custom(layer=layer), x)
    way = [("input:x", "layer/linear"), ("layer/linear", "/mul"), ("/mul", "/add"), ("/add", "output:")]
    assert pairs(graph) == set(way)
    assert torch.equal(captured(Custom(layer=layer), ["/mul"], x)[0], layer(x) * 2)


@torch.no_grad()
def test_what_is_changed_through_a_view_is_changed_in_its_base(x: Tensor) -> None:
    class Writes(Parts):
        def forward(self, x: Tensor) -> Tensor:
            y = self.layer(x)
            first = y[:, 0]
            first += 1
            y[:, 1] = x[:, 3] * 5
            left, right = y.chunk(2, dim=1)
            left.relu_()
            made = torch.empty(3, 4)
            torch.add(y, right.sum(), out=made)
            return made

    layer = nn.Linear(4, 4)
    model = Writes(layer=layer)
    graph = tvw.trace(model, x)
    assert {
        ("layer/linear", "/getitem"),
        ("/getitem", "/add_"),
        ("/add_", "/setitem"),  # the whole of y, which has another column now
        ("/mul", "/setitem"),
        ("/setitem", "/chunk"),
        ("/chunk", "/relu_"),
        ("/relu_", "/add"),
        ("/chunk", "/sum"),
        ("/sum", "/add"),
        ("/add", "output:"),
    } <= pairs(graph)
    linear, first, written, whole = captured(model, ["layer", "/add_", "/setitem", ""], x)
    expected = layer(x)
    assert torch.equal(linear, expected)  # as it was before all that
    expected[:, 0] += 1
    assert torch.equal(first, expected[:, 0])
    expected[:, 1] = x[:, 3] * 5
    assert torch.equal(written, expected)
    expected[:, :2].relu_()
    assert torch.equal(whole, expected + expected[:, 2:].sum())


def test_parts_that_give_no_tensor(x: Tensor) -> None:
    class Gives(nn.Module):
        def __init__(self, value: Any) -> None:
            super().__init__()
            self.value = value

        def forward(self, x: Tensor) -> Any:
            return self.value

    class Model(Parts):
        def forward(self, x: Tensor) -> str:
            self.nothing(x)
            return self.words(x)

    model = Model(nothing=Gives(None), words=Gives("cat"))
    graph = tvw.trace(model, x)
    assert [graph[path].note for path in ("", "nothing", "words")] == ["gives no tensor"] * 3
    assert graph.edges == ()
    with pytest.raises(CaptureError, match="'words' gives no tensor"):
        captured(model, ["words"], x)


def test_inputs_without_tensors() -> None:
    class Makes(Parts):
        def forward(self, count: int, name: str = "") -> Tensor:
            return self.layer(torch.arange(4.0) * count)

    model = Makes(layer=nn.Linear(4, 2))
    graph = tvw.trace(model, 3, name="x")
    assert pairs(graph) == {("/arange", "/mul"), ("/mul", "layer/linear"), ("layer/linear", "output:")}
    with pytest.raises(ProbeError, match=r"hold no batch of samples \(found int, str\)"):
        Probe((3,), {"name": "x"})


@torch.no_grad()
def test_numpy_in_between(x: Tensor) -> None:
    class Leaves(Parts):
        def forward(self, x: Tensor) -> Tensor:
            return self.layer(torch.from_numpy(np.sin(self.layer(x).detach().numpy())))

    layer = nn.Linear(4, 4)
    graph = tvw.trace(Leaves(layer=layer), x)
    unseen = graph.node("/unseen")
    assert unseen.note == "made outside torch, of values that had left it"
    assert ("/detach", unseen.key) in pairs(graph)
    first, second = captured(Leaves(layer=layer), ["layer", "layer:2"], x)
    with pytest.raises(CaptureError, match=r"made outside torch, where nothing is called\. Choose"):
        captured(Leaves(layer=layer), ["/unseen"], x)
    assert torch.allclose(second, layer(first.sin()), atol=1e-6)


@torch.no_grad()
def test_functional_call_with_other_weights(x: Tensor) -> None:
    class Calls(Parts):
        def forward(self, x: Tensor) -> Tensor:
            weights = {"weight": self.layer.weight * 2, "bias": self.layer.bias}
            return torch.func.functional_call(self.layer, weights, (x,))

    layer = nn.Linear(4, 4)
    graph = tvw.trace(Calls(layer=layer), x)
    assert pairs(graph) == {("input:x", "layer/linear"), ("/mul", "layer/linear"), ("layer/linear", "output:")}
    assert torch.equal(captured(Calls(layer=layer), ["layer"], x)[0], F.linear(x, layer.weight * 2, layer.bias))


@torch.no_grad()
def test_vmap_shows_what_is_around_it(x: Tensor) -> None:
    class Maps(Parts):
        def forward(self, x: Tensor) -> Tensor:
            return torch.func.vmap(lambda row: self.layer(row) * 2)(x) + 1

    layer = nn.Linear(4, 4)
    model = Maps(layer=layer)
    graph = tvw.trace(model, x)
    assert graph.error is None
    assert graph["layer"].calls == 1
    assert ("layer/linear", "/mul") in pairs(graph)
    assert torch.allclose(captured(model, ["/add"], x)[0], layer(x) * 2 + 1, atol=1e-6)
    with pytest.raises(CaptureError, match=r"'layer' is inside torch.func.vmap"):
        captured(model, ["layer"], x)


@torch.no_grad()
def test_random_numbers_are_drawn_without_the_user_s_noticing(x: Tensor) -> None:
    class Draws(Parts):
        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x) + torch.randn(4) * random.random() * np.random.rand()

    model = Draws(layer=nn.Linear(4, 4))
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    graph = tvw.trace(model, x)
    first, again = captured(model, [""], x), captured(model, [""], x)
    assert torch.equal(*first, *again)  # both draw what the user's next pass would
    after = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    assert ("/randn", "/mul") in pairs(graph)


@torch.no_grad()
def test_data_parallel_around_and_inside(x: Tensor) -> None:
    around = tvw.trace(nn.DataParallel(nn.Sequential(nn.Linear(4, 4), nn.ReLU())), x)
    assert [module.path for module in around.modules] == ["", "0", "1"]
    model = nn.Sequential(nn.Linear(4, 4), nn.DataParallel(nn.Linear(4, 2)))
    graph = tvw.trace(model, x)
    assert ("0/linear", "1.module/linear") in pairs(graph)
    first, second = captured(model, ["0", "1.module"], x)
    assert torch.equal(second, model[1].module(first))


@torch.no_grad()
def test_a_buffer_changed_by_the_pass(x: Tensor) -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return x * self.calls

    model = Counts()
    graph = tvw.trace(model, x)
    assert graph.node("/add_").reads == ("calls",)
    assert ("/add_", "/mul") in pairs(graph)
    for _ in range(2):  # always the pass that would be the user's next
        assert torch.equal(captured(model, [""], x)[0], x)
    assert model.calls == 0


@torch.no_grad()
def test_names_that_look_like_keys(x: Tensor) -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = nn.ModuleDict({name: nn.Linear(4, 4) for name in ("a/b", "a", "a:2", "a[0]")})

        def forward(self, x: Tensor) -> Tensor:
            for part in self.parts.values():
                x = part(x)
            return x

    model = Named()
    graph = tvw.trace(model, x)
    keys = ["parts.a/b", "parts.a", "parts.a:2", "parts.a[0]", "parts.a:2/linear"]
    outputs = captured(model, keys, x)
    expected = x
    for name, key, output in zip(("a/b", "a", "a:2", "a[0]"), keys, outputs, strict=False):
        expected = model.parts[name](expected)
        assert torch.equal(output, expected)
        assert graph[key].keys[0] == key
    assert torch.equal(outputs[4], outputs[2])


@torch.no_grad()
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors is in prototype stage")
@pytest.mark.parametrize("layout", [torch.strided, torch.jagged], ids=str)
def test_nested_tensors(x: Tensor, layout: torch.layout) -> None:
    class Nests(Parts):
        def forward(self, x: Tensor) -> Tensor:
            nested = torch.nested.nested_tensor([x[:1], x[1:]], layout=layout)
            return torch.nested.to_padded_tensor(self.layer(nested), 0.0) + 1

    layer = nn.Linear(4, 5)
    graph = tvw.trace(Nests(layer=layer), x)
    assert graph.error is None
    assert graph.node("layer").outputs[0].shape == (2, -1, 5)
    assert ("layer/linear", "/nested_to_padded_tensor") in pairs(graph)
    assert Graph.from_dict(json.loads(json.dumps(graph.to_dict()))) == graph
    (padded,) = captured(Nests(layer=layer), ["layer"], x)
    assert torch.allclose(padded[0, 0], layer(x[0]), atol=1e-6)
    assert torch.equal(padded[0, 1], torch.zeros(5))
    assert torch.allclose(padded[1], layer(x[1:]), atol=1e-6)


def test_of_a_pass_that_is_too_long_the_beginning(x: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    class Goes(Parts):
        def forward(self, x: Tensor) -> Tensor:
            for _ in range(50):
                x = x + 1
            return self.layer(x)

    monkeypatch.setattr(recorder, "MOST_NODES", 20)
    graph = tvw.trace(Goes(layer=nn.Linear(4, 4)), x)
    assert graph.error is not None
    assert "calls; the graph ends there" in graph.error
    keys = {node.key for node in graph.nodes}
    assert len(keys) <= 21
    assert all({edge.source, edge.target} <= keys for edge in graph.edges)
    assert graph.to_dot()


def test_what_is_called_on_another_thread_is_not_told_and_disturbs_nothing(x: Tensor) -> None:
    class Threaded(Parts):
        def forward(self, x: Tensor) -> Tensor:
            found: list[Tensor] = []

            def work() -> None:
                with torch.no_grad():
                    found.append(self.beside(x))

            self.layer.register_forward_pre_hook(lambda *_: _on_a_thread(work))
            return self.layer(x) + found[0]

    model = Threaded(layer=nn.Linear(4, 4), beside=nn.Linear(4, 4))
    graph = tvw.trace(model, x)
    assert (graph.error, graph["beside"].calls, graph.node("layer").parent) == (None, 0, "")
    (output,) = captured(model, ["layer/linear"], x)
    assert torch.equal(output, model.layer(x))


def _on_a_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
