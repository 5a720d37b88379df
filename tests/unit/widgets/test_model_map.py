"""The model map: its rows, boxes and settings, beside what is known of a small model with everything odd in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import torchvis_widgets as tvw
from tests.unit.look.zoo import example
from tests.unit.widgets.front_end import FrontEnd
from torchvis_widgets.widgets.mapping.boxes import FIRST_NODES


class Swish(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(x)


class Block(nn.Module):
    """One ReLU called twice, a sum around two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(x + self.conv2(self.relu(self.conv1(x))))


class Odd(nn.Module):
    """Functions between modules, a block called twice, tied weights, a frozen layer and one that is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4))
        self.block = Block()
        self.left, self.right = nn.Conv2d(4, 2, 1), nn.Conv2d(4, 2, 1)
        self.fc1, self.swish, self.fc2 = nn.Linear(4, 4), Swish(), nn.Linear(4, 4)
        self.spare = nn.Linear(7, 7)
        self.fc2.weight = self.fc1.weight
        self.stem[0].weight.requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block(self.block(self.stem(x)))
        both = torch.cat([self.left(x), self.right(x)], 1)
        return self.fc2(self.swish(self.fc1(both.mean((2, 3)))))


@pytest.fixture
def odd() -> Iterator[tvw.Session]:
    torch.manual_seed(0)
    with tvw.inspect(Odd(), torch.randn(3, 1, 6, 6)) as session:
        yield session


def rows(tree: tvw.ModelMap) -> dict[str, dict[str, Any]]:
    return {row["path"]: row for row in tree.rows}


def graph(page: FrontEnd) -> tuple[dict[str, dict[str, Any]], list[tuple[str, str]]]:
    value = page.last("graph").value
    return {node["key"]: node for node in value["nodes"]}, [(each["source"], each["target"]) for each in value["edges"]]


# The rows


def test_rows_are_the_modules_as_defined_and_functions_where_they_ran(odd: tvw.Session) -> None:
    assert list(rows(tvw.ModelMap(odd))) == [
        "", "stem", "stem.0", "stem.1", "block", "block.conv1", "block.conv2", "block/add", "block.relu", "left",
        "right", "/cat", "/mean", "fc1", "swish", "swish/sigmoid", "swish/mul", "fc2", "spare",
    ]  # fmt: skip


def test_a_row_of_a_module(odd: tvw.Session) -> None:
    assert rows(tvw.ModelMap(odd))["stem.1"] == {
        "path": "stem.1", "name": "1", "type": "BatchNorm2d", "depth": 2, "shape": "4×6×6", "parameters": 8,
        "bytes": 32, "frozen": "no", "idle": False, "kind": "module", "foldable": False, "box": False, "calls": 1,
        "note": "", "tied": [],
        "weights": [
            {"name": "weight", "shape": [4], "dtype": "float32", "trainable": True},
            {"name": "bias", "shape": [4], "dtype": "float32", "trainable": True},
            {"name": "running_mean", "shape": [4], "dtype": "float32", "trainable": None},
            {"name": "running_var", "shape": [4], "dtype": "float32", "trainable": None},
            {"name": "num_batches_tracked", "shape": [], "dtype": "int64", "trainable": None},
        ],
    }  # fmt: skip


def test_a_row_of_a_function(odd: tvw.Session) -> None:
    assert rows(tvw.ModelMap(odd))["/cat"] == {
        "path": "/cat", "name": "cat", "type": "cat", "depth": 1, "shape": "4×6×6", "parameters": 0, "bytes": 0,
        "frozen": "no", "idle": False, "kind": "function", "foldable": False, "box": False, "calls": 1, "note": "",
        "tied": [], "weights": [],
    }  # fmt: skip


def test_rows_tell_of_reuse_ties_frozen_weights_and_what_is_never_called(odd: tvw.Session) -> None:
    found = rows(tvw.ModelMap(odd))
    assert {path: row["calls"] for path, row in found.items() if row["calls"] != 1} == {
        "block": 2, "block.conv1": 2, "block.conv2": 2, "block/add": 2, "block.relu": 4, "spare": 0,
    }  # fmt: skip
    assert {path: row["frozen"] for path, row in found.items() if row["frozen"] != "no"} == {
        "": "part", "stem": "part", "stem.0": "all",
    }  # fmt: skip
    assert [path for path, row in found.items() if row["idle"]] == ["spare"]
    assert {path: row["tied"] for path, row in found.items() if row["tied"]} == {
        "fc1": ["fc2.weight"], "fc2": ["fc1.weight"],
    }  # fmt: skip
    assert [path for path, row in found.items() if row["foldable"]] == ["", "stem", "block", "swish"]


@pytest.mark.parametrize("name", ["swin_t", "googlenet"])
def test_every_box_that_a_row_names_can_be_opened(name: str) -> None:
    model, args, _ = example(name)
    tree = tvw.ModelMap(tvw.inspect(model, args[0]))
    page = FrontEnd(tree)
    boxes = [row["path"] for row in tree.rows if row["box"]]
    assert len(boxes) > 10
    assert page.ask("open", keys=boxes, open=True)["ok"]
    assert set(boxes) <= set(tree.opened)


def test_rows_follow_layers_that_are_frozen(odd: tvw.Session) -> None:
    tree = tvw.ModelMap(odd)
    page = FrontEnd(tree)
    assert odd.model is not None
    odd.model.get_submodule("fc1").requires_grad_(False)
    page.ask("hello", view="v", visible=True)
    found = rows(tree)
    assert (found["fc1"]["frozen"], found["fc2"]["frozen"]) == ("all", "part")  # the weight is fc2's too
    assert found["fc1"]["weights"][1] == {"name": "bias", "shape": [4], "dtype": "float32", "trainable": False}


def test_a_recorded_run_has_the_same_rows_as_far_as_it_knows(tmp_path: Path) -> None:
    torch.manual_seed(0)
    with tvw.watch(Odd(), probe=torch.randn(3, 1, 6, 6), run=tmp_path / "run") as session:
        live = rows(tvw.ModelMap(session))
    found = rows(tvw.ModelMap(tvw.Run(tmp_path / "run")))
    for row in (*live.values(), *found.values()):
        for weight in row["weights"]:
            del weight["trainable"]
    assert found == live


def test_a_module_written_in_a_long_loop_shows_its_first_functions_and_says_so() -> None:
    class Loop(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for _ in range(50):
                x = torch.tanh(x) + 1
            return x

    with tvw.inspect(Loop(), torch.zeros(2, 3)) as session:
        tree = tvw.ModelMap(session)
    assert len(tree.rows) == 1 + 64
    assert tree.rows[0]["note"] == "64 of 100 functions are shown"


# The graph


def test_closed_boxes_show_the_tensors_between_them(odd: tvw.Session) -> None:
    tree = tvw.ModelMap(odd, mode="graph")
    tree.close_box("stem", "block", "block:2", "swish")
    nodes, edges = graph(FrontEnd(tree))
    assert list(nodes) == [
        "input:x", "", "stem", "block", "block:2", "left", "right", "/cat", "/mean", "fc1", "swish", "fc2", "output:",
    ]  # fmt: skip
    assert edges == [
        ("input:x", "stem"), ("stem", "block"), ("block", "block:2"), ("block:2", "left"), ("block:2", "right"),
        ("left", "/cat"), ("right", "/cat"), ("/cat", "/mean"), ("/mean", "fc1"), ("fc1", "swish"), ("swish", "fc2"),
        ("fc2", "output:"),
    ]  # fmt: skip
    assert nodes["block:2"] == {
        "key": "block:2", "path": "block", "label": "block", "type": "Block", "kind": "module", "shape": "4×6×6",
        "parent": "", "open": False, "foldable": True, "calls": 2, "note": "called 2 times",
    }  # fmt: skip
    assert [nodes[key]["path"] for key in ("input:x", "/cat", "output:")] == [None, "/cat", None]
    assert [nodes[key]["label"] for key in ("input:x", "/cat", "output:")] == ["x", "cat", "output"]
    assert tree.opened == [""]


def test_an_open_box_shows_the_residual_edge_around_its_convolutions(odd: tvw.Session) -> None:
    tree = tvw.ModelMap(odd, mode="graph")
    tree.close_box(*tree.opened)
    page = FrontEnd(tree)
    nodes, edges = graph(page)
    assert (list(nodes), edges) == (["input:x", "", "output:"], [("input:x", ""), ("", "output:")])
    assert page.ask("open", keys=["block:2"], open=True)["ok"]  # and the model, that it is in
    nodes, edges = graph(page)
    assert tree.opened == ["", "block:2"]
    assert {edge for edge in edges if edge[1] == "block/add:2"} == {
        ("block", "block/add:2"), ("block.conv2:2", "block/add:2"),
    }  # fmt: skip
    assert ("block", "block.conv1:2") in edges
    assert [key for key, node in nodes.items() if node["parent"] == "block:2"] == [
        "block.conv1:2", "block.relu:3", "block.conv2:2", "block/add:2", "block.relu:4",
    ]  # fmt: skip
    shapes = {each["shape"] for each in page.last("graph").value["edges"] if each["target"] == "block/add:2"}
    assert shapes == {"4×6×6"}


def test_several_boxes_open_and_close_together_and_keep_what_is_open_inside(odd: tvw.Session) -> None:
    tree = tvw.ModelMap(odd, mode="graph")
    page = FrontEnd(tree)
    assert page.ask("open", keys=["block", "block:2"], open=True)["ok"]
    assert page.ask("open", keys=[""], open=False)["ok"]
    assert list(graph(page)[0]) == ["input:x", "", "output:"]
    assert page.ask("open", keys=[""], open=True)["ok"]
    assert {"block/add", "block/add:2"} <= graph(page)[0].keys()


def test_a_small_model_opens_wide_and_a_large_one_as_far_as_it_is_an_overview() -> None:
    small = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Linear(2, 2))
    with tvw.inspect(small, torch.zeros(1, 2)) as session:
        assert tvw.ModelMap(session).opened == ["", "0"]
    large = nn.Sequential(*(nn.Sequential(nn.Linear(2, 2), nn.ReLU()) for _ in range(FIRST_NODES - 4)))
    with tvw.inspect(large, torch.zeros(1, 2)) as session:
        assert tvw.ModelMap(session).opened == [""]


def test_the_graph_goes_as_far_as_the_pass_and_says_why() -> None:
    with pytest.warns(RuntimeWarning, match="mat1 and mat2"):
        traced = tvw.trace(nn.Sequential(nn.Linear(2, 3), nn.Linear(2, 1)), torch.zeros(1, 2))
    with tvw.inspect(nn.Linear(2, 2), torch.zeros(1, 2)) as session:
        session.graph = traced
        value = FrontEnd(tvw.ModelMap(session, mode="graph")).last("graph").value
    assert "mat1 and mat2 shapes cannot be multiplied" in value["error"]
    assert [node["key"] for node in value["nodes"]] == ["input:input", "", "0", "1"]


# What can be asked for


def test_a_function_is_selected_for_every_view(odd: tvw.Session) -> None:
    tree, viewer = tvw.ModelMap(odd), tvw.ActivationViewer(odd)
    page = FrontEnd(tree)
    assert page.ask("select", layer="block/add:2")["ok"]
    assert (tree.layer, odd.stage.selection.now.layer) == ("block/add:2", "block/add:2")  # type: ignore[union-attr]
    viewer.update()
    assert viewer.layer == "block/add:2"


def test_the_graph_is_sent_in_graph_mode_only_and_a_measure_where_one_is_chosen(odd: tvw.Session) -> None:
    tree = tvw.ModelMap(odd)
    page = FrontEnd(tree)
    assert (page.count("graph"), page.count("measure")) == (0, 0)
    assert tree.view == {"mode": "tree", "by": None, "sorted": False, "trend": "weights"}
    assert page.ask("view", changes={"mode": "graph", "by": "macs", "sorted": True})["value"] == {}
    assert tree.view == {"mode": "graph", "by": "macs", "sorted": True, "trend": "weights"}
    assert (page.count("graph"), page.count("measure")) == (1, 1)
    assert page.ask("select", layer="fc1")["ok"]
    assert (page.count("graph"), page.count("measure")) == (1, 1)  # neither depends on the layer


@pytest.mark.parametrize(
    ("op", "args", "error"),
    [
        ("select", {"layer": "nonsense"}, "no layer 'nonsense'; the model has '', 'stem', 'stem.0'"),
        ("select", {"layer": "input:x"}, "no layer 'input:x'"),
        ("select", {"layer": ["fc1"]}, "no layer ['fc1']"),
        ("view", {"changes": {"mode": "cloud"}}, "mode is one of tree, graph, found 'cloud'"),
        ("view", {"changes": {"by": "beauty"}}, "by is one of null, parameters, macs, seconds, memory, gradient"),
        ("view", {"changes": {"by": ["macs"]}}, "by is one of null, parameters"),
        ("view", {"changes": {"trend": None}}, "trend is one of weights, gradients, updates, mean, std, zeros"),
        ("view", {"changes": {"sorted": 1}}, "sorted is true or false, found 1"),
        ("view", {"changes": {"self": 1}}, "the map has no setting 'self'; it has mode, by, sorted, trend"),
        ("view", {"changes": "graph"}, 'changes are an object such as {"mode": "graph"}, found \'graph\''),
        ("open", {"keys": ["blocks"], "open": True}, "'blocks' is no box of the graph. Did you mean 'block'"),
        ("open", {"keys": ["fc1"], "open": True}, "'fc1' is no box of the graph"),
        ("open", {"keys": ["block", 3], "open": True}, "3 is no box of the graph"),
        ("open", {"keys": "block", "open": True}, "open takes a list of keys and true or false, found 'block'"),
        ("open", {"keys": ["block"], "open": 1}, "open takes a list of keys and true or false"),
    ],
)
def test_what_cannot_be_done_is_said(odd: tvw.Session, op: str, args: dict[str, Any], error: str) -> None:
    tree = tvw.ModelMap(odd)
    before = (tree.view, tree.opened, tree.layer)
    reply = FrontEnd(tree).ask(op, **args)
    assert (reply["ok"], (tree.view, tree.opened, tree.layer)) == (False, before)
    assert reply["error"].startswith(error)


def test_before_the_first_pass_the_modules_are_shown_and_the_graph_says_what_it_waits_for() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    with tvw.watch(model) as session:
        tree = tvw.ModelMap(session, mode="graph")
        page = FrontEnd(tree)
        found = rows(tree)
        assert {path: row["parameters"] for path, row in found.items()} == {"": 12, "0": 6, "1": 6}
        assert not any(row["idle"] for row in found.values())
        assert page.last("graph").value["error"].startswith("nothing has been run through the model yet: train for")
        assert page.ask("open", keys=["0"], open=True)["error"].startswith("'0' is no box of the graph")
        assert page.ask("select", layer="1")["ok"]
        model(torch.zeros(3, 2))
        page.ask("hello", view="v", visible=True)
        assert rows(tree)["0"]["shape"] == "2"
        assert tree.opened == [""]
        assert page.last("graph").value["error"] is None


def test_modules_in_a_plain_list_are_noted() -> None:
    class Hiding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.seen = nn.Linear(2, 2)
            self.blocks, self.named, self.again = [nn.Linear(2, 2), nn.ReLU()], {"a": nn.ReLU()}, [self.seen]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.seen(x)

    with tvw.inspect(Hiding(), torch.zeros(1, 2)) as session:
        assert tvw.ModelMap(session).rows[0]["note"] == (
            "2 modules in the list 'blocks' hidden from the optimizer: make it an nn.ModuleList; "
            "1 module in the dict 'named' hidden from the optimizer: make it an nn.ModuleDict"
        )


def test_settings_are_those_of_the_constructor_and_of_look(odd: tvw.Session) -> None:
    tree = tvw.ModelMap(odd, mode="graph", by="seconds", sorted=True, trend="std")
    assert tree.view == {"mode": "graph", "by": "seconds", "sorted": True, "trend": "std"}
    tree.look(by=None)
    tree.update()
    assert tree.view["by"] is None
    with pytest.raises(ValueError, match="mode is one of tree, graph, found 'list'"):
        tvw.ModelMap(odd, mode="list")


some = st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.lists(st.integers(), max_size=2)
changes = st.dictionaries(
    st.sampled_from(["mode", "by", "sorted", "trend", "self", ""]),
    st.sampled_from(["tree", "graph", "macs", "gradient", "mean", True, False]) | some,
    max_size=3,
)
some_keys = st.lists(st.sampled_from(["", "stem", "block", "block:2", "swish", "fc1", "/cat", "x"]) | some, max_size=4)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    message=st.tuples(st.just("view"), st.fixed_dictionaries({"changes": changes | some}))
    | st.tuples(st.just("open"), st.fixed_dictionaries({"keys": some_keys | some, "open": st.booleans() | some}))
    | st.tuples(st.just("select"), st.fixed_dictionaries({"layer": some | st.sampled_from(["fc1", "/cat", "x/y"])}))
)
def test_a_refused_request_changes_nothing(odd: tvw.Session, message: tuple[str, dict[str, Any]]) -> None:
    tree = tvw.ModelMap(odd)
    page = FrontEnd(tree)
    before = (tree.view, tree.opened, tree.layer, len(page.pushes))
    op, args = message
    reply = page.ask(op, **args)
    if not reply["ok"]:
        assert reply["error"]
        assert (tree.view, tree.opened, tree.layer, len(page.pushes)) == before
    elif op == "view":
        assert tree.view == before[0] | args["changes"]
    elif op == "open":
        assert all((key in tree.opened) == args["open"] for key in args["keys"])
    else:
        assert tree.layer == args["layer"]
