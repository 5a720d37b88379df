"""Models that are hard to look into, and what their users get to see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple
from unittest import mock

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.checkpoint import checkpoint

import torchvis_widgets as tvw
from tests.unit.look.passes import Parts, captured, pairs
from torchvis_widgets.look import CaptureError, ForwardError


@pytest.fixture
def x() -> Tensor:
    return torch.randn(3, 4)


@torch.no_grad()
def test_an_in_place_relu_after_a_captured_convolution() -> None:
    conv = nn.Conv2d(1, 2, 3)
    model, images = nn.Sequential(conv, nn.ReLU(inplace=True)), torch.randn(2, 1, 5, 5)
    before, inside, after = captured(model, ["0", "0/conv2d", "1"], images)
    assert torch.equal(before, conv(images))
    assert torch.equal(inside, before)
    assert torch.equal(after, before.relu())
    assert before.min() < 0
    graph = tvw.trace(model, images)
    assert pairs(graph) == {("input:input", "0/conv2d"), ("0/conv2d", "1/relu"), ("1/relu", "output:")}


@torch.no_grad()
def test_a_module_called_three_times(x: Tensor) -> None:
    class Thrice(Parts):
        def forward(self, x: Tensor) -> Tensor:
            first = self.layer(x)
            return self.layer(self.layer(first)) + first

    layer = nn.Linear(4, 4)
    graph = tvw.trace(Thrice(layer=layer), x)
    assert graph["layer"].keys == ("layer", "layer:2", "layer:3")
    assert (graph["layer"].calls, graph["layer"].note) == (3, "called 3 times")
    assert graph["layer"].macs == 3 * 3 * 16
    assert pairs(graph) == {
        ("input:x", "layer/linear"),
        ("layer/linear", "layer/linear:2"),
        ("layer/linear:2", "layer/linear:3"),
        ("layer/linear:3", "/add"),
        ("layer/linear", "/add"),
        ("/add", "output:"),
    }
    one, two, three = captured(Thrice(layer=layer), ["layer", "layer:2", "layer/linear:3"], x)
    assert torch.equal(one, layer(x))
    assert torch.equal(two, layer(layer(x)))
    assert torch.equal(three, layer(layer(layer(x))))


class Pair(NamedTuple):
    left: Tensor
    right: Tensor


@dataclass
class Answer:
    logits: Tensor
    more: dict[str, Any]


class Answers(Parts):
    def forward(self, x: Tensor) -> Answer:
        y = self.layer(x)
        return Answer(y, {"pair": Pair(y + 1, [y * 2, None, "words"])})


def test_dicts_dataclasses_and_named_tuples_nested(x: Tensor) -> None:
    model = Answers(layer=nn.Linear(4, 4))
    graph = tvw.trace(model, x)
    keys = ["['logits']", "['more']['pair']['left']", "['more']['pair']['right'][0]"]
    assert graph[""].keys == tuple(keys)
    assert [node.key for node in graph.nodes if node.kind == "output"] == [f"output:{key}" for key in keys]
    assert [source for source, target in sorted(pairs(graph)) if target.startswith("output:")] == [
        "/add",
        "/mul",
        "layer/linear",
    ]
    logits, left, right = captured(model, keys, x)
    assert torch.equal(left, logits + 1)
    assert torch.equal(right, logits * 2)
    assert torch.equal(captured(model, [""], x)[0], logits)  # without a leaf: the first


def test_blocks_with_keyword_only_arguments(x: Tensor) -> None:
    class Block(Parts):
        def forward(self, *, values: Tensor, by: Tensor | None = None) -> Tensor:
            return self.layer(values) if by is None else self.layer(values) * by

    class Model(Parts):
        def forward(self, *, x: Tensor, gate: Tensor) -> Tensor:
            return self.block(values=x, by=gate)

    model, gate = Model(block=Block(layer=nn.Linear(4, 4))), torch.rand(3, 1)
    graph = tvw.trace(model, x=x, gate=gate)
    assert {("input:x", "block.layer/linear"), ("input:gate", "block/mul")} <= pairs(graph)
    layer, block = captured(model, ["block.layer", "block"], x=x, gate=gate)
    assert torch.equal(block, layer * gate)


def test_data_decides_the_branch_and_the_number_of_loops() -> None:
    class Decides(Parts):
        def forward(self, x: Tensor) -> Tensor:
            while x.abs().max() < 10:
                x = self.twice(x)
            return self.positive(x) if x.sum() > 0 else self.negative(x)

    class Twice(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * 2

    model = Decides(twice=Twice(), positive=nn.Identity(), negative=nn.Identity())
    for value, loops, taken, other in [(1.0, 4, "positive", "negative"), (-4.0, 2, "negative", "positive")]:
        x = torch.full((2, 2), value)
        graph = tvw.trace(model, x)
        assert graph["twice"].calls == loops
        assert (graph[taken].calls, graph[other].calls, graph[other].note) == (1, 0, "never called")
        last = f"twice:{loops}"
        assert torch.equal(*captured(model, [last, taken], x))
        with pytest.raises(CaptureError, match=rf"'{other}' is never called"):
            captured(model, [other], x)
        with pytest.raises(CaptureError, match=rf"'twice' is called {loops} times, call {loops + 1} was asked for"):
            captured(model, [f"twice:{loops + 1}"], x)


class Packs(Parts):
    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        output, (hidden, _) = self.rnn(packed)
        return pad_packed_sequence(output, batch_first=True)[0].sum(1) + hidden[-1]


@torch.no_grad()
def test_a_packed_lstm() -> None:
    model, x, lengths = Packs(rnn=nn.LSTM(4, 5, batch_first=True)), torch.randn(3, 6, 4), torch.tensor([2, 6, 3])
    graph = tvw.trace(model, x, lengths)
    assert graph["rnn"].keys == ("rnn[0]", "rnn[1][0]", "rnn[1][1]")
    lstm = graph.node("rnn/lstm")
    assert lstm.outputs[0].shape == (11, 5)  # all steps of all samples, one below the other
    assert lstm.reads == ("rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0")
    hidden, cell = captured(model, ["rnn[1][0]", "rnn[1][1]"], x, lengths)
    for sample, length in enumerate(lengths):
        _, (own_hidden, own_cell) = model.rnn(x[sample, :length])
        assert torch.allclose(hidden[:, sample], own_hidden, atol=1e-6)
        assert torch.allclose(cell[:, sample], own_cell, atol=1e-6)
    assert ("rnn/lstm", "/_pad_packed_sequence") in pairs(graph)


@torch.no_grad()
def test_a_transformer_encoder_in_eval_mode_shows_the_layers_that_its_fast_path_skips() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model, x = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval(), torch.randn(2, 5, 8)
    fused = torch._transformer_encoder_layer_fwd
    with mock.patch.object(torch, "_transformer_encoder_layer_fwd", side_effect=fused) as fast_path:
        expected = model(x)
        assert fast_path.call_count == 2
    graph = tvw.trace(model, x)
    assert graph["layers.1.linear1"].calls == 1
    assert ("layers.1.norm1/layer_norm", "layers.1/add:2") in pairs(graph)  # the shortcut around the feed-forward part
    output, inner = captured(model, ["", "layers.1.linear1"], x)
    assert torch.allclose(output, expected, atol=1e-5)
    assert inner.shape == (2, 5, 16)


@torch.no_grad()
def test_modules_that_override_call(x: Tensor) -> None:
    class Around(Parts):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return super().__call__(*args, **kwargs) * 2

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x)

    class Instead(Parts):
        def __call__(self, x: Tensor) -> Tensor:  # runs no hook and no forward
            return self.layer(x) + 1

    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    model = nn.Sequential(Around(layer=first), Instead(layer=second))
    graph = tvw.trace(model, x)
    assert [graph[path].calls for path in ("0", "0.layer", "1", "1.layer")] == [1, 1, 1, 1]
    assert [graph[path].type for path in ("0", "1")] == ["Around", "Instead"]
    assert ("0/mul", "1.layer/linear") in pairs(graph)
    one, two = captured(model, ["0", "1"], x)
    assert torch.equal(one, first(x) * 2)
    assert torch.equal(two, second(one) + 1)


@pytest.mark.parametrize("reentrant", [True, False])
@torch.no_grad()
@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")  # torch's own, of a copy without gradients
def test_checkpoint(x: Tensor, reentrant: bool) -> None:
    class Saves(Parts):
        def forward(self, x: Tensor) -> Tensor:
            return checkpoint(self.block, x, use_reentrant=reentrant) + x

    block = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    graph = tvw.trace(Saves(block=block), x)
    assert pairs(graph) == {
        ("input:x", "block.0/linear"),
        ("block.0/linear", "block.1/relu"),
        ("block.1/relu", "/add"),
        ("input:x", "/add"),
        ("/add", "output:"),
    }
    assert [graph[path].calls for path in ("block", "block.0", "block.1")] == [1, 1, 1]
    linear, whole = captured(Saves(block=block), ["block.0", ""], x)
    assert torch.equal(linear, block[0](x))
    assert torch.equal(whole, block(x) + x)


@torch.no_grad()
@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")
def test_weights_that_are_computed(x: Tensor) -> None:
    old = nn.utils.weight_norm(nn.Linear(4, 4))
    new = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
    own = nn.Linear(4, 4)
    nn.utils.parametrize.register_parametrization(own, "weight", nn.Identity())
    model = nn.Sequential(old, new, own)
    graph = tvw.trace(model, x)
    assert graph["1.parametrizations.weight.0"].calls == 1
    assert graph.node("0/_weight_norm").reads == ("0.weight_v", "0.weight_g")
    assert ("0/_weight_norm", "0/linear") in pairs(graph)
    assert ("1.parametrizations.weight.0/_weight_norm", "1/linear") in pairs(graph)
    first, second, third = captured(model, ["0", "1", "2"], x)
    for layer, given, output in ((old, x, first), (new, first, second), (own, second, third)):
        assert torch.equal(output, F.linear(given, layer.weight, layer.bias))


def test_a_model_that_returns_its_input(x: Tensor) -> None:
    class Returns(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x

    graph = tvw.trace(Returns(), x)
    assert pairs(graph) == {("input:x", "output:")}
    assert torch.equal(captured(Returns(), [""], x)[0], x)
    inside = tvw.trace(nn.Sequential(Returns(), nn.Linear(4, 4)), x)
    assert pairs(inside) == {("input:input", "0"), ("0", "1/linear"), ("1/linear", "output:")}
    assert inside.node("0").note == "gives back what it is given"


def test_a_model_that_fails_half_way(x: Tensor) -> None:
    class Fails(Parts):
        def forward(self, x: Tensor) -> Tensor:
            y = self.first(x).relu()
            raise ValueError(f"no more than {len(y)}\nand a second line")

    model = Fails(first=nn.Linear(4, 4), second=nn.Linear(4, 4))
    with pytest.warns(RuntimeWarning, match=r"the graph ends there: ValueError: no more than 3$"):
        graph = tvw.trace(model, x)
    assert graph.error == "ValueError: no more than 3"
    assert str(graph).splitlines()[-1] == "ends here: ValueError: no more than 3"
    assert pairs(graph) == {("input:x", "first/linear"), ("first/linear", "/relu")}
    assert graph.node("").note == "raised ValueError: no more than 3"
    assert graph["second"].note == "never called"
    assert captured(model, ["/relu"], x)[0].min() >= 0
    with pytest.raises(ForwardError, match="raised before reaching 'second': ValueError: no more than 3"):
        captured(model, ["second"], x)
