"""Bad input gets one clear error, and leaves nothing behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import torchvis_widgets as tvw
from tests.unit.session.training import Net, data, hooks_on, setup


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ([1], r"watch\(\) takes a torch.nn.Module, found list; pass the model itself"),
        (Net, r"watch\(\) takes a torch.nn.Module, found the class Net; pass an instance, such as Net\(\)"),
    ],
)
def test_what_is_no_module_is_named(model: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        tvw.watch(model)


def test_inspect_names_what_is_no_module() -> None:
    with pytest.raises(TypeError, match=r"inspect\(\) takes a torch.nn.Module, found int"):
        tvw.inspect(3, torch.zeros(1))  # type: ignore[arg-type]


def test_a_probe_that_does_not_run_through_says_its_shape_and_the_models_own_words() -> None:
    model, optimizer, criterion = setup()
    with pytest.raises(
        ValueError, match=r"does not run through the model: given \(8, 3, 6, 6\) float32.*expected input"
    ) as e:
        tvw.watch(model, optimizer, criterion, probe=torch.zeros(8, 3, 6, 6))
    assert "1 channels" in str(e.value)
    assert hooks_on(model, criterion) == 0


def test_classes_of_the_wrong_number() -> None:
    with pytest.raises(ValueError, match=r"classes has 2 names, but the model has 3 outputs for a sample"):
        tvw.watch(Net(), probe=data(1)[0], classes=["cat", "dog"])


def test_classes_of_the_wrong_number_found_when_training_has_begun() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion, classes=["cat", "dog"]) as session:
        with pytest.warns(RuntimeWarning, match="classes has 2 names, but the model has 3 outputs"):
            model(data(1)[0][0])
        assert session.run.classes is None
        assert session.observer is not None


def test_classes_as_one_string() -> None:
    with pytest.raises(TypeError, match=r"classes must be a list of names, found the string 'cat'; write \['cat'\]"):
        tvw.watch(Net(), probe=data(1)[0], classes="cat")


def test_an_optimizer_that_is_none() -> None:
    with pytest.raises(TypeError, match=r"optimizer must be a torch.optim.Optimizer or several, found float"):
        tvw.watch(Net(), 0.1)  # type: ignore[arg-type]


def test_a_criterion_that_cannot_be_called() -> None:
    with pytest.raises(TypeError, match=r"criterion must be callable as criterion\(output, targets\), found str"):
        tvw.watch(Net(), criterion="mse")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        ({"loss": "low"}, TypeError, "loss"),
        ({"loss": torch.zeros(3)}, ValueError, r"mean\(\)"),
        ({"loss": None}, TypeError, "loss"),
        ({3: 1.0}, TypeError, "3"),
    ],
)
def test_a_metric_that_is_no_number(values: Any, error: type[Exception], words: str) -> None:
    with tvw.watch(Net()) as session:
        with pytest.raises(error, match=words):
            session.log(values)
        session.log({"loss": torch.ones(1, requires_grad=True)})
        session.run.flush()
        assert session.run.metrics()["value"].tolist() == [1.0]


def test_a_run_directory_of_another_model(tmp_path: Path) -> None:
    with tvw.watch(Net(), run=tmp_path / "run") as session:
        session.log(loss=1.0)
    with pytest.raises(Exception, match=r"holds a run of another model: .*conv.weight"):
        tvw.watch(nn.Linear(2, 2), run=tmp_path / "run")


def test_a_run_directory_written_by_a_newer_version(tmp_path: Path) -> None:
    with tvw.watch(Net(), run=tmp_path / "run"):
        pass
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps(about | {"format": 99}))
    for again in (lambda: tvw.Run(tmp_path / "run"), lambda: tvw.watch(Net(), run=tmp_path / "run")):
        with pytest.raises(Exception, match=r"run format 99.*Install a newer one: pip install --upgrade"):
            again()


def test_a_run_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match=r"not writable.*Give another run="):
        tvw.watch(Net(), run=tmp_path / "file" / "run")


def test_epochs_of_no_number() -> None:
    with (
        tvw.watch(Net()) as session,
        pytest.raises(ValueError, match=r"epochs\(\) takes a positive whole number, found 0"),
    ):
        session.epochs(0)


def test_a_session_of_a_recorded_run_does_not_train(tmp_path: Path) -> None:
    with tvw.watch(Net(), run=tmp_path / "run"):
        pass
    session = tvw.Dashboard(tvw.Run(tmp_path / "run")).bar.stage.session
    with pytest.raises(RuntimeError, match=r"log\(\) needs a session that watches training: make one with tvw.watch"):
        session.log(loss=1.0)


def test_a_view_of_something_else() -> None:
    with pytest.raises(TypeError, match=r"a view takes a Session or a Run, found str"):
        tvw.LossPlot("runs/digits-cnn")  # type: ignore[arg-type]
