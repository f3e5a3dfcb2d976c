"""What `split` needs to know about raw data of any format."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from spoonful.sources.labels import LabelKind

# Conversions of pixels with so many channels.
_BGR = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}


@dataclass(frozen=True, slots=True)  # a million of them take 0.3 GB
class RawImage:
    """One raw image.

    Attributes:
        class_name: its class.
        file_name: name of its file in the split; unique in class and given split.
        given_split: "train", "val" or "test" if the data gives it, else None.
        content: SHA-256 of its file's bytes if known, to find copies; else None.
        group: images of one group belong into one split (a patient, a camera); None: no group.
        labels: 0 or 1 per label, or values to predict; None: the class is the label.
    """

    class_name: str
    file_name: str
    given_split: str | None = None
    content: str | None = None
    group: str | None = None
    labels: tuple[float, ...] | None = None

    @property
    def key(self) -> str:
        """Return a name that no other image of the data set has."""
        return f"{self.given_split or '-'}/{self.class_name}/{self.file_name}"


class RawDataset(Protocol):
    """Raw images that can be put into a split.

    Attributes:
        images: all of them; the methods take a position in this list.
        label_kind: what their labels are.
        label_names: names of `RawImage.labels`; empty where the classes are the labels.
        is_table: the labels belong into a table beside the images, and not into folder names.
    """

    images: list[RawImage]

    @property
    def label_kind(self) -> LabelKind: ...

    @property
    def label_names(self) -> tuple[str, ...]: ...

    @property
    def is_table(self) -> bool: ...

    def read(self, position: int) -> bytes:
        """Return the bytes of an image's file.

        Raises:
            SpoonfulError: the file is missing, too large or not a regular file.
        """
        ...

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
        pixels: uint8 [n, h, w], or [n, h, w, c] of grey, RGB or RGBA.
    """

    images: list[RawImage]
    pixels: NDArray[Any]

    label_kind: ClassVar[LabelKind] = LabelKind.CLASSIFICATION
    label_names: ClassVar[tuple[str, ...]] = ()
    is_table: ClassVar[bool] = False

    def read(self, position: int) -> bytes:
        """Return an image as a PNG file, the same bytes every time."""
        pixels = np.ascontiguousarray(self.pixels[position])
        if pixels.ndim == 3 and pixels.shape[2] in _BGR:  # OpenCV has blue first
            pixels = cv2.cvtColor(pixels, _BGR[pixels.shape[2]])
        _, encoded = cv2.imencode(".png", pixels)
        return encoded.tobytes()

    def place(self, position: int, target: Path) -> None:
        """Write an image as a PNG file."""
        target.write_bytes(self.read(position))

    def origin(self, position: int) -> str:
        """Return an image's name, because it has no file."""
        return self.images[position].file_name
