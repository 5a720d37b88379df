"""Each Python widget and its TypeScript half agree on the synced traits, and on nothing else being synced."""

from __future__ import annotations

import re
from pathlib import Path

import anywidget
import pytest
import torch

from torchvis_widgets.look import picture
from torchvis_widgets.look.picturing.kinds import KINDS
from torchvis_widgets.widgets.activation_viewer import ActivationViewer
from torchvis_widgets.widgets.base import LiveWidget
from torchvis_widgets.widgets.epoch_scrubber import EpochScrubber
from torchvis_widgets.widgets.hyperparameter_sliders import HyperparameterSliders
from torchvis_widgets.widgets.loss_plot import LossHeader
from torchvis_widgets.widgets.model_map import ModelMap
from torchvis_widgets.widgets.training_bar import TrainingBar
from torchvis_widgets.widgets.weight_sliders import WeightSliders

SOURCES = Path(__file__).parents[3] / "js" / "src"
WIDGETS = [ActivationViewer, EpochScrubber, HyperparameterSliders, LossHeader, ModelMap, TrainingBar, WeightSliders]


def source(bundle: str) -> str:
    files = sorted((SOURCES / bundle).rglob("*.ts*"))
    return "".join(path.read_text(encoding="utf-8") for path in files)


def interface(bundle: str) -> set[str]:
    found = re.search(r"export interface State \{(.*?)\n\}", source(bundle), re.S)
    assert found, f"js/src/{bundle} exports no interface State"
    return set(re.findall(r"^  (\w+)\??:", found[1], re.M))


@pytest.mark.parametrize("widget", WIDGETS)
def test_traits_and_interface_are_the_same_set(widget: type[LiveWidget]) -> None:
    inherited = set(anywidget.AnyWidget.class_trait_names(sync=True)) | {"_esm", "_css", "_anywidget_id", "still"}
    assert set(widget.class_trait_names(sync=True)) - inherited == interface(widget.bundle)


@pytest.mark.parametrize("widget", WIDGETS)
def test_names_are_one_name_in_four_spellings(widget: type[LiveWidget]) -> None:
    module = widget.__module__.rsplit(".", 1)[-1]
    assert module == widget.bundle
    assert (SOURCES / widget.bundle).is_dir()


@pytest.mark.parametrize("widget", WIDGETS)
def test_no_trait_takes_the_place_of_one_of_the_base_class(widget: type[LiveWidget]) -> None:
    own = {name for each in widget.__mro__[: widget.__mro__.index(LiveWidget) + 1] for name in vars(each)}
    assert not own & set(anywidget.AnyWidget.class_trait_names())


ASKED = re.compile(r"""(?:(?:send|request)(?:<\w+>)?\(|useControl\([^,]+,[^,]+, |\bop=)"(\w+)\"""")


@pytest.mark.parametrize("widget", WIDGETS)
def test_what_the_view_asks_is_what_the_kernel_answers(widget: type[LiveWidget]) -> None:
    asked = set(ASKED.findall(source(widget.bundle)))
    answered = {name.removeprefix("answer_") for name in dir(widget) if name.startswith("answer_")}
    assert asked == answered - {"hello", "presence", "part"}  # every view's, asked by js/src/shared


def test_a_picture_is_the_same_on_both_sides() -> None:
    text = (SOURCES / "activation_viewer" / "frame.ts").read_text(encoding="utf-8")
    written = re.search(r"export interface Picture \{(.*?)\n\}", text, re.S)
    kinds = re.search(r"export const KINDS = \[(.*?)\];", text, re.S)
    assert written
    assert kinds
    assert set(re.findall(r"^  (\w+):", written[1], re.M)) == picture(torch.ones(3)).to_dict().keys()
    assert re.findall(r'"(\w+)"', kinds[1]) == list(KINDS)
