"""Gradients against autograd on a copy of the model, with hooks that keep what flows; see `gradients`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from tests.unit.look.conftest import DigitsNet
from torchvis_widgets.look import CaptureError, LookError, Observer, Probe, Replica, trace_probe
from torchvis_widgets.look.capturing.gradients import gradients, own_scalar


def by_hand(model: nn.Module, paths: Sequence[str], number: Callable[[Any], Tensor], x: Tensor) -> dict[str, Tensor]:
    """The gradients with respect to modules' outputs, in an own copy in eval mode, each kept from in-place changes."""
    model, kept = copy.deepcopy(model).eval(), {}

    def keep(path: str) -> Callable[..., Tensor]:
        def hook(module: nn.Module, args: Any, output: Tensor) -> Tensor:
            output.retain_grad()
            kept[path] = output
            return output.clone()

        return hook

    for path in paths:
        model.get_submodule(path).register_forward_hook(keep(path))
    number(model(x.clone().requires_grad_())).backward()
    return {path: tensor.grad for path, tensor in kept.items()}


def observer_of(model: nn.Module, probe: Probe, criterion: Any = None) -> Observer:
    replica = Replica(model)
    trace_probe(replica, probe)
    return Observer(replica, probe, lambda step: model.state_dict(), criterion=criterion)


def of(
    observer: Observer, keys: Sequence[str], number: Any, samples: Sequence[int] | None = None
) -> Mapping[str, Tensor]:
    found = observer.gradients(keys, number, 0, range(observer.probe.count) if samples is None else samples)
    return {key: torch.stack(tensors) for key, tensors in found.items()}


def summed(model: nn.Module, x: Tensor, keys: Sequence[str]) -> dict[str, Tensor]:
    return gradients(Replica(model), Probe.of(x), keys, own_scalar(lambda output: output.sum()))


def equal(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(
        torch.allclose(found[key], expected[key], atol=1e-6) and expected[key].any() for key in expected
    )


KEYS = ["features.conv1", "features.norm", "hidden", "head"]
NUMBERS: list[tuple[Any, Callable[[Any], Tensor]]] = [
    (3, lambda logits: logits[:, 3].sum()),
    (lambda logits: logits.softmax(-1).max(-1).values.sum(), lambda logits: logits.softmax(-1).max(-1).values.sum()),
    ("loss", lambda logits: F.cross_entropy(logits, torch.arange(6))),
]


@pytest.mark.parametrize(("number", "plain"), NUMBERS, ids=["class", "function", "loss"])
def test_of_every_number_upstream_and_downstream_at_once_through_an_in_place_relu(
    net: DigitsNet, probe: Probe, number: Any, plain: Callable[[Any], Tensor]
) -> None:
    observer = observer_of(net, probe, nn.CrossEntropyLoss())
    expected = by_hand(net, KEYS, plain, probe.args[0])
    assert equal(of(observer, KEYS, number), expected)
    for key in KEYS:
        assert equal(of(observer, [key], number), {key: expected[key]})


def test_the_loss_of_some_samples_is_the_criterion_on_those_alone(net: DigitsNet, probe: Probe) -> None:
    observer = observer_of(net, probe, nn.CrossEntropyLoss())
    x, y = probe.args[0], probe.targets
    for samples in ([4], [0, 2, 4], [5, 3, 1], range(6)):
        plain: Callable[[Any], Tensor] = lambda logits, some=samples: F.cross_entropy(logits, y[list(some)])  # noqa: E731
        expected = by_hand(net, ["features.conv1"], plain, x[list(samples)])
        assert equal(of(observer, ["features.conv1"], "loss", samples), expected)


def test_a_model_that_has_to_run_whole_gives_the_same_of_some_samples() -> None:
    class Squeezes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm, self.head = nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.norm(self.first(x).squeeze()))

    model, y = Squeezes(), torch.tensor([0, 1, 2, 0, 1])
    probe = Probe.of((torch.randn(5, 4), y))
    found = of(observer_of(model, probe, nn.CrossEntropyLoss()), ["first"], "loss", [2])
    expected = by_hand(model, ["first"], lambda logits: F.cross_entropy(logits[2:3], y[2:3]), probe.args[0])
    assert torch.allclose(found["first"], expected["first"][2:3], atol=1e-6)


def test_functions_calls_and_leaves() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.mix = nn.LSTM(5, 6, batch_first=True), nn.Linear(6, 6)

        def forward(self, x: Tensor) -> Tensor:
            steps, (h, c) = self.rnn(x * 2)
            return self.mix(self.mix(steps).tanh()).sum(1) + (h[0] * c[0]) ** 2

    model, x = Recurrent(), torch.randn(3, 4, 5)
    found = summed(model, x, ["/mul", "rnn[0]", "rnn[1][0]", "rnn[1][1]", "mix", "mix:2", "/tanh"])
    given = (x * 2).requires_grad_()
    steps, (h, c) = model.rnn(given)
    once = model.mix(steps)
    bent = once.tanh()
    twice = model.mix(bent)
    total = (twice.sum(1) + (h[0] * c[0]) ** 2).sum()
    plain = torch.autograd.grad(total, [given, steps, h, c, once, twice, bent])
    # Each key cuts the graph: what comes after it has no other way round, but for the input of all.
    for key, expected in zip(["/mul", "rnn[0]", "rnn[1][0]", "rnn[1][1]", "mix", "mix:2", "/tanh"], plain, strict=True):
        assert torch.allclose(found[key], expected, atol=1e-5), key


def test_two_names_of_one_output(net: DigitsNet, probe: Probe) -> None:
    found = summed(net, probe.args[0], ["hidden", "hidden:1"])
    assert torch.equal(found["hidden"], found["hidden:1"])
    assert found["hidden"].any()


@pytest.mark.parametrize("key", ["0", "1.inner.0", "1.inner.2", "1", "2"])
def test_through_and_inside_of_a_checkpoint(key: str) -> None:
    class Saves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4), nn.Sigmoid())
            self.saves = True

        def forward(self, x: Tensor) -> Tensor:
            return checkpoint(self.inner, x, use_reentrant=False) if self.saves else self.inner(x)

    model, x = nn.Sequential(nn.Linear(4, 4), Saves(), nn.Linear(4, 2)), torch.randn(3, 4)
    before = torch.get_rng_state()
    found = summed(model, x, [key])
    assert torch.equal(torch.get_rng_state(), before)
    model[1].saves = False
    assert equal(found, by_hand(model, [key], lambda output: output.sum(), x))


def test_a_criterion_with_parameters_of_its_own_and_nothing_left_behind(net: DigitsNet, probe: Probe) -> None:
    class Weighs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.by_class = nn.Parameter(torch.rand(10))

        def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
            return F.cross_entropy(logits * self.by_class, targets)

    criterion = Weighs()
    net.train()
    criterion(net(probe.args[0]), probe.targets).backward()
    tensors = [*net.parameters(), *criterion.parameters()]
    grads = [None if each.grad is None else each.grad.clone() for each in tensors]
    flags = [each.requires_grad for each in tensors]
    expected = by_hand(net, ["hidden"], lambda logits: criterion(logits, probe.targets).detach() * 0 + criterion(
        logits, probe.targets), probe.args[0])  # fmt: skip
    criterion.by_class.grad = grads[-1].clone()
    observer = observer_of(net, probe, criterion)
    assert equal(of(observer, ["hidden"], "loss"), expected)
    assert [each.requires_grad for each in tensors] == flags
    assert all((a is None and b.grad is None) or torch.equal(a, b.grad) for a, b in zip(grads, tensors, strict=True))
    assert not any(each.requires_grad or each.grad is not None for each in observer._replica.module.parameters())


def test_an_output_of_maps_counts_its_positions() -> None:
    model, probe = nn.Sequential(nn.Conv2d(1, 4, 1), nn.Conv2d(4, 3, 1)), Probe.of(torch.randn(2, 1, 5, 5))
    expected = by_hand(model, ["0"], lambda output: output[:, 1].sum(), probe.args[0])
    assert equal(of(observer_of(model, probe), ["0"], 1), expected)


def test_other_precisions() -> None:
    for dtype in (torch.float64, torch.bfloat16, torch.complex64):
        model = nn.Sequential(nn.Linear(4, 4, dtype=dtype), nn.Linear(4, 2, dtype=dtype))
        x = torch.randn(3, 4, dtype=dtype)
        number = own_scalar(lambda output: output.abs().sum())
        found = gradients(Replica(model), Probe.of(x), ["0"], number)["0"]
        assert found.dtype == dtype
        assert torch.allclose(found, by_hand(model, ["0"], lambda output: output.abs().sum(), x)["0"], rtol=0.02)


class Between(nn.Module):
    """`first`, then what is given, then `last`."""

    def __init__(self, between: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.last, self.between = nn.Linear(4, 4), nn.Linear(4, 4), between

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.between(self.first(x)))


class Quiet(Between):
    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


class Inference(Between):
    @torch.inference_mode()
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


class Reentrant(Between):
    def forward(self, x: Tensor) -> Tensor:
        return self.last(checkpoint(self.between, self.first(x), use_reentrant=True))


IN_BETWEEN = r"Some torch.no_grad\(\), detach\(\), argmax or reentrant checkpoint\(\) lies between; choose a later"


@pytest.mark.parametrize(
    ("model", "key", "words"),
    [
        (Between(torch.detach), "first", f"no gradient reaches 'first'. {IN_BETWEEN}"),
        (Between(lambda x: F.one_hot(x.argmax(-1), 4).float()), "first", "no gradient reaches 'first'"),
        (Between(lambda x: x), "/argmax", "'/argmax' is never called"),
        (Between(lambda x: F.one_hot(x.argmax(-1), 4).float()), "/argmax", "'/argmax' holds int64, which has no grad"),
        (Quiet(torch.relu), "first", f"no gradient reaches 'first'. {IN_BETWEEN}"),
        (Inference(torch.relu), "first", "'first' is computed in inference mode.*Take torch.inference_mode"),
        (Reentrant(torch.relu), "first", f"autograd cannot get to 'first': .*{IN_BETWEEN}"),
        (Between(torch.relu), "frist", "no layer 'frist'. Did you mean 'first'"),
        (Between(lambda x: 1 / 0), "last", "the model raised before reaching 'last': ZeroDivisionError"),
        (Between(lambda x: 1 / 0), "first", "the model raised afterwards: ZeroDivisionError"),
    ],
)
def test_where_no_gradient_gets_it_says_why(model: nn.Module, key: str, words: str) -> None:
    with pytest.raises(CaptureError, match=words):
        summed(model, torch.randn(3, 4), [key])


def test_later_layers_than_a_break_have_gradients() -> None:
    model, x = Between(torch.detach), torch.randn(3, 4)
    assert torch.equal(summed(model, x, ["last"])["last"], torch.ones(3, 4))
    with pytest.raises(CaptureError, match="no gradient reaches 'first'"):
        summed(model, x, ["last", "first"])


def test_a_model_that_autograd_itself_refuses() -> None:
    def overwrites(x: Tensor) -> Tensor:
        y = x.exp()
        y += 1
        return y

    with pytest.raises(CaptureError, match=r"autograd cannot get to 'first': .*changed in place"):
        summed(Between(overwrites), torch.randn(3, 4), ["first"])


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("loss", r"there is no loss: no criterion. Give watch\(\) a criterion and a probe=\(inputs, targets\)"),
        (10, "the model has 10 outputs, none with index 10. Choose one of them, counted from 0"),
        (-1, "none with index -1"),
        (lambda logits: logits, r"of= gave shape \(6, 10\), expected a tensor of one element. Sum it up: .sum\(\)"),
        (lambda logits: 3.0, "of= gave a float, expected"),
        (
            lambda logits: logits.nonsense,
            "the number to differentiate cannot be computed: AttributeError",
        ),
        (1.5, r'of=1.5 is no number of the model.s output. Ask for of="loss"'),
        ("cat", "of='cat' is no number"),
    ],
)
def test_numbers_that_there_are_not(net: DigitsNet, probe: Probe, number: Any, words: str) -> None:
    with pytest.raises(LookError, match=words):
        of(observer_of(net, probe), ["head"], number)


def test_answers_without_classes_and_criteria_that_do_not_fit(net: DigitsNet, probe: Probe) -> None:
    with pytest.raises(LookError, match=r"answer is of shape \(3, 2, 4\), which has no classes"):
        of(observer_of(nn.Linear(4, 4), Probe.of(torch.randn(3, 2, 4))), [""], 0)
    without_targets = Probe.of(probe.args[0])
    with pytest.raises(LookError, match="there is no loss: no targets"):
        of(observer_of(net, without_targets, nn.CrossEntropyLoss()), ["head"], "loss")
    with pytest.raises(LookError, match=r"cannot be computed: .*Look at criterion\(output, targets\)"):
        of(observer_of(net, probe, nn.MSELoss()), ["head"], "loss")


def test_nothing_is_kept_for_autograd_before_the_first_key(net: DigitsNet, probe: Probe) -> None:
    replica, seen = Replica(net), []
    for path in ("features.conv1", "hidden", "head"):
        replica.module.get_submodule(path).register_forward_hook(
            lambda module, args, output: seen.append(output.requires_grad)
        )
    gradients(replica, probe, ["hidden"], own_scalar(lambda output: output.sum()))
    assert seen == [False, False, True]
