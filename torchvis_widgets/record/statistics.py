"""Statistics: of which layers they are taken, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from torchvis_widgets.record.sampling import MOST_SAMPLES

__all__ = ["Statistics"]

_RARE = 10  # steps


@dataclass(frozen=True)
class Statistics:
    """Of which layers statistics are taken, and how often: `watch(…, statistics=tvw.Statistics(every=10))`.

    Args:
        every: steps of an optimizer between two of its samples, the first step always being one. From 10 on, histograms
            come from up to 16,384 elements and update ratios from all (up to 1 GiB of weights); when taken more often,
            from up to 4,096 elements both.
        layers: globs of layer paths; one that fits a layer takes all within it: `("layer1", "*.bn?")`.
        exclude: globs of those left out again.

    Raises:
        TypeError: `every` is no whole number, or the globs are no strings.
        ValueError: `every` is less than 1.
    """

    every: int = 50
    layers: Sequence[str] = ("*",)
    exclude: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.every, int) or isinstance(self.every, bool):
            raise TypeError(f"statistics are taken every so many steps, a whole number; found every={self.every!r}")
        if self.every < 1:
            raise ValueError(f"found every={self.every}, expected 1 or more; statistics=None switches them off")
        for name in ("layers", "exclude"):
            globs = getattr(self, name)
            if isinstance(globs, str):
                globs = (globs,)
            if not all(isinstance(glob, str) for glob in globs):
                raise TypeError(f'{name} are globs of layer paths such as ("layer1.*", "fc"), found {globs!r}')
            object.__setattr__(self, name, tuple(globs))

    @classmethod
    def of(cls, given: Statistics | int | None) -> Statistics | None:
        """What `watch(statistics=…)` was given. Raises as the class does."""
        return given if isinstance(given, Statistics) or given is None else cls(every=given)

    def check(self, names: Sequence[str]) -> None:
        """Raises ValueError for a glob that fits none of `names`, the paths of layers and parameters."""
        for glob in (*self.layers, *self.exclude):
            if not any(_fits(name, (glob,)) for name in names):
                near = get_close_matches(glob, names, 3, 0.4) or list(names)[1:4]
                there = ", ".join(map(repr, near)) or "none"
                raise ValueError(f"statistics of {glob!r}: the model has no such layer; there are {there}")

    @property
    def exact_updates(self) -> bool:
        """Whether update ratios come from all elements."""
        return self.every >= _RARE

    @property
    def most_samples(self) -> int:
        """How many elements of a tensor are sampled at most."""
        return MOST_SAMPLES // (4 if self.every >= _RARE else 16)

    def takes(self, path: str) -> bool:
        """Whether a layer, or a parameter by its name, is among those chosen."""
        return _fits(path, self.layers) and not _fits(path, self.exclude)


def _fits(path: str, globs: Sequence[str]) -> bool:
    parts = path.split(".")
    above = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return any(fnmatchcase(each, glob) for each in above for glob in globs)
