"""What the activation viewer sends, compared with what a model of the test's own computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import torchvis_widgets as tvw
from tests.unit.session.training import CLASSES, Net, data
from tests.unit.widgets.front_end import FrontEnd, Push, wait_for
from torchvis_widgets.look.context import Context
from torchvis_widgets.look.errors import LookError
from torchvis_widgets.widgets.selection import Against
from torchvis_widgets.widgets.viewing.lens import Lens
from torchvis_widgets.widgets.viewing.painting import Brush, paint_difference

IMAGES, LABELS = data(1)[0]


def network(session: tvw.Session, epoch: int | None = None) -> Net:
    """A model of the test's own with the weights of an epoch, in eval mode."""
    model = Net()
    state = session.model.state_dict() if epoch is None else session.run.state_dict(epoch=epoch)  # type: ignore[union-attr]
    model.load_state_dict(state)
    return model.eval()


def by_hand(model: nn.Module, layer: str, images: torch.Tensor = IMAGES) -> torch.Tensor:
    kept: list[torch.Tensor] = []
    handle = model.get_submodule(layer).register_forward_hook(lambda *call: kept.append(call[2].clone()))
    with torch.no_grad():
        model(images)
    handle.remove()
    return kept[0]


class Page(FrontEnd):
    """A view of the viewer, with readings of its last frame."""

    def look(self, **changes: Any) -> Push:
        assert self.ask("look", changes=changes)["ok"], self.replies[-1]
        return self.last("frame")

    def select(self, layer: str) -> Push:
        self.widget.stage.selection.select(layer)
        self.widget.changed()
        return self.last("frame")

    def panel(self, index: int = 0) -> dict[str, Any]:
        return self.last("frame").value["panels"][index]

    def picture(self, index: int = 0) -> dict[str, Any]:
        return self.panel(index)["picture"]

    def tiles(self, index: int = 0) -> np.ndarray:
        panel = self.panel(index)
        return self.last("frame").bytes(panel["codes"]).reshape(panel["picture"]["tiles"])

    def exact(self, index: int = 0) -> np.ndarray:
        frame, panel = self.last("frame"), self.panel(index)
        assert panel["exact"] is not None
        return frame.floats(panel["exact"])


@pytest.fixture
def page(session: tvw.Session) -> Page:
    return Page(tvw.ActivationViewer(session, scope="layer"))


def bytes_of(values: Any, picture: dict[str, Any]) -> np.ndarray:
    lo, hi = picture["lo"], picture["hi"]
    return np.rint(np.clip((np.asarray(values, np.float64) - lo) / (hi - lo), 0, 1) * 250).astype(np.uint8)


def test_small_pictures_bring_their_exact_values(session: tvw.Session, page: Page) -> None:
    page.ask("sample", sample=3)
    expected = by_hand(network(session), "conv")[3].numpy()
    assert page.exact().reshape(4, 6, 6) == pytest.approx(expected, abs=1e-5)
    assert np.array_equal(page.tiles(), bytes_of(page.exact().reshape(4, 6, 6), page.picture()))


@pytest.mark.parametrize("of", ["loss", 2])
def test_gradients_are_those_of_the_loss_or_a_class(session: tvw.Session, page: Page, of: Any) -> None:
    page.ask("sample", sample=2)
    page.look(tab="gradients", of=of)
    model, one = network(session), IMAGES[2:3]
    kept: list[torch.Tensor] = []
    model.conv.register_forward_hook(lambda *call: kept.append(call[2]))
    output = model(one)
    scalar = nn.CrossEntropyLoss()(output, LABELS[2:3]) if of == "loss" else output[0, of]
    expected = torch.autograd.grad(scalar, kept[0])[0][0]
    assert page.exact().reshape(4, 6, 6) == pytest.approx(expected.numpy(), abs=1e-6)
    assert page.picture()["diverging"]


def test_weights_are_tiles_a_matrix_and_bars(session: tvw.Session, page: Page) -> None:
    state = session.run.state_dict(epoch=1)
    session.stage.selection.move(5)  # type: ignore[union-attr]
    page.look(tab="weights")
    assert (page.picture()["kind"], page.picture()["axes"], page.picture()["lead"]) == (
        "maps", ["kernel", "row", "column"], [4, 1],
    )  # fmt: skip
    assert page.exact().reshape(4, 1, 3, 3) == pytest.approx(state["conv.weight"].numpy())
    page.look(parameter="conv.bias")
    assert page.picture()["kind"] == "vector"
    assert page.exact() == pytest.approx(state["conv.bias"].numpy())
    page.select("norm")
    page.look(tab="weights", parameter="norm.running_mean")  # the last layer's choice is gone
    assert page.exact() == pytest.approx(state["norm.running_mean"].numpy())
    page.select("fc")
    assert page.picture()["kind"] == "matrix"
    assert page.exact().reshape(3, 144) == pytest.approx(state["fc.weight"].numpy())
    assert [each["name"] for each in page.widget.parameters] == ["fc.weight", "fc.bias"]
    page.select("relu")
    assert page.last("frame").value["error"]["reason"] == "the layer has no weights of its own"


def test_weights_are_shown_with_the_edits_that_are_previewed(session: tvw.Session, page: Page) -> None:
    sliders = FrontEnd(tvw.WeightSliders(session))
    sliders.ask("edit", change="gain", tensor="conv.weight", value=0.5, done=True)
    page.look(tab="weights")
    expected = session.model.conv.weight.detach() * 0.5  # type: ignore[union-attr]
    assert page.exact().reshape(4, 1, 3, 3) == pytest.approx(expected.numpy())


def test_kernels_of_one_element_are_a_matrix() -> None:
    model = nn.Sequential(nn.Conv2d(3, 5, 1), nn.Flatten())
    with tvw.inspect(model, torch.rand(2, 3, 4, 4)) as session:
        page = Page(tvw.ActivationViewer(session, tab="weights"))
        assert page.picture()["kind"] == "matrix"
        assert page.exact().reshape(5, 3) == pytest.approx(model[0].weight.detach().numpy()[:, :, 0, 0])


@pytest.mark.parametrize("sort", ["energy", "variance", "change"])
def test_units_are_sorted_and_keep_their_names(session: tvw.Session, page: Page, sort: str) -> None:
    page.look(sort=sort)
    now, first = (by_hand(network(session, epoch), "conv")[0].double() for epoch in (3, 0))
    score = {
        "energy": now.square().mean(dim=(1, 2)),
        "variance": now.var(dim=(1, 2), unbiased=False),
        "change": (now - first).square().sum(dim=(1, 2)).sqrt(),
    }[sort]
    expected = score.argsort(descending=True).tolist()
    assert page.picture()["order"] in (expected, None)
    assert (page.picture()["order"] or [0, 1, 2, 3]) == expected
    assert np.array_equal(page.tiles(), bytes_of(now[expected], page.picture()))
    page.ask("values", panel=0, unit=expected[0])
    shown = np.frombuffer(page.buffers[-1][0], "<f4").reshape(6, 6)
    assert shown == pytest.approx(now[expected[0]].numpy(), abs=1e-5)


def test_change_is_counted_from_the_snapshot_that_was_chosen(session: tvw.Session, page: Page) -> None:
    page.look(sort="change", since=10)
    now, then = (by_hand(network(session, epoch), "conv")[0].double() for epoch in (3, 2))
    expected = (now - then).square().sum(dim=(1, 2)).argsort(descending=True).tolist()
    assert (page.picture()["order"] or [0, 1, 2, 3]) == expected
    assert "no snapshot at step 11" in page.ask("look", changes={"since": 11})["error"]


def test_dead_units_are_counted_over_the_whole_probe_and_can_be_left_out() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 16, 3))
    with torch.no_grad():
        model[0].weight[4].zero_()
        model[0].bias[4] = -1.0
        model[0].weight[1].zero_()
        model[0].bias[1] = 1.0
    images = torch.rand(5, 1, 6, 6)
    with tvw.inspect(model, images) as session:
        page = Page(tvw.ActivationViewer(session))
        page.select("1")
        wait_for(lambda: page.last("frame").value["dead"] is not None)
        with torch.no_grad():
            alive = (model[1](model[0](images)) != 0).any(dim=0).flatten(1).any(dim=1)
        expected = alive.nonzero().flatten().tolist()
        assert page.last("frame").value["dead"] == 6 - len(expected) >= 1
        page.look(alive=True)
        assert page.picture()["order"] == expected
        assert page.picture()["note"] == f"{len(expected)} of 6 units"
        page.select("0")
        page.look(alive=True)
        assert page.picture()["order"] is None  # a bias alone is alive


def test_limits_clip_half_a_per_cent_or_nothing(session: tvw.Session, page: Page) -> None:
    values = by_hand(network(session), "conv")[0].numpy()
    assert page.picture()["hi"] == pytest.approx(np.quantile(np.abs(values), 0.995), rel=1e-5)
    assert page.picture()["clipped"] > 0
    page.look(limits="full")
    assert (page.picture()["lo"], page.picture()["hi"]) == pytest.approx((-np.abs(values).max(), np.abs(values).max()))
    assert page.picture()["clipped"] == 0
    page.look(scope="unit")
    assert page.picture()["unit_hi"] == pytest.approx(np.abs(values).max(axis=(1, 2)).tolist())


def test_the_kind_can_be_chosen_and_one_that_does_not_fit_says_so(page: Page) -> None:
    page.look(kind="vector")
    assert (page.picture()["kind"], page.picture()["total"]) == ("vector", 144)
    frame = page.look(kind="boxes").value
    assert frame["panels"] == []
    assert "cannot be shown as kind='boxes'" in frame["error"]["reason"]
    page.look(kind=None)
    assert page.picture()["kind"] == "maps"


# Comparing


def test_a_snapshot_beside_has_the_same_colours_and_units(session: tvw.Session, page: Page) -> None:
    assert page.ask("compare", step=5, sample=None)["ok"]
    assert page.widget.against == {"step": 5, "sample": None, "label": "epoch 1"}
    page.look(sort="energy")
    one, other = (by_hand(network(session, epoch), "conv")[0] for epoch in (3, 1))
    first, second = page.last("frame").value["panels"]
    assert [each["title"] for each in (first, second)] == ["live", "epoch 1"]
    assert [each["step"] for each in (first, second)] == [15, 5]
    assert first["picture"]["order"] == second["picture"]["order"]
    hi = max(float(np.quantile(each.abs().numpy(), 0.995)) for each in (one, other))
    assert [each["picture"]["hi"] for each in (first, second)] == pytest.approx([hi, hi], rel=1e-5)
    order = first["picture"]["order"] or range(4)
    assert np.array_equal(page.tiles(1), bytes_of(other[list(order)], second["picture"]))
    reply = page.ask("values", panel=1, unit=2)["value"]
    assert (reply["panel"], reply["unit"], reply["step"]) == (1, 2, 5)
    shown = np.frombuffer(page.buffers[-1][0], "<f4").reshape(6, 6)
    assert shown == pytest.approx(other[2].numpy(), abs=1e-5)
    page.look(scope="unit")
    limits = [each["picture"]["unit_hi"] for each in page.last("frame").value["panels"]]
    assert limits[0] == limits[1]


def test_a_sample_beside_and_off_again(session: tvw.Session, page: Page) -> None:
    page.ask("compare", step=None, sample=4)
    assert [each["title"] for each in page.last("frame").value["panels"]] == ["sample 0", "sample 4"]
    assert page.exact(1).reshape(4, 6, 6) == pytest.approx(by_hand(network(session), "conv")[4].numpy(), abs=1e-5)
    page.ask("compare", step=None, sample=None)
    assert len(page.last("frame").value["panels"]) == 1
    assert page.widget.against is None


def test_the_difference_is_one_minus_the_other_about_zero(session: tvw.Session, page: Page) -> None:
    page.ask("compare", step=0, sample=2)
    page.look(difference=True)
    expected = by_hand(network(session), "conv")[0] - by_hand(network(session, 0), "conv")[2]
    (panel,) = page.last("frame").value["panels"]
    assert panel["title"] == "live · sample 0 − epoch 0 · sample 2"
    assert page.exact().reshape(4, 6, 6) == pytest.approx(expected.numpy(), abs=1e-5)
    assert panel["picture"]["diverging"]
    assert panel["picture"]["lo"] == -panel["picture"]["hi"]


@pytest.mark.parametrize("scope", ["unit", "layer"])
def test_a_difference_that_is_never_negative_has_zero_in_the_middle_too(scope: str) -> None:
    one, other = torch.rand(3, 5, 5) + 2, torch.rand(3, 5, 5)
    made = paint_difference(one, other, Brush(Lens(scope=scope), Context()))
    assert made.diverging
    assert made.lo == -made.hi
    with pytest.raises(LookError, match=r"shapes \(3, 5, 5\) and \(3,\) have no difference"):
        paint_difference(one, torch.rand(3), Brush(Lens(), Context()))


def test_what_cannot_be_compared_says_why_beside(session: tvw.Session, page: Page) -> None:
    page.widget.stage.selection.compare(Against(step=7))
    page.widget.changed()
    first, second = page.last("frame").value["panels"]
    assert first["picture"]["kind"] == "maps"
    assert "no snapshot at step 7" in second["picture"]["text"]


# Distributions and pins


def test_ridges_are_histograms_of_the_whole_probe_at_every_snapshot(session: tvw.Session, page: Page) -> None:
    page.select("norm")
    page.look(tab="distribution", limits="full")
    wait_for(lambda: page.count("ridges") > 0 and page.last("ridges").value["done"])
    push = page.last("ridges")
    value, table = push.value, push.floats(0).reshape(4, 64)
    assert (value["steps"], value["epochs"], value["at"]) == ([0, 5, 10, 15], [0, 1, 2, 3], 3)
    values = [by_hand(network(session, epoch), "norm").numpy() for epoch in range(4)]
    lo, hi = min(each.min() for each in values), max(each.max() for each in values)
    assert (value["lo"], value["hi"]) == pytest.approx((lo, hi), rel=1e-5)
    for row, each in zip(table, values, strict=True):
        counts, _ = np.histogram(each, 64, (value["lo"], value["hi"]))
        assert np.abs(row - counts / each.size).max() < 3 / each.size  # a value at an edge may fall either way
    page.look(spread="weights", parameter="norm.weight")
    wait_for(lambda: page.last("ridges").value["what"] == "weights" and page.last("ridges").value["done"])
    state = session.run.state_dict(epoch=2)["norm.weight"].numpy()
    value = page.last("ridges").value
    expected, _ = np.histogram(state, 64, (value["lo"], value["hi"]))
    assert page.last("ridges").floats(0).reshape(4, 64)[2] == pytest.approx(expected / 4)


def test_pinned_units_are_followed_over_the_snapshots(session: tvw.Session, page: Page) -> None:
    page.ask("sample", sample=1)
    page.ask("pin", unit=2, on=True)
    page.select("fc")
    page.ask("pin", unit=0, on=True)
    assert page.widget.pins == [{"key": "conv", "unit": 2}, {"key": "fc", "unit": 0}]
    wait_for(lambda: page.last("pins").value["done"] and len(page.last("pins").value["pins"]) == 2)
    push = page.last("pins")
    table = push.floats(0).reshape(2, 3, 4)
    for column, epoch in enumerate(range(4)):
        model = network(session, epoch)
        unit, logit = by_hand(model, "conv")[1, 2], by_hand(model, "fc")[1, 0]
        expected = [unit.mean(), unit.min(), unit.max()]
        assert table[0, :, column] == pytest.approx([float(each) for each in expected], abs=1e-5)
        assert table[1, :, column] == pytest.approx([float(logit)] * 3, abs=1e-5)
    assert [each["label"] for each in push.value["pins"]] == ["conv · channel 2", "fc · unit 0"]
    page.ask("pin", unit=0, on=False)
    assert page.widget.pins == [{"key": "conv", "unit": 2}]


# Switching units off


def test_ablated_units_change_what_comes_after_and_no_weight(session: tvw.Session, page: Page) -> None:
    weights = {name: tensor.clone() for name, tensor in session.model.state_dict().items()}  # type: ignore[union-attr]
    before = page.last("frame").value
    assert (before["before"], before["changed"]) == (None, False)
    assert page.ask("ablate", unit=1, method="zero")["ok"]
    assert page.ask("ablate", unit=3, method="mean")["ok"]
    listed = [(each["key"], each["unit"], each["axis"], each["method"]) for each in page.widget.ablations]
    assert listed == [("conv", 1, "channel", "zero"), ("conv", 3, "channel", "mean")]
    model = network(session)
    maps = by_hand(model, "conv")
    maps[:, 1] = 0
    maps[:, 3] = maps[:, 3].mean()
    with torch.no_grad():
        logits = model.fc(model.relu(model.norm(maps.clone())).flatten(1))
    assert page.exact().reshape(4, 6, 6) == pytest.approx(maps[0].numpy(), abs=1e-5)
    frame = page.last("frame").value
    assert [each["text"] for each in frame["predictions"]] == [CLASSES[index] for index in logits.argmax(1)]
    assert (frame["before"], frame["changed"]) == (before["predictions"], True)
    assert frame["loss"] == pytest.approx(float(nn.CrossEntropyLoss()(logits, LABELS)), abs=1e-5)
    assert frame["loss_before"] == before["loss"]
    page.select("fc")
    assert page.exact() == pytest.approx(logits[0].numpy(), abs=1e-5)
    page.select("conv")
    page.ask("ablate", unit=1, method=None)
    assert [each["unit"] for each in page.widget.ablations] == [3]
    page.ask("ablate_reset")
    assert page.widget.ablations == []
    assert page.last("frame").value["predictions"] == before["predictions"]
    assert all(tensor.equal(weights[name]) for name, tensor in session.model.state_dict().items())  # type: ignore[union-attr]
    assert session.model.training  # type: ignore[union-attr]


def test_gradients_go_through_what_is_switched_off(session: tvw.Session, page: Page) -> None:
    page.select("norm")
    page.ask("ablate", unit=0, method="zero")
    page.select("conv")
    page.look(tab="gradients", of=1)
    model, mask = network(session), torch.ones(1, 4, 1, 1)
    mask[:, 0] = 0
    maps = by_hand(model, "conv")[:1].requires_grad_()
    logits = model.fc((model.norm(maps) * mask).relu().flatten(1))
    expected = torch.autograd.grad(logits[0, 1], maps)[0][0]
    assert expected.any()
    assert page.exact().reshape(4, 6, 6) == pytest.approx(expected.numpy(), abs=1e-6)
    assert page.last("frame").value["code"].endswith("  # without what is switched off")


def test_an_ablated_pass_is_made_once(session: tvw.Session, page: Page) -> None:
    page.ask("ablate", unit=1, method="zero")
    passes: list[int] = []
    session.observer._replica.module.register_forward_pre_hook(lambda module, args: passes.append(len(args[0])))  # type: ignore[union-attr]
    for sample in range(4):
        page.ask("sample", sample=sample)
    page.look(sort="energy")
    assert passes == []


# Side effects


def test_looking_leaves_no_trace_on_the_model(session: tvw.Session, page: Page) -> None:
    model = session.model
    assert model is not None
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    random = torch.get_rng_state()
    gradients = [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]
    for changes in ({"tab": "gradients"}, {"tab": "weights"}, {"tab": "distribution"}, {"tab": "activations"}):
        page.look(**changes)
    page.ask("ablate", unit=0, method="mean")
    page.ask("pin", unit=1, on=True)
    page.widget.set_input(torch.zeros(1, 6, 6))
    wait_for(lambda: page.count("pins") > 0 and page.last("pins").value["done"])
    assert all(tensor.equal(before[name]) for name, tensor in model.state_dict().items())
    assert model.training
    assert torch.equal(torch.get_rng_state(), random)
    kept = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert all(one.equal(other) for one, other in zip(gradients, kept, strict=True))


@pytest.fixture
def reopened(session: tvw.Session) -> tuple[tvw.Run, tvw.Session]:
    session.close()
    return tvw.Run(session.run.path), session


def test_a_reopened_run_has_weights_without_a_model_and_all_with_one(reopened: tuple[tvw.Run, tvw.Session]) -> None:
    run, session = reopened
    page = Page(tvw.ActivationViewer(run, tab="weights"))
    assert page.exact().reshape(4, 1, 3, 3) == pytest.approx(run.state_dict(epoch=3)["conv.weight"].numpy())
    page.look(tab="distribution", spread="weights")
    wait_for(lambda: page.last("ridges").value["done"])
    frame = page.look(tab="activations").value
    assert frame["error"]["remedy"] == "Give one: tvw.Dashboard(run, model=model)."
    for op, args in (("ablate", {"unit": 0, "method": "zero"}), ("draw", {"height": 6, "width": 6})):
        assert "a recorded run has no model" in page.ask(op, **args)["error"]
    page = Page(tvw.ActivationViewer(run, model=Net()))
    assert page.exact().reshape(4, 6, 6) == pytest.approx(by_hand(network(session, 3), "conv")[0].numpy(), abs=1e-5)
    assert page.ask("ablate", unit=0, method="zero")["ok"]
    assert not page.exact().reshape(4, 6, 6)[0].any()
