"""MNIST as the article has it, 60,000 images to train, 10,000 to judge: arrays, packed, files."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from cases import EXPERIMENT, LARGE, TEST, TIMES, TRAIN

from spoonful import ArraySource
from spoonful.config.compose import compose_config
from spoonful.files.whole import replaced_folder
from spoonful.packing import pack

NUM_CLASSES = 10
SIZE = (28, 28)


@dataclass(frozen=True)
class Digits:
    """Where the images lie.

    Args:
        root: outside git; holds 1.6 GB, and 740,000 names of files.
    """

    root: Path

    def arrays(self, split: str) -> tuple[Any, Any]:
        """Read images uint8 [n, 28, 28] and labels uint8 [n] into RAM, as the article does."""
        folder = self.root / "arrays" / split
        return np.load(folder / "images.npy"), np.load(folder / "labels.npy")

    def packed(self, split: str) -> Path:
        """Return the folder of the same images, in the same order, for PackedSource."""
        return self.root / "packed" / split

    def folder(self, split: str) -> Path:
        """Return the folder of the same images as PNG files: <label>/<row in the arrays>.png."""
        return self.root / "folders" / split

    def num_images(self, split: str) -> int:
        """Return how many images a split has."""
        return len(np.load(self.root / "arrays" / split / "labels.npy", mmap_mode="r"))

    def make(self, share: float = 1.0) -> None:
        """Fetch MNIST and write it in the three ways, or the first part of it.

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
            self._write_files(split)
        images, labels = self.arrays(TRAIN)
        self._write(LARGE, np.tile(images, (TIMES, 1, 1)), np.tile(labels, TIMES))
        self._link_files()

    def _write(self, split: str, images: Any, labels: Any) -> None:
        with replaced_folder(self.root / "arrays" / split) as folder:
            np.save(folder / "images.npy", images)
            np.save(folder / "labels.npy", labels)
        names = [str(number) for number in range(NUM_CLASSES)]
        pack(ArraySource(images, labels, names), self.packed(split))

    def _write_files(self, split: str) -> None:
        images, labels = self.arrays(split)
        with replaced_folder(self.folder(split)) as folder:
            _make_class_folders(folder, labels)
            for row, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
                cv2.imwrite(str(folder / str(label) / f"{row}.png"), image)

    def _link_files(self) -> None:
        """Give each training file as many names as the large set has copies of it."""
        _, labels = self.arrays(TRAIN)
        train = self.folder(TRAIN)
        with replaced_folder(self.folder(LARGE)) as folder:
            _make_class_folders(folder, labels)
            for row, label in enumerate(labels.tolist()):
                for copy in range(TIMES):
                    name = f"{copy * len(labels) + row}.png"
                    os.link(train / str(label) / f"{row}.png", folder / str(label) / name)


def _make_class_folders(folder: Path, labels: Any) -> None:
    for label in np.unique(labels).tolist():
        (folder / str(label)).mkdir()
