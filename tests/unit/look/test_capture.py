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


class Small(nn.Module):
    """A linear layer called twice and functions between, one of which changes its input in place."""

    def __init__(self) -> None:
        super().__init__()
        self.mix, self.head = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mix(x) * 2
        x = self.mix(x).mul(3)
        x += 1
        return self.head(x).softmax(-1)


def test_functions_are_captured_by_call() -> None:
    model, x = Small().eval(), torch.randn(5, 4)
    found = capture(Replica(model), Probe.of(x), ["/mul", "/mul:2", "/add_", "/softmax", "mix:2"]).outputs
    with torch.no_grad():
        first = model.mix(x) * 2
        second = model.mix(first)
        assert torch.equal(found["/mul"], first)
        assert torch.equal(found["mix:2"], second)
        assert torch.equal(found["/mul:2"], second * 3)  # and not what += makes of it
        assert torch.equal(found["/add_"], second * 3 + 1)
        assert torch.equal(found["/softmax"], model(x))


def test_a_function_ends_the_pass_too() -> None:
    replica, ran = Replica(Small()), []
    replica.module.get_submodule("head").register_forward_hook(lambda *_: ran.append("head"))
    assert capture(replica, Probe.of(torch.randn(5, 4)), ["/add_"]).stopped
    assert ran == []


def test_two_names_of_one_output() -> None:
    found = capture(Replica(Small()), Probe.of(torch.randn(5, 4)), ["mix", "mix:1"]).outputs
    assert torch.equal(found["mix"], found["mix:1"])


def test_what_is_reduced_is_reduced_before_it_is_copied(replica: Replica, probe: Probe) -> None:
    seen: list[Tensor] = []

    def reduce(tensor: Tensor) -> Tensor:
        seen.append(tensor)
        return tensor.mean(dim=(2, 3))

    conv: list[Tensor] = []
    replica.module.get_submodule("features.conv1").register_forward_hook(lambda m, a, output: conv.append(output))
    found = capture(replica, probe, ["features.conv1"], reduce=reduce).outputs["features.conv1"]
    assert seen[0].data_ptr() == conv[0].data_ptr()  # the output itself, inside the hook, and not its copy
    assert not seen[0].requires_grad
    assert found.shape == (6, 4)
    assert torch.equal(found, conv[0].mean(dim=(2, 3)))


def test_a_model_that_changes_its_input_in_place_leaves_the_probe_alone() -> None:
    model, x = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(4, 2)), torch.randn(5, 4)
    probe, replica = Probe.of(x), Replica(model)
    for _ in range(2):
        assert torch.equal(capture(replica, probe, ["0"]).outputs["0"], x.relu())
        assert torch.equal(probe.args[0], x)


def test_one_tensor_given_twice_stays_one() -> None:
    class Same(nn.Module):
        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return torch.tensor([a is b])

    x = torch.randn(3, 2)
    probe = Probe((x,), {"b": x})
    assert capture(Replica(Same()), probe, [""]).outputs[""].item()


def test_a_pass_that_was_ended_by_a_function_gives_the_random_state_back() -> None:
    class Draws(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x + torch.randn_like(x)).relu() + torch.randn_like(x)

    before = torch.get_rng_state()
    assert capture(Replica(Draws()), Probe.of(torch.ones(3, 2)), ["/relu"]).stopped
    assert torch.equal(torch.get_rng_state(), before)
