"""Some of the images of a data set, as a data set of their own."""

from collections.abc import Sequence
from pathlib import Path

from spoonful.datasets.raw import RawDataset
from spoonful.sources.labels import LabelKind


class Kept:
    """The images at some positions of a data set.

    Args:
        raw: all images.
        positions: of those that are kept, in their order.
    """

    def __init__(self, raw: RawDataset, positions: Sequence[int]) -> None:
        self._raw = raw
        self._positions = positions
        self.images = [raw.images[position] for position in positions]

    @property
    def label_kind(self) -> LabelKind:
        return self._raw.label_kind

    @property
    def label_names(self) -> tuple[str, ...]:
        return self._raw.label_names

    @property
    def is_table(self) -> bool:
        return self._raw.is_table

    def read(self, position: int) -> bytes:
        """Return the bytes of an image's file."""
        return self._raw.read(self._positions[position])

    def place(self, position: int, target: Path) -> None:
        """Put an image into the file `target`."""
        self._raw.place(self._positions[position], target)

    def origin(self, position: int) -> str:
        """Return where an image comes from, for messages."""
        return self._raw.origin(self._positions[position])
