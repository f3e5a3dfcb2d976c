"""What every data set has: the shape of its images, its split, and two methods."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from spoonful.config.fields import AUTO, key
from spoonful.datasets.raw import RawDataset
from spoonful.errors import SpoonfulError
from spoonful.order import MAX_SEED
from spoonful.sources.images.resize import RESIZES


@dataclass(kw_only=True)  # so that a data set of your own may add keys without a default
class Dataset(ABC):
    """Images in classes. A data set of your own derives from it and has `fetch` and `open_raw`."""

    image_size: list[int] | str = key(
        "height and width in px; auto: the images' own size, or the one that inspect recommends",
        minimum=1,
        length=2,
        words=(AUTO,),
    )
    resize: str = key(
        "an image of another shape is stretched, fitted into black, or cropped at its centre",
        choices=RESIZES,
    )
    num_channels: int = key("1 for grey, 3 for RGB", choices=(1, 3))
    background: list[int] = key(
        "red, green and blue (0..255) behind what is transparent in an image",
        minimum=0,
        maximum=255,
        length=3,
    )
    max_pixels: int = key(
        "pixels of the largest image file that is read; 89478485 take at most 1 GiB",
        minimum=1,
        has_no_effect=True,
    )
    val_fraction: float = key(
        "share of the images without a given split that goes to val", above=0, maximum=0.9
    )
    split_seed: int = key("seed of the split", minimum=0, maximum=MAX_SEED)
    split_method: str = key(
        "by each image's own name, so that new files move no others (stable); in exact shares",
        choices=("stable", "exact"),
        default="stable",
    )
    small_classes: str = key(
        "a class with too few images for all splits: an error, only in train, or left out",
        choices=("error", "train_only", "drop"),
        default="error",
    )
    copies: str = key(
        "images that stay in one split: copies that look alike (near), that are equal (exact)",
        choices=("near", "exact", "ignore"),
        default="near",
    )
    on_leak: str = key(
        "copies across the splits that the data gives: an error, or a warning",
        choices=("error", "warn"),
        default="error",
    )
    on_bad_image: str = key(
        "an image that cannot be read: an error, or left out and listed (quarantine)",
        choices=("error", "quarantine"),
        default="error",
    )
    max_bad_fraction: float = key(
        "largest share of images that on_bad_image=quarantine leaves out",
        minimum=0,
        maximum=1,
        default=0.01,
    )
    max_images_per_class: int | None = key(
        "images of each class that are used, for a quick look; null: all",
        minimum=1,
        default=None,
    )

    # What `fetch` did with the images, for its last line.
    fetched: ClassVar[str] = "checked,"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels.

        Raises:
            SpoonfulError: image_size=auto, which only the split data tell.
        """
        if isinstance(self.image_size, str):
            raise SpoonfulError(
                f"dataset.image_size={self.image_size}: how large the images are is known once "
                "they are split; run `spoonful split`, or give dataset.image_size=[height,width]"
            )
        height, width = self.image_size
        return height, width, self.num_channels

    @abstractmethod
    def fetch(self, raw_dir: Path) -> None:
        """Get the raw data, check it, and leave it in a folder.

        Raises:
            SpoonfulError: it is not available, or not what it should be.
        """

    @abstractmethod
    def open_raw(self, raw_dir: Path) -> RawDataset:
        """Open what `fetch` left in the folder.

        Raises:
            SpoonfulError: it is missing or damaged.
        """

    def original_path(self, raw_dir: Path, split: str, file_id: str) -> str | None:
        """Return the user's own path of a split file, for messages; None: there is none."""
        return None


@dataclass(kw_only=True)
class UndividedDataset(Dataset):
    """Images that need not have a given test split: a share of them becomes it."""

    test_fraction: float = key(
        "share of the images without a given split that goes to test", above=0, maximum=0.9
    )


def test_fraction_of(dataset: Any) -> float:
    """Return the share of the images that goes to test; 0 for a data set whose test is given."""
    return float(getattr(dataset, "test_fraction", 0.0))
