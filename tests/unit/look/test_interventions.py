"""Interventions against outputs changed by plain hooks and by weights set to zero; see `intervene`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models

from torchvis_widgets.look import CaptureError, ForwardError, Observer, Outcome, Probe, Replica, trace_probe
from torchvis_widgets.look.capturing.effect import Effect, intervene
from torchvis_widgets.look.capturing.interventions import Intervention

Change = Callable[[Tensor], Tensor]


class Net(nn.Module):
    """Maps, tokens, a vector and logits; one linear layer is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.embed = nn.Linear(4, 6)
        self.mix = nn.Linear(6, 6)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.relu(self.conv(x))
        tokens = self.embed(maps.flatten(2).transpose(1, 2)) + 0.5
        tokens = self.mix(self.mix(tokens))
        return self.head(tokens.mean(dim=1))


@pytest.fixture
def net() -> Net:
    return Net().eval()


@pytest.fixture
def probe() -> Probe:
    return Probe.of((torch.randn(4, 1, 5, 5), torch.tensor([0, 1, 2, 0])))


def changed(model: nn.Module, probe: Probe, *interventions: Intervention, keys: Sequence[str] = ()) -> Any:
    return intervene(Replica(model), probe, interventions, keys)


def hooked(model: nn.Module, path: str, change: Change, x: Tensor, call: int = 1) -> Tensor:
    """The model's output with one module's output changed by a plain hook, at one of its calls."""
    calls = iter(range(1, 100))
    handle = model.get_submodule(path).register_forward_hook(
        lambda module, args, output: change(output) if next(calls) == call else output
    )
    with torch.no_grad():
        found = model(x)
    handle.remove()
    return found


def at(where: tuple[Any, ...], change: Change) -> Change:
    def apply(output: Tensor) -> Tensor:
        output = output.clone()
        output[where] = change(output)[where]
        return output

    return apply


ALL = slice(None)
CHANGES: list[tuple[Callable[..., Intervention], dict[str, Any], Change]] = [
    (Intervention.zero, {}, torch.zeros_like),
    (Intervention.scale, {"factor": -2.0}, lambda y: y * -2),
    (Intervention.clamp, {"least": -0.01, "greatest": 0.02}, lambda y: y.clamp(-0.01, 0.02)),
    (Intervention.clamp, {"greatest": 0.0}, lambda y: y.clamp(max=0)),
]
PLACES: list[tuple[str, dict[str, Any], tuple[Any, ...]]] = [
    ("conv", {}, (ALL,)),
    ("conv", {"channel": 2}, (ALL, 2)),
    ("conv", {"channel": [0, -1]}, (ALL, [0, 3])),
    ("conv", {"channel": 1, "dim": 3}, (ALL, ALL, ALL, 1)),
    ("embed", {"channel": 5}, (ALL, ALL, 5)),
    ("embed", {"token": [3, 4]}, (ALL, [3, 4])),
    ("embed", {"token": 3, "channel": 1}, (ALL, 3, 1)),
    ("head", {"channel": 1}, (ALL, 1)),
]


@pytest.mark.parametrize(("make", "given", "change"), CHANGES, ids=["zero", "scale", "clamp", "clamp above"])
@pytest.mark.parametrize(("key", "where", "index"), PLACES, ids=lambda each: str(each))
def test_every_change_at_every_place_equals_a_plain_hook(
    net: Net,
    probe: Probe,
    make: Any,
    given: dict[str, Any],
    change: Change,
    key: str,
    where: dict[str, Any],
    index: Any,
) -> None:
    output, kept = changed(net, probe, make(key, **given, **where), keys=[key])
    assert torch.allclose(output, hooked(net, key, at(index, change), probe.args[0]), atol=1e-6)
    plain = changed(net, probe, keys=[key])[1][key]
    assert torch.equal(kept[key], at(index, change)(plain))
    assert not torch.equal(kept[key], plain)


@pytest.mark.parametrize(
    ("key", "where", "index", "over"),
    [
        ("conv", {}, (ALL,), (0,)),
        ("conv", {"channel": 2}, (ALL, 2), (0, 2, 3)),
        ("embed", {"channel": 2}, (ALL, ALL, 2), (0, 1)),
        ("embed", {"token": 2}, (ALL, 2), (0,)),
        ("head", {"channel": 2}, (ALL, 2), (0,)),
    ],
)
def test_the_mean_is_that_over_the_probe(
    net: Net, probe: Probe, key: str, where: dict[str, Any], index: Any, over: tuple[int, ...]
) -> None:
    output, _ = changed(net, probe, Intervention.mean(key, **where))
    mean: Change = lambda y: y.mean(dim=over, keepdim=True).expand_as(y)  # noqa: E731
    assert torch.allclose(output, hooked(net, key, at(index, mean), probe.args[0]), atol=1e-6)


def test_a_tensor_given_takes_the_place(net: Net, probe: Probe) -> None:
    for value in (torch.randn(4, 4, 5, 5), torch.randn(5, 5), torch.tensor(3.0)):
        output, _ = changed(net, probe, Intervention.replace("conv", value, channel=1))
        expected = hooked(net, "conv", at((ALL, 1), lambda y, value=value: value.expand_as(y)), probe.args[0])
        assert torch.allclose(output, expected, atol=1e-6)
    value = torch.ones(5, 5)
    made = Intervention.replace("conv", value)
    value.zero_()
    assert changed(net, probe, made, keys=["conv"])[1]["conv"].eq(1).all()


def test_noise_is_of_its_seed_alone(net: Net, probe: Probe) -> None:
    before = torch.get_rng_state()
    first, kept = changed(net, probe, Intervention.noise("conv", 0.5, channel=1), keys=["conv"])
    again, _ = changed(net, probe, Intervention.noise("conv", 0.5, channel=1))
    other, _ = changed(net, probe, Intervention.noise("conv", 0.5, channel=1, seed=7))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    added = kept["conv"] - net.conv(probe.args[0]).detach()
    assert not added[:, [0, 2, 3]].any()
    assert 0.3 < float(added[:, 1].std()) < 0.7


def test_functions_and_calls(net: Net, probe: Probe) -> None:
    x = probe.args[0]
    output, _ = changed(net, probe, Intervention.zero("/add", token=2))
    expected = hooked(net, "mix", lambda y: y, x)
    pre = net.mix.register_forward_pre_hook(_only_first(lambda tokens: at((ALL, 2), torch.zeros_like)(tokens)))
    assert torch.allclose(output, net(x), atol=1e-6)
    pre.remove()
    assert torch.equal(net(x), expected)
    for call in (1, 2):
        key = f"mix:{call}" if call > 1 else "mix"
        output, _ = changed(net, probe, Intervention.scale(key, 3.0, channel=0))
        assert torch.allclose(output, hooked(net, "mix", at((ALL, ALL, 0), lambda y: y * 3), x, call), atol=1e-6)


def _only_first(change: Change) -> Callable[..., Any]:
    calls = iter(range(1, 100))
    return lambda module, args: (change(args[0]),) if next(calls) == 1 else None


def test_several_on_one_output_compose_in_their_order(net: Net, probe: Probe) -> None:
    x = probe.args[0]
    clamp, scale = Intervention.clamp("conv", 0.0, 0.1), Intervention.scale("conv", 10.0)
    one, _ = changed(net, probe, clamp, scale)
    other, _ = changed(net, probe, scale, clamp)
    assert torch.allclose(one, hooked(net, "conv", lambda y: y.clamp(0, 0.1) * 10, x), atol=1e-5)
    assert torch.allclose(other, hooked(net, "conv", lambda y: (y * 10).clamp(0, 0.1), x), atol=1e-5)
    two_names, _ = changed(net, probe, clamp, Intervention.scale("conv:1", 10.0))  # of one output
    assert torch.equal(two_names, one)
    layers, _ = changed(net, probe, Intervention.zero("mix:2", channel=1), Intervention.zero("conv", channel=1))
    calls = iter((1, 2))
    net.mix.register_forward_hook(
        lambda module, args, output: at((ALL, ALL, 1), torch.zeros_like)(output) if next(calls) == 2 else output
    )
    assert torch.allclose(layers, hooked(net, "conv", at((ALL, 1), torch.zeros_like), x), atol=1e-6)


def test_what_is_not_an_output_of_maps_or_tokens() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1d, self.rnn = nn.Conv1d(3, 4, 1), nn.LSTM(4, 5)
            self.rows = nn.Linear(5, 5)

        def forward(self, x: Tensor) -> Tensor:
            by_time, _ = self.rnn(self.conv1d(x).permute(2, 0, 1))  # (T, N, D)
            grid = self.rows(by_time.permute(1, 0, 2)[:, None])  # (N, 1, T, D)
            return grid.flatten(1)

    model, probe = Odd().eval(), Probe.of(torch.randn(2, 3, 7))
    interventions = [
        (Intervention.zero("conv1d", channel=2), (ALL, 2)),
        (Intervention.zero("rows", channel=2), (..., 2)),
    ]
    for each, index in interventions:
        _, kept = changed(model, probe, each, keys=[each.key])
        expected = at(index, torch.zeros_like)(changed(model, probe, keys=[each.key])[1][each.key])
        assert torch.equal(kept[each.key], expected)
    _, plain = changed(model, probe, keys=["rnn"])
    _, kept = changed(model, probe, Intervention.zero("rnn", token=3), keys=["rnn"])
    assert torch.equal(kept["rnn"], at((3,), torch.zeros_like)(plain["rnn"]))
    _, kept = changed(model, probe, Intervention.mean("rnn", token=3), keys=["rnn"])
    assert torch.allclose(kept["rnn"][3], plain["rnn"][3].mean(0, keepdim=True).expand(2, 5))


# Heads


def without(attn: nn.MultiheadAttention, heads: Sequence[int]) -> None:
    """Take heads away by hand: the columns of the projection that they are multiplied with."""
    size = attn.embed_dim // attn.num_heads
    with torch.no_grad():
        for head in heads:
            attn.out_proj.weight[:, head * size : (head + 1) * size] = 0


class Attends(nn.Module):
    def __init__(self, given: dict[str, Any], **options: Any) -> None:
        super().__init__()
        self.attn, self.given = nn.MultiheadAttention(8, 4, **options), given

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.attn.batch_first else x.transpose(0, 1)
        return self.attn(x, x, x, **self.given)[0]


PADDING = torch.tensor([[False] * 5, [False] * 4 + [True], [False] * 2 + [True] * 3])


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "given",
    [{}, {"need_weights": False}, {"key_padding_mask": PADDING}, {"average_attn_weights": False}],
    ids=["plain", "no weights", "padding", "per head"],
)
def test_heads_of_multihead_attention(batch_first: bool, bias: bool, given: dict[str, Any]) -> None:
    model, probe = Attends(given, batch_first=batch_first, bias=bias).eval(), Probe.of(torch.randn(3, 5, 8))
    with torch.no_grad():
        same, _ = changed(model, probe, Intervention.scale("attn", 1.0, head=1))
        assert torch.allclose(same, model(probe.args[0]), atol=1e-6)
        found, _ = changed(model, probe, Intervention.zero("attn", head=[0, 2]))
        without(model.attn, [0, 2])
        assert torch.allclose(found, model(probe.args[0]), atol=1e-6)


@pytest.mark.parametrize(
    ("make", "x", "path", "head"),
    [
        (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 4, 16, batch_first=True), 2),
         torch.randn(3, 5, 8), "layers.1.self_attn", 3),
        (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 4, 16), 2, enable_nested_tensor=False),
         torch.randn(3, 5, 8), "layers.0.self_attn", 0),
        (lambda: models.VisionTransformer(32, 8, 2, 2, 8, 16, num_classes=4),
         torch.randn(2, 3, 32, 32), "encoder.layers.encoder_layer_1.self_attention", 1),
    ],
    ids=["encoder", "encoder by time", "vit"],
)  # fmt: skip
def test_heads_inside_models(make: Callable[[], nn.Module], x: Tensor, path: str, head: int) -> None:
    model = make().eval()
    for parameter in model.parameters():  # torchvision's head is 0 at first
        parameter.data.normal_(std=0.3)
    found, _ = changed(model, Probe.of(x), Intervention.zero(path, head=head))
    plain = model(x).detach()
    without(model.get_submodule(path), [head])
    with torch.no_grad():
        assert torch.allclose(found, model(x), atol=1e-5)
    assert not torch.allclose(found, plain, atol=1e-3)


def test_several_heads_one_after_the_other_and_tokens_of_heads() -> None:
    model, probe = Attends({}, batch_first=True).eval(), Probe.of(torch.randn(3, 5, 8))
    one, _ = changed(model, probe, Intervention.zero("attn", head=[0, 1]))
    two, _ = changed(model, probe, Intervention.zero("attn", head=0), Intervention.zero("attn[0]", head=1))
    assert torch.allclose(one, two, atol=1e-6)
    mixed, _ = changed(model, probe, Intervention.zero("attn", channel=3), Intervention.zero("attn", head=[0, 1]))
    assert torch.allclose(mixed, at((..., 3), torch.zeros_like)(one), atol=1e-6)
    token, _ = changed(model, probe, Intervention.zero("attn", head=[0, 1], token=2))
    with torch.no_grad():
        assert torch.allclose(token[:, 2], one[:, 2], atol=1e-6)
        assert torch.allclose(token[:, [0, 1, 3, 4]], model(probe.args[0])[:, [0, 1, 3, 4]], atol=1e-6)


def test_heads_of_fused_attention_and_of_weights() -> None:
    class Fused(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.scaled_dot_product_attention(x, x, x) + 0

    model, probe = Fused(), Probe.of(torch.randn(2, 3, 5, 4))
    with torch.no_grad():
        plain = model(probe.args[0])
    for where, index in [({"head": 1}, (ALL, 1)), ({"token": 2}, (..., 2, ALL)), ({"channel": 3}, (..., 3))]:
        found, _ = changed(model, probe, Intervention.zero("/scaled_dot_product_attention", **where))
        assert torch.allclose(found, at(index, torch.zeros_like)(plain), atol=1e-6)
    attends, tokens = Attends({"average_attn_weights": False}, batch_first=True), Probe.of(torch.randn(3, 5, 8))
    _, kept = changed(attends, tokens, Intervention.zero("attn[1]", head=2), keys=["attn[1]", "attn[0]"])
    assert not kept["attn[1]"][:, 2].any()
    assert kept["attn[1]"][:, 1].any()
    assert torch.equal(kept["attn[0]"], changed(attends, tokens, keys=["attn[0]"])[1]["attn[0]"])


# The whole of it, and what goes wrong


def effect_of(net: nn.Module, probe: Probe, *interventions: Intervention, keys: Sequence[str] = ()) -> Effect:
    replica = Replica(net)
    trace_probe(replica, probe)
    observer = Observer(replica, probe, lambda step: net.state_dict(), criterion=nn.CrossEntropyLoss())
    return observer.effect(interventions, keys, 0, range(probe.count))


def test_the_changed_answer_stands_beside_the_unchanged(net: Net, probe: Probe) -> None:
    effect = effect_of(net, probe, Intervention.zero("conv", channel=0), keys=["embed", "relu"])
    with torch.no_grad():
        plain = net(probe.args[0])
        maps = at((ALL, 0), torch.zeros_like)(net.conv(probe.args[0]))
        other = hooked(net, "conv", at((ALL, 0), torch.zeros_like), probe.args[0])
    assert torch.equal(effect.before.logits, plain)
    assert torch.allclose(effect.after.logits, other, atol=1e-6)
    assert effect.after.loss == pytest.approx(float(F.cross_entropy(other, probe.targets)), rel=1e-5)
    assert isinstance(effect.before, Outcome)
    assert torch.equal(torch.stack(effect.unchanged["relu"]), net.conv(probe.args[0]).relu())
    assert torch.allclose(torch.stack(effect.changed["relu"]), maps.relu(), atol=1e-6)
    assert len(effect.changed["embed"]) == 4


def test_no_weight_of_the_replica_is_touched_even_when_the_pass_raises() -> None:
    class Fails(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attends, self.fails = Attends({}, batch_first=True), False

        def forward(self, x: Tensor) -> Tensor:
            x = self.attends(x)
            if x.abs().max() > 100:
                raise ArithmeticError("too large")
            return x

    model, probe = Fails(), Probe.of(torch.randn(3, 5, 8))
    replica = Replica(model)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    replica.load(state, 1)
    before = {name: (tensor.clone(), tensor._version) for name, tensor in replica.module.state_dict().items()}
    intervene(replica, probe, [Intervention.zero("attends.attn", head=1)], [])
    with pytest.raises(
        ForwardError, match=r"the model raised with 'attends.attn' replaced: ArithmeticError: too large. Change less"
    ):
        intervene(replica, probe, [Intervention.replace("attends.attn", torch.tensor(1e6), head=1, token=0)], [])
    with pytest.raises(CaptureError, match="has 4 heads"):
        intervene(replica, probe, [Intervention.zero("attends.attn", head=4)], [])
    after = replica.module.state_dict()
    assert all(torch.equal(after[name], tensor) for name, (tensor, _) in before.items())
    assert [after[name]._version for name in before] == [version for _, version in before.values()]
    assert replica.holds(1)
    assert type(replica.module.get_submodule("attends.attn").out_proj).__name__ == "NonDynamicallyQuantizableLinear"


def test_weights_that_a_parametrization_computes() -> None:
    model, probe = Attends({}, batch_first=True).eval(), Probe.of(torch.randn(3, 5, 8))
    nn.utils.parametrizations.weight_norm(model.attn.out_proj)
    found, _ = changed(model, probe, Intervention.zero("attn", head=1))
    nn.utils.parametrize.remove_parametrizations(model.attn.out_proj, "weight")
    without(model.attn, [1])
    with torch.no_grad():
        assert torch.allclose(found, model(probe.args[0]), atol=1e-6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Intervention.zero("cnv"), "no layer 'cnv'. Did you mean 'conv'"),
        (lambda: Intervention.zero("conv", channel=4), "'conv' has 4 channels, none with index 4. Choose 0 … 3"),
        (lambda: Intervention.zero("conv", channel=[0, -5]), "4 channels, none with index -5"),
        (lambda: Intervention.zero("conv", token=0), r"output \(4, 4, 5, 5\) of 'conv' has no tokens"),
        (lambda: Intervention.zero("conv", head=0), r"of 'conv' has no heads. Choose a layer that has"),
        (lambda: Intervention.zero("head", token=0), "has no tokens"),
        (lambda: Intervention.zero("conv", channel=0, dim=7), r"has no dimension 7. Choose dim= from 0 … 3"),
        (lambda: Intervention.zero("mix:3"), "'mix' is called 2 times, call 3"),
        (lambda: Intervention.zero("/sub"), r"'/sub' is never called.*'/flatten', '/transpose', '/add', '/mean'"),
        (lambda: Intervention.replace("conv", torch.ones(9)), r"'replaced' cannot be done to.*It is \(4, 4, 5, 5\)"),
        (lambda: Intervention.replace("conv", torch.ones(5, dtype=torch.complex64)), "tensor given is complex64"),
        (lambda: Intervention.clamp("conv"), "within None … None.*cannot be done"),
    ],
)
def test_what_cannot_be_done_says_why(net: Net, probe: Probe, make: Callable[[], Intervention], words: str) -> None:
    with pytest.raises(CaptureError, match=words):
        changed(net, probe, make())


def test_whole_numbers() -> None:
    class Counts(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.argsort() + 0

    probe = Probe.of(torch.randn(2, 4))
    assert changed(Counts(), probe, Intervention.scale("/argsort", 2))[0].dtype == torch.int64
    for each in (
        Intervention.scale("/argsort", 0.5), Intervention.mean("/argsort"), Intervention.noise("/argsort", 1.0)
    ):  # fmt: skip
        with pytest.raises(CaptureError, match=r"cannot be done to the output of '/argsort'.*It is \(2, 4\) int64"):
            changed(Counts(), probe, each)


def test_channel_and_head_of_multihead_attention_are_not_both_taken() -> None:
    with pytest.raises(CaptureError, match=r"'attn' was given head= and channel=. Name one of them"):
        changed(Attends({}), Probe.of(torch.randn(3, 5, 8)), Intervention.zero("attn", head=0, channel=0))


def test_how_units_are_named() -> None:
    assert Intervention.zero("conv", channel=range(2)).channel == (0, 1)
    assert Intervention.zero("conv", channel=torch.tensor([1, 2])).channel == (1, 2)
    for units in (1.5, True, [1.0], "a"):
        with pytest.raises(TypeError, match="units are named by index, an int or several, found"):
            Intervention.zero("conv", channel=units)
    with pytest.raises(TypeError, match=r"takes channel=, head=, token= and dim=, found chanel="):
        Intervention.zero("conv", chanel=1)


def test_heads_are_those_of_the_inputs_as_a_hook_of_the_user_s_has_changed_them() -> None:
    model, probe = Attends({}, batch_first=True).eval(), Probe.of(torch.randn(3, 5, 8))
    model.attn.register_forward_pre_hook(lambda module, args: tuple(each * 2 for each in args))
    found, _ = changed(model, probe, Intervention.zero("attn", head=[0, 2]))
    without(model.attn, [0, 2])
    with torch.no_grad():
        assert torch.allclose(found, model(probe.args[0]), atol=1e-6)
