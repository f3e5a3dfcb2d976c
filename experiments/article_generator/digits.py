"""MNIST as the article has it: 60,000 images to train, 10,000 to judge; as arrays and packed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cases import EXPERIMENT, LARGE, TEST, TIMES, TRAIN

from spoonful import ArraySource
from spoonful.config.compose import compose_config
from spoonful.files.whole import replaced_folder
from spoonful.packing import pack

NUM_CLASSES = 10


@dataclass(frozen=True)
class Digits:
    """Where the images lie.

    Args:
        root: outside git; holds 1.2 GB.
    """

    root: Path

    def arrays(self, split: str) -> tuple[Any, Any]:
        """Read images uint8 [n, 28, 28] and labels uint8 [n] into RAM, as the article does."""
        folder = self.root / "arrays" / split
        return np.load(folder / "images.npy"), np.load(folder / "labels.npy")

    def packed(self, split: str) -> Path:
        """Return the folder of the same images, in the same order, for PackedSource."""
        return self.root / "packed" / split

    def num_images(self, split: str) -> int:
        """Return how many images a split has."""
        return len(np.load(self.root / "arrays" / split / "labels.npy", mmap_mode="r"))

    def make(self, share: float = 1.0) -> None:
        """Fetch MNIST and write it both ways, or the first part of it.

        Raises:
            SpoonfulError: MNIST cannot be had.
        """
        mnist: Any = compose_config([EXPERIMENT]).dataset
        mnist.fetch(self.root / "raw")
        raw = mnist.open_raw(self.root / "raw")
        labels = np.array([int(image.class_name) for image in raw.images], np.uint8)
        is_test = np.array([image.given_split == TEST for image in raw.images])
        for split, rows in ((TRAIN, np.flatnonzero(~is_test)), (TEST, np.flatnonzero(is_test))):
            kept = rows[: round(share * len(rows))]
            self._write(split, raw.pixels[kept], labels[kept])
        images, labels = self.arrays(TRAIN)
        self._write(LARGE, np.tile(images, (TIMES, 1, 1)), np.tile(labels, TIMES))

    def _write(self, split: str, images: Any, labels: Any) -> None:
        with replaced_folder(self.root / "arrays" / split) as folder:
            np.save(folder / "images.npy", images)
            np.save(folder / "labels.npy", labels)
        names = [str(number) for number in range(NUM_CLASSES)]
        pack(ArraySource(images, labels, names), self.packed(split))
