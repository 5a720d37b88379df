"""The activation viewer's pictures against values that plain PyTorch gives in the kernel, pixel by pixel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.browser import by_hand
from tests.browser.conftest import LAB_ALONE, OpenNotebook
from tests.browser.jupyter import NotebookPage, canvas_pixels, wait_for
from tests.browser.viewer_page import Viewer

pytestmark = LAB_ALONE

Array = npt.NDArray[Any]

SETUP = """
import torch
from torch import nn
import torchvis_widgets as tvw

torch.manual_seed(0)
images = torch.rand(6, 1, 8, 8)
images[..., 0], images[..., -1], images[0, 0, 4, 4] = 0, 0, 1  # a drawing is white ink on black, 0 … 1, like these
images[:, :, 0], images[:, :, -1] = 0, 0

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.patch = nn.Conv2d(4, 8, 2, 2)
        self.start = nn.Parameter(torch.randn(1, 1, 8))
        self.mix = nn.Linear(8, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.wide = nn.Linear(8, 40)
        self.head = nn.Linear(40, 3)

    def forward(self, x):
        x = self.patch(self.conv(x)).flatten(2).transpose(1, 2)
        x = self.mix(torch.cat([self.start.expand(len(x), -1, -1), x], 1))
        x = x + self.attention(x, x, x, need_weights=False)[0]
        return self.head(self.wide(x[:, 0]))

model = Small().eval()

def outputs(layer, sample, silent=None):
    found, hooks = [], [model.get_submodule(layer).register_forward_hook(lambda m, i, o: found.append((i, o)))]
    if silent is not None:
        hooks.append(model.conv.register_forward_hook(lambda m, i, o: o.index_fill(1, torch.tensor([silent]), 0)))
    with torch.no_grad():
        model(images[sample : sample + 1])
    for hook in hooks:
        hook.remove()
    return found[0]

def reference(layer, sample, silent=None):
    return outputs(layer, sample, silent)[1][0].tolist()

def weights(sample):
    with torch.no_grad():
        x = outputs("attention", sample)[0][0]
        return model.attention(x, x, x, average_attn_weights=False)[1][0].tolist()

def select(layer):
    session.stage.selection.select(layer)
    viewer.changed()
"""
VIEWER = """
session = tvw.inspect(model, images, classes=["a", "b", "c"])
viewer = tvw.ActivationViewer(session, scope="layer")
viewer
"""

MANY = """
wide = nn.Sequential(nn.Conv2d(1, 2048, 1), nn.Flatten(), nn.Linear(2048 * 64, 3)).eval()
session = tvw.inspect(wide, images)
viewer = tvw.ActivationViewer(session, scope="layer")
select("0")
viewer
"""


@pytest.fixture(scope="module")
def notebook(open_once: OpenNotebook) -> NotebookPage:
    return open_once(SETUP, VIEWER, MANY, width=1200)


@pytest.fixture
def viewer(notebook: NotebookPage) -> Viewer:
    """A viewer as it is at first."""
    return fresh(notebook, 1)


def fresh(notebook: NotebookPage, cell: int) -> Viewer:
    notebook.clear_outputs()
    for each in (0, cell):
        notebook.run_cell(each)
    notebook.wait_idle()
    return Viewer(notebook, cell).ready()


def given(viewer: Viewer, expression: str) -> Array:
    # as text: IPython writes no list longer than 1,000
    return np.asarray(json.loads(viewer.notebook.kernel_eval(f"__import__('json').dumps({expression})")), np.float64)


def select(viewer: Viewer, layer: str) -> None:
    viewer.notebook.kernel_eval(f"select({layer!r})")


def test_pictures_are_the_values(viewer: Viewer) -> None:
    maps_and_what_a_click_reads(viewer)
    tokens_over_the_patches(viewer)
    attention_and_the_weight_pointed_at(viewer)
    bars_as_tall_as_their_values(viewer)
    weights_as_kernels(viewer)


def maps_and_what_a_click_reads(viewer: Viewer) -> None:
    select(viewer, "conv")
    shown = viewer.frame(layer="conv")
    values = given(viewer, "reference('conv', 0)")
    assert not shown.differs(values)
    viewer.thumbnail(3).click()
    shown = viewer.frame(layer="conv", sample=3)
    values = given(viewer, "reference('conv', 3)")
    assert not shown.differs(values)
    large = viewer.canvas("tvw-unit") if viewer.canvas("tvw-unit").count() else viewer.root.get_by_test_id("tvw-unit")
    scale = int(large.get_attribute("data-scale") or 0)
    pixels = canvas_pixels(large)[scale // 2 :: scale, scale // 2 :: scale, :3]
    assert (pixels == shown.elements(values.shape)[0]).all()
    viewer.thumbnail(0).click()
    viewer.frame(layer="conv", sample=0)


def tokens_over_the_patches(viewer: Viewer) -> None:
    select(viewer, "mix")
    shown = viewer.frame(layer="mix")
    values = given(viewer, "reference('mix', 0)")
    assert shown.about["kind"] == "tokens"
    patches = values[1:].T.reshape(8, 4, 4)
    assert not shown.differs(patches)
    prefix = viewer.shown("tvw-prefix")
    assert not prefix.differs(values[None, :1])


def attention_and_the_weight_pointed_at(viewer: Viewer) -> None:
    select(viewer, "attention")
    key = viewer.notebook.kernel_eval("next(one['key'] for one in viewer.outlets if one['attention'])")
    viewer.notebook.kernel_eval(f"viewer.look(key={key!r})")
    heads = viewer.frame("tvw-atlas", kind="attention")
    values = given(viewer, "weights(0)")
    assert not heads.differs(values)
    head = viewer.frame("tvw-head", kind="attention")
    assert not head.differs(values[:1])
    viewer.canvas("tvw-head").hover(position=viewer.point(head, 5, 9))
    told = viewer.root.get_by_test_id("tvw-weight")
    told.get_by_text("5 → 9 =").wait_for()
    assert float(told.inner_text().split("=")[1]) == pytest.approx(values[0, 5, 9], rel=1e-3)


def bars_as_tall_as_their_values(viewer: Viewer) -> None:
    select(viewer, "wide")
    viewer.frame("tvw-bars", layer="wide")
    shown, values = viewer.shown("tvw-bars"), given(viewer, "reference('wide', 0)")
    lo, hi = shown.limits
    height, width = shown.pixels.shape[:2]
    lo, hi = min(0, lo), max(0, hi)
    table = by_hand.colours(shown.about["diverging"] == "true")
    levels = by_hand.levels(values, *shown.limits)
    zero = (hi / (hi - lo)) * (height - 2) + 1
    for i, value in enumerate(values):
        x = int((i + 0.4) * width / len(values))
        end = (hi - np.clip(value, lo, hi)) / (hi - lo) * (height - 2) + 1
        if abs(end - zero) < 8:
            continue
        sign = 1 if value > 0 else -1
        inside, outside = (
            shown.pixels[int(end + 3 * sign), x],
            shown.pixels[int(np.clip(end - 4 * sign, 0, height - 1)), x],
        )
        assert any((inside == table[level[i]]).all() for level in levels), (i, value, inside)
        if abs(value) < 0.95 * hi:
            assert not any((outside == table[level[i]]).all() for level in levels), (i, value)


def weights_as_kernels(viewer: Viewer) -> None:
    select(viewer, "conv")
    viewer.tab("Weights")
    shown = viewer.frame(layer="conv", tab="weights")
    assert not shown.differs(given(viewer, "model.conv.weight.detach()[:, 0].tolist()"))
    viewer.tab("Activations")
    viewer.frame(layer="conv", tab="activations")


def test_two_samples_side_by_side_and_their_difference(viewer: Viewer) -> None:
    select(viewer, "conv")
    viewer.frame(layer="conv")
    viewer.thumbnail(2).click(modifiers=["Shift"])
    right = viewer.frame(panel=1, layer="conv", sample=2)
    left = viewer.shown(panel=0)
    first, second = given(viewer, "reference('conv', 0)"), given(viewer, "reference('conv', 2)")
    assert left.limits == right.limits
    assert not left.differs(first)
    assert not right.differs(second)
    viewer.button("Difference").click()
    wait_for(lambda: viewer.canvas(panel=1).count() == 0, "one panel")
    wait_for(lambda: not viewer.shown().differs(first - second), "the difference")
    assert viewer.shown().about["diverging"] == "true"
    viewer.button("End").click()
    wait_for(lambda: not viewer.shown().differs(first), "the sample alone")


# Which samples are cut, or run into what is said beside them, at each width of the viewer.
CUT_JS = """(root, widths) => {
    const cut = [];
    for (const width of widths) {
        root.style.width = `${width}px`;
        const strip = root.querySelector('.tvw-strip').getBoundingClientRect();
        const said = root.querySelector('.tvw-viewer-when');
        const beside = said.getBoundingClientRect();
        if (said.scrollWidth > said.clientWidth) cut.push(`${width}: what is said`);
        for (const canvas of root.querySelectorAll('.tvw-thumb canvas')) {
            const {left, right, top, bottom} = canvas.getBoundingClientRect();
            const below = top < strip.bottom && bottom > strip.bottom;
            const under = right > beside.left && top < beside.bottom && bottom > beside.top;
            if (left < strip.left || right > strip.right || below || under) {
                cut.push(`${width}: sample ${canvas.dataset.sample}`);
            }
        }
    }
    root.style.width = '';
    return cut;
}"""


def test_a_channel_is_switched_off_and_on_again(viewer: Viewer) -> None:
    select(viewer, "conv")
    shown = viewer.frame(layer="conv")
    captions = viewer.root.locator(".tvw-thumb span").all_inner_texts()
    viewer.canvas().click(position={"x": 4, "y": 4})
    viewer.button("Ablate").click()
    viewer.root.locator(".tvw-marks .tvw-off").wait_for(state="attached")
    viewer.root.get_by_test_id("tvw-ablations").wait_for()
    wait_for(lambda: viewer.root.locator(".tvw-thumb small").count() == 6, "what changes for each sample")
    assert viewer.root.evaluate(CUT_JS, [330, 500, 560, 620, 660, 760, 1000]) == []
    select(viewer, "patch")
    viewer.frame(layer="patch")
    silent, plain = given(viewer, "reference('patch', 0, silent=0)"), given(viewer, "reference('patch', 0)")
    assert not viewer.shown().differs(silent)
    viewer.button("Reset").click()
    wait_for(lambda: not viewer.shown().differs(plain), "the channel on again")
    assert viewer.root.get_by_test_id("tvw-ablations").count() == 0
    assert viewer.root.locator(".tvw-thumb span").all_inner_texts() == captions
    assert shown.layer == "conv"


def test_a_drawing_is_looked_at_while_it_is_drawn(viewer: Viewer) -> None:
    select(viewer, "conv")
    viewer.frame(layer="conv")
    viewer.root.get_by_role("button", name="draw").click()
    pad = viewer.root.get_by_test_id("tvw-pad")
    pad.wait_for()
    box = pad.bounding_box()
    assert box is not None
    mouse = viewer.notebook.page.mouse
    mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.2)
    mouse.down()
    mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.8, steps=6)
    wait_for(lambda: viewer.root.locator(".tvw-thumb").count() == 7, "the drawing among the samples")
    mouse.up()
    ink = canvas_pixels(pad)[..., 0].astype(np.float64) / 255
    drawn = f"model.conv(torch.tensor({json.dumps(ink.round(9).tolist())})[None, None]).detach()[0].tolist()"
    wait_for(lambda: not viewer.shown().differs(given(viewer, drawn)), "the drawing's maps")
    viewer.root.get_by_role("button", name="forget").click()
    wait_for(lambda: viewer.root.locator(".tvw-thumb").count() == 6, "the probe alone")
    wait_for(lambda: not viewer.shown().differs(given(viewer, "reference('conv', 0)")), "the probe's maps")


SCROLL_JS = """async (canvas) => {
    const box = canvas.closest('.tvw-atlas'), times = [];
    let last = performance.now();
    for (let i = 0; i < 60; i++) {
        box.scrollTop = (i + 1) / 60 * (box.scrollHeight - box.clientHeight);
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        times.push(performance.now() - last);
        last = performance.now();
    }
    return times;
}"""


def test_two_thousand_channels_scroll_and_only_what_is_seen_is_painted(notebook: NotebookPage) -> None:
    viewer = fresh(notebook, 2)
    viewer.frame(layer="0")
    values = given(viewer, "wide[0](images[:1]).detach()[0].tolist()")
    sheet = viewer.root.locator(".tvw-atlas-sheet").bounding_box()
    assert sheet is not None
    assert sheet["height"] > 1000
    times = viewer.canvas().evaluate(SCROLL_JS)
    print(f"a frame of scrolling takes {np.median(times):.0f} ms, at worst {max(times):.0f} ms")
    shown = viewer.shown()
    assert shown.first_row > 10
    assert shown.pixels.shape[0] < 0.5 * sheet["height"]
    columns, pitch = int(shown.about["columns"]), int(shown.about["tileHeight"]) + int(shown.about["gap"])
    last = shown.first_row + (shown.pixels.shape[0] + int(shown.about["gap"])) // pitch
    assert not shown.differs(values[shown.first_row * columns : last * columns])


def test_the_picture_is_saved_and_the_line_copied(viewer: Viewer, tmp_path: Path) -> None:
    select(viewer, "conv")
    viewer.frame(layer="conv")
    page = viewer.notebook.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    viewer.root.get_by_role("button", name="options").click()
    with page.expect_download() as saving:
        viewer.button("Save PNG").click()
    saving.value.save_as(tmp_path / "shot.png")
    assert (tmp_path / "shot.png").read_bytes().startswith(b"\x89PNG")
    assert saving.value.suggested_filename.startswith("conv ")
    viewer.button("Copy Python").click()
    viewer.root.get_by_text("copied", exact=True).wait_for()
    line = page.evaluate("navigator.clipboard.readText()")
    assert np.allclose(
        given(viewer, f"torch.as_tensor({line}).tolist()"), given(viewer, "reference('conv', 0)"), atol=1e-5
    )
