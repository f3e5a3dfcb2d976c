"""The user's own images as a table lists them, with their labels."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from spoonful.config.fields import key
from spoonful.datasets.dataset import Dataset
from spoonful.datasets.folder import RawFiles
from spoonful.datasets.links import safe_link
from spoonful.datasets.split_names import SPLIT_WORDS, split_named
from spoonful.datasets.table_list import (
    ListedImages,
    RawTable,
    flat_name,
    raw_images,
    read_images,
    write_images,
)
from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hashes
from spoonful.files.documents import shown
from spoonful.project import project_root
from spoonful.sources.labels import LabelKind
from spoonful.sources.labels_file import IMAGES_NAME
from spoonful.sources.manifest_rows import ManifestRows, read_rows

# Other words for the kinds of labels.
LABEL_KINDS = {"classes": str(LabelKind.CLASSIFICATION), "values": str(LabelKind.REGRESSION)}


@dataclass
class Manifest(Dataset):
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
    test_fraction: float = key(
        "share of the images without a given split that goes to test", above=0, maximum=0.9
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
        rows = read_rows(table, self.root, *columns, other_columns=others)
        splits = _splits(rows, self.split_column)
        rows.faults.check()
        paths = [rows.root / file for file in rows.files]
        groups = rows.others.get(self.group_column or "", [None] * len(paths))
        hashes = content_hashes(paths)
        own_root = self._root() if self.root is not None else table.absolute().parent
        root = None if rows.root == own_root else str(rows.root)
        sizes = [path.stat().st_size for path in paths]
        listed = ListedImages(rows.files, sizes, hashes, splits, groups, rows.labels, root)
        write_images(raw_dir, listed)
        print(labels_text(listed))

    def open_raw(self, raw_dir: Path) -> RawTable:
        """Read the list that `fetch` wrote."""
        listed = read_images(raw_dir, "manifest")
        images = raw_images(listed, [flat_name(path) for path in listed.ids])
        link = safe_link(self.link, project_root())
        root = self._root() if listed.root is None else Path(listed.root)
        files = RawFiles(images, root, listed.ids, listed.sizes, link)
        return RawTable(images, listed.labels.kind, label_names(listed), files)

    def original_path(self, raw_dir: Path, split: str, file_id: str) -> str | None:
        """Return the path of a split file in the user's own folder; None: it is not known."""
        try:
            listed = read_images(raw_dir, "manifest")
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
        if self.root is not None:
            return Path(self.root).expanduser().absolute()
        return self._table().absolute().parent


def label_names(listed: ListedImages) -> tuple[str, ...]:
    """Return the names of `RawImage.labels`: none where the classes are the labels."""
    is_class = listed.labels.kind is LabelKind.CLASSIFICATION
    return () if is_class else listed.labels.names


def labels_text(listed: ListedImages) -> str:
    """Say what the labels are: the user sees a column that was meant otherwise."""
    names, kind = listed.labels.names, listed.labels.kind
    first = ", ".join(shown(name) for name in names[:5]) + (", ..." if len(names) > 5 else "")
    words = {LabelKind.CLASSIFICATION: "classes", LabelKind.MULTILABEL: "columns of 0 or 1"}
    return f"labels: {kind}, {len(names):,} {words.get(kind, 'columns of numbers')} ({first})"


def _splits(rows: ManifestRows, column: str | None) -> list[str | None]:
    """Return the given splits; what is no split's name becomes a fault."""
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
