"""What a session computes inside its model, by the words a notebook uses."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import torchvis_widgets as tvw
from tests.unit.session.training import CLASSES, Net, data, setup, train
from torchvis_widgets.live import LiveState, Version


@pytest.fixture
def trained(tmp_path: Path) -> tuple[tvw.Session, Net]:
    """Two epochs of training, with a snapshot before and after each."""
    model, optimizer, criterion = setup()
    probe = data(1)[0]
    session = tvw.watch(model, optimizer, criterion, probe=probe, classes=CLASSES, run=tmp_path / "run")
    train(session, model, optimizer, criterion)
    return session, model


def at(session: tvw.Session, model: Net, epoch: int) -> Net:
    """The model as it was then, in eval mode."""
    then = copy.deepcopy(model).eval()
    then.load_state_dict(session.run.state_dict(epoch=epoch))
    return then


def test_activations_of_one_and_several_layers_at_every_epoch(trained: tuple[tvw.Session, Net]) -> None:
    session, model = trained
    x, _ = data(1)[0]
    for epoch in (0, 1, 2):
        then = at(session, model, epoch)
        with torch.no_grad():
            maps, answer = then.conv(x), then(x)
        found = session.activations(["conv", "", "/flatten"], epoch=epoch)
        assert torch.allclose(found["conv"], maps, atol=1e-6)
        assert torch.allclose(found[""], answer, atol=1e-6)
        assert found["/flatten"].shape == (8, 144)
        assert torch.equal(session.activations("conv", epoch=epoch), found["conv"])
    assert torch.equal(session.activations("conv"), session.activations("conv", epoch=2))
    step = session.run.snapshot(epoch=1).step
    assert torch.equal(session.activations("conv", step=step), session.activations("conv", epoch=1))


@pytest.mark.parametrize(
    ("sample", "index"),
    [
        (None, slice(None)),
        (3, 3),
        (torch.tensor(3), 3),
        (slice(2, 5), slice(2, 5)),
        (slice(None, None, 3), slice(None, None, 3)),
        (slice(None, None, -1), [7, 6, 5, 4, 3, 2, 1, 0]),
        (slice(6, 1, -2), [6, 4, 2]),
        (slice(-2, None), slice(6, 8)),
    ],
)
def test_samples(trained: tuple[tvw.Session, Net], sample: Any, index: Any) -> None:
    session, model = trained
    maps = at(session, model, 1).conv(data(1)[0][0]).detach()
    found = session.activations("conv", epoch=1, sample=sample)
    assert found.shape == maps[index].shape
    assert torch.allclose(found, maps[index], atol=1e-6)
    assert session.gradients("conv", "dog", sample=sample).shape == maps[index].shape
    layers = session.intervene(tvw.Intervention.zero("conv"), layer="relu", sample=sample).changed["relu"]
    assert len(layers) == (1 if isinstance(index, int) else len(maps[index]))


def test_what_is_given_may_be_changed(trained: tuple[tvw.Session, Net]) -> None:
    session, _ = trained
    for sample in (2, None):
        first = session.activations("conv", epoch=1, sample=sample)
        kept = first.clone()
        first.zero_()
        assert torch.equal(session.activations("conv", epoch=1, sample=sample), kept)


def test_gradients_of_the_loss_of_classes_and_of_functions(trained: tuple[tvw.Session, Net]) -> None:
    session, model = trained
    x, y = data(1)[0]
    numbers: list[tuple[Any, Callable[[Tensor], Tensor]]] = [
        ("loss", lambda logits: F.cross_entropy(logits, y)),
        ("dog", lambda logits: logits[:, 1].sum()),
        (2, lambda logits: logits[:, 2].sum()),
        (lambda logits: logits.std(), lambda logits: logits.std()),
    ]
    then = at(session, model, 1)
    for number, plain in numbers:
        maps = then.norm(then.conv(x)).detach().requires_grad_()
        expected = torch.autograd.grad(plain(then.fc(maps.relu().flatten(1))), maps)[0]
        assert torch.allclose(session.gradients("norm", number, epoch=1), expected, atol=1e-6)
        assert session.gradients(["norm", "fc"], number, epoch=1).keys() == {"norm", "fc"}
    assert torch.equal(session.gradients("norm"), session.gradients("norm", "loss", epoch=2))
    alone = then.norm(then.conv(x[3:4])).detach().requires_grad_()
    loss = F.cross_entropy(then.fc(alone.relu().flatten(1)), y[3:4])
    expected = torch.autograd.grad(loss, alone)[0][0]
    assert torch.allclose(session.gradients("norm", epoch=1, sample=3), expected, atol=1e-6)


def test_what_an_intervention_changes(trained: tuple[tvw.Session, Net]) -> None:
    session, model = trained
    x, y = data(1)[0]
    effect = session.intervene(tvw.Intervention.zero("conv", channel=2), layer=["norm"], epoch=1)
    then = at(session, model, 1)
    with torch.no_grad():
        maps = then.conv(x)
        maps[:, 2] = 0
        answer = then.fc(then.norm(maps).relu().flatten(1))
        assert torch.allclose(effect.before.logits, then(x), atol=1e-6)
    assert torch.allclose(effect.after.logits, answer, atol=1e-6)
    assert effect.after.predictions == answer.argmax(1).tolist()
    assert effect.after.loss == pytest.approx(float(F.cross_entropy(answer, y)), rel=1e-5)
    assert torch.allclose(torch.stack(effect.changed["norm"]), then.norm(maps).detach(), atol=1e-6)
    assert not torch.allclose(torch.stack(effect.unchanged["norm"]), then.norm(maps).detach(), atol=1e-3)


def test_attention() -> None:
    model, x = nn.MultiheadAttention(8, 2, batch_first=True).eval(), torch.randn(3, 5, 8)
    session = tvw.inspect(model, ((x, x, x), None))
    expected = model(x, x, x, average_attn_weights=False)[1].detach()
    found = session.attention("")
    assert (found.key, found.recomputed) == ("", True)
    assert torch.allclose(found.weights, expected, atol=1e-6)
    assert torch.allclose(session.attention("", sample=1).weights, expected[1], atol=1e-6)
    assert session.attention("", sample=slice(0, 2)).weights.shape == (2, 2, 5, 5)


@pytest.mark.parametrize(
    ("look", "error", "words"),
    [
        (lambda s: s.activations("conv", epoch=77), LookupError, "77"),
        (lambda s: s.activations("conv", sample=8), tvw.look.LookError, "no sample 8. Choose one of 0 … 7"),
        (lambda s: s.activations("conv", sample=slice(8, 9)), tvw.look.LookError, "no sample was asked for"),
        (lambda s: s.activations("conv", sample="all"), TypeError, "sample= is None, an index or a slice, found 'all'"),
        (lambda s: s.activations("cnov"), tvw.look.LookError, "Did you mean 'conv'"),
        (lambda s: s.gradients("conv", "bird"), LookupError, "of='bird' is neither .* nor a class: .*'cat', 'dog'"),
        (lambda s: s.gradients("conv", 3), tvw.look.LookError, "the model has 3 outputs, none with index 3"),
        (lambda s: s.intervene(), TypeError, "takes at least one intervention"),
        (lambda s: s.intervene("conv"), TypeError, "takes interventions, found str; make one with tvw.Interv"),
        (lambda s: s.attention("conv"), tvw.look.LookError, "no attention is computed in 'conv'"),
    ],
)  # fmt: skip
def test_what_there_is_not(
    trained: tuple[tvw.Session, Net], look: Callable[[tvw.Session], Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        look(trained[0])


def test_a_session_that_cannot_compute_says_why(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    waiting = tvw.watch(model, optimizer, criterion)
    for look in (lambda s: s.activations("conv"), lambda s: s.gradients("conv"), lambda s: s.attention("conv"),
                 lambda s: s.intervene(tvw.Intervention.zero("conv"))):  # fmt: skip
        with pytest.raises(LookupError, match=r"there is no probe batch yet: Give watch\(\) a probe="):
            look(waiting)


def test_looking_while_it_trains_changes_nothing_about_the_training() -> None:
    def weights(look: bool) -> dict[str, Tensor]:
        model, optimizer, criterion = setup()
        session = tvw.watch(model, optimizer, criterion, probe=data(1)[0], classes=CLASSES)
        for _ in session.epochs(2):
            for x, y in session.batches(data()):
                optimizer.zero_grad()
                criterion(model(x), y).backward()
                if look:  # between backward and step, where the gradients must stay what they are
                    session.activations(["conv", "/flatten"])
                    session.gradients("conv")
                    session.gradients("norm", "cat", sample=2)
                    session.intervene(tvw.Intervention.noise("conv", 1.0), tvw.Intervention.mean("fc", channel=0))
                optimizer.step()
        session.close()
        return model.state_dict()

    plain, watched = weights(False), weights(True)
    assert all(torch.equal(plain[name], watched[name]) for name in plain)


class Noisy(nn.CrossEntropyLoss):
    """Draws random numbers."""

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return super().forward(logits + 0.01 * torch.randn_like(logits), targets)


def test_a_criterion_that_draws_random_numbers() -> None:
    model, optimizer, _ = setup()
    session = tvw.watch(model, optimizer, Noisy(), probe=data(1)[0])
    before = torch.get_rng_state()
    assert session.observer is not None
    assert session.observer.outputs(None).loss is not None
    session.gradients("conv")
    session.gradients("conv", lambda output: (output + torch.randn_like(output)).sum())
    session.intervene(tvw.Intervention.zero("conv"))
    assert torch.equal(torch.get_rng_state(), before)
    session.close()


def test_while_a_loop_runs_elsewhere_it_is_not_asked() -> None:
    model, optimizer, _ = setup()
    session = tvw.watch(model, optimizer, Noisy(), probe=data(1)[0])
    before = torch.get_rng_state()
    looked: list[Any] = []

    def look() -> None:
        assert session.observer is not None
        looked.append(session.observer.outputs(None).problem)
        with pytest.raises(tvw.look.LookError) as caught:
            session.gradients("conv")
        looked.append(str(caught.value))

    for _ in session.epochs(1):
        for _ in session.batches(data(1)):
            viewer = threading.Thread(target=look)
            viewer.start()
            while viewer.is_alive():
                session.mailbox.barrier()  # as at a step's end: what the view asks for is answered here
                viewer.join(0.01)
    words = "it draws random numbers, and computing it now would change those that training draws"
    assert [words in each for each in looked] == [True, True]
    assert torch.equal(torch.get_rng_state(), before)
    session.close()


def test_a_state_and_its_name_are_of_one_moment(
    trained: tuple[tvw.Session, Net], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop takes a step whenever the newest state is asked for: what is kept of a state must be that state's."""
    session, model = trained
    x, _ = data(1)[0]
    newest, handed_out = LiveState.newest, []

    def overtaken(live: LiveState, loop_elsewhere: bool) -> Version:
        version = newest(live, loop_elsewhere)
        handed_out.append(dict(version.state))
        with torch.no_grad():
            model.fc.weight.mul_(-2.0)
        session.loop.step += 1
        return version

    monkeypatch.setattr(LiveState, "newest", overtaken)
    for _ in range(3):
        outcome = session.observer.outputs(None)  # type: ignore[union-attr]
        then = copy.deepcopy(model).eval()
        then.load_state_dict(handed_out[-1])
        assert outcome.logits is not None
        assert torch.allclose(outcome.logits, then(x), atol=1e-6)
    assert len(handed_out) == 3  # of a large model it takes milliseconds


def test_a_snapshot_that_is_the_newest_stays_itself_when_the_run_goes_back(trained: tuple[tvw.Session, Net]) -> None:
    session, _ = trained
    session._live.forget()
    version = session._live.newest(loop_elsewhere=True)
    there = {name: tensor.clone() for name, tensor in version.state.items()}
    session.run.begin_branch(session.run.snapshot(epoch=1))  # type: ignore[attr-defined]
    session.run.save(  # type: ignore[attr-defined]
        {name: tensor + 1 for name, tensor in there.items()}, step=version.step, epoch=2.0, name=None,
        finished_epochs=2, training={},
    )  # fmt: skip
    session.run.flush()
    assert all(torch.equal(tensor, there[name]) for name, tensor in version.state.items())
