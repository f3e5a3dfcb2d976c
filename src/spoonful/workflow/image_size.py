"""The size that images are resized to with dataset.image_size=auto, and what becomes of them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from spoonful.config.check import check_image_size
from spoonful.config.fields import AUTO
from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.files.documents import shaped
from spoonful.project import split_summary_path
from spoonful.sources.image_sizes import ImageSizes, size_text
from spoonful.workflow.split_files import REMAKE, read_summary

IMAGE_SIZE = "dataset.image_size"


def with_image_size(config: Config) -> Config:
    """Return the config with the size that the split's images are resized to, if it says auto.

    A source of the user's own has its own size; the key then stays auto.

    Raises:
        SpoonfulError: there is no split, or it does not say how large its images are; or they are
            too small for the model.
    """
    if config.dataset.image_size != AUTO or config.source.data_dir is None:
        return config
    config.source.check(config)
    return with_size_of(config, sizes_in(read_summary()))


def with_size_of(config: Config, sizes: ImageSizes | None) -> Config:
    """Return the config with the size that is recommended for images, if it says auto.

    Raises:
        SpoonfulError: their sizes are not known, or they are too small for the model.
    """
    if config.dataset.image_size != AUTO:
        return config
    if sizes is None:
        raise SpoonfulError(
            f"{IMAGE_SIZE}={AUTO}: {split_summary_path()} does not say how large the images are; "
            f"{REMAKE}, or give {IMAGE_SIZE}=[height,width]"
        )
    size = list(sizes.recommended)
    resolved = dataclasses.replace(
        config, dataset=dataclasses.replace(config.dataset, image_size=size)
    )
    check_image_size(resolved)
    return resolved


def sizes_in(summary: Mapping[str, Any]) -> ImageSizes | None:
    """Return how large the images of a split are, by its split.json; None: it does not say.

    Raises:
        SpoonfulError: what it says is no sizes.
    """
    noted = summary.get("image_sizes")
    return None if noted is None else shaped(noted, ImageSizes, split_summary_path(), REMAKE)


def size_lines(asked: Config, sizes: ImageSizes | None) -> list[str]:
    """Return which size auto stands for, and whether images are enlarged to the size, in words.

    Args:
        asked: the config before `with_image_size`.
        sizes: of the images in the split; None: not known.
    """
    if sizes is None:
        return []
    lines, size = [], asked.dataset.image_size
    if size == AUTO:
        size = sizes.recommended
        lines.append(f"{IMAGE_SIZE}={AUTO}: {size_text(size)}, {sizes.reason}")
    height, width = size
    if (enlarged := sizes.enlarged((height, width))) is not None:
        lines.append(enlarged)
    return lines
