"""Find images that are copies of each other."""

from collections import defaultdict
from collections.abc import Sequence

from spoonful.datasets.raw import RawImage


def exact_copies(images: Sequence[RawImage]) -> list[list[int]]:
    """Return the positions of images whose files have the same bytes, a list for each set."""
    places: dict[str, list[int]] = defaultdict(list)
    for position, image in enumerate(images):
        if image.content:
            places[image.content].append(position)
    return [positions for positions in places.values() if len(positions) > 1]
