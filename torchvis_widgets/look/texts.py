"""The text of a sample's tokens, as the user gives it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from torch import Tensor

from torchvis_widgets.look.errors import in_words
from torchvis_widgets.look.leaves import leaves
from torchvis_widgets.look.probe import Probe

Tokens: TypeAlias = Sequence[Sequence[str]] | Callable[[Tensor], Sequence[str]]


def check_tokens(tokens: Any) -> Tokens | None:
    """The tokens as given. Raises TypeError where they are neither lists of texts nor a function."""
    if tokens is None or callable(tokens):
        return tokens  # type: ignore[no-any-return]
    listed = isinstance(tokens, Sequence) and not isinstance(tokens, str)
    if not listed or not all(isinstance(each, Sequence) and not isinstance(each, str) for each in tokens):
        raise TypeError(
            f"tokens is a list of texts for each sample, or a function of a sample, found {tokens!r}"[:300]
            + "; for example tokens=[['the', 'cat'], ['a', 'dog']]"
        )
    return list(tokens)


def texts_of(tokens: Tokens | None, probe: Probe, sample: int) -> list[str]:
    """The texts of one sample, [] where there are none. Raises ValueError for what the function raises."""
    if tokens is None:
        return []
    if not callable(tokens):
        return [str(each) for each in tokens[sample]] if sample < len(tokens) else []
    tensor = next((tensor for _, tensor in leaves((probe.args, probe.kwargs)) if tensor.dim()), None)
    if tensor is None:
        return []
    try:
        return [str(each) for each in tokens(tensor[sample])]
    except Exception as error:
        raise ValueError(f"tokens= raised on sample {sample}: {in_words(error)}") from error
