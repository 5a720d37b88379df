from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.unit.look.conftest import AlwaysDropping, DigitsNet, Nested
from torchvis_widgets.look import LookError, Observer, Outcome, Probe, Replica, trace_probe
from torchvis_widgets.look.cache import ByteCache
from torchvis_widgets.look.capturing.interventions import Intervention

Edit = tuple[str, float]


def scaled(state: Mapping[str, Tensor], edits: tuple[Any, ...]) -> dict[str, Tensor]:
    return {**state, **{name: state[name] * gain for name, gain in edits}}


class History:
    """States of a model by step: every tensor shifted by the step. Counts what was asked for."""

    def __init__(self, model: nn.Module) -> None:
        self.start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        self.asked: list[int | None] = []

    def __call__(self, step: int | None) -> dict[str, Tensor]:
        self.asked.append(step)
        if step == 404:
            raise LookupError("no snapshot at step 404")
        shift = 0.01 * (step or 0)
        return {n: t + shift if t.is_floating_point() else t for n, t in self.start.items()}


@pytest.fixture
def history(net: DigitsNet) -> History:
    return History(net)


@pytest.fixture
def observe(replica: Replica, probe: Probe, history: History) -> Callable[..., Observer]:
    def make(**options: Any) -> Observer:
        return Observer(replica, probe, history, apply_edits=scaled, criterion=nn.CrossEntropyLoss(), **options)

    return make


def by_hand(net: DigitsNet, state: Mapping[str, Tensor], probe: Probe) -> tuple[Tensor, Tensor]:
    net.load_state_dict(state)
    with torch.no_grad():
        return net.eval().features.conv1(probe.args[0]), net(probe.args[0])


def test_an_activation_is_computed_from_the_snapshot_s_weights(
    observe: Callable[..., Observer], history: History, net: DigitsNet, probe: Probe
) -> None:
    observer = observe()
    for step in (0, 30, 0, None):
        expected, _ = by_hand(net, history(step), probe)
        assert torch.allclose(observer.activation("features.conv1", step, 2), expected[2], atol=1e-6)


def test_edits_change_what_is_shown_and_not_the_snapshot(observe: Callable[..., Observer]) -> None:
    observer = observe()
    plain = observer.activation("features.conv1", 0, 0)
    doubled = observer.activation(
        "features.conv1", 0, 0, (("features.conv1.weight", 2.0), ("features.conv1.bias", 2.0))
    )
    assert torch.allclose(doubled, plain * 2, atol=1e-6)
    assert torch.equal(observer.activation("features.conv1", 0, 0), plain)


def test_snapshots_are_cached_and_the_live_model_only_while_its_token_holds(
    observe: Callable[..., Observer], history: History
) -> None:
    token: list[int | None] = [None]
    observer = observe(live=lambda: (token[0], lambda: history(None)))
    for _ in range(3):
        observer.activation("head", 5, 1)
    assert history.asked == [5]
    for _ in range(2):
        observer.activation("head", None, 1)
    assert history.asked == [5, None, None]
    token[0] = 1
    for _ in range(2):
        observer.activation("head", None, 1)
    token[0] = 2
    observer.activation("head", None, 1)
    assert history.asked == [5, None, None, None, None]


def test_one_sample_runs_alone_and_the_loaded_state_is_used_again(
    observe: Callable[..., Observer], history: History, replica: Replica
) -> None:
    given: list[int] = []
    replica.module.register_forward_pre_hook(lambda module, args: given.append(len(args[0])))
    observer = observe()
    for sample in range(3):
        observer.activation("head", 5, sample)
    assert given == [1, 1, 1]
    assert history.asked == [5]


def test_models_that_mix_or_squeeze_samples_run_whole() -> None:
    class Squeezes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(4)

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(x.squeeze())

    mixes = nn.Sequential(nn.BatchNorm2d(4, track_running_stats=False))
    for model, shape in ((Squeezes(), (5, 4)), (mixes, (5, 4, 3, 3))):
        probe = Probe.of(torch.randn(shape))
        replica = Replica(model)
        trace_probe(replica, probe)
        observer = Observer(replica, probe, lambda step, model=model: model.state_dict())
        expected = model.eval()(probe.args[0]).detach()
        assert torch.equal(observer.activation("", 0, 3), expected[3])


def test_what_the_model_answers(
    observe: Callable[..., Observer], history: History, net: DigitsNet, probe: Probe
) -> None:
    outcome = observe().outputs(30)
    _, logits = by_hand(net, history(30), probe)
    assert torch.equal(outcome.logits, logits)
    assert outcome.predictions == logits.argmax(dim=1).tolist()
    assert torch.allclose(outcome.probabilities, logits.softmax(dim=1))
    assert outcome.loss == pytest.approx(float(nn.functional.cross_entropy(logits, probe.targets)))
    assert outcome.problem is None
    edited = observe().outputs(30, (("head.weight", 0.0),))
    assert edited.loss != outcome.loss


def test_outcomes_of_other_kinds() -> None:
    targets = torch.tensor([0, 1])
    probabilities = torch.tensor([[0.9, 0.1], [0.2, 0.8]])
    assert torch.equal(Outcome.of(probabilities, None, None).probabilities, probabilities)  # no second softmax
    regression = Outcome.of(torch.randn(2, 1), targets, lambda output, target: (output[:, 0] - target) ** 2)
    assert regression.predictions is None
    assert regression.loss is not None
    nested = Outcome.of({"hidden": torch.ones(1), "logits": probabilities}, targets, None)
    assert (nested.predictions, nested.loss, nested.problem) == ([0, 1], None, None)
    wrong = Outcome.of(probabilities, targets, lambda output, target: output.no_such_thing)
    assert wrong.loss is None
    assert "the criterion raised on the probe: AttributeError" in str(wrong.problem)
    assert Outcome.of("nothing", targets, None).logits is None
    assert Outcome.of(probabilities, targets, lambda *_: torch.tensor(float("nan"))).problem == "the loss is nan"


def test_the_user_s_criterion_is_not_changed(replica: Replica, probe: Probe, history: History) -> None:
    class Counting(nn.CrossEntropyLoss):
        calls = 0

        def forward(self, *args: Any) -> Tensor:
            self.calls += 1
            return super().forward(*args)

    criterion = Counting()
    assert Observer(replica, probe, history, criterion=criterion).outputs(0).loss is not None
    assert criterion.calls == 0


def test_nothing_but_look_errors(
    observe: Callable[..., Observer], replica: Replica, probe: Probe, history: History
) -> None:
    observer = observe()
    observer.outputs(0)
    for call, words in [
        (
            lambda: observer.activation("head", 404, 0),
            "step 404 cannot be looked at: LookupError: no snapshot at step 404",
        ),
        (lambda: observer.activation("head", 0, 6), "no sample 6. Choose one of 0 … 5"),
        (lambda: observer.activation("hed", 0, 0), "Did you mean 'head'"),
        (lambda: observer.activation("spare", 0, 0), "never called"),
        (lambda: observer.outputs(0, (("no.such", 2.0),)), "KeyError: 'no.such'"),
        (lambda: Observer(replica, probe, lambda step: {}).outputs(0), "the state lacks"),
        (lambda: observe(live=lambda: 1 // 0).outputs(None), "live model cannot be looked at: ZeroDivisionError"),
        (lambda: Observer(replica, probe, history).outputs(0, (1,)), "edits cannot be previewed here"),
    ]:
        with pytest.raises(LookError, match=words):
            call()


def test_a_model_that_draws_is_refused_while_a_loop_runs() -> None:
    model, probe = AlwaysDropping(), Probe.of(torch.randn(3, 4))
    replica, quiet = Replica(model), [False]
    observer = Observer(replica, probe, lambda step: model.state_dict(), quiet=lambda: quiet[0])
    with pytest.raises(LookError, match=r"not known yet. Call trace\(\)"):
        observer.activation("linear", 0, 0)
    trace_probe(replica, probe)
    with pytest.raises(LookError, match=r"draws random numbers in eval mode.*Look when training has ended"):
        observer.activation("linear", 0, 0)
    quiet[0] = True
    before = torch.get_rng_state()
    assert observer.activation("", 0, 0).shape == (4,)
    assert observer.outputs(0).logits is not None
    assert torch.equal(torch.get_rng_state(), before)


def test_many_threads_get_the_right_snapshots(
    observe: Callable[..., Observer], net: DigitsNet, history: History
) -> None:
    """Loads and forward passes of several threads do not mix; state_of is called without the replica's lock."""
    observer = observe(cache_bytes=0)
    expected = {step: observer.activation("head", step, 0) for step in range(4)}
    wrong: list[int] = []

    def look(step: int) -> None:
        for _ in range(10):
            if not torch.equal(observer.activation("head", step, 0), expected[step]):
                wrong.append(step)

    threads = [threading.Thread(target=look, args=(step,)) for step in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []


def test_a_state_that_waits_does_not_hold_the_lock(replica: Replica, probe: Probe, net: DigitsNet) -> None:
    """Else a view that waits for the training thread and a training thread that looks would wait for each other."""
    taken: list[bool] = []

    def training_thread_looks() -> None:
        taken.append(replica.lock.acquire(timeout=2))
        if taken[-1]:
            replica.lock.release()

    def state_of(step: int | None) -> Mapping[str, Tensor]:
        thread = threading.Thread(target=training_thread_looks)
        thread.start()
        thread.join()
        return net.state_dict()

    assert Observer(replica, probe, state_of).activation("head", 0, 0).shape == (10,)
    assert taken == [True]


def test_nested_outputs_by_sample() -> None:
    model, probe = Nested(), Probe.of({"x": torch.randn(3, 7, 5)})
    replica = Replica(model)
    trace_probe(replica, probe)
    observer = Observer(replica, probe, lambda step: model.state_dict())
    assert observer.activation("rnn", 0, 1).shape == (7, 6)
    assert observer.activation("['logits']", 0, 1).shape == (3,)
    assert observer.outputs(0).predictions is not None


def test_the_cache_is_bounded_by_bytes_and_drops_what_was_used_longest_ago() -> None:
    cache: ByteCache[str] = ByteCache(10)
    cache.put("a", "A", 4)
    cache.put("b", "B", 4)
    assert cache.get("a") == "A"
    cache.put("c", "C", 4)
    assert [cache.get(key) for key in "abc"] == ["A", None, "C"]
    cache.put("a", "A2", 6)
    assert [cache.get(key) for key in "ac"] == ["A2", "C"]
    cache.put("huge", "H", 11)
    assert cache.get("huge") is None
    assert cache.get("a") == "A2"


def passes(observer: Observer) -> list[int]:
    """The batch size of every pass through the replica from now on."""
    sizes: list[int] = []
    observer._replica.module.register_forward_pre_hook(lambda module, args: sizes.append(len(args[0])))
    return sizes


def test_several_keys_and_samples_come_from_one_pass(
    observe: Callable[..., Observer], net: DigitsNet, history: History, probe: Probe
) -> None:
    observer = observe()
    keys = ["features.conv1", "features.relu:2", "/flatten", "head"]
    sizes = passes(observer)
    found = observer.activations(keys, 3, range(6))
    assert sizes == [6]
    assert [len(found[key]) for key in keys] == [6] * 4
    net.load_state_dict(history(3))
    x = probe.args[0]
    with torch.no_grad():
        maps = net.eval().features(x)
        expected = {"features.conv1": net.features.conv1(x), "/flatten": maps.flatten(1), "head": net(x)}
    for key, tensor in expected.items():
        assert torch.allclose(torch.stack(found[key]), tensor, atol=1e-6), key


@pytest.mark.parametrize(
    ("samples", "given"),
    [([4], 1), (range(1, 4), 3), (range(0, 6, 2), 3), (range(5, 0, -2), 3), ([0, 1, 5], 6), ([3, 3], 1)],
)
def test_only_the_samples_asked_for_are_run(observe: Callable[..., Observer], samples: Any, given: int) -> None:
    observer = observe(cache_bytes=0)
    whole = observer.activations(["features.norm"], 3, range(6))["features.norm"]
    sizes = passes(observer)
    found = observer.activations(["features.norm"], 3, samples)["features.norm"]
    assert sizes == [given]
    assert all(torch.allclose(a, whole[sample], atol=1e-6) for a, sample in zip(found, samples, strict=True))


def test_the_cache_is_shared_across_snapshots_keys_and_samples(observe: Callable[..., Observer]) -> None:
    observer = observe()
    sizes = passes(observer)
    observer.activations(["features.conv1", "head"], 1, range(3))
    observer.activations(["head"], 2, [0])
    assert sizes == [3, 1]
    assert len(observer.activations(["head", "features.conv1"], 1, [2, 0])["head"]) == 2
    observer.activation("features.conv1", 1, 1)
    observer.activation("head", 2, 0)
    assert sizes == [3, 1]
    observer.activations(["head"], 1, range(6))  # three of them are known
    assert sizes == [3, 1, 3]
    observer.activations(["hidden", "head"], 1, [0])
    assert sizes == [3, 1, 3, 1]


def test_the_cache_holds_no_more_than_its_bytes(observe: Callable[..., Observer]) -> None:
    one = 4 * 64 * 4  # features.conv1 of one sample
    observer = observe(cache_bytes=3 * one)
    sizes = passes(observer)
    for sample in range(4):
        observer.activation("features.conv1", 1, sample)
    for sample in (3, 2, 1):
        observer.activation("features.conv1", 1, sample)
    assert len(sizes) == 4
    observer.activation("features.conv1", 1, 0)
    assert len(sizes) == 5
    assert observer._cache._used <= 3 * one


def test_what_reduce_gives_is_not_kept(observe: Callable[..., Observer]) -> None:
    observer = observe()
    plain = observer.activations(["features.conv1"], 1, range(6))["features.conv1"]
    sizes = passes(observer)
    for change in (torch.abs, torch.neg):
        found = observer.activations(["features.conv1"], 1, range(6), reduce=change)["features.conv1"]
        assert torch.equal(torch.stack(found), change(torch.stack(plain)))
    assert sizes == [6, 6]
    assert torch.equal(observer.activation("features.conv1", 1, 2), plain[2])


def test_samples_along_another_dimension_and_none_at_all() -> None:
    class Odd(nn.Module):
        """States (layers, N, H), windows of a sample one after the other, and what all samples share."""

        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.share, self.windows = nn.LSTM(4, 5, 2, batch_first=True), nn.Identity(), nn.Identity()
            self.one = nn.Identity()
            self.position = nn.Parameter(torch.randn(8, 4))

        def forward(self, x: Tensor) -> Tensor:
            x = x + self.share(self.position + 0) + self.one(self.position[None] * 0)
            self.windows(x.reshape(-1, 2, 4))
            return self.rnn(x)[0]

    model, probe = Odd().eval(), Probe.of(torch.randn(4, 8, 4))
    replica = Replica(model)
    trace_probe(replica, probe)
    keys = ["rnn[1][0]", "share", "windows", "rnn[0]", "one"]
    with torch.no_grad():
        x = probe.args[0] + model.position
        steps, (h, _) = model.rnn(x)
    for samples in (range(4), [2], [1, 3], [3, 2, 1, 0]):
        observer = Observer(replica, probe, lambda step: model.state_dict())
        found = observer.activations(keys, 0, samples)
        for at, sample in enumerate(samples):
            assert torch.allclose(found["rnn[1][0]"][at], h[:, sample], atol=1e-6)
            assert torch.equal(found["share"][at], model.position)
            assert torch.equal(found["windows"][at], x.reshape(4, 4, 2, 4)[sample])
            assert torch.allclose(found["rnn[0]"][at], steps[sample], atol=1e-6)
            assert found["one"][at].shape == (8, 4)
        gradients = observer.gradients(["rnn[0]"], lambda output: output.sum(), 0, samples)
        assert torch.stack(gradients["rnn[0]"]).eq(1).all()


def test_the_second_look_at_shapes_is_made_once() -> None:
    model, probe = nn.LSTM(4, 5, 2, batch_first=True), Probe.of(torch.randn(6, 3, 4))
    replica = Replica(model)
    trace_probe(replica, probe)
    observer = Observer(replica, probe, lambda step: model.state_dict())
    sizes = passes(observer)
    for step in range(3):
        observer.activations(["[1][0]"], step, range(6))
    assert sizes == [6, 1, 6, 6]


def test_a_key_asked_for_in_vain_leaves_the_others_out_of_it(observe: Callable[..., Observer]) -> None:
    observer = observe()
    with pytest.raises(LookError, match="'spare' is never called"):
        observer.activations(["head", "spare"], 0, [0])
    with pytest.raises(LookError, match=r"no sample was asked for. Choose some of 0 … 5"):
        observer.activations(["head"], 0, [])
    with pytest.raises(LookError, match="no sample was asked for"):
        observer.gradients(["head"], 0, 0, [])
    assert observer.activation("head", 0, 0).shape == (10,)


def test_gradients_and_effects_are_those_of_the_snapshot(
    observe: Callable[..., Observer], net: DigitsNet, history: History, probe: Probe
) -> None:
    observer = observe()
    for step in (0, 40):
        net.load_state_dict(history(step))
        net.eval()
        hidden = net.hidden(net.features(probe.args[0]).flatten(1)).detach().requires_grad_()
        expected = torch.autograd.grad(net.head(hidden.relu())[:, 2].sum(), hidden)[0]
        assert torch.allclose(torch.stack(observer.gradients(["hidden"], 2, step, range(6))["hidden"]), expected)
        effect = observer.effect([Intervention.zero("hidden")], [], step, range(6))
        with torch.no_grad():
            assert torch.allclose(effect.before.logits, net(probe.args[0]), atol=1e-6)
            assert torch.allclose(effect.after.logits, net.head(hidden * 0), atol=1e-6)
