"""An image data set on disk as Hugging Face's package datasets writes it; nothing is downloaded."""

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from spoonful import progress
from spoonful.config.fields import key
from spoonful.datasets.dataset import UndividedDataset
from spoonful.datasets.fetched import check_content, check_fetched, check_trainable
from spoonful.datasets.hf_columns import (
    check_classes,
    check_distinct_classes,
    hf_kind,
    hf_labels,
    image_column,
    label_columns,
)
from spoonful.datasets.hf_layout import HfFile, features_of, find_files
from spoonful.datasets.hf_reading import HfImages, columns_of, contents, num_rows, schema_of
from spoonful.datasets.manifest import label_names, labels_text
from spoonful.datasets.split_names import split_named
from spoonful.datasets.table_list import (
    ListedImages,
    RawTable,
    limited_table,
    raw_images,
    read_images,
    write_images,
)
from spoonful.errors import SpoonfulError
from spoonful.files.documents import shown
from spoonful.sources.images.decode import read_bytes
from spoonful.sources.labels import LabelKind
from spoonful.sources.labels_file import IMAGES_NAME
from spoonful.sources.table_faults import TableFaults
from spoonful.sources.table_file import texts
from spoonful.sources.table_labels import LABEL_KINDS

# Endings of the files in a split, for people who look at them; decoders do not need them.
_SUFFIXES = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG", ".png"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
)


@dataclass(frozen=True)
class _Columns:
    """The columns that are used, and the features of all."""

    images: str
    labels: list[str]
    group: str | None
    features: dict[str, Any]

    @property
    def others(self) -> list[str]:
        return [] if self.group is None else [self.group]

    def settings(self, label_kind: str | None) -> dict[str, Any]:
        """Return the keys that decide what is listed, with the values that null stands for."""
        return {
            "image_column": self.images,
            "label_columns": self.labels,
            "label_kind": str(hf_kind(self.labels, self.features, label_kind)),
            "group_column": self.group,
        }

    def content(self, folder: Path, files: list[HfFile]) -> str:
        """Return a SHA-256 of the labels and groups, and of the files' names and sizes.

        The bytes of the images are too many to be hashed by each stage.
        """
        names = [*self.labels, *self.others]
        digest = hashlib.sha256(json.dumps([self.features.get(name) for name in names]).encode())
        for file in files:
            name = file.path.relative_to(folder).as_posix()
            known = [name, file.split, file.path.stat().st_size]
            digest.update(json.dumps(known).encode())
        for column in _table(files, names).columns:
            digest.update(json.dumps(column.to_pylist(), default=str).encode())
        return digest.hexdigest()


@dataclass
class HfDataset(UndividedDataset):
    """Images in Hugging Face's format, from `save_to_disk` or in Parquet files."""

    path: str | None = key(
        "folder that save_to_disk wrote, or that holds Parquet or Arrow files",
        is_path=True,
        has_no_effect=True,
    )
    image_column: str | None = key("column of the images; null: the only one that holds images")
    label_columns: list[str] | None = key(
        "columns of the labels; null: the only one with names of classes (ClassLabel)"
    )
    label_kind: str | None = key(
        "what the labels are; null: one column holds classes, several hold 0 or 1 (multilabel)",
        choices=tuple(map(str, LabelKind)),
        aliases=LABEL_KINDS,
    )
    group_column: str | None = key(
        "column of groups whose images stay in one split, such as patients; null: no groups"
    )

    fetched: ClassVar[str] = "listed"  # the images are decoded when they are read

    def fetch(self, raw_dir: Path) -> None:
        """Check every row, and list the images with their labels and content hashes.

        Raises:
            SpoonfulError: no such data set or column; rows whose image or label is missing or
                wrong, all of them in one message.
        """
        folder, files = self._files()
        columns = self._columns(files[0].path)
        labels, others = columns.labels, columns.others
        table = _table(files, [*labels, *others])
        content = columns.content(folder, files)
        if not len(table):
            raise SpoonfulError(f"dataset.path={self.path}: holds no rows; expected images in it")
        splits = [file.split for file in files for _ in range(num_rows(file.path))]
        names = _names(splits)
        faults = TableFaults(folder, lambda position: names[position])
        given = [None if split is None else split_named(split) for split in splits]
        made = hf_labels(table.select(labels), labels, columns.features, self.label_kind, faults)
        ids, sizes, hashes = _looked_at(folder, files, columns.images, names, faults)
        faults.check()
        check_trainable(made, given, f"{folder}, column {', '.join(map(shown, labels))}")
        groups: list[str | None] = [None] * len(ids)
        for name in others:
            groups = [text or None for text in texts(table[name], faults.column(name)).to_pylist()]
        settings = columns.settings(self.label_kind)
        listed = ListedImages(ids, sizes, hashes, given, groups, made, settings, content)
        write_images(raw_dir, listed, "hf_dataset")
        print(labels_text(listed))

    def open_raw(self, raw_dir: Path) -> RawTable:
        """Read the list that `fetch` wrote, and open the files that hold the images."""
        listed = read_images(raw_dir, "hf_dataset")
        folder, files = self._files()
        columns = self._columns(files[0].path)
        check_fetched(listed.settings, columns.settings(self.label_kind))
        images = HfImages(folder, [file.path for file in files], columns.images)
        if len(images) != len(listed.ids):
            raise SpoonfulError(
                f"dataset.path={self.path}: had {len(listed.ids):,} images when fetched, has "
                f"{len(images):,} now; run `spoonful fetch dataset=hf_dataset` again"
            )
        check_content(listed.content, columns.content(folder, files), str(self.path))
        raw = raw_images(listed, listed.ids)
        table = RawTable(raw, listed.labels.kind, label_names(listed), images)
        return limited_table(table, self.max_images_per_class)

    def original_path(self, raw_dir: Path, split: str, file_id: str) -> str | None:
        """Return the file and the row of a split file; None: they are not known."""
        try:
            raw = self.open_raw(raw_dir)
        except SpoonfulError:  # then the file's other name is used
            return None
        for position, image in enumerate(raw.images):
            if f"{IMAGES_NAME}/{image.file_name}" == file_id:
                return raw.origin(position)
        return None

    def _columns(self, first: Path) -> "_Columns":
        """Return which columns are used, by the schema of the first file."""
        schema = schema_of(first)
        features = features_of(schema, first)
        images = image_column(schema, features, self.image_column, first)
        labels = label_columns(schema, features, self.label_columns, first)
        return _Columns(images, labels, self.group_column, features)

    def _files(self) -> tuple[Path, list[HfFile]]:
        if self.path is None:
            raise SpoonfulError(
                "dataset.path is not set: give dataset.path=FOLDER, which save_to_disk wrote or "
                "which holds Parquet files"
            )
        path = Path(self.path).expanduser().absolute()
        return (path.parent if path.is_file() else path), find_files(path)


def _table(files: list[HfFile], columns: list[str]) -> Any:
    """Return columns of all files together; numbers in them stand for the same classes."""
    import pyarrow as pa

    first = files[0].path
    features = features_of(schema_of(first), first)
    check_distinct_classes(columns, features, first)
    for file in files:
        schema = schema_of(file.path)
        missing = [name for name in columns if name not in schema.names]
        if missing:
            raise SpoonfulError(f"{file.path}: has no column {shown(missing[0])}, unlike {first}")
        other = features_of(schema, file.path)
        check_classes(columns, (first, features), (file.path, other))
    try:
        return pa.concat_tables([columns_of(file.path, columns) for file in files])
    except pa.ArrowInvalid as error:
        raise SpoonfulError(
            f"{files[0].path.parent}: the files have columns of different types "
            f"({str(error).splitlines()[0]}); give dataset.path a folder of one data set"
        ) from error


def _names(splits: list[str | None]) -> list[str]:
    """Name each image by its split and its number in it, as the package datasets counts them."""
    counts: dict[str | None, int] = defaultdict(int)
    names = []
    for split in splits:
        names.append(f"{split or 'row'}-{counts[split]:07d}")
        counts[split] += 1
    return names


def _looked_at(
    folder: Path, files: list[HfFile], column: str, names: list[str], faults: TableFaults
) -> tuple[list[str], list[int], list[str]]:
    """Read every image once; return names for their files, their sizes and SHA-256s."""
    ids: list[str] = []
    sizes: list[int] = []
    hashes: list[str] = []
    empty: list[int] = []
    missing: dict[int, str] = {}
    with progress.bar("fetch", len(names), "images") as bar:
        for found, path in (one for file in files for one in contents(file.path, column)):
            position, content = len(ids), found
            if content is None and path:
                try:
                    content = read_bytes(folder / path)
                except (SpoonfulError, ValueError):
                    missing[position] = path
            elif content is None:
                empty.append(position)
            content = content or b""
            ids.append(names[position] + _suffix(content))
            sizes.append(len(content))
            hashes.append(hashlib.sha256(content).hexdigest())
            bar.update(1)
    faults.add(f"without an image in column {shown(column)}", empty)
    faults.add("whose image is in a file that cannot be read", list(missing), missing.get)
    return ids, sizes, hashes


def _suffix(content: bytes) -> str:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return ".webp"
    return next((suffix for start, suffix in _SUFFIXES if content.startswith(start)), "")
