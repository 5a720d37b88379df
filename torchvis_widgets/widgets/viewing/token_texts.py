"""The text of each token, where the session was told it."""

from __future__ import annotations

from torchvis_widgets.look.picturing.picture import Picture
from torchvis_widgets.look.texts import texts_of
from torchvis_widgets.widgets.viewing.scene import Scene

_KINDS = ("tokens", "attention", "sequence", "matrix")


def token_texts(scene: Scene, picture: Picture) -> dict[str, list[str]] | None:
    """The texts of a picture's rows and columns, [] for those that are no tokens; None where no text is known."""
    if scene.session.tokens is None or picture.kind not in _KINDS or not picture.units.size:
        return None
    try:
        texts = texts_of(scene.session.tokens, scene.here.sees().probe, scene.here.sample)
    except ValueError as error:
        scene.session.warn("tokens", str(error))
        return None
    rows, columns = picture.units.shape[-2:]
    found = {
        "rows": texts if rows == len(texts) and (picture.grid is None or picture.kind == "attention") else [],
        "columns": texts if picture.kind == "attention" and columns == len(texts) else [],
    }
    return found if any(found.values()) else None
