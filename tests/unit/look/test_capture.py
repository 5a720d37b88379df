from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.unit.look.conftest import DigitsNet, Nested
from torchvis_widgets.look import CaptureError, ForwardError, Probe, Replica, capture, trace_probe


def test_every_key_of_the_graph_equals_what_plain_hooks_see(net: DigitsNet, probe: Probe) -> None:
    replica = Replica(net)
    graph = trace_probe(replica, probe)
    seen: dict[str, Tensor] = {}
    net.eval()
    for path in ("features.conv1", "features.norm", "head"):
        net.get_submodule(path).register_forward_hook(lambda m, a, output, p=path: seen.update({p: output.clone()}))
    with torch.no_grad():
        net(probe.args[0])
    keys = [key for node in graph.modules for key in node.keys]
    outputs = capture(replica, probe, keys).outputs
    assert outputs.keys() == set(keys)
    assert len(seen) == 3
    assert all(torch.equal(outputs[key], tensor) for key, tensor in seen.items())


def test_an_in_place_relu_does_not_overwrite_what_was_captured(replica: Replica, probe: Probe) -> None:
    outputs = capture(replica, probe, ["features.norm", "features.relu"]).outputs
    assert outputs["features.norm"].min() < 0
    assert torch.equal(outputs["features.norm"].relu(), outputs["features.relu"])


def test_the_pass_stops_once_it_has_everything(replica: Replica, probe: Probe) -> None:
    ran = []
    replica.module.get_submodule("head").register_forward_hook(lambda *_: ran.append("head"))
    assert capture(replica, probe, ["features.conv1"]).stopped
    assert ran == []
    capture(replica, probe, ["dropout", "features.relu:2"])
    assert ran == []


def test_a_model_s_own_except_does_not_swallow_the_stop() -> None:
    class Guarded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            try:
                return self.first(x)
            except Exception:
                return self.second(x)

    assert capture(Replica(Guarded()), Probe.of(torch.randn(1, 2)), ["first"]).stopped


def test_calls_and_leaves(replica: Replica, probe: Probe) -> None:
    outputs = capture(replica, probe, ["features.relu:2", "hidden"]).outputs
    assert torch.equal(outputs["features.relu:2"], outputs["hidden"].relu())
    nested, inputs = Nested().eval(), Probe.of({"x": torch.randn(3, 7, 5)})
    answer = nested(inputs.kwargs["x"])
    outputs = capture(
        Replica(nested), inputs, ["['hidden']['cell']", "rnn[1][1]", "two['left']", "rnn", "", "head"]
    ).outputs
    assert torch.equal(outputs["['hidden']['cell']"], answer.hidden["cell"])
    assert torch.equal(outputs["rnn[1][1]"], answer.hidden["cell"])
    assert outputs["two['left']"].shape == (3, 6)
    assert outputs["rnn"].shape == (3, 7, 6)  # a module's first tensor
    assert torch.equal(outputs[""], outputs["head"])


def test_samples_are_taken_before_the_forward_pass(replica: Replica, probe: Probe) -> None:
    whole = capture(replica, probe, ["features.conv1"]).outputs["features.conv1"]
    given: list[tuple[int, ...]] = []
    conv = replica.module.get_submodule("features.conv1")
    conv.register_forward_pre_hook(lambda module, args: given.append(tuple(args[0].shape)))
    part = capture(replica, probe, ["features.conv1"], samples=slice(2, 4)).outputs["features.conv1"]
    assert given == [(2, 1, 8, 8)]
    assert torch.allclose(part, whole[2:4])


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("features.conv2", "no layer 'features.conv2'. Did you mean 'features.conv1'"),
        ("spare", "'spare' is never called by the forward pass. Choose a layer that the forward pass calls"),
        ("head:2", "'head' is called once, call 2 was asked for. Ask for 'head'"),
        ("features.relu:3", "is called 2 times, call 3"),
        ("head[1]", r"output of 'head' has no tensor \[1\]. Did you mean 'head'"),
    ],
)
def test_what_cannot_be_captured_says_why_and_what_to_do(replica: Replica, probe: Probe, key: str, words: str) -> None:
    with pytest.raises(CaptureError, match=words) as caught:
        capture(replica, probe, [key])
    assert caught.value.reason
    assert caught.value.remedy
    assert not any(module._forward_hooks for module in replica.module.modules())


def test_a_model_that_fails_half_way_still_shows_what_comes_before() -> None:
    class Fails(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            self.first(x)
            raise KeyError("nothing there")

    replica, probe = Replica(Fails()), Probe.of(torch.randn(1, 2))
    assert capture(replica, probe, ["first"]).outputs["first"].shape == (1, 2)
    with pytest.raises(
        ForwardError, match=r"raised before reaching 'last': KeyError: 'nothing there'. Choose an earlier"
    ):
        capture(replica, probe, ["first", "last"])


def test_sparse_outputs_are_dense_and_meta_ones_refused() -> None:
    class Makes(nn.Module):
        def __init__(self, make: object) -> None:
            super().__init__()
            self.make = make

        def forward(self, x: Tensor) -> Tensor:
            return self.make(x)  # type: ignore[operator,no-any-return]

    probe = Probe.of(torch.eye(3))
    assert torch.equal(capture(Replica(Makes(Tensor.to_sparse)), probe, [""]).outputs[""], torch.eye(3))
    with pytest.raises(CaptureError, match="on the meta device and has no values"):
        capture(Replica(Makes(lambda x: x.to("meta"))), probe, [""])
