"""What each view sends is what the run and the model hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import torchvis_widgets as tvw
from tests.unit.session.training import CLASSES, Net, data, setup
from tests.unit.widgets.front_end import FrontEnd, Push, wait_for
from torchvis_widgets.widgets.loss_plot import POINTS

IMAGES = data(1)[0][0]


def by_hand(state: dict[str, torch.Tensor], layer: str, sample: int) -> np.ndarray:
    """The layer's output in eval mode through a model of the test's own."""
    model = Net()
    model.load_state_dict(state)
    model.eval()
    kept = []
    model.get_submodule(layer).register_forward_hook(lambda *call: kept.append(call[2].clone()))
    with torch.no_grad():
        model(IMAGES)
    return kept[0][sample].numpy()


def bytes_by_hand(values: np.ndarray, push: Push) -> np.ndarray:
    lo, hi = push.value["panels"][0]["picture"]["lo"], push.value["panels"][0]["picture"]["hi"]
    return np.rint(np.clip((values.astype(np.float64) - lo) / (hi - lo), 0, 1) * 250).astype(np.uint8)


@pytest.mark.parametrize("layer", ["conv", "norm", "fc"])
@pytest.mark.parametrize("epoch", [0, 2, 3])
def test_a_frame_is_the_layer_at_that_epochs_weights(session: tvw.Session, layer: str, epoch: int) -> None:
    viewer, scrubber, tree = tvw.ActivationViewer(session), tvw.EpochScrubber(session), tvw.ModelMap(session)
    page = FrontEnd(viewer)
    tree.select(layer)
    scrubber.seek(epoch=epoch)
    page.ask("sample", sample=3)
    frame = page.last("frame")
    assert (frame.value["layer"], frame.value["epoch"], frame.value["sample"]) == (layer, epoch, 3)
    values = by_hand(session.run.state_dict(epoch=epoch), layer, 3)
    assert np.array_equal(frame.bytes(), bytes_by_hand(values, frame).ravel())
    assert session.activations(layer, epoch=epoch, sample=3).numpy() == pytest.approx(values, abs=1e-6)


def test_exact_values_of_a_unit(session: tvw.Session) -> None:
    page = FrontEnd(tvw.ActivationViewer(session))
    where = {"panel": 0, "unit": 2, "layer": "conv", "step": 15, "sample": 0}
    assert page.ask("values", panel=0, unit=2)["value"] == {**where, "height": 6, "width": 6}
    values = by_hand(session.model.state_dict(), "conv", 0)[2]  # type: ignore[union-attr]
    assert np.frombuffer(page.buffers[-1][0], "<f4").reshape(6, 6) == pytest.approx(values, abs=1e-6)


def test_colours_of_all_epochs_hold_for_all_epochs(session: tvw.Session) -> None:
    viewer, scrubber = tvw.ActivationViewer(session), tvw.EpochScrubber(session)
    page = FrontEnd(viewer)

    def limit(epoch: int) -> float:
        scrubber.seek(epoch=epoch)
        return page.last("frame").value["panels"][0]["picture"]["hi"]

    expected = max(float(session.activations("conv", epoch=epoch, sample=0).abs().max()) for epoch in range(4))
    wait_for(lambda: limit(0) > 0.9 * expected)
    limits = {limit(epoch) for epoch in range(4)}
    assert len(limits) == 1
    page.ask("look", changes={"scope": "layer"})
    scrubber.seek(epoch=0)
    assert page.last("frame").value["panels"][0]["picture"]["hi"] not in limits
    page.ask("look", changes={"scope": "unit"})
    assert len(page.last("frame").value["panels"][0]["picture"]["unit_hi"]) == 4


def test_the_strip_says_what_is_predicted_and_keeps_markup_as_text(session: tvw.Session) -> None:
    page = FrontEnd(tvw.ActivationViewer(session))
    labels = data(1)[0][1].tolist()
    samples = page.last("samples")
    assert samples.value["labels"] == [CLASSES[label] for label in labels]
    assert (samples.value["height"], samples.value["width"]) == (6, 6)
    model = Net()
    model.load_state_dict(session.model.state_dict())  # type: ignore[union-attr]
    predicted = model.eval()(IMAGES).argmax(1).tolist()
    found = page.last("frame").value["predictions"]
    assert [each["text"] for each in found] == [CLASSES[index] for index in predicted]
    assert [each["correct"] for each in found] == [p == q for p, q in zip(predicted, labels, strict=True)]


def test_only_the_models_own_outputs_have_the_names_of_the_classes(session: tvw.Session) -> None:
    page, tree = FrontEnd(tvw.ActivationViewer(session)), tvw.ModelMap(session)
    for layer, names in (("conv", None), ("fc", CLASSES), ("", CLASSES)):
        tree.select(layer)
        assert page.last("frame").value["classes"] == names
    exact = page.last("frame").floats(1)
    assert exact == pytest.approx(by_hand(session.model.state_dict(), "fc", 0), abs=1e-6)  # type: ignore[union-attr]


def test_without_a_probe_the_viewer_says_what_to_do(tmp_path: Path) -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion) as watched:
        page = FrontEnd(tvw.ActivationViewer(watched))
        error = page.last("frame").value["error"]
        assert error["reason"] == "there is no probe batch yet"
        assert "probe=(images, labels)" in error["remedy"]


def test_the_timeline_has_a_tick_a_snapshot_and_a_pinned_playhead_stays(session: tvw.Session) -> None:
    scrubber = tvw.EpochScrubber(session)
    page = FrontEnd(scrubber)
    assert (scrubber.steps, scrubber.epochs) == ([0, 5, 10, 15], [0, 1, 2, 3])
    assert page.ask("move", step=5)["ok"]
    for _ in session.epochs(1):
        pass
    session.run.flush()
    scrubber.changed()
    assert scrubber.position == 5
    assert page.ask("move", step=7)["error"].startswith("no snapshot at step 7; the nearest")
    assert scrubber.position == 5
    assert page.ask("move", step=None)["ok"]
    assert scrubber.position is None


def test_the_curve_is_the_training_loss(session: tvw.Session) -> None:
    page = FrontEnd(tvw.EpochScrubber(session))
    logged = session.run.metrics()
    assert page.last("curve").value == {"name": "train/loss", "count": 15}
    assert page.last("curve").floats(1) == pytest.approx(logged["value"].to_numpy(), rel=1e-6)


def test_the_map_lists_every_module_and_the_norms_of_its_weights(session: tvw.Session) -> None:
    tree = tvw.ModelMap(session)
    page = FrontEnd(tree)
    rows = {row["path"]: row for row in tree.rows}
    assert list(rows) == ["", "conv", "norm", "relu", "drop", "/flatten", "fc"]
    assert (rows["conv"]["type"], rows["conv"]["shape"], rows["conv"]["parameters"]) == ("Conv2d", "4×6×6", 40)
    trends = page.last("trends")
    table = trends.floats(0).reshape(len(trends.value["paths"]), trends.value["columns"])
    conv = session.run.state_dict(epoch=2)
    norm = float((conv["conv.weight"].square().sum() + conv["conv.bias"].square().sum()).sqrt())
    assert table[trends.value["paths"].index("conv"), 2] == pytest.approx(norm, rel=1e-5)
    assert page.ask("select", layer="nonsense")["error"].startswith("no layer 'nonsense'; the model has ''")


def test_the_plot_sends_few_points_however_long_the_history(session: tvw.Session) -> None:
    for step in range(20_000):
        session.run.log(step + 20, 3.0, {"train/loss": step % 3 if step != 7_777 else 50.0, "val/loss": step % 7})
    session.run.flush()
    plot = tvw.LossPlot(session)
    page = FrontEnd(plot.header)
    assert page.last("drawn").value["points"] == [pytest.approx(POINTS * 3 / 4, abs=POINTS / 4)] * 2
    lines = [mark for mark in plot.figure.marks if len(mark.x) > 2]
    assert max(len(line.x) for line in lines) <= 1000
    assert max(float(np.max(line.y)) for line in lines) == 50.0
    assert [entry["name"] for entry in plot.header.legend] == ["train/loss", "val/loss"]
    assert plot.header.legend[0]["value"] == "1"


def test_switching_scale_axis_group_and_smoothing(session: tvw.Session) -> None:
    session.log({"train/accuracy": 0.5})
    session.run.flush()
    plot = tvw.LossPlot(session)
    page = FrontEnd(plot.header)
    assert plot.header.groups == ["loss", "accuracy"]
    for op, args in [("scale", {"scale": "log"}), ("axis", {"axis": "epoch"}), ("axis", {"axis": "time"}),
                     ("smoothing", {"smoothing": 0.0}), ("group", {"group": "accuracy"})]:  # fmt: skip
        before = page.count("drawn")
        assert page.ask(op, **args)["ok"]
        assert page.count("drawn") == before + 1, op
    assert type(plot.figure.axes[1].scale).__name__ == "LogScale"
    assert plot.header.legend[0]["value"] == "0.5"
    assert page.ask("smoothing", smoothing=1.0)["error"] == "smoothing lies in 0 … 1 (1 left out), found 1.0"


def test_what_went_wrong_is_marked_and_nothing_is_sent_that_cannot_be_drawn(session: tvw.Session) -> None:
    for step, loss in ((16, 1.0), (17, np.inf), (18, 2.0), (19, np.nan)):
        session.run.log(step, None, {"train/loss": loss})
    session.run.flush()
    plot, scrubber = tvw.LossPlot(session), tvw.EpochScrubber(session)
    FrontEnd(plot.header)
    feet = next(mark for mark in plot.figure.marks if type(mark).__name__ == "Scatter")
    assert (feet.x.tolist(), feet.names.tolist()) == ([17], ["train/loss is +Inf at step 17"])
    assert (
        plot.header.marks == scrubber.marks == [{"step": 17, "kind": "loss", "text": "train/loss is +Inf at step 17"}]
    )
    assert plot.header.legend[0]["value"] == "NaN"
    lines = [mark for mark in plot.figure.marks if type(mark).__name__ == "Lines" and len(mark.y)]
    assert all(np.isfinite(line.y[-1]) and not np.isinf(line.y).any() for line in lines)
    (strokes,) = (line for line in lines if set(line.x) == {17.0, 19.0})
    ends = {(x, y) for x, y in zip(strokes.x, strokes.y, strict=True) if y in (0.0, 1.0)}
    assert ends == {(17.0, 1.0), (19.0, 0.0)}  # +Inf at the top, NaN at the bottom


@pytest.mark.filterwarnings("ignore:the snapshot at epoch 1:RuntimeWarning")
def test_the_plot_shows_the_fork_where_a_run_went_back(session: tvw.Session) -> None:
    plot = tvw.LossPlot(session)
    page = FrontEnd(plot.header)
    session.restore(epoch=1)
    page.ask("smoothing", smoothing=0.0)
    shown = {mark.colors[0]: mark.x.tolist() for mark in plot.figure.marks if len(mark.x) > 2}
    assert shown == {"var(--tvw-faint)": list(range(5, 16)), "var(--tvw-accent)": list(range(1, 6))}
    for step in range(6, 9):
        session.run.log(step, step / 5, {"train/loss": 1.0})
    session.run.flush()
    plot.header.changed()
    shown = {mark.colors[0]: mark.x.tolist() for mark in plot.figure.marks if len(mark.x) > 2}
    assert shown["var(--tvw-accent)"] == list(range(1, 9))
    assert next(mark.colors[0] for mark in plot.figure.marks) == "var(--tvw-faint)"  # behind
    assert [entry["name"] for entry in plot.header.legend] == ["train/loss", "before going back"]


@pytest.mark.filterwarnings("ignore:the snapshot at epoch 1:RuntimeWarning")
def test_all_views_follow_a_run_that_went_back(session: tvw.Session) -> None:
    then = session.run.state_dict(epoch=1)
    viewer, scrubber, sliders = tvw.ActivationViewer(session), tvw.EpochScrubber(session), tvw.WeightSliders(session)
    pages = [FrontEnd(viewer), FrontEnd(scrubber), FrontEnd(sliders)]
    session.restore(epoch=1)
    viewer.changed()
    assert (scrubber.steps, scrubber.epochs, scrubber.last_step) == ([0, 5], [0, 1], 5)
    frame = pages[0].last("frame")
    assert (frame.value["step"], frame.value["epoch"], frame.value["live"]) == (5, 1, True)
    assert np.array_equal(frame.bytes(), bytes_by_hand(by_hand(then, "conv", 0), frame).ravel())
    assert pages[1].last("curve").floats(0).tolist() == [1, 2, 3, 4, 5]
    assert pages[2].last("weights").value["step"] == 5


def test_the_bar_tells_how_far_the_loop_is(session: tvw.Session) -> None:
    bar = tvw.TrainingBar(session)
    assert (bar.status, bar.epoch, bar.epochs, bar.step, bar.progress) == ("finished", 3, 3, 15, 1.0)
    assert bar.rate is not None
    assert bar.rate > 0


def test_what_stopped_a_loop_is_told_once_and_in_full(session: tvw.Session) -> None:
    session.loop.status, session.loop.detail = "stopped", "train/loss is NaN at step 9"
    session.warn("disk", "the disk is slower than training")
    session.warn("loss", "train/loss is NaN at step 9; at step 9 conv.weight is not finite")
    bar, scrubber = tvw.TrainingBar(session), tvw.EpochScrubber(session)
    assert bar.detail == "train/loss is NaN at step 9; at step 9 conv.weight is not finite"
    assert bar.warnings == ["the disk is slower than training"]
    assert scrubber.total_steps is None  # the steps that it was to take are not to come


def test_a_session_shows_one_dashboard_however_often(session: tvw.Session) -> None:
    first, second = session._repr_mimebundle_(), session._repr_mimebundle_()
    kind = "application/vnd.jupyter.widget-view+json"
    assert first[kind]["model_id"] == second[kind]["model_id"]


def test_a_run_alone_in_a_cell_shows_its_dashboard(session: tvw.Session) -> None:
    run = tvw.Run(session.run.path)
    shown = run._repr_mimebundle_()["application/vnd.jupyter.widget-view+json"]
    assert shown == run._repr_mimebundle_()["application/vnd.jupyter.widget-view+json"]


def test_a_recorded_run_opens_in_all_views(session: tvw.Session) -> None:
    expected = session.activations("conv", epoch=1, sample=0)
    session.close()
    run = tvw.Run(session.run.path)
    dashboard = tvw.Dashboard(run)
    page = FrontEnd(dashboard.viewer)
    assert page.last("frame").value["error"]["remedy"] == "Give one: tvw.Dashboard(run, model=model)."
    assert dashboard.bar.status == "recorded"
    assert dashboard.scrubber.steps == [0, 5, 10, 15]
    assert FrontEnd(dashboard.sliders).last("weights").value["tensors"][0]["name"] == "conv.weight"
    with_model = tvw.Dashboard(run, model=Net())
    page = FrontEnd(with_model.viewer)
    with_model.scrubber.seek(epoch=1)
    frame = page.last("frame")
    assert np.array_equal(frame.bytes(), bytes_by_hand(expected.numpy(), frame).ravel())


def test_inspect_shows_a_model_that_does_not_train() -> None:
    model = Net()
    looked_at = tvw.inspect(model, (IMAGES, data(1)[0][1]), classes=CLASSES)
    page = FrontEnd(tvw.Dashboard(looked_at).viewer)
    frame = page.last("frame")
    values = by_hand(model.state_dict(), "conv", 0)
    assert np.array_equal(frame.bytes(), bytes_by_hand(values, frame).ravel())
    assert model.training
    looked_at.close()
