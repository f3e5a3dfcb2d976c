"""Put every image's file into the folder of its split."""

from collections.abc import Sequence
from pathlib import Path

from spoonful import progress
from spoonful.datasets import RawDataset
from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hashes
from spoonful.sources.images.names import is_junk_folder
from spoonful.splitting.labels import folder_of, place_labels


def place(raw: RawDataset, splits: Sequence[str | None], folder: Path) -> list[tuple[str, str]]:
    """Put every image's file into its folder; return where, and its SHA-256.

    The folder is that of its class; where labels are a table, one of all images, beside the table.

    Args:
        raw: the raw images.
        splits: the split of each; None: it is in none.
        folder: an empty folder.

    Raises:
        SpoonfulError: two images of one name, a file that changed since `fetch`, or a class whose
            folder would not be read.
    """
    targets: dict[str, int] = {}
    placed = [(p, raw.images[p], split) for p, split in enumerate(splits) if split is not None]
    for split, name in {(split, folder_of(raw, image)) for _, image, split in placed}:
        if is_junk_folder(name):
            raise SpoonfulError(
                f"class {name!r}: a folder of this name is not read, because systems make such "
                "folders themselves; rename the class"
            )
        (folder / split / name).mkdir(parents=True)
    with progress.bar("split", len(placed), "images") as bar:
        for position, image, split in placed:
            below = f"{split}/{folder_of(raw, image)}/{image.file_name}"
            if below in targets:
                raise SpoonfulError(
                    f"two images of class {image.class_name!r} would both become {below}: "
                    "rename one of them"
                )
            targets[below] = position
            raw.place(position, folder / below)
            bar.update(1)
    # Linked files are read once more: a file changed at equal size would go unnoticed. This costs a
    # read of every file, from the cache if it was just fetched.
    found = content_hashes([folder / below for below in targets])
    for position, content in zip(targets.values(), found, strict=True):
        expected = raw.images[position].content
        if expected not in (None, content):
            raise SpoonfulError(
                f"{raw.origin(position)}: expected SHA-256 {expected}, as when it was "
                f"fetched, found {content}; run `spoonful fetch` again"
            )
    labels = place_labels(raw, [(image, split) for _, image, split in placed], folder)
    return [*zip(targets, found, strict=True), *labels]
