"""Observers of other inputs, of ablated passes and of edited states, each from as few passes as it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.unit.look.conftest import DigitsNet
from torchvis_widgets.look import LookError, Observer, Probe, Replica
from torchvis_widgets.look.ablation import Ablation

ABLATED = (Ablation("features.norm", 2),)


def scaled(state: Mapping[str, Tensor], edits: tuple[Any, ...]) -> dict[str, Tensor]:
    return {**state, **{name: state[name] * gain for name, gain in edits}}


@pytest.fixture
def observer(net: DigitsNet, replica: Replica, probe: Probe) -> Observer:
    state = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    criterion = torch.nn.CrossEntropyLoss()
    return Observer(replica, probe, lambda step: state, apply_edits=scaled, criterion=criterion)


def passes(observer: Observer) -> list[int]:
    sizes: list[int] = []
    observer._replica.module.register_forward_pre_hook(lambda module, args: sizes.append(len(args[0])))
    return sizes


def test_an_ablated_pass_is_kept_with_its_answer(observer: Observer, net: DigitsNet, probe: Probe) -> None:
    net.eval()
    sizes = passes(observer)
    outcome, found = observer.glance("features.relu", 0, 1, (), ABLATED)
    assert sizes == [6]
    assert observer.outputs(0, (), ABLATED) is outcome
    known = observer.known("features.relu", 0, (), ABLATED)
    assert known is not None
    assert observer.activation("features.relu", 0, 3, (), ABLATED).equal(known[3])
    assert sizes == [6]
    with torch.no_grad():
        maps = net.features.norm(net.features.conv1(probe.args[0]))
        maps[:, 2] = 0
        logits = net.head(net.hidden(maps.relu().flatten(1)).relu())
    assert torch.allclose(found, maps[1].relu(), atol=1e-6)
    assert torch.allclose(outcome.logits, logits, atol=1e-5)  # type: ignore[arg-type]
    assert observer.known("features.relu", 0) is None
    assert not torch.equal(observer.activation("features.relu", 0, 1), found)


def test_answer_and_output_come_together_once(observer: Observer) -> None:
    sizes = passes(observer)
    observer.glance("head", 0, 2)
    observer.glance("head", 0, 5)
    assert sizes == [6]
    observer.glance("hidden", 0, 5)  # the answer is known: one sample, up to that layer
    assert sizes == [6, 1]


def test_other_inputs_share_the_states_and_nothing_else(observer: Observer, net: DigitsNet) -> None:
    images = torch.randn(2, 1, 8, 8)
    other = observer.on(Probe.of(images))
    assert observer.outputs(0).logits.shape == (6, 10)  # type: ignore[union-attr]
    with torch.no_grad():
        assert torch.allclose(other.outputs(0).logits, net.eval()(images), atol=1e-5)  # type: ignore[arg-type]
    assert other.activation("head", 0, 1).shape == (10,)
    with pytest.raises(LookError, match="the probe has no sample 2"):
        other.activation("head", 0, 2)
    assert observer.activation("head", 0, 5).shape == (10,)


def test_gradients_and_weights_are_those_of_the_edited_state(observer: Observer, net: DigitsNet, probe: Probe) -> None:
    edits = (("head.weight", 2.0),)
    plain = observer.gradients(["hidden"], 3, 0, [0])["hidden"][0]
    sizes = passes(observer)
    edited = observer.gradients(["hidden"], 3, 0, [0], edits)["hidden"][0]
    assert torch.allclose(edited, 2 * plain, atol=1e-6)
    assert observer.gradients(["hidden"], 3, 0, [0], edits)["hidden"][0].equal(edited)
    assert sizes == [1]
    assert torch.equal(observer.state(0, edits)["head.weight"], 2 * net.head.weight)


def test_some_values_of_the_whole_probe(observer: Observer) -> None:
    every = torch.stack(observer.activations(["features.conv1"], 0, range(6))["features.conv1"]).reshape(-1)
    assert observer.values("features.conv1", 0, 1 << 20).equal(every)
    some = observer.values("features.conv1", 0, 500)
    assert len(some) <= 500
    assert some.equal(every[:: -(-len(every) // len(some)) | 1][: len(some)])
    with pytest.raises(LookError, match="no layer 'nonsense'"):
        observer.values("nonsense", 0, 5)


def test_the_live_state_is_asked_once_within_a_frame(net: DigitsNet, replica: Replica, probe: Probe) -> None:
    asked: list[int] = []

    def live() -> tuple[int, Callable[[], Mapping[str, Tensor]]]:
        asked.append(1)
        return len(asked), net.state_dict

    observer = Observer(replica, probe, lambda step: net.state_dict(), live=live)
    with observer.steady():
        observer.glance("head", None, 0)
        observer.on(probe).outputs(None)
    assert len(asked) == 1
    observer.outputs(None)
    assert len(asked) == 2
