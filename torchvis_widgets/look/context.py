"""Context: what is known of a tensor besides its values, for `picture()` and `batch_dim()` to read it rightly."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Context:
    """Where a tensor comes from and goes to; everything may be left out, and nothing known is no error.

    type: class name of the module, or name of the function, that made it: "Conv2d", "layer_norm".
    leaf: its place in that call's output, "" where the output is the tensor: "[1][0]", "['boxes']".
    inside: class names of the modules that the call ran in, innermost first, the model's last.
    before, after: types of the calls whose tensors went into that one, and of those that read this tensor.
    input, output: it is one of the model's inputs; it is part of the model's answer.
    features: the size of the one dimension that its maker, or else a reader, treats as features: in_features or
        out_features of Linear, num_features or num_channels of the normalisations, embedding_dim, and normalized_shape
        of LayerNorm and RMSNorm where that has one entry only (with three it says nothing of channels).
    batch_first: of the maker, or else of the innermost enclosing module that has it (RNN, MultiheadAttention,
        TransformerEncoderLayer); None where none has.
    grid: (rows, columns) of the patches, where a patch embedding's convolution gave a map of that size.
    """

    type: str = ""
    leaf: str = ""
    inside: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    input: bool = False
    output: bool = False
    features: int | None = None
    batch_first: bool | None = None
    grid: tuple[int, int] | None = None
