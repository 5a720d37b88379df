"""Probed: what one pass of the probe tells of the outputs of a model that is not trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping

from torch import Tensor

from torchvis_widgets.look.errors import LookError
from torchvis_widgets.look.keys import Key
from torchvis_widgets.look.observer import Observer
from torchvis_widgets.record.sampling import obstacle
from torchvis_widgets.record.statistics_table import Numbers
from torchvis_widgets.widgets.viewing.latest import Latest

_CALM = 0.4  # seconds


class Probed:
    """Zeros and values that are not finite, by key: nothing records them of such a model.

    `found()` is called, on the thread that looked, when they are known. version: counts the passes.
    """

    def __init__(self, found: Callable[[], None], on_error: Callable[[Exception], None]) -> None:
        self.version = 0
        self._tell = found
        self._latest = Latest("tvw-probed", on_error, calm=_CALM)
        self._token: Hashable = None
        self.outputs: Mapping[str, Numbers] = {}

    def want(self, observer: Observer) -> None:
        """Look at the model as it is now, unless that has been done."""
        token = observer.token(None, ())
        if token is None or token == self._token:
            return
        self._token = token
        self._latest.want(lambda _: self._look(observer))

    def _look(self, observer: Observer) -> None:
        found: dict[str, Numbers] = {}

        def take(key: Key, output: Tensor) -> None:
            if obstacle(output) is None:
                found[str(key)] = _numbers(output)

        try:
            observer.survey(None, take)
        except LookError:  # the viewer says why nothing can be looked at
            return
        self.outputs = found
        self.version += 1
        self._tell()


def _numbers(output: Tensor) -> Numbers:
    zeros = 1 - int(output.count_nonzero()) / output.numel()
    nan = math.nan
    return Numbers(nan, nan, nan, zeros, float(not bool(output.isfinite().all())), nan, float(output.numel()))
