"""Parameters kept from training, and let train again."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from torchvis_widgets.steer.edits import Edit, EditError

__all__ = ["check_freeze", "let_train"]


def check_freeze(parameters: Mapping[str, nn.Parameter], edit: Edit) -> None:
    """Raises EditError where a freeze is of no parameter, or of the last one that trains."""
    if edit.tensor not in parameters:
        raise EditError(f"{edit.tensor!r} is a buffer: only parameters can be frozen, as only they train")
    here = parameters[edit.tensor]
    if edit.value and not any(each.requires_grad for each in parameters.values() if each is not here):
        raise EditError(
            f"{edit.tensor!r} is the last parameter that trains: with it frozen the loop's backward() would fail; "
            "pause the training instead"
        )


def let_train(parameter: nn.Parameter, trained: bool, gradient: Tensor | None = None) -> None:
    """Let a parameter train, or freeze it."""
    parameter.requires_grad_(trained)
    # An optimizer goes on moving what still has a gradient, even one of zeros, by momentum and weight decay.
    parameter.grad = gradient
