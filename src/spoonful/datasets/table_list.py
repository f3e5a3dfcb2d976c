"""The list of a table's images that `fetch` writes to data/raw, with their labels and digests."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from spoonful.datasets.raw import RawImage
from spoonful.datasets.subset import check_limit, kept_positions
from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hash
from spoonful.files.documents import read_json, unexpected
from spoonful.files.whole import replaced_folder, write_json
from spoonful.sources.labels import LabelKind
from spoonful.sources.table_labels import TableLabels

LIST_NAME = "images.parquet"
# Its SHA-256 and what the labels are.
SUMMARY_NAME = "images.json"
# The class of all images that have none: their split takes shares of all of them together.
ALL = "all"
_MAX_NAME_BYTES = 200  # file systems take 255
_DIGEST_LETTERS = 16


@dataclass(frozen=True)
class ListedImages:
    """Images of a table, in its order, and what `fetch` found out about them.

    Attributes:
        ids: one for each image: its path below the root, or its place in the data.
        sizes: of the images' files in bytes.
        hashes: their SHA-256s.
        splits: "train", "val" or "test" where the table gives it.
        groups: images of one group belong into one split.
        labels: one for each image.
        root: the folder that the ids are paths below, if only the table's content says it.
        settings: the keys that decided what is listed, and their values.
        content: SHA-256 of the table, or of what else was read beside the images.
        max_images: images of each class that were listed; None: all.
    """

    ids: list[str]
    sizes: list[int]
    hashes: list[str]
    splits: list[str | None]
    groups: list[str | None]
    labels: TableLabels
    settings: dict[str, Any]
    content: str
    root: str | None = None
    max_images: int | None = None


class ImageFiles(Protocol):
    """Where the bytes of images are, by their positions; see `RawDataset`."""

    def read(self, position: int) -> bytes: ...

    def place(self, position: int, target: Path) -> None: ...

    def origin(self, position: int) -> str: ...


@dataclass
class RawTable:
    """Raw images whose labels a table gives; placed beside a table of their labels."""

    images: list[RawImage]
    label_kind: LabelKind
    label_names: tuple[str, ...]
    files: ImageFiles

    is_table: ClassVar[bool] = True

    def read(self, position: int) -> bytes:
        """Return the bytes of an image's file."""
        return self.files.read(position)

    def place(self, position: int, target: Path) -> None:
        """Put an image into the file `target`."""
        self.files.place(position, target)

    def origin(self, position: int) -> str:
        """Return where an image comes from, for messages."""
        return self.files.origin(position)


@dataclass(frozen=True)
class _ListSummary:
    dataset: str
    sha256: str
    num_images: int
    label_kind: str
    label_names: list[str]
    root: str | None
    settings: dict[str, Any]
    content_sha256: str
    max_images_per_class: int | None = None


def write_images(raw_dir: Path, listed: ListedImages, dataset: str) -> None:
    """Write the list of images, completely or not at all; `dataset` is its name in the config."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    labels = listed.labels
    values = pa.array(labels.values.tolist())
    columns = {
        "id": pa.array(listed.ids, pa.string()),
        "bytes": pa.array(listed.sizes, pa.int64()),
        "sha256": pa.array(listed.hashes, pa.string()),
        "split": pa.array(listed.splits, pa.string()),
        "group": pa.array(listed.groups, pa.string()),
        "label": values,
    }
    with replaced_folder(raw_dir) as folder:
        pq.write_table(pa.table(columns), folder / LIST_NAME)
        digest = content_hash(folder / LIST_NAME)
        names, kind = list(labels.names), str(labels.kind)
        made = listed.root, listed.settings, listed.content, listed.max_images
        summary = _ListSummary(dataset, digest, len(listed.ids), kind, names, *made)
        write_json(folder / SUMMARY_NAME, asdict(summary))


def read_images(raw_dir: Path, dataset: str, max_images: int | None = None) -> ListedImages:
    """Read the list that `write_images` wrote.

    Args:
        raw_dir: the folder of the list.
        dataset: its name in the config, for messages.
        max_images: images of each class that are wanted; None: all.

    Raises:
        SpoonfulError: it is missing or damaged, or has fewer images of each class.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, remake = raw_dir / LIST_NAME, f"run `spoonful fetch dataset={dataset}` again"
    if not path.exists():
        raise SpoonfulError(
            f"{path} is missing: run `spoonful fetch dataset={dataset} dataset.path=...` first"
        )
    summary = read_json(path.with_name(SUMMARY_NAME), _ListSummary, remake)
    if summary.dataset != dataset:
        raise unexpected(path, f"the images of dataset={dataset}", summary.dataset, remake)
    check_limit(summary.max_images_per_class, max_images)
    found = content_hash(path)
    if found != summary.sha256:
        raise unexpected(path, f"SHA-256 {summary.sha256}, as {SUMMARY_NAME} says", found, remake)
    try:
        table = pq.read_table(path)
        columns = {name: table[name].to_pylist() for name in table.column_names}
        kind = LabelKind(summary.label_kind)
        dtype = np.float64 if kind is LabelKind.REGRESSION else np.int64
        labels = TableLabels(kind, tuple(summary.label_names), np.array(columns["label"], dtype))
        return ListedImages(
            columns["id"],
            columns["bytes"],
            columns["sha256"],
            columns["split"],
            columns["group"],
            labels,
            summary.settings,
            summary.content_sha256,
            summary.root,
            summary.max_images_per_class,
        )
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise unexpected(path, "a list of images", error, remake) from error


def raw_images(listed: ListedImages, file_names: Sequence[str]) -> list[RawImage]:
    """Describe each image for `split`.

    Args:
        listed: the images.
        file_names: names for their files in the split.
    """
    labels = listed.labels
    if labels.kind is LabelKind.CLASSIFICATION:
        classes = [labels.names[number] for number in labels.values.tolist()]
        values: list[Any] = [None] * len(classes)
    else:
        classes = [ALL] * len(listed.ids)
        values = [tuple(map(float, row)) for row in labels.values.tolist()]
    rows = (classes, file_names, listed.splits, listed.hashes, listed.groups, values)
    return [RawImage(*row) for row in zip(*rows, strict=True)]


@dataclass
class _Part:
    """Some of the files of images."""

    files: ImageFiles
    positions: list[int]

    def read(self, position: int) -> bytes:
        return self.files.read(self.positions[position])

    def place(self, position: int, target: Path) -> None:
        self.files.place(self.positions[position], target)

    def origin(self, position: int) -> str:
        return self.files.origin(self.positions[position])


def limited_table(raw: RawTable, max_images: int | None) -> RawTable:
    """Return so many images of each class, in each split that the data gives; None: all."""
    if max_images is None:
        return raw
    groups = [(image.given_split, image.class_name) for image in raw.images]
    kept = kept_positions(groups, [image.file_name for image in raw.images], max_images)
    images = [raw.images[position] for position in kept]
    return RawTable(images, raw.label_kind, raw.label_names, _Part(raw.files, kept))


def flat_name(path: str) -> str:
    """Return the name of a file from its path: no two paths give the same one.

    "a/b.png" becomes "a__b.png". A digest is added to a path that has such a name itself, or whose
    name would be too long.
    """
    name = path.replace("/", "__")
    is_clear = "__" not in path and "___" not in name and not name.startswith(("_", "."))
    if is_clear and len(name.encode()) <= _MAX_NAME_BYTES:
        return name
    digest = hashlib.sha256(path.encode()).hexdigest()[:_DIGEST_LETTERS]
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix.encode()) > _DIGEST_LETTERS:
        stem, suffix = name, ""
    room = _MAX_NAME_BYTES - _DIGEST_LETTERS - len(suffix.encode()) - 2
    short = stem.encode()[-room:].decode(errors="ignore")
    return f"{short}-{digest}{'.' if suffix else ''}{suffix}"
