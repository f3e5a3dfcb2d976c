"""Make folders of 1,000 classes of small colour images, as large as CIFAR's and as mixed up."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spoonful.files.whole import replaced_folder

NUM_CLASSES = 1_000
NUM_TRAIN, NUM_VAL = 40, 10  # of each class
_SIZE = 32
_COARSE = 6  # a field of random numbers of 6x6, enlarged: shapes, not grain
_MAX_SHIFT = 4

Image = NDArray[np.uint8]


def make_folders(folder: Path, num_classes: int = NUM_CLASSES) -> None:
    """Write train/ and validation/ with a folder of PNG files for each class.

    The images of a class show one random pattern: moved by up to 4 pixels, mirrored or not, lighter
    or darker, mixed with a pattern of their own, and noisy. The same ones are made every time.

    Args:
        folder: the folder to make; replaced as a whole.
        num_classes: 1..1000.
    """
    with replaced_folder(folder) as beside:
        for number in range(num_classes):
            rng = np.random.default_rng([number, 17])
            pattern = _pattern(rng)
            for split, count in (("train", NUM_TRAIN), ("validation", NUM_VAL)):
                place = beside / split / f"class_{number:03}"
                place.mkdir(parents=True)
                for index in range(count):
                    cv2.imwrite(str(place / f"{index:02}.png"), _image(rng, pattern))


def _image(rng: np.random.Generator, pattern: NDArray[np.float32]) -> Image:
    """Return one image of the class that shows a pattern, uint8 [32, 32, 3]."""
    shift = rng.integers(-_MAX_SHIFT, _MAX_SHIFT + 1, size=2)
    shown = np.roll(pattern, shift, axis=(0, 1))
    if rng.random() < 0.5:
        shown = shown[:, ::-1]
    mixed = 0.5 * shown + 0.5 * _pattern(rng)
    lit = mixed * rng.uniform(0.7, 1.3) + rng.uniform(-0.15, 0.15)
    noisy = lit + rng.normal(0, 0.1, lit.shape)
    return (np.clip(noisy, 0, 1) * 255).astype(np.uint8)


def _pattern(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return smooth random shapes in random colours, float32 [32, 32, 3] in 0..1."""
    coarse = rng.random((_COARSE, _COARSE, 3), dtype=np.float32)
    enlarged = cv2.resize(coarse, (_SIZE, _SIZE), interpolation=cv2.INTER_CUBIC)
    return np.clip(enlarged, 0, 1).astype(np.float32)
