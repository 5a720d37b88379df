"""Hyperparameters: what is found, what a name means, what is refused, and what setting one does to the optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from torchvis_widgets.steer.change_log import ChangeLog
from torchvis_widgets.steer.hyperparameters import Hyperparameters
from torchvis_widgets.steer.naming import HyperparameterNameError
from torchvis_widgets.steer.rules import HyperparameterError


class Log(ChangeLog):
    """Notes nothing in a run, and holds the optimizers: what is steered does not."""

    def __init__(self, kept: Any = ()) -> None:
        self.told: list[Any] = []
        self.kept = kept

    def turned(self, before: Any, after: Any) -> None:
        self.told.append(dict(after))

    def amend(self, after: Any) -> None:
        self.told[-1] = dict(after)

    def overridden(self, *args: Any) -> None:
        self.told.append(args[-1])


def steered(model: nn.Module, *optimizers: torch.optim.Optimizer, known: Any = ()) -> Hyperparameters:
    found = Hyperparameters()
    found.attach(model, optimizers, known, Log(optimizers), lambda command: command())
    return found


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2))


def a_step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    model(torch.ones(2, 3)).square().sum().backward()
    optimizer.step()


def test_one_optimizer_and_one_dropout_need_no_prefix() -> None:
    model = net()
    found = steered(model, torch.optim.Adam(model.parameters(), weight_decay=0.1))
    assert dict(found) == {
        "lr": 0.001, "betas[0]": 0.9, "betas[1]": 0.999, "eps": 1e-8, "weight_decay": 0.1, "amsgrad": False,
        "maximize": False, "decoupled_weight_decay": False, "dropout": 0.5,
    }  # fmt: skip
    assert found["betas"] == (0.9, 0.999)
    assert "lr" in found
    assert "rate" not in found
    assert repr(found).splitlines()[0].split() == ["lr", "0.001"]


def test_several_of_a_kind_have_names_of_their_own_and_share_one() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Dropout1d(0.1))
    groups = [{"params": [model[0].weight], "lr": 0.1}, {"params": [model[0].bias], "name": "biases"}]
    one, other = torch.optim.SGD(groups, lr=0.2), torch.optim.Adam(net().parameters())
    found = steered(model, one, other)
    assert (found["optimizer 0/group 0/lr"], found["optimizer 0/biases/lr"], found["optimizer 1/lr"]) == (
        0.1, 0.2, 0.001,
    )  # fmt: skip
    assert (found["1/dropout"], found["2/dropout"]) == (0.5, 0.1)
    with pytest.raises(
        HyperparameterNameError, match=r"several values: 'optimizer 0/group 0/lr' is 0.1, .*ask for one"
    ):
        _ = found["lr"]
    assert "lr" in found
    found["lr"] = 0.03
    found["dropout"] = 0.2
    assert [group["lr"] for each in (one, other) for group in each.param_groups] == [0.03, 0.03, 0.03]
    assert (model[1].p, model[2].p, found["dropout"]) == (0.2, 0.2, 0.2)


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (nn.MultiheadAttention(4, 2, dropout=0.3), {"dropout"}),
        (nn.LSTM(3, 3, num_layers=2, dropout=0.3), {"dropout"}),
        (nn.LSTM(3, 3, num_layers=1), set()),
        (nn.Sequential(nn.Linear(1, 1), nn.AlphaDropout(0.3)), {"dropout"}),
    ],
)
def test_what_drops_is_found_wherever_it_is(model: nn.Module, names: set[str]) -> None:
    found = steered(model, torch.optim.SGD(model.parameters(), lr=1))
    assert {name for name in found if "dropout" in name} == names
    for name in names:
        found[name] = 0.7
        assert dict(found)[name] == 0.7


def test_elements_and_whole_tuples_are_set() -> None:
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    found = steered(model, optimizer)
    found["betas[1]"] = 0.99
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.99)
    found["betas"] = (0.8, 0.9)
    assert optimizer.param_groups[0]["betas"] == (0.8, 0.9)


def test_a_learning_rate_in_a_tensor_stays_in_that_tensor() -> None:
    model = net()
    rate = torch.tensor(0.125)
    found = steered(model, torch.optim.SGD(model.parameters(), lr=rate))
    found["lr"] = 0.5
    assert (rate.item(), found["lr"]) == (0.5, 0.5)


def test_adafactor_has_no_first_eps_to_set() -> None:
    model = net()
    names = set(steered(model, torch.optim.Adafactor(model.parameters())))
    assert "eps[1]" in names
    assert "eps[0]" not in names


WRONG = [
    ("lr", -0.1, "lr takes a finite number that is not negative; found -0.1"),
    ("lr", float("nan"), "lr takes a finite number that is not negative; found nan"),
    ("lr", float("inf"), "found inf"),
    ("lr", "0.1", "lr takes a number, found '0.1'; for example 0.001"),
    ("lr", True, "lr takes a number, found True"),
    ("lr", None, "lr takes a number, found NoneType"),
    ("lr", (0.1, 0.2), r"lr takes a number, found \(0.1, 0.2\); for example 0.001"),
    ("betas", (0.9, 1.0), r"betas\[1\] takes a number from 0 to 1, which itself is too much; found 1"),
    ("betas", (-0.1, 0.9), r"betas\[0\] takes .*; found -0.1"),
    ("betas", 0.9, r"betas takes 2 numbers, found 0.9; for example \(0.9, 0.999\)"),
    ("betas", (0.9,), r"betas takes 2 numbers, found \(0.9,\)"),
    ("amsgrad", 1, "amsgrad is a switch, True or False; found 1"),
    ("dropout", 1.5, "dropout takes a number from 0 to 1; found 1.5"),
    ("dropout", -1, "dropout takes a number from 0 to 1; found -1"),
    ("weight_decay", -1, "not negative; found -1"),
]


@pytest.mark.parametrize(("name", "value", "words"), WRONG)
def test_what_does_not_fit_is_refused_and_nothing_changes(name: str, value: object, words: str) -> None:
    model = net()
    found = steered(model, torch.optim.Adam(model.parameters()))
    before = dict(found)
    with pytest.raises(HyperparameterError, match=words):
        found[name] = value
    with pytest.raises(HyperparameterError, match=words):
        found.put(name, value, held=True)
    assert dict(found) == before
    assert found.held == []
    assert found.undoable == 0


def test_one_bad_group_of_several_changes_none() -> None:
    model = net()
    groups = [{"params": model[0].parameters()}, {"params": model[2].parameters(), "dampening": 0.5}]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    found = steered(model, optimizer)
    with pytest.raises(HyperparameterError, match="SGD refuses group 1/nesterov=True: Nesterov momentum requires"):
        found["nesterov"] = True
    assert [group["nesterov"] for group in optimizer.param_groups] == [False, False]


def test_a_whole_number_stays_one() -> None:
    model = net()
    found = steered(model, torch.optim.LBFGS(model.parameters()))
    with pytest.raises(HyperparameterError, match=r"max_iter takes a whole number; found 2.5"):
        found["max_iter"] = 2.5
    found["max_iter"] = 7.0
    assert found["max_iter"] == 7
    assert type(found["max_iter"]) is int
    found["lr"] = 0.5  # that it was given as the integer 1 does not make it a count
    assert found["lr"] == 0.5


@pytest.mark.parametrize(
    ("asked", "nearest"), [("momentun", "'momentum'"), ("learning_rate", "'lr'"), ("drop", "'dropout'")]
)
def test_an_unknown_name_tells_the_nearest(asked: str, nearest: str) -> None:
    model = net()
    found = steered(model, torch.optim.SGD(model.parameters(), lr=0.1))
    for ask in (lambda: found[asked], lambda: found.put(asked, 1.0), lambda: found.hold(asked)):
        with pytest.raises(
            HyperparameterNameError, match=f"there is no hyperparameter '{asked}'; the nearest .*{nearest}"
        ):
            ask()


def test_before_there_is_an_optimizer_the_error_says_what_to_do() -> None:
    with pytest.raises(HyperparameterNameError, match=r"no optimizer has taken a step yet; name it, tvw.watch\(model"):
        steered(nn.Linear(2, 2))["lr"] = 0.1
    with pytest.raises(RuntimeError, match=r"make a session with tvw.watch\(model"):
        Hyperparameters()["lr"] = 0.1


SWITCHED: list[tuple[Callable[..., torch.optim.Optimizer], str, object, str]] = [
    (torch.optim.RMSprop, "momentum", 0.9, "momentum_buffer"),
    (torch.optim.RMSprop, "centered", True, "grad_avg"),
    (torch.optim.Adam, "amsgrad", True, "max_exp_avg_sq"),
    (torch.optim.AdamW, "amsgrad", True, "max_exp_avg_sq"),
    (torch.optim.SGD, "momentum", 0.9, "momentum_buffer"),
]


@pytest.mark.parametrize(("kind", "name", "value", "kept"), SWITCHED)
def test_what_is_switched_on_in_mid_training_finds_its_state(kind: Any, name: str, value: object, kept: str) -> None:
    model = net()
    optimizer = kind(model.parameters(), lr=0.01)
    found = steered(model, optimizer)
    a_step(model, optimizer)
    found[name] = value
    a_step(model, optimizer)
    assert all(kept in optimizer.state[each] for each in model.parameters())


def test_undo_takes_back_change_after_change() -> None:
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    found = steered(model, optimizer)
    before = dict(found)
    found["lr"] = 0.5
    found["betas"] = (0.5, 0.6)
    found["dropout"] = 0.1
    found["dropout"] = 0.1  # no change
    assert found.undoable == 3
    for _ in range(4):
        found.undo()
    assert dict(found) == before
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.999)


def test_a_drag_is_one_change_and_does_not_amend_an_older_one() -> None:
    model = net()
    found = steered(model, torch.optim.SGD(model.parameters(), lr=0.1))
    found["lr"] = 0.2
    for value in (0.2, 0.3, 0.4):  # it begins where the slider is
        found.put("lr", value, amend=value != 0.2)
    assert found.undoable == 2
    found.undo()
    assert found["lr"] == 0.2


def test_an_optimizer_that_takes_another_ones_place_is_steered_instead() -> None:
    model = net()
    old = torch.optim.SGD(model.parameters(), lr=0.1)
    found = steered(model, old)
    new = torch.optim.SGD(model.parameters(), lr=0.7)
    found.stepped(new)
    assert found["lr"] == 0.7
    other = torch.optim.SGD(net().parameters(), lr=0.9)
    found.stepped(other)
    assert (found["optimizer 0/lr"], found["optimizer 1/lr"]) == (0.7, 0.9)


def test_an_optimizer_that_is_gone_is_no_longer_listed() -> None:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    found = Hyperparameters()
    found.attach(model, [optimizer], (), Log(), lambda command: command())
    found.hold("lr")
    del optimizer
    assert list(found) == ["dropout"]
    found.look()
    assert found.held == []
