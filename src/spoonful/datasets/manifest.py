"""The user's own images as a table lists them, with their labels."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from spoonful.config.fields import key
from spoonful.datasets.dataset import UndividedDataset
from spoonful.datasets.fetched import check_content, check_fetched, check_trainable
from spoonful.datasets.folder import RawFiles
from spoonful.datasets.links import safe_link
from spoonful.datasets.split_names import SPLIT_WORDS, split_named
from spoonful.datasets.subset import kept_positions
from spoonful.datasets.table_list import (
    ListedImages,
    RawTable,
    flat_name,
    limited_table,
    raw_images,
    read_images,
    write_images,
)
from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hash, content_hashes
from spoonful.files.documents import shown
from spoonful.project import project_root
from spoonful.sources.labels import LabelKind
from spoonful.sources.labels_file import IMAGES_NAME
from spoonful.sources.manifest_rows import ManifestRows, read_rows
from spoonful.sources.table_labels import LABEL_KINDS, checked_kind


@dataclass
class Manifest(UndividedDataset):
    """Images of your own, listed with their labels in a CSV or Parquet table."""

    path: str | None = key("the table, CSV in UTF-8 or Parquet", is_path=True, has_no_effect=True)
    root: str | None = key(
        "folder that the paths in the table are below; null: the table's own folder",
        is_path=True,
        has_no_effect=True,
    )
    path_column: str = key("column of the images' paths, below root or absolute")
    label_columns: list[str] = key("columns of the labels: one of classes, or any number of others")
    label_kind: str | None = key(
        "what the labels are; null: one column holds classes, several hold 0 or 1 (multilabel)",
        choices=tuple(map(str, LabelKind)),
        aliases=LABEL_KINDS,
    )
    split_column: str | None = key(f"column of given splits ({SPLIT_WORDS}); null: none is given")
    group_column: str | None = key(
        "column of groups whose images stay in one split, such as patients; null: no groups"
    )
    link: str = key(
        "how a file gets into the split; auto: the first of these that the file system has",
        choices=("auto", "reflink", "symlink", "copy"),
        has_no_effect=True,
    )

    fetched: ClassVar[str] = "listed"  # the images are decoded when they are read

    def fetch(self, raw_dir: Path) -> None:
        """Check every row, and list the images with their labels and content hashes.

        Raises:
            SpoonfulError: no such table or column; rows whose file, label or split is missing or
                wrong, all of them in one message.
        """
        table = self._table()
        others = [name for name in (self.split_column, self.group_column) if name is not None]
        columns = self.path_column, self.label_columns, self.label_kind
        content = content_hash(table) if table.is_file() else ""  # before: a change is noticed
        rows = read_rows(table, self.root, *columns, other_columns=others, prefix="dataset.")
        splits = _splits(rows, self.split_column)
        rows.faults.check()
        check_trainable(rows.labels, splits, self._where())
        kept = self._kept(rows, splits)  # before hours of hashing
        files = [rows.files[place] for place in kept]
        groups = rows.others.get(self.group_column or "", [None] * len(rows.files))
        paths = [rows.root / file for file in files]
        listed = ListedImages(
            ids=files,
            sizes=[path.stat().st_size for path in paths],
            hashes=content_hashes(paths),
            splits=[splits[place] for place in kept],
            groups=[groups[place] for place in kept],
            labels=replace(rows.labels, values=rows.labels.values[kept]),
            settings=self._settings(),
            content=content,
            root=None if rows.root == self._root() else str(rows.root),
            max_images=self.max_images_per_class,
        )
        write_images(raw_dir, listed, "manifest")
        print(labels_text(listed))

    def open_raw(self, raw_dir: Path) -> RawTable:
        """Read the list that `fetch` wrote."""
        listed = read_images(raw_dir, "manifest", self.max_images_per_class)
        check_fetched(listed.settings, self._settings())
        check_content(listed.content, content_hash(self._table()), str(self.path))
        images = raw_images(listed, [flat_name(path) for path in listed.ids])
        link = safe_link(self.link, project_root())
        root = self._root() if listed.root is None else Path(listed.root)
        files = RawFiles(images, root, listed.ids, listed.sizes, link, max_pixels=self.max_pixels)
        raw = RawTable(images, listed.labels.kind, label_names(listed), files)
        return limited_table(raw, self.max_images_per_class)

    def original_path(self, raw_dir: Path, split: str, file_id: str) -> str | None:
        """Return the path of a split file in the user's own folder; None: it is not known."""
        try:
            listed = read_images(raw_dir, "manifest", self.max_images_per_class)
        except SpoonfulError:  # then the file's other name is used
            return None
        for path in listed.ids:
            if f"{IMAGES_NAME}/{flat_name(path)}" == file_id:
                if listed.root is None and self.path is None and self.root is None:
                    return f"{path} (below dataset.root)"
                return str((self._root() if listed.root is None else Path(listed.root)) / path)
        return None

    def _table(self) -> Path:
        if self.path is None:
            raise SpoonfulError(
                "dataset.path is not set: give dataset.path=TABLE, a CSV or Parquet file"
            )
        return Path(self.path).expanduser()

    def _root(self) -> Path:
        root = self._table().parent if self.root is None else Path(self.root).expanduser()
        return Path(os.path.normpath(root.absolute()))

    def _settings(self) -> dict[str, Any]:
        """Return the keys that decide what is listed, beside the table and the limit."""
        return {
            "path_column": self.path_column,
            "label_columns": list(self.label_columns),
            "label_kind": str(checked_kind(self.label_kind, self.label_columns, "dataset.")),
            "split_column": self.split_column,
            "group_column": self.group_column,
        }

    def _where(self) -> str:
        """Name the table and the columns of labels and splits."""
        names = [*self.label_columns, *([self.split_column] if self.split_column else [])]
        columns = ", ".join(map(shown, names))
        return f"{self._table()}, column{'s' if len(names) > 1 else ''} {columns}"

    def _kept(self, rows: ManifestRows, splits: list[str | None]) -> list[int]:
        """Return the positions of dataset.max_images_per_class rows of each class."""
        is_class = rows.labels.kind is LabelKind.CLASSIFICATION
        classes = rows.labels.values.tolist() if is_class else [0] * len(splits)
        groups = list(zip(splits, classes, strict=True))
        names = [flat_name(file) for file in rows.files]
        return kept_positions(groups, names, self.max_images_per_class)


def label_names(listed: ListedImages) -> tuple[str, ...]:
    """Return the names of `RawImage.labels`: none where the classes are the labels."""
    is_class = listed.labels.kind is LabelKind.CLASSIFICATION
    return () if is_class else listed.labels.names


def labels_text(listed: ListedImages) -> str:
    """Say what the labels are: the user sees a column that was meant otherwise."""
    names, kind = listed.labels.names, listed.labels.kind
    first = ", ".join(shown(name) for name in names[:5]) + (", ..." if len(names) > 5 else "")
    columns = "column" if len(names) == 1 else "columns"
    words = {
        LabelKind.CLASSIFICATION: "class" if len(names) == 1 else "classes",
        LabelKind.MULTILABEL: f"{columns} of 0 or 1",
        LabelKind.REGRESSION: f"{columns} of numbers",
    }
    return f"labels: {kind}, {len(names):,} {words[kind]} ({first})"


def _splits(rows: ManifestRows, column: str | None) -> list[str | None]:
    """Return the given splits; what is not a split's name becomes a fault."""
    if column is None:
        return [None] * len(rows.files)
    cells = rows.others[column]
    splits = [None if cell is None else split_named(cell) for cell in cells]
    wrong = [place for place, cell in enumerate(cells) if cell and splits[place] is None]
    rows.faults.add(
        f"whose split in column {shown(column)} is none of {SPLIT_WORDS}",
        wrong,
        lambda place: cells[place],
    )
    return splits
