"""`spoonful split`: put every image into exactly one folder of data/split/<split>/<class>."""

import hashlib
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spoonful import progress
from spoonful.config.own_data import note_path
from spoonful.config.schema import Config
from spoonful.config.settings import name_of
from spoonful.datasets import RawDataset, RawImage
from spoonful.datasets.dataset import test_fraction_of
from spoonful.errors import SpoonfulError
from spoonful.files.checked_json import write_checked
from spoonful.files.content_hash import content_hashes
from spoonful.files.lock import locked
from spoonful.files.tables import write_csv
from spoonful.files.whole import replaced_folder, sync
from spoonful.project import raw_dir, split_dir, split_summary_path, split_table_path
from spoonful.splitting import SPLITS, assign_splits
from spoonful.workflow.split_files import split_settings, write_list


def run(config: Config) -> None:
    """Split the raw data, print the table of classes x splits, and keep it beside the split."""
    dataset = config.dataset
    raw = dataset.open_raw(raw_dir())
    fractions = dataset.val_fraction, test_fraction_of(dataset)
    splits = assign_splits(raw.images, *fractions, dataset.split_seed)
    counts = Counter((i.class_name, split) for i, split in zip(raw.images, splits, strict=True))
    class_names = sorted({image.class_name for image in raw.images})
    digests = {"digest": split_digest(raw.images, splits), "data_digest": data_digest(raw.images)}
    split_dir().parent.mkdir(parents=True, exist_ok=True)
    lock = split_dir().with_name(f".{split_dir().name}.lock")
    with locked(lock, f"{split_dir()} is being written"):  # files that belong together
        with replaced_folder(split_dir()) as folder:
            digests["files_sha256"] = write_list(folder, _place(raw, splits, folder))
            # If killed from here on, there is no split.json, which all readers of the split need.
            for path in (split_summary_path(), split_table_path()):
                path.unlink(missing_ok=True)
            sync(split_summary_path().parent)
        # DVC plots a row per class and split as bars.
        rows = ((name, split, counts[(name, split)]) for name in class_names for split in SPLITS)
        write_csv(split_table_path(), ("class", "split", "images"), rows)
        note_path(config, digests["digest"])
        summary = split_summary(config, splits, len(class_names), digests)
        write_checked(split_summary_path(), summary)
    print(_table_text(class_names, counts))
    _warn_of_copies(raw.images, splits)


def split_digest(images: Sequence[RawImage], splits: Sequence[str]) -> str:
    """Return a digest of the assignment of images to splits: it differs for a different split."""
    placed = sorted(
        (split, image.class_name, image.file_name, image.content or "")
        for image, split in zip(images, splits, strict=True)
    )
    return hashlib.sha256(repr(placed).encode()).hexdigest()[:16]


def data_digest(images: Sequence[RawImage]) -> str:
    """Return a digest of the raw images, regardless of their split."""
    found = sorted((image.class_name, image.file_name, image.content or "") for image in images)
    return hashlib.sha256(repr(found).encode()).hexdigest()[:16]


def split_summary(
    config: Config, splits: Sequence[str], num_classes: int, digests: dict[str, str]
) -> dict[str, Any]:
    """Return the content of data/split.json: a DVC metric, and a check for `train`'s config."""
    counts = Counter(splits)
    return {
        "dataset": name_of(config.dataset),
        "num_classes": num_classes,
        "num_images": {split: counts[split] for split in SPLITS},
        **digests,
        "settings": split_settings(config),
    }


def _place(raw: RawDataset, splits: Sequence[str], folder: Path) -> list[tuple[str, str]]:
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


def _table_text(class_names: list[str], counts: Counter[tuple[str, str]]) -> str:
    width = max(len("class"), *(len(name) for name in class_names))
    lines = [f"{'class':<{width}}" + "".join(f"{split:>9}" for split in (*SPLITS, "all"))]
    rows = [(name, [counts[(name, split)] for split in SPLITS]) for name in class_names]
    totals = [sum(numbers) for numbers in zip(*(row for _, row in rows), strict=True)]
    for name, numbers in [*rows, ("all", totals)]:
        cells = "".join(f"{number:>9,}" for number in (*numbers, sum(numbers)))
        lines.append(f"{name:<{width}}{cells}")
    return "\n".join(lines)


def _warn_of_copies(images: Sequence[RawImage], splits: Sequence[str]) -> None:
    """Warn of files with the same bytes in different splits: they make results look too good."""
    places: dict[str, list[str]] = defaultdict(list)
    for image, split in zip(images, splits, strict=True):
        if image.content is not None:
            places[image.content].append(f"{split}/{image.class_name}/{image.file_name}")
    leaks = [names for names in places.values() if len({n.split("/")[0] for n in names}) > 1]
    if leaks:
        print(
            f"warning: {len(leaks)} images have copies (the same bytes) in another split, for "
            f"example {' and '.join(leaks[0][:2])}",
            file=sys.stderr,
        )
