"""What the graph of a pass tells: nesting, edges, costs, and its forms as text, DOT and plain data."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import torchvis_widgets as tvw
from torchvis_widgets.look import Edge, Graph, LookError


class Residual(nn.Module):
    """conv → relu (twice the same) → dropout; x + that; a parameter read by a function; a head with a tied weight."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())
        self.dropout = nn.Dropout()
        self.shift = nn.Parameter(torch.ones(3, 1, 1))
        self.head = nn.Linear(3, 3, bias=False)
        self.again = nn.Linear(3, 3, bias=False)
        self.again.weight = self.head.weight
        self.spare = nn.Sequential(nn.Linear(2, 2))

    def forward(self, x: Tensor, *, scale: float = 1.0) -> dict[str, Tensor]:
        x = x + self.dropout(x)
        x = self.body[1](self.body(x) * self.shift).mean((2, 3))
        return {"logits": self.again(self.head(x)) * scale}


@pytest.fixture
def graph() -> Graph:
    return tvw.trace(Residual(), torch.randn(2, 3, 8, 8), scale=2.0)


def pairs(graph: Graph) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in graph.edges}


def test_modules_and_functions_nest_in_the_order_of_their_calls(graph: Graph) -> None:
    assert [node.key for node in graph.children(None)] == ["input:x", "", "output:['logits']"]
    inside = [node.key for node in graph.children("")]
    assert inside == ["dropout", "/add", "body", "/mul", "body.1:2", "/mean", "head", "again", "/mul:2"]
    assert [node.key for node in graph.children("body")] == ["body.0", "body.1"]
    conv = graph.node("body.0/conv2d")
    assert [box.key for box in graph.around(conv.key)] == ["body.0", "body", ""]
    assert (conv.kind, conv.type, conv.path, conv.reads) == (
        "function",
        "conv2d",
        "body.0",
        ("body.0.weight", "body.0.bias"),
    )
    assert (conv.parameters, conv.bytes) == (84, 336)
    assert [(out.shape, out.dtype) for out in conv.outputs] == [((2, 3, 8, 8), "float32")]


def test_tensors_are_edges_and_a_shortcut_around_an_idle_dropout_is_told_from_it(graph: Graph) -> None:
    assert pairs(graph) == {
        ("input:x", "dropout/dropout"),
        ("input:x", "/add"),
        ("dropout/dropout", "/add"),
        ("/add", "body.0/conv2d"),
        ("body.0/conv2d", "body.1/relu"),
        ("body.1/relu", "/mul"),
        ("/mul", "body.1/relu:2"),
        ("body.1/relu:2", "/mean"),
        ("/mean", "head/linear"),
        ("head/linear", "again/linear"),
        ("again/linear", "/mul:2"),
        ("/mul:2", "output:['logits']"),
    }
    assert graph.node("/mul").reads == ("shift",)


def test_reused_tied_and_uncalled_modules_are_marked(graph: Graph) -> None:
    assert graph["body.1"].keys == ("body.1", "body.1:2")
    assert graph["body.1"].note == "called 2 times"
    assert graph["head"].tied == ("again.weight",)
    assert graph["head"].note == "weight is tied to again.weight"
    assert [graph[path].note for path in ("spare", "spare.0")] == ["never called", "never called"]
    assert (graph[""].parameters, graph[""].bytes) == (84 + 3 + 9 + 6, 4 * 102)


def test_closed_boxes_take_their_edges(graph: Graph) -> None:
    lifted = graph.folded({"body", "dropout", "head", "again", "body.1:2"})
    assert Edge("/add", "body", "", (2, 3, 8, 8)) in lifted
    assert {(e.source, e.target) for e in lifted if "body" in (e.source, e.target)} == {
        ("/add", "body"),
        ("body", "/mul"),
    }
    assert ("head", "again") in {(edge.source, edge.target) for edge in lifted}
    assert {(e.source, e.target) for e in graph.folded({""})} == {("input:x", ""), ("", "output:['logits']")}


def test_costs_are_those_that_torch_counts() -> None:
    model = torchvision.models.resnet18().eval()
    images = torch.randn(2, 3, 64, 64)
    graph = tvw.trace(model, images)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(images)
    assert graph.node("").macs == graph[""].macs == counter.get_total_flops() // 2 > 0
    counts = counter.get_flop_counts()
    assert graph["layer2.0"].macs == sum(counts["ResNet.layer2.0"].values()) // 2
    assert graph["layer1.0.relu"].macs == 0
    assert graph.node("").seconds == pytest.approx(sum(node.seconds for node in graph.nodes if node.kind == "function"))
    assert 0 < graph["layer2.0"].seconds < graph["layer2"].seconds < graph[""].seconds


def test_memory_is_what_is_alive_at_most() -> None:
    class Peaks(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            for _ in range(3):  # 2,000 floats besides x, freed each time
                x.repeat(2)
            return x.repeat(2)[:10]

    graph = tvw.trace(Peaks(), torch.zeros(1000))
    assert graph.node("/repeat:2").memory == 8000
    assert graph.node("").memory == 8000
    assert graph.node("/getitem").memory == 0  # a view


def test_the_text_has_a_line_a_call_and_says_what_was_not_called(graph: Graph) -> None:
    lines = str(graph).splitlines()
    assert lines[0].split() == ["layer", "output", "parameters", "mult-adds", "time", "memory"]
    assert re.match(r"Residual +\(2, 3\) float32 +102 +10\.4 k", lines[2])
    assert any(
        re.match(r"    0  Conv2d +\(2, 3, 8, 8\) float32 +84 +10\.4 k +[\d.]+ [µm]s +1\.5 KiB", line) for line in lines
    )
    assert any(line.startswith("  body.1:2  ReLU ") for line in lines)
    assert not any("conv2d" in line for line in lines)  # all that the layer does
    assert lines[-1] == "never called: spare"
    assert repr(graph) == str(graph)


def test_dot_has_clusters_boxes_and_edges(graph: Graph) -> None:
    dot = graph.to_dot()
    assert dot.startswith("digraph model {")
    assert 'subgraph "cluster_body" {' in dot
    assert '"body.0" [label="0  Conv2d"' in dot
    assert '"/add" -> "body.0" [label="2×3×8×8"];' in dot
    assert '"dropout" -> "/add"' in dot
    assert dot.count("{") == dot.count("}")
    shallow = graph.to_dot(depth=1)
    assert "cluster_body" not in shallow
    assert '"/add" -> "body"' in shallow


def test_names_in_dot_are_quoted() -> None:
    graph = tvw.trace(nn.ModuleDict({'say "hi"\\': nn.ReLU()})['say "hi"\\'], torch.ones(2))
    odd = nn.Sequential()
    odd.add_module('a"b', nn.ReLU())
    assert 'label="a\\"b  ReLU"' in tvw.trace(odd, torch.ones(2)).to_dot()
    assert graph.node("").type == "ReLU"


def test_plain_data_survives_json(graph: Graph) -> None:
    assert Graph.from_dict(json.loads(json.dumps(graph.to_dict()))) == graph


def test_an_unknown_node_names_near_ones(graph: Graph) -> None:
    with pytest.raises(LookError, match=r"no node '/ad'\. Did you mean '/add'"):
        graph.node("/ad")
    with pytest.raises(LookError, match=r"no layer 'hed'.*'head'"):
        graph["hed"]


def test_a_model_that_raises_half_way_is_shown_up_to_there() -> None:
    class Fails(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.third = nn.Linear(4, 4), nn.Linear(5, 4), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.third(self.second(self.first(x)))

    with pytest.warns(RuntimeWarning, match="the model raised, and the graph ends there: RuntimeError"):
        graph = tvw.trace(Fails(), torch.randn(2, 4))
    assert graph.error is not None
    assert graph.error.endswith("in 'second/linear'")
    assert ("first/linear", "second/linear") in pairs(graph)
    assert graph.node("second/linear").note.startswith("raised RuntimeError: ")
    assert graph["first"].shape == "4"
    assert graph["third"].calls == 0
    assert str(graph).splitlines()[-1] == f"ends here: {graph.error}"


def test_only_a_module_can_be_traced() -> None:
    with pytest.raises(
        TypeError,
        match=r"trace\(\) takes a torch.nn.Module, found the class Residual; pass an instance, such as Net\(\)",
    ):
        tvw.trace(Residual, torch.zeros(1))


def test_scripted_parts_show_their_operators_and_parameters() -> None:
    with pytest.warns(FutureWarning):
        scripted = torch.jit.script(nn.Sequential(nn.Linear(4, 4), nn.ReLU()))
    graph = tvw.trace(nn.Sequential(nn.Linear(4, 4), scripted), torch.randn(2, 4))
    assert {("0/linear", "1/aten.addmm"), ("1/aten.addmm", "1/aten.relu"), ("1/aten.relu", "output:")} <= pairs(graph)
    assert (graph["1"].type, graph["1"].note, graph["1"].parameters) == ("Sequential", "scripted", 20)
    assert graph["1.0"].note == "inside a scripted module, which does not show what it calls"
    assert (graph[""].parameters, graph[""].macs) == (40, 64)


def test_the_first_trace_does_not_wait_for_torch_s_compiler() -> None:
    code = (
        "import sys, torch, torchvis_widgets as tvw\n"
        "tvw.trace(torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3), torch.nn.BatchNorm2d(1)), torch.ones(1, 1, 5, 5))\n"
        "print([name for name in sys.modules if name.startswith(('torch._dynamo.', 'sympy'))])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]", "importing it takes two seconds"
