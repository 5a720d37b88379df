from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor, nn

from tests.unit.look.conftest import DigitsNet, Nested
from torchvis_widgets.look import Context, Graph, LookError, Probe, ProbeError, Replica, trace_probe


def graph_of(model: nn.Module, probe: Probe) -> Graph:
    return trace_probe(Replica(model), probe)


def test_the_tree_in_definition_order_with_shapes_and_parameters(net: DigitsNet, probe: Probe) -> None:
    net.features.requires_grad_(False)
    nodes = graph_of(net, probe).modules
    assert [(node.path, node.depth, node.shape, node.parameters) for node in nodes] == [
        ("", 0, "10", 4 * 9 + 4 + 8 + 257 * 16 + 170 + 12),
        ("features", 1, "4×8×8", 4 * 9 + 4 + 8),
        ("features.conv1", 2, "4×8×8", 40),
        ("features.norm", 2, "4×8×8", 8),
        ("features.relu", 2, "4×8×8", 0),
        ("hidden", 1, "16", 257 * 16),
        ("dropout", 1, "16", 0),
        ("head", 1, "10", 170),
        ("spare", 1, "", 12),
    ]
    by_path = {node.path: node for node in nodes}
    assert (by_path[""].name, by_path["features.conv1"].name) == ("DigitsNet", "conv1")
    assert by_path["features.conv1"].type == "Conv2d"
    assert [by_path[path].children for path in ("", "features", "head")] == [True, True, False]
    assert [by_path[path].trainable for path in ("", "features", "dropout", "head")] == [True, False, False, True]


def test_calls_keys_and_notes(net: DigitsNet, probe: Probe) -> None:
    graph = graph_of(net, probe)
    relu = graph["features.relu"]
    assert (relu.calls, relu.keys, relu.note) == (2, ("features.relu", "features.relu:2"), "called 2 times")
    spare = graph["spare"]
    assert (spare.calls, spare.keys, spare.note) == (0, (), "never called")


def test_nested_outputs_are_named_by_leaf() -> None:
    graph = graph_of(Nested(), Probe.of({"x": torch.randn(3, 7, 5)}))
    assert graph["rnn"].keys == ("rnn[0]", "rnn[1][0]", "rnn[1][1]")
    assert graph["rnn"].shape == "7×6 +2"
    assert graph["two"].keys == ("two['left']", "two['right']")
    assert graph[""].keys == ("['logits']", "['hidden']['cell']")


def test_a_module_under_two_names_and_tied_weights() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encode = nn.Linear(4, 4, bias=False)
            self.again = self.encode
            self.decode = nn.Linear(4, 4, bias=False)
            self.decode.weight = self.encode.weight

        def forward(self, x: Tensor) -> Tensor:
            return self.decode(self.again(self.encode(x)))

    graph = graph_of(Tied(), Probe.of(torch.randn(2, 4)))
    again = graph["again"]
    assert (again.calls, again.note) == (
        2,
        "the same module as 'encode'; called 2 times; weight is tied to decode.weight",
    )
    assert again.keys == ("encode", "encode:2")
    assert again.trainable
    assert graph["decode"].trainable
    assert (graph[""].parameters, graph["decode"].parameters) == (16, 16)


def test_a_module_without_tensors_and_a_scalar_output() -> None:
    class Odd(nn.Module):
        class Says(nn.Module):
            def forward(self, x: Tensor) -> str:
                return "hello"

        def __init__(self) -> None:
            super().__init__()
            self.says = self.Says()

        def forward(self, x: Tensor) -> Tensor:
            self.says(x)
            return x.sum(dim=1)

    graph = graph_of(Odd(), Probe.of(torch.randn(3, 4)))
    assert (graph["says"].shape, graph["says"].note, graph["says"].calls) == ("", "gives no tensor", 1)
    assert graph[""].shape == "scalar"


def test_the_transformer_s_fused_path_does_not_hide_its_layers() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.TransformerEncoder(layer, 2)
    # With a padding mask the fused path makes nested tensors, which the layers' own path cannot take.
    mask = torch.arange(5) >= torch.tensor([[5], [4], [2]])
    graph = graph_of(model, Probe.of({"src": torch.randn(3, 5, 8), "src_key_padding_mask": mask}))
    assert graph["layers.1.linear1"].calls == 1
    assert graph["layers.0.self_attn"].keys[0] == "layers.0.self_attn[0]"


def test_thousands_of_calls_do_not_make_thousands_of_keys() -> None:
    class Loops(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.Identity()

        def forward(self, x: Tensor) -> Tensor:
            for _ in range(200):
                x = self.cell(x)
            return x

    node = graph_of(Loops(), Probe.of(torch.randn(1, 2)))["cell"]
    assert (node.calls, len(node.keys), node.note) == (200, 64, "called 200 times")


def test_a_probe_that_does_not_run_says_its_shapes_and_the_model_s_own_error(net: DigitsNet) -> None:
    replica = Replica(net)
    with pytest.raises(
        ProbeError, match=r"given \(6, 3, 8, 8\) float32, RuntimeError: .*expected input.*probe="
    ) as caught:
        trace_probe(replica, Probe.of(torch.randn(6, 3, 8, 8)))
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert isinstance(caught.value, ValueError)
    assert not any(module._forward_hooks for module in replica.module.modules())


def test_plain_data_there_and_back(net: DigitsNet, probe: Probe) -> None:
    graph = graph_of(net, probe)
    assert Graph.from_dict(json.loads(json.dumps(graph.to_dict()))) == graph
    with pytest.raises(LookError, match=r"no layer 'features.conv2'. Did you mean 'features.conv1'"):
        graph["features.conv2"]


def test_the_graph_tells_a_picture_what_is_around_a_tensor() -> None:
    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches = nn.Conv2d(3, 8, 4, stride=4)
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
            self.head = nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 5))

        def forward(self, x: Tensor) -> Tensor:
            tokens = self.layer(self.patches(x).flatten(2).transpose(1, 2))
            return self.head(tokens.mean(1))

    graph = graph_of(Small(), Probe.of(torch.randn(2, 3, 16, 24)))
    assert graph.context("layer") == Context(
        type="TransformerEncoderLayer",
        inside=("Small",),
        before=("transpose",),
        after=("mean",),
        batch_first=True,
        grid=(4, 6),
    )
    attention = graph.context("layer.self_attn[0]")
    assert (attention.type, attention.inside) == ("MultiheadAttention", ("TransformerEncoderLayer", "Small"))
    head = graph.context("head")  # a Sequential is its last module
    assert (head.type, head.before, head.output, head.features) == ("Linear", ("LayerNorm",), True, 5)
    assert graph.context("input:x").input
    assert graph.context("nowhere") == Context()


def test_shapes_are_of_one_sample_wherever_the_samples_lie() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(4, 5)

        def forward(self, x: Tensor) -> Tensor:
            return self.rnn(x.transpose(0, 1))[0][-1]

    graph = graph_of(Recurrent(), Probe.of(torch.randn(3, 6, 4)))
    assert graph["rnn"].shape == "6×5 +1"
