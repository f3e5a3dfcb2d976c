"""The record of data/split: split.json, and the list of its files with their digests."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from spoonful.config.folders import choices
from spoonful.config.own_data import check_path
from spoonful.config.schema import Config
from spoonful.config.settings import name_of
from spoonful.errors import SpoonfulError
from spoonful.files.checked_json import read_checked_values
from spoonful.files.documents import parsed_table, read_bytes, unexpected
from spoonful.files.tables import write_csv
from spoonful.files.text import printable
from spoonful.project import raw_dir, shown_path, split_dir, split_summary_path
from spoonful.sources.image_files import ImageFileSource
from spoonful.sources.image_sizes import ImageSizes
from spoonful.sources.labels import LabelKind
from spoonful.sources.labels_file import LABELS_NAME

# Beside train, val and test, so that it is put in place with them.
LIST_NAME = "files.csv"
_COLUMNS = ("path", "sha256")
REMAKE = "run `spoonful split` again"
_REMAKE_OWN = "bring back the same files, or run `spoonful fetch` and `spoonful split` again"
_NUM_NAMED = 3
# The keys of a data set that decide the split.
_DECISIVE = (
    *("val_fraction", "test_fraction", "split_seed", "split_method", "small_classes", "copies"),
    *("group", "on_leak", "on_bad_image", "max_bad_fraction", "max_images_per_class"),
    *("path_column", "label_columns", "label_kind", "split_column", "group_column"),
    "image_column",
)
SplitName = Literal["train", "val", "test"]


@dataclass(frozen=True)
class SplitSummary:
    """The keys of split.json.

    Attributes:
        dataset: name of the data set.
        num_classes: number of classes.
        num_images: number of images in each split.
        digest: digest of the assignment of images to splits.
        data_digest: digest of the raw images.
        files_sha256: hex digest of the list of files.
        settings: the settings that determined the split.
        num_dropped: number of images of each class that small_classes=drop left out.
        label_kind: what the labels are.
        class_names: of the classes, labels or values in the table labels.csv of each split, in
            label order; None: the classes are folders.
        image_sizes: how large the images are; None: an earlier version made the split.
    """

    dataset: str
    num_classes: int
    num_images: dict[SplitName, int]
    digest: str
    data_digest: str
    files_sha256: str
    settings: dict[str, Any]
    num_dropped: dict[str, int] = field(default_factory=dict)
    label_kind: str = str(LabelKind.CLASSIFICATION)
    class_names: list[str] | None = None
    image_sizes: ImageSizes | None = None


def split_settings(config: Config) -> dict[str, Any]:
    """Return the settings that determine the split: equal ones give equal splits of equal data."""
    dataset = config.dataset
    return {name: getattr(dataset, name) for name in _DECISIVE if hasattr(dataset, name)}


def image_settings(config: Config) -> dict[str, Any]:
    """Return the settings that determine the pixels of an image file."""
    dataset = config.dataset
    return {
        "image_shape": list(dataset.image_shape),
        "resize": dataset.resize,
        "background": list(dataset.background),
    }


def check_split(config: Config) -> None:
    """Check that data/split was made as the config says.

    Raises:
        SpoonfulError: there is no split, or it was made from other data or settings (each named).
    """
    name = name_of(config.dataset)
    chosen = f" dataset={name}" if name in choices("dataset") else ""
    remake = (
        f"run `spoonful fetch{chosen}` and `spoonful split{chosen}` with the same overrides, or "
        "`dvc repro`"
    )
    if not split_summary_path().exists() or not split_dir().is_dir():
        raise SpoonfulError(f"there is no data in {split_dir()}: {remake}")
    if wrong := differences_of(config, read_summary()):
        raise SpoonfulError(f"data/split was made otherwise: {', '.join(wrong)}; {remake}")
    check_path(config, remake)


def differences_of(config: Config, made: dict[str, Any]) -> list[str]:
    """Return in what a config differs from the content of a split.json, each with both values."""
    expected = {"dataset": name_of(config.dataset), **split_settings(config)}
    found = {"dataset": made.get("dataset"), **made.get("settings", {})}
    return [
        f"{name} (config {expected.get(name)}, split {found.get(name)})"
        for name in dict.fromkeys([*expected, *found])
        if expected.get(name) != found.get(name)
    ]


def read_summary() -> dict[str, Any]:
    """Return the content of split.json, as JSON types.

    Raises:
        SpoonfulError: it is missing or not such a file; names it, what was expected and found.
    """
    path = split_summary_path()
    summary = read_checked_values(path, SplitSummary, REMAKE)
    num_images = summary["num_images"]
    if len(num_images) != 3 or min(num_images.values()) < 1:
        raise unexpected(path, "num_images of train, val and test", str(num_images), REMAKE)
    return summary


def write_list(folder: Path, files: Iterable[tuple[str, str]]) -> str:
    """Write the list of a split's files, as (path below data/split, SHA-256); return its digest."""
    path = folder / LIST_NAME
    write_csv(path, _COLUMNS, sorted(files))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_labels_file(split: str) -> None:
    """Check that a split's table of labels is the one that `split` wrote.

    Raises:
        SpoonfulError: it is missing or has changed.
    """
    path = split_dir() / split / LABELS_NAME
    expected = _listed(split)[1]
    found = hashlib.sha256(read_bytes(path, REMAKE)).hexdigest()
    if found != expected:
        raise unexpected(path, f"SHA-256 {expected}, as {LIST_NAME} says", found, REMAKE)


def check_files(source: ImageFileSource, split: str, config: Config) -> None:
    """Check that a folder of data/split holds exactly the files that `split` put there.

    Every file is read, as for the source's fingerprint, which is then known.

    Args:
        source: the images of the folder.
        split: its name.
        config: gives the user's own path of a file, for messages.

    Raises:
        SpoonfulError: a file is missing, was added or has changed; names up to three of each.
    """
    listed, _ = _listed(split)
    try:
        found = dict(zip(source.ids, source.content_hashes, strict=True))
    except SpoonfulError:
        found = {name: listed.get(name, "") for name in source.ids if (source.root / name).exists()}
        if len(found) == len(source.ids):  # none is missing: one cannot be read
            raise
    wrong = {
        "missing": [name for name in listed if name not in found],
        "not of the split": [name for name in found if name not in listed],
        "changed": [n for n, sha in found.items() if listed.get(n, sha) != sha],
    }
    own = partial(config.dataset.original_path, raw_dir(), split)
    parts = [_named(word, names, own) for word, names in wrong.items() if names]
    if parts:
        is_users = any(own(names[0]) for names in wrong.values() if names)
        raise SpoonfulError(
            f"{shown_path(source.root)}: expected the {len(listed):,} images that `spoonful split` "
            f"put there, found {'; '.join(parts)}; {_REMAKE_OWN if is_users else REMAKE}"
        )


def _listed(split: str) -> tuple[dict[str, str], str | None]:
    """Return the SHA-256 of each image of a split, by its path below the split's folder.

    Returns:
        Also that of its table of labels; None: its classes are folders.
    """
    summary = read_summary()
    path = split_dir() / LIST_NAME
    content = read_bytes(path, REMAKE)
    found = hashlib.sha256(content).hexdigest()
    if found != summary["files_sha256"]:
        expected = f"SHA-256 {summary['files_sha256']}, as split.json says"
        raise unexpected(path, expected, found, REMAKE)
    rows = parsed_table(content.decode("utf-8", "replace"), _COLUMNS, path, REMAKE)
    begin = f"{split}/"
    listed = {
        row["path"].removeprefix(begin): row["sha256"]
        for row in rows
        if row["path"].startswith(begin)
    }
    labels = listed.pop(LABELS_NAME, None)
    if len(listed) != summary["num_images"][split]:
        expected = f"num_images.{split} to be {len(listed):,}, as many as are listed"
        number = f"{summary['num_images'][split]:,}"
        raise unexpected(split_summary_path(), expected, number, REMAKE)
    return listed, labels


def _named(word: str, names: list[str], own: Callable[[str], str | None]) -> str:
    """Name some files by the user's own paths, where they are known."""
    shown = ", ".join(printable(own(name) or name) for name in names[:_NUM_NAMED])
    more = f" and {len(names) - _NUM_NAMED:,} more" if len(names) > _NUM_NAMED else ""
    return f"{word}: {shown}{more}"
