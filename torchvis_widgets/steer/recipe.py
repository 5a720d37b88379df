"""Recipe: how the values that a tensor begins with are drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from torchvis_widgets.steer.packed import Packed

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """As "uniform" from a to b, "normal" with mean a and standard deviation b, "constant" a, or just `values`."""

    kind: Literal["uniform", "normal", "constant", "values"]
    a: float = 0.0
    b: float = 0.0
    values: Packed | None = None

    @classmethod
    def by_fan_in(cls, shape: tuple[int, ...]) -> Recipe:
        """Uniform in ±1/√fan_in, as nn.Linear and the convolutions begin."""
        bound = 1 / math.sqrt(max(math.prod(shape[1:] if len(shape) > 1 else shape), 1))
        return cls("uniform", -bound, bound)

    def draw(self, shape: tuple[int, ...], seed: int) -> Tensor:
        """The values (float32, on the CPU); equal for equal seeds, and no global generator is touched."""
        if self.values is not None:
            return self.values.tensor()
        if self.kind == "constant":
            return torch.full(shape, self.a, dtype=torch.float32, device="cpu")
        empty, generator = torch.empty(shape, dtype=torch.float32, device="cpu"), torch.Generator("cpu")
        generator.manual_seed(seed)
        draw = empty.uniform_ if self.kind == "uniform" else empty.normal_
        return draw(self.a, self.b, generator=generator)

    def code(self, shape: str, seed: int) -> str | None:
        """The expression of Python that draws them, of the name of a shape; None where there is nothing but values."""
        if self.kind == "values":
            return None
        if self.kind == "constant":
            return f"torch.full({shape}, {self.a!r}, dtype=torch.float32)"
        drawn = f"{self.kind}_({self.a!r}, {self.b!r}, generator=torch.Generator('cpu').manual_seed({seed}))"
        return f"torch.empty({shape}, dtype=torch.float32, device='cpu').{drawn}"
