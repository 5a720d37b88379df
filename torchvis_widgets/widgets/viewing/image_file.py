"""The bytes of an image file, or of an .npy file, decoded with care: they come from anywhere."""

from __future__ import annotations

import io
import math
import warnings
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from torchvis_widgets.look.errors import in_words

MOST_BYTES = 32 * 1024**2
MOST_PIXELS = 40_000_000
_NUMPY = b"\x93NUMPY"


def decoded(data: bytes, name: str) -> Image.Image | np.ndarray[Any, Any]:
    """An image turned upright, or an array. Raises ValueError that names the file and says what is wrong with it."""
    if not 0 < len(data) <= MOST_BYTES:
        raise ValueError(f"{name!r} has {len(data)} bytes, expected 1 … {MOST_BYTES}: make the image smaller first")
    try:
        return _array(data) if data.startswith(_NUMPY) else _image(data)
    except Exception as error:  # decoders raise whatever a garbled file makes of them
        raise ValueError(
            f"{name!r} is no image or .npy file that can be read ({in_words(error)}); "
            "PNG, JPEG, GIF, BMP and WebP are, and arrays that np.save() wrote without pickle"
        ) from error


def _image(data: bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a decompression bomb is one
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"{image.width}×{image.height} pixels are more than {MOST_PIXELS}")
            image.load()
            return ImageOps.exif_transpose(image)


def _array(data: bytes) -> np.ndarray[Any, Any]:
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(data) - file.tell():
        raise ValueError(f"its header says {shape} of {dtype}, which is not what follows")
    file.seek(0)
    array: np.ndarray[Any, Any] = np.load(file, allow_pickle=False)
    return array
