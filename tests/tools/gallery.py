"""The README's gallery: every kind of picture, in both themes."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from tests.browser.jupyter import NotebookPage, Theme, wait_for, write_notebook
from tests.tools.gallery_cells import DIGITS, KINDS, PHOTOS, RESNET

WIDTH = 1120  # of the window: the viewer is then about as wide as on a dashboard
THEMES: tuple[Theme, ...] = ("light", "dark")
CELLS = (PHOTOS, RESNET, KINDS, DIGITS)
STILL = 0.5  # seconds in which nothing changes any more


class Shot(NamedTuple):
    """A picture's name, the view (its variable and cell), the layer, and how that is looked at."""

    name: str
    view: str
    layer: str
    look: str = ""
    then: str = "None"


VIEWS = {"view": 1, "kinds_view": 2, "vit_view": 3}
ENCODER = "vit.encoder.layers.encoder_layer_1"
ATTENTION = "key=next(each['key'] for each in vit_view.outlets if each['attention'])"
SHOTS = (
    Shot("maps", "view", "layer1.0.conv1", "sort='energy'"),
    Shot("kernels", "view", "conv1", "tab='weights'"),
    Shot("gradients", "view", "layer2", "tab='gradients', of='loss'"),
    Shot("logits", "view", "fc"),
    Shot("image", "kinds_view", "blur", "kind='image'"),
    Shot("volume", "kinds_view", "volume"),
    Shot("sequence", "kinds_view", "sequence.lstm"),
    Shot("labels", "kinds_view", "segments"),
    Shot("boxes", "kinds_view", "boxes", "kind='boxes'"),
    Shot("matrix", "kinds_view", "gram"),
    Shot("vector", "view", "avgpool"),
    Shot("tokens", "vit_view", "vit.encoder.ln"),
    Shot("attention", "vit_view", f"{ENCODER}.self_attention", ATTENTION),
    Shot("distribution", "vit_view", f"{ENCODER}.mlp.0", "tab='distribution'"),
    Shot("compared", "vit_view", "vit.conv_proj", "scope='layer'", "vit_view.compare(epoch=0)"),
    Shot("ablated", "vit_view", "vit.conv_proj", "", "[vit_view.ablate(unit) for unit in range(24)]"),
)


def take(notebook: NotebookPage, folder: Path) -> None:
    """Writes <name>-<theme>.png of each shot."""
    folder.mkdir(parents=True, exist_ok=True)
    write_notebook(notebook.server.root / "gallery.ipynb", *CELLS)
    notebook.open("gallery.ipynb")
    notebook.run_all()
    notebook.wait_idle(400)
    for shot in SHOTS:
        _prepare(notebook, shot)
        for theme in THEMES:
            notebook.set_theme(theme)
            picture = Image.open(io.BytesIO(_settled(notebook, shot))).convert("RGB")
            # a third of the bytes, and no difference to the eye
            picture.quantize(256, dither=Image.Dither.NONE).save(folder / f"{shot.name}-{theme}.png", optimize=True)
        notebook.kernel_eval(f"({shot.view}.reset(), {shot.view}.compare(), None)[-1]")


def _prepare(notebook: NotebookPage, shot: Shot) -> None:
    notebook.cell(VIEWS[shot.view])
    plain = "tab='activations', sort='index', scope='epochs', key=None, kind=None"
    for expression in (
        f"{shot.view}.stage.selection.select({shot.layer!r})",
        f"{shot.view}.look({plain})",
        f"{shot.view}.look({shot.look})" if shot.look else "None",
        f"({shot.then}, None)[-1]",
    ):
        notebook.kernel_eval(expression)


def _settled(notebook: NotebookPage, shot: Shot) -> bytes:
    """The view, once two pictures of it are the same."""
    view = notebook.cell_output(VIEWS[shot.view]).locator(".tvw-activation-viewer")
    view.scroll_into_view_if_needed()
    wait_for(lambda: view.locator(".tvw-path").inner_text() == shot.layer, f"{shot.name}: the layer")
    wait_for(lambda: view.locator("[data-pending=false]").count(), f"{shot.name}: its frame")
    taken: list[bytes] = []

    def same() -> bool:
        taken.append(view.screenshot())
        time.sleep(STILL)
        return len(taken) > 1 and taken[-1] == taken[-2]

    wait_for(same, f"{shot.name}: a picture that rests")
    return taken[-1]
