"""A part of a data set for a quick look: the same images of each class every time."""

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Sequence

from spoonful.datasets.raw import RawArrays
from spoonful.errors import SpoonfulError

# Another key than that of the split: the images kept must fall into all splits.
_KEY = b"spoonful max_images_per_class"


def kept_positions(
    groups: Sequence[Hashable], names: Sequence[str], max_images: int | None
) -> list[int]:
    """Return the positions of the images to keep: so many of each group, chosen by their names.

    An image is kept for a hash of its own name, so new images replace few of the kept ones, and
    those kept for a smaller number are among those kept for a larger one.

    Args:
        groups: of each image: its class, and its split if the data gives it.
        names: of each image, unique in its group.
        max_images: images of each group, >= 1; None: all.

    Returns:
        Positions in ascending order.
    """
    if max_images is None:
        return list(range(len(names)))
    of_group: dict[Hashable, list[int]] = defaultdict(list)
    for position, group in enumerate(groups):
        of_group[group].append(position)
    kept: list[int] = []
    for positions in of_group.values():
        if len(positions) > max_images:
            positions = sorted(positions, key=lambda at: (_rank(names[at]), names[at]))[:max_images]
        kept += positions
    return sorted(kept)


def limited_arrays(raw: RawArrays, max_images: int | None) -> RawArrays:
    """Return so many images of each class, in each split that the data gives; None: all."""
    if max_images is None:
        return raw
    groups = [(image.given_split, image.class_name) for image in raw.images]
    kept = kept_positions(groups, [image.file_name for image in raw.images], max_images)
    return RawArrays([raw.images[position] for position in kept], raw.pixels[kept])


def check_limit(fetched: int | None, wanted: int | None) -> None:
    """Check that what was fetched has as many images of each class as the config asks for.

    Raises:
        SpoonfulError: it was fetched with a smaller dataset.max_images_per_class.
    """
    if fetched is not None and (wanted is None or wanted > fetched):
        now = "null" if wanted is None else wanted
        raise SpoonfulError(
            f"dataset.max_images_per_class={now}: data/raw was fetched with {fetched}; run "
            "`spoonful fetch` again"
        )


def _rank(name: str) -> bytes:
    encoded = name.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(encoded, digest_size=8, key=_KEY).digest()
