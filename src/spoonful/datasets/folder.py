"""The user's own images: class folders, or splits with class folders in them."""

import csv
import hashlib
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar

from spoonful.config.fields import key
from spoonful.datasets.dataset import UndividedDataset
from spoonful.datasets.finding import Found, find_any_images, find_images
from spoonful.datasets.folder_layout import Layout
from spoonful.datasets.links import safe_link
from spoonful.datasets.raw import RawImage
from spoonful.datasets.subset import check_limit, kept_positions
from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hashes
from spoonful.files.documents import (
    parsed_table,
    read_bytes,
    read_json,
    shown,
    unexpected,
)
from spoonful.files.tables import read_csv, write_csv
from spoonful.files.whole import link_or_copy, replaced_folder, write_json
from spoonful.project import project_root
from spoonful.sources.images.decode import read_bytes as read_image
from spoonful.sources.images.limits import MAX_PIXELS
from spoonful.sources.labels import LabelKind

# The list that `fetch` writes to data/raw: the images themselves stay where they are.
LIST_NAME = "files.csv"
# Its number of entries and SHA-256: a list truncated at a line end would be a smaller data set.
SUMMARY_NAME = "files.json"
# Test images without classes, where there are any.
UNLABELLED_NAME = "unlabelled.csv"
REMAKE = "run `spoonful fetch` again"
_COLUMNS = ("path", "bytes", "sha256")
_SHA256 = re.compile("([0-9a-f]{64})?")  # none: the file could not be read


@dataclass
class RawFiles:
    """Image files in the user's folder; placed as links if the file system allows it."""

    images: list[RawImage]
    root: Path
    paths: list[str]
    sizes: list[int]
    link: str
    passed_over: dict[str, int] = field(default_factory=dict)
    max_pixels: int = MAX_PIXELS

    label_kind: ClassVar[LabelKind] = LabelKind.CLASSIFICATION
    label_names: ClassVar[tuple[str, ...]] = ()
    is_table: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self._link = link_or_copy(self.link)

    def origin(self, position: int) -> str:
        """Return the path of the user's own file."""
        return str(self.root / self.paths[position])

    def read(self, position: int) -> bytes:
        """Return the bytes of an image's file.

        Raises:
            SpoonfulError: the file is missing or not a regular file; names it.
        """
        return read_image(self.origin(position), self.max_pixels)

    def place(self, position: int, target: Path) -> None:
        """Link or copy an image's file.

        Raises:
            SpoonfulError: the file is missing or has changed since `fetch`, or cannot be linked.
        """
        own = self.origin(position)
        try:
            source = Path(own).resolve()  # resolve links: the split must not depend on them
            size = source.stat().st_size
            if size != self.sizes[position]:
                raise SpoonfulError(
                    f"{own}: had {self.sizes[position]} bytes when fetched, has {size} now; "
                    "run `spoonful fetch` again"
                )
            self._link(source, target)
        except FileNotFoundError as error:
            raise SpoonfulError(
                f"{own}: is missing since `spoonful fetch`; bring it back, or run `spoonful fetch` "
                "again"
            ) from error
        except OSError as error:
            raise SpoonfulError(
                f"{own}: cannot be put into the split with dataset.link={self.link} "
                f"({error.strerror or error}); dataset.link=copy works everywhere"
            ) from error


@dataclass
class Folder(UndividedDataset):
    """Images of your own: class folders, or train/val/test with class folders in them."""

    path: str | None = key(
        "folder of class folders, or of train, val and test with class folders in them",
        is_path=True,
        has_no_effect=True,
    )
    link: str = key(
        "how a file gets into the split; auto: the first of these that the file system has",
        choices=("auto", "reflink", "symlink", "copy"),
        has_no_effect=True,
    )
    group: str | None = key(
        "regular expression: images whose paths below dataset.path give the same match (its first "
        "group, else all of it) stay in one split; null: no groups",
        default=None,
    )

    fetched: ClassVar[str] = "listed"  # the images are decoded when they are read

    def fetch(self, raw_dir: Path) -> None:
        """List the images with their sizes and content hashes; nothing is copied or changed.

        Raises:
            SpoonfulError: no such folder, or no two classes with images in it.
        """
        root = _root(self.path)
        _checked_pattern(self.group)
        found = self._find(root)
        paths = found.paths
        paths = _limited(paths, found.layout, self.max_images_per_class)  # before hours of hashing
        # What cannot be read (a pipe, a link to nothing) is listed without a digest: the inspection
        # says what is wrong with it, and dataset.on_bad_image what becomes of it.
        hashes = content_hashes([root / path for path in paths], unreadable="")
        with replaced_folder(raw_dir) as folder:
            sizes = (
                (root / path).stat().st_size if found_hash else 0
                for path, found_hash in zip(paths, hashes, strict=True)
            )
            write_csv(folder / LIST_NAME, _COLUMNS, zip(paths, sizes, hashes, strict=True))
            digest = hashlib.sha256((folder / LIST_NAME).read_bytes()).hexdigest()
            summary = _ListSummary(
                *(len(paths), digest, found.layout.bases, found.passed_over),
                *(self.max_images_per_class, found.layout.is_loose),
            )
            write_json(folder / SUMMARY_NAME, asdict(summary))
            if found.unlabelled:
                write_csv(folder / UNLABELLED_NAME, ("path",), zip(found.unlabelled))
        for note in found.notes:
            print(note)

    def _find(self, root: Path) -> Found:
        return find_images(root)

    def open_raw(self, raw_dir: Path) -> RawFiles:
        """Read the list that `fetch` wrote."""
        list_path = raw_dir / LIST_NAME
        if not list_path.exists():
            raise SpoonfulError(
                f"{list_path} is missing: run `spoonful fetch dataset=folder dataset.path=...` "
                "first"
            )
        listed, layout, others = _listed(list_path, self.max_images_per_class)
        rows = {row["path"]: row for row in listed}
        paths = _limited(list(rows), layout, self.max_images_per_class)
        pattern = _checked_pattern(self.group)
        images = [_image_of(path, layout, rows[path]["sha256"], pattern) for path in paths]
        link = safe_link(self.link, project_root())
        sizes = [int(rows[path]["bytes"]) for path in paths]
        return RawFiles(images, _root(self.path), paths, sizes, link, others, self.max_pixels)

    def original_path(self, raw_dir: Path, split: str, file_id: str) -> str | None:
        """Return the path of a split file in the user's own folder.

        The list that `fetch` wrote holds paths below dataset.path; if that is not set now, the name
        says so. Nothing in the split itself holds a local path.

        Args:
            raw_dir: where the list is.
            split: "train", "val" or "test".
            file_id: the file's path below the split's folder.

        Returns:
            None if the split was not made from the user's files, or has no such file.
        """
        try:
            paths = [row["path"] for row in read_csv(raw_dir / LIST_NAME)]
            layout = Layout(read_json(raw_dir / SUMMARY_NAME, _ListSummary, REMAKE).bases)
        except (OSError, KeyError, UnicodeError, csv.Error, SpoonfulError):
            return None  # then the file's other name is used
        # What the data does not give is cut from train, or from all of it.
        given = next(name for name in (split, "train", "") if name in (*layout.bases, ""))
        for path in paths:
            own_split, parts = layout.placed(path) or ("", [path])
            if own_split == given and f"{parts[0]}/{'__'.join(parts[1:])}" == file_id:
                if self.path is None:
                    return f"{path} (below dataset.path)"
                return str(Path(self.path).expanduser() / path)
        return None


@dataclass
class AnyFolder(Folder):
    """A folder of images to look at, which need not be a data set yet."""

    def _find(self, root: Path) -> Found:
        return find_any_images(root)


@dataclass(frozen=True)
class _ListSummary:
    num_images: int
    sha256: str
    bases: dict[str, str]
    passed_over: dict[str, int]  # files that are not images of a readable format, by their ending
    max_images_per_class: int | None = None
    is_loose: bool = False


def _limited(paths: list[str], layout: Layout, max_images: int | None) -> list[str]:
    """Return the paths of so many images of each class, in each split that the folder gives."""
    if max_images is None:
        return paths
    placed = map(layout.placed, paths)
    groups = [(where[0], where[1][0]) if where else None for where in placed]
    return [paths[position] for position in kept_positions(groups, paths, max_images)]


def _listed(
    list_path: Path, max_images: int | None
) -> tuple[list[dict[str, str]], Layout, dict[str, int]]:
    """Return the rows of the list that `fetch` wrote, checked, its layout and what is not in it."""
    content = read_bytes(list_path, REMAKE)
    summary = read_json(list_path.with_name(SUMMARY_NAME), _ListSummary, REMAKE)
    check_limit(summary.max_images_per_class, max_images)
    found = hashlib.sha256(content).hexdigest()
    if found != summary.sha256:
        expected = f"SHA-256 {summary.sha256}, as {SUMMARY_NAME} says"
        raise unexpected(list_path, expected, found, REMAKE)
    rows = parsed_table(content.decode("utf-8", "replace"), _COLUMNS, list_path, REMAKE)
    if not rows or len(rows) != summary.num_images:
        raise unexpected(list_path, f"{summary.num_images:,} images", f"{len(rows):,}", REMAKE)
    layout = Layout(summary.bases, is_loose=summary.is_loose)
    if not set(layout.bases) <= {"", "train", "val", "test"}:
        expected = "bases of splits"
        raise unexpected(list_path.with_name(SUMMARY_NAME), expected, shown(layout.bases), REMAKE)
    for row in rows:
        path = row["path"]
        is_below = layout.placed(path) is not None and not {"", ".", ".."} & set(path.split("/"))
        if not (is_below and row["bytes"].isdecimal() and _SHA256.fullmatch(row["sha256"])):
            expected = "path, bytes and sha256 of an image in a class folder"
            raise unexpected(list_path, expected, shown(list(row.values())), REMAKE)
    return rows, layout, summary.passed_over


def _root(path: str | None) -> Path:
    if path is None:
        raise SpoonfulError("dataset.path is not set: give dataset.path=FOLDER with class folders")
    root = Path(path).expanduser()
    if not root.is_dir():
        found = "a file; expected a folder of images" if root.exists() else "no such folder"
        raise SpoonfulError(f"dataset.path={path}: {found}")
    return root.resolve()


def _image_of(
    path: str, layout: Layout, content: str, pattern: "re.Pattern[str] | None"
) -> RawImage:
    """Describe the image at a path below the user's folder, which is in a class folder."""
    placed = layout.placed(path)
    if placed is None:
        raise ValueError(path)
    split, (class_name, *rest) = placed
    group = None
    if pattern is not None and (match := pattern.search(path)):
        group = (match[1] if pattern.groups and match[1] is not None else match[0]) or None
    # Folders inside a class become part of the file's name, so that names stay unique.
    return RawImage(class_name, "__".join(rest), split or None, content or None, group)


def _checked_pattern(group: str | None) -> "re.Pattern[str] | None":
    if group is None:
        return None
    try:
        return re.compile(group)
    except (re.error, OverflowError, RecursionError) as error:
        raise SpoonfulError(
            f"dataset.group={group}: not a regular expression ({error}); give one that finds the "
            r"group in a path, such as 'patient_(\d+)'"
        ) from error
