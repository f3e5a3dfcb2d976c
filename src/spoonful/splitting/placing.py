"""Put every image's file into the folder of its split."""

from collections.abc import Sequence
from pathlib import Path

from spoonful import progress
from spoonful.datasets import RawDataset
from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hashes
from spoonful.splitting.labels import folder_of, place_labels


def place(raw: RawDataset, splits: Sequence[str], folder: Path) -> list[tuple[str, str]]:
    """Put every image's file into its folder; return where, and its SHA-256.

    The folder is that of its class; where labels are a table, one of all images, beside the table.
    """
    targets: dict[str, None] = {}
    placed = list(zip(raw.images, splits, strict=True))
    for split, name in {(split, folder_of(raw, image)) for image, split in placed}:
        (folder / split / name).mkdir(parents=True)
    with progress.bar("split", len(splits), "images") as bar:
        for position, (image, split) in enumerate(placed):
            below = f"{split}/{folder_of(raw, image)}/{image.file_name}"
            if below in targets:
                raise SpoonfulError(
                    f"two images of class {image.class_name!r} would both become {below}: "
                    "rename one of them"
                )
            targets[below] = None
            raw.place(position, folder / below)
            bar.update(1)
    # Linked files are read once more: a file changed at equal size would go unnoticed. This costs a
    # read of every file, from the cache if it was just fetched.
    found = content_hashes([folder / below for below in targets])
    for position, (image, content) in enumerate(zip(raw.images, found, strict=True)):
        if image.content not in (None, content):
            raise SpoonfulError(
                f"{raw.origin(position)}: expected SHA-256 {image.content}, as when it was "
                f"fetched, found {content}; run `spoonful fetch` again"
            )
    return [*zip(targets, found, strict=True), *place_labels(raw, placed, folder)]
