"""Put every image's file into the folder of its split."""

from collections.abc import Sequence
from pathlib import Path

from spoonful import progress
from spoonful.datasets import RawDataset
from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hashes


def place(raw: RawDataset, splits: Sequence[str], folder: Path) -> list[tuple[str, str]]:
    """Put every image's file into its class folder; return where, and its SHA-256."""
    targets: dict[str, None] = {}
    for split, class_name in {(s, i.class_name) for s, i in zip(splits, raw.images, strict=True)}:
        (folder / split / class_name).mkdir(parents=True)
    with progress.bar("split", len(splits), "images") as bar:
        for position, (image, split) in enumerate(zip(raw.images, splits, strict=True)):
            below = f"{split}/{image.class_name}/{image.file_name}"
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
    return list(zip(targets, found, strict=True))
