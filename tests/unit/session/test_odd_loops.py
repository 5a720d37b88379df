"""Loops of every shape are taken as they are: their steps, metrics and snapshots are what was trained."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import torchvis_widgets as tvw
from tests.unit.session.training import Net, data, setup, steps
from torchvis_widgets.steps import ASK_AGAIN, PATIENCE

State = dict[str, torch.Tensor]


def copied(model: nn.Module) -> State:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def check(session: tvw.Session, states: dict[int, State], losses: list[float], at: list[int] | None = None) -> None:
    """The run, reopened, holds `states` as snapshots by step and `losses` as train/loss at steps `at` (1, 2, …)."""
    assert session.problems == []
    session.close()
    run = tvw.Run(session.run.path)
    assert [snapshot.step for snapshot in run.snapshots] == sorted(states)
    for step, state in states.items():
        found = run.state_dict(step=step)
        assert found.keys() == state.keys()
        assert all(torch.equal(found[name], tensor) for name, tensor in state.items()), step
    metrics = run.metrics()
    trained = metrics[metrics["name"] == "train/loss"]
    assert trained["value"].tolist() == pytest.approx(losses, rel=1e-6)
    assert trained["step"].tolist() == (list(range(1, len(losses) + 1)) if at is None else at)


class Gan(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Linear(2, 4)
        self.critic = nn.Linear(4, 1)

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        return self.critic(self.generator(noise))


def gan_round(model: Gan, optimizers: dict[str, torch.optim.Optimizer], critic_steps: int = 1) -> float:
    noise = torch.randn(8, 2)
    for _ in range(critic_steps):
        optimizers["critic"].zero_grad()
        (model(noise).mean() - model.critic(torch.ones(8, 4)).mean()).backward()
        optimizers["critic"].step()
    optimizers["generator"].zero_grad()
    loss = -model(noise).mean()
    loss.backward()
    optimizers["generator"].step()
    return loss.item()


def gan() -> tuple[Gan, dict[str, torch.optim.Optimizer]]:
    model = Gan()
    parts = {"critic": model.critic, "generator": model.generator}
    return model, {name: torch.optim.SGD(part.parameters(), lr=0.1) for name, part in parts.items()}


@pytest.mark.parametrize("named", [["critic", "generator"], ["generator", "critic"], []])
def test_both_optimizers_of_a_gan_make_one_step(named: list[str]) -> None:
    model, optimizers = gan()
    session = tvw.watch(model, [optimizers[name] for name in named])
    states, losses = {0: copied(model)}, []
    for _ in session.epochs(2):
        for _ in session.batches(range(3)):
            losses.append(gan_round(model, optimizers))
            session.log({"train/loss": losses[-1]})
        states[session.loop.step] = copied(model)
    assert session.loop.step == 6
    check(session, states, losses)


@pytest.mark.parametrize(("leader", "steps_taken"), [("generator", 4), ("critic", 20)])
def test_the_first_optimizer_named_is_the_one_whose_steps_count(leader: str, steps_taken: int) -> None:
    model, optimizers = gan()
    order = sorted(optimizers, key=lambda name: name != leader)
    with tvw.watch(model, [optimizers[name] for name in order]) as session:
        for _ in range(4):
            gan_round(model, optimizers, critic_steps=5)
        assert session.loop.step == steps_taken


def test_an_optimizer_that_trains_on_alone_takes_the_lead() -> None:
    model, optimizers = gan()
    with tvw.watch(model, list(optimizers.values())) as session:
        gan_round(model, optimizers)
        for _ in range(PATIENCE + 5):
            optimizers["generator"].step()
        assert session.loop.step == 1 + 5 + 2  # the round's own generator step was the first without the critic


@pytest.mark.parametrize("named", [True, False])
def test_lbfgs_with_a_closure_steps_once_and_logs_its_first_loss(named: bool) -> None:
    torch.manual_seed(0)
    model, criterion = nn.Linear(3, 1), nn.MSELoss()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.01, max_iter=8)
    x, y = torch.randn(16, 3), torch.randn(16, 1)
    calls = []

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        calls.append(loss.item())
        return loss

    session = tvw.watch(model, optimizer if named else None, criterion)
    states, losses = {0: copied(model)}, []
    for epoch in session.epochs(3):
        calls.clear()
        optimizer.step(closure)
        losses.append(calls[0])
        states[epoch] = copied(model)
    assert len(calls) == 8
    check(session, states, losses)


@pytest.mark.parametrize("named", [True, False])
def test_gradient_accumulation_steps_every_fourth_batch(named: bool) -> None:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer if named else None, criterion)
    states, losses = {0: copied(model)}, []
    for _ in session.epochs(2):
        for index, (x, y) in enumerate(session.batches(data(8))):
            loss = criterion(model(x), y)
            loss.backward()
            losses.append(loss.item())
            if index % 4 == 3:
                optimizer.step()
                optimizer.zero_grad()
        states[session.loop.step] = copied(model)
    assert sorted(states) == [0, 2, 4]
    check(session, states, [sum(losses[i : i + 4]) / 4 for i in range(0, 16, 4)])


@pytest.mark.parametrize("named", [True, False])
def test_a_step_that_gradscaler_skips_is_no_step(named: bool) -> None:
    model, optimizer, criterion = setup()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    session = tvw.watch(model, optimizer if named else None, criterion)
    states, logged = {0: copied(model)}, []
    for epoch in session.epochs(2):
        for index, (x, y) in enumerate(session.batches(data(4))):
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = criterion(model(x), y)
            scaler.scale(loss).backward()
            if epoch == 1 and index in (0, 2):
                model.fc.weight.grad.view(-1)[0] = torch.inf  # type: ignore[union-attr]
            scaler.step(optimizer)
            scaler.update()
            session.log({"train/loss": loss})
            logged.append((session.loop.step, loss.item()))
        states[session.loop.step] = copied(model)
    assert [step for step, _ in logged] == [0, 1, 1, 2, 3, 4, 5, 6]
    assert sorted(states) == [0, 2, 6]
    check(session, states, [loss for _, loss in logged], [step for step, _ in logged])


@pytest.mark.parametrize(("watched", "probe"), [("compiled", None), ("bare", None), ("bare", data(1)[0])])
def test_a_compiled_model_keeps_its_own_names(watched: str, probe: Any) -> None:
    torch._dynamo.reset()
    model, optimizer, criterion = setup()
    compiled: Any = torch.compile(model, backend="eager", fullgraph=True)
    session = tvw.watch(compiled if watched == "compiled" else model, optimizer, criterion, probe=probe)
    states, losses = {0: copied(model)}, []
    for _ in session.epochs(2):
        losses += [loss.item() for loss in steps(compiled, optimizer, criterion, session.batches(data(3)))]
        states[session.loop.step] = copied(model)
    assert "conv.weight" in states[6]
    if watched == "compiled" or probe is not None:  # a hook inside of what is compiled sees no inputs
        assert session.activations("conv").shape == (8, 4, 6, 6)
    check(session, states, losses)


@pytest.fixture
def process_group(tmp_path: Path) -> Iterator[None]:
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("wrapper", [nn.DataParallel, nn.parallel.DistributedDataParallel])
@pytest.mark.usefixtures("process_group")
def test_a_wrapped_model_keeps_its_own_names(wrapper: type[nn.Module]) -> None:
    model, _, criterion = setup()
    wrapped = wrapper(model)
    optimizer = torch.optim.SGD(wrapped.parameters(), lr=0.1)
    session = tvw.watch(wrapped, optimizer, criterion)
    states, losses = {0: copied(model)}, []
    for _ in session.epochs(2):
        losses += [loss.item() for loss in steps(wrapped, optimizer, criterion, session.batches(data(3)))]
        states[session.loop.step] = copied(model)
    assert "conv.weight" in states[6]
    assert session.activations("conv").shape == (8, 4, 6, 6)
    check(session, states, losses)


def test_frozen_layers_are_written_once() -> None:
    model, _, criterion = setup()
    for parameter in model.conv.parameters():
        parameter.requires_grad_(False)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    session = tvw.watch(model, optimizer, criterion)
    states, losses = {0: copied(model)}, []
    for _ in session.epochs(2):
        losses += [loss.item() for loss in steps(model, optimizer, criterion, session.batches(data(3)))]
        states[session.loop.step] = copied(model)
    check(session, states, losses)
    folder = session.run.path / "snapshots"
    assert b"conv.weight" in (folder / "000000000.safetensors").read_bytes()
    assert b"conv.weight" not in (folder / "000000006.safetensors").read_bytes()


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(5, 4)
        self.head = nn.Linear(4, 5, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.embed(tokens))


def test_tied_weights_are_one_tensor_under_both_names() -> None:
    model, criterion = Tied(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    batches = [(torch.arange(5), torch.tensor([1, 2, 3, 4, 0]))] * 3
    session = tvw.watch(model, optimizer, criterion)
    states, losses = {0: copied(model)}, []
    for _ in session.epochs(2):
        losses += [loss.item() for loss in steps(model, optimizer, criterion, session.batches(batches))]
        states[session.loop.step] = copied(model)
    assert states[6].keys() == {"embed.weight", "head.weight"}
    check(session, states, losses)
    assert (session.run.path / "snapshots" / "000000006.safetensors").stat().st_size < 2 * 5 * 4 * 4 + 100


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("older", ["gone", "kept"])
@pytest.mark.parametrize("whole", [True, False])
def test_a_layer_replaced_during_training(named: bool, older: str, whole: bool) -> None:
    """The optimizer is made anew for the whole model or for the new head alone, whether the old one is still held."""
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer if named else None, criterion)
    states, losses, kept = {0: copied(model)}, [], []
    for epoch in session.epochs(2):
        losses += [loss.item() for loss in steps(model, optimizer, criterion, session.batches(data(3)))]
        if epoch == 1:
            kept = [optimizer] if older == "kept" else []
            model.fc = nn.Linear(4 * 6 * 6, 7)
            optimizer = torch.optim.SGD((model if whole else model.fc).parameters(), lr=0.1)
            gc.collect()
        states[session.loop.step] = copied(model)
    assert session.loop.step == 6
    assert states[6]["fc.weight"].shape == (7, 144)
    check(session, states, losses)
    assert len(kept) == (older == "kept")


def test_a_parameter_group_added_for_a_new_layer_is_found() -> None:
    model, _, criterion = setup()
    head = nn.Linear(4 * 6 * 6, 3)
    with tvw.watch(model) as session:
        optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
        list(steps(head, optimizer, criterion, [(torch.randn(2, 144), torch.tensor([0, 1]))]))
        assert session.loop.step == 0
        model.fc = nn.Linear(4 * 6 * 6, 3)
        optimizer.add_param_group({"params": model.fc.parameters()})
        list(steps(model, optimizer, criterion, data(2)))
        assert session.loop.step == 2


def test_a_layer_that_was_trained_by_itself_before_it_joined() -> None:
    model, _, criterion = setup()
    head = nn.Linear(4 * 6 * 6, 3)
    optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
    with tvw.watch(model) as session:
        list(steps(head, optimizer, criterion, [(torch.randn(2, 144), torch.tensor([0, 1]))] * 3))
        model.fc = head
        list(steps(model, optimizer, criterion, data(ASK_AGAIN)))
        found = session.loop.step
        assert 0 < found <= ASK_AGAIN
        list(steps(model, optimizer, criterion, data(3)))
        assert session.loop.step == found + 3


def test_data_swapped_under_the_parameters() -> None:
    model, optimizer, criterion = setup()
    session = tvw.watch(model, optimizer, criterion)
    states, losses = {0: copied(model)}, []
    for _ in session.epochs(2):
        losses += [loss.item() for loss in steps(model, optimizer, criterion, session.batches(data(3)))]
        for parameter in model.parameters():
            parameter.data = parameter.data * 0.5
        states[session.loop.step] = copied(model)
    check(session, states, losses)


def test_a_loop_without_an_optimizer_steps_by_hand_once_a_batch() -> None:
    model, criterion = Net(), nn.CrossEntropyLoss()
    session = tvw.watch(model, criterion=criterion)
    states, losses = {0: copied(model)}, []
    for _ in session.epochs(2):
        for x, y in session.batches(data(3)):
            model.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter -= 0.1 * parameter.grad
            losses.append(loss.item())
        states[session.loop.step] = copied(model)
    check(session, states, losses)
