"""Page object of an activation viewer on its own."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator

from tests.browser.jupyter import NotebookPage, decoded, wait_for
from tests.browser.views import ATLAS_JS, Atlas


class Viewer:
    """The activation viewer that a cell shows."""

    def __init__(self, notebook: NotebookPage, cell: int) -> None:
        self.notebook, self.cell = notebook, cell
        self.root = notebook.cell_output(cell).locator(".tvw-activation-viewer")

    def ready(self) -> Viewer:
        """Bring the viewer into view and wait until it has drawn."""
        wait_for(lambda: self.notebook.cell(self.cell) and self.root.count(), "the viewer")
        self.root.evaluate("(root) => root.scrollIntoView({block: 'start'})")
        self.root.locator("[role=tabpanel] canvas").first.wait_for()
        return self

    def canvas(self, name: str = "tvw-atlas", panel: int = 0) -> Locator:
        """Return a canvas of a panel by its name."""
        return self.root.locator(f"canvas[data-testid={name}][data-panel='{panel}']")

    def shown(self, name: str = "tvw-atlas", panel: int = 0) -> Atlas:
        """Return what the canvas shows: attributes and pixels of one moment."""
        about, *image = self.canvas(name, panel).evaluate(ATLAS_JS)
        return Atlas(about, decoded(*image)[..., :3])

    def frame(self, name: str = "tvw-atlas", panel: int = 0, **about: Any) -> Atlas:
        """Wait until a canvas with these data attributes shows, and return it."""
        marks = "".join(f"[data-{key}='{value}']" for key, value in about.items())
        self.root.locator(f"canvas[data-testid={name}][data-panel='{panel}']{marks}").wait_for()
        return self.shown(name, panel)

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def tab(self, name: str) -> None:
        self.root.get_by_role("tab", name=name, exact=True).click()

    def thumbnail(self, sample: int) -> Locator:
        return self.root.locator(".tvw-thumb").nth(sample)

    def point(self, shown: Atlas, row: int, column: int, *, panel: int = 0) -> dict[str, float]:
        """Return where an element of a canvas with one tile is, in CSS pixels."""
        ratio = self.notebook.page.evaluate("devicePixelRatio")
        across, down = (int(shown.about.get(name, shown.about["scale"])) for name in ("scaleX", "scaleY"))
        return {"x": (column + 0.5) * across / ratio, "y": (row + 0.5) * down / ratio}
