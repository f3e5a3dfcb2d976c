"""What `split` needs to know about raw data of any format."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class RawImage:
    """One raw image.

    Attributes:
        class_name: its class.
        file_name: name of its file in the split; unique in class and given split.
        given_split: "train", "val" or "test" if the data gives it, else None.
        content: a digest of its file's bytes if known, to find copies; else None.
    """

    class_name: str
    file_name: str
    given_split: str | None = None
    content: str | None = None


class RawDataset(Protocol):
    """Raw images that can be put into a split.

    Attributes:
        images: all of them; `place` takes a position in this list.
    """

    images: list[RawImage]

    def place(self, position: int, target: Path) -> None:
        """Put an image into the file `target`, whose folder exists."""
        ...

    def origin(self, position: int) -> str:
        """Return where an image comes from, for messages."""
        ...


@dataclass
class RawArrays:
    """Raw images in arrays; placed as PNG files.

    Attributes:
        images: one entry per image.
        pixels: uint8 [n, h, w].
    """

    images: list[RawImage]
    pixels: NDArray[Any]

    def place(self, position: int, target: Path) -> None:
        """Write an image as a PNG file, the same bytes every time."""
        _, encoded = cv2.imencode(".png", np.ascontiguousarray(self.pixels[position]))
        target.write_bytes(encoded.tobytes())

    def origin(self, position: int) -> str:
        """Return an image's name, because it has no file."""
        return self.images[position].file_name
