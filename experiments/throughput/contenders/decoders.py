"""How the peers that leave decoding to the user decode a photograph: Pillow or OpenCV."""

import io
from pathlib import Path
from typing import Any

import numpy as np


def pillow(record: bytes, side: int) -> Any:
    """Decode JPEG bytes to uint8 [side, side, 3]."""
    from PIL import Image

    with Image.open(io.BytesIO(record)) as image:
        image.draft("RGB", (side, side))  # libjpeg shrinks where that leaves enough pixels
        resized = image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(resized)


def pillow_file(file: str, side: int) -> Any:
    """Decode a JPEG file to uint8 [side, side, 3]."""
    return pillow(Path(file).read_bytes(), side)


def opencv_file(file: str, side: int) -> Any:
    """Decode a JPEG file to uint8 [side, side, 3], RGB.

    At 160 pixels libjpeg halves the photographs (400 pixels or more on the short side) as it
    decodes; at 224 half of them would be too small.
    """
    import cv2

    if side <= 200:
        # IMREAD_REDUCED_COLOR_2 has no RGB form.
        image = cv2.imread(file, cv2.IMREAD_REDUCED_COLOR_2)
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    else:
        image = cv2.imread(file, cv2.IMREAD_COLOR_RGB)
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)


def pillow_digit(file: str, side: int) -> Any:
    """Decode a grey PNG file to uint8 [28, 28, 1]."""
    from PIL import Image

    with Image.open(file) as image:
        return np.asarray(image)[..., np.newaxis]


def opencv_digit(file: str, side: int) -> Any:
    """Decode a grey PNG file to uint8 [28, 28, 1]."""
    import cv2

    return cv2.imread(file, cv2.IMREAD_GRAYSCALE)[..., np.newaxis]
