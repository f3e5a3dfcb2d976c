"""Make photographs of ten classes imbalanced: 500 of the most frequent class, 5 of the rarest."""

import hashlib
import shutil
from pathlib import Path

from spoonful.files.whole import replaced_folder

MOST, RATIO = 500, 100
NUM_VAL, NUM_TEST = 20, 100  # of every class


def make_imbalanced(photos: Path, folder: Path) -> None:
    """Copy photographs into train, validation and test; the same ones every time.

    The photographs of all splits are pooled. Of every class, a hundred are for the test and twenty
    for validation. The more there are of a class, the more are for training: from class to class
    their number falls by the same factor.

    Args:
        photos: train, validation and test with class folders in them.
        folder: the folder to make; replaced as a whole.
    """
    pooled: dict[str, list[Path]] = {}
    for path in photos.glob("*/*/*.jpg"):
        pooled.setdefault(path.parent.name, []).append(path)
    by_size = sorted(pooled, key=lambda name: (-len(pooled[name]), name))
    with replaced_folder(folder) as beside:
        for name, num_train in zip(by_size, train_counts(len(by_size)), strict=True):
            drawn = sorted(pooled[name], key=_draw)
            cuts = {"test": NUM_TEST, "validation": NUM_VAL, "train": num_train}
            for split, count in cuts.items():
                (beside / split / name).mkdir(parents=True)
                for path in drawn[:count]:
                    shutil.copyfile(path, beside / split / name / path.name)
                drawn = drawn[count:]


def train_counts(num_classes: int) -> list[int]:
    """Return the number of training images of each class, from the most frequent one on."""
    return [round(MOST * RATIO ** (-i / (num_classes - 1))) for i in range(num_classes)]


def _draw(path: Path) -> str:
    """Return a key to sort by that has nothing to do with what is in the photograph."""
    return hashlib.sha256(path.name.encode()).hexdigest()
